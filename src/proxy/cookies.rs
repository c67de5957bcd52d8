//! The authority's two cookies: set by its API at login, reconcile and refresh, and by routes where they refresh in place
//! (jwt-api.md section 4.5).

use std::time::Duration;

use http::header::{CACHE_CONTROL, ETAG, EXPIRES, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response};

use super::forwarded::ClientView;
use crate::identity::credential::{ACCESS_TOKEN, REFRESH_TOKEN};

/// What a browser keeps of one cookie, attributes included, is at least this much (RFC 6265 section 6.1); more is set by
/// nobody in vain.
const MOST_BYTES: usize = 4000;

/// A cookie that no browser would keep, and that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cookie is larger than browsers keep")]
pub struct TooLarge;

/// `access_token` for as long as the browser runs, for the hosts of `domain` or this one alone.
///
/// # Errors
/// [`TooLarge`].
pub fn access_token(token: &str, domain: Option<&str>, client: &ClientView<'_>) -> Result<HeaderValue, TooLarge> {
    cookie(ACCESS_TOKEN, token, None, domain, client)
}

/// `refresh_token` for as long as it lives.
///
/// # Errors
/// [`TooLarge`].
pub fn refresh_token(
    value: &str,
    lifetime: Duration,
    domain: Option<&str>,
    client: &ClientView<'_>,
) -> Result<HeaderValue, TooLarge> {
    cookie(REFRESH_TOKEN, value, Some(lifetime), domain, client)
}

/// Has the browser forget both, wherever it may have them from here.
pub fn cleared(domain: Option<&str>, client: &ClientView<'_>) -> Vec<HeaderValue> {
    [ACCESS_TOKEN, REFRESH_TOKEN].into_iter().flat_map(|name| forgotten(name, domain, client)).collect()
}

/// Has the browser forget the cookie `name`, wherever it may have it from here.
pub fn forgotten(name: &str, domain: Option<&str>, client: &ClientView<'_>) -> Vec<HeaderValue> {
    let domains = domain.map(Some).into_iter().chain([None]);
    domains.filter_map(|domain| cookie(name, "", Some(Duration::ZERO), domain, client).ok()).collect()
}

/// What a request leaves in the browser, whatever its answer will be.
#[derive(Debug, Default)]
pub(super) struct SetCookies(Vec<HeaderValue>);

impl SetCookies {
    /// These, in place of former ones.
    pub(super) fn set(&mut self, cookies: impl IntoIterator<Item = HeaderValue>) {
        self.0 = cookies.into_iter().collect();
    }

    /// Puts them on `answer`, which no cache may keep then, nor a browser hold for the next one's.
    pub(super) fn put_on<B>(self, answer: &mut Response<B>) {
        if self.0.is_empty() {
            return;
        }
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove(ETAG);
        headers.remove(EXPIRES);
        // Shared caches obey these before the plain one (RFC 9213).
        let targeted = |name: &HeaderName| name.as_str().ends_with("-cache-control") || name == "surrogate-control";
        let targeted: Vec<HeaderName> = headers.keys().filter(|name| targeted(name)).cloned().collect();
        for name in targeted {
            headers.remove(name);
        }
        for cookie in self.0 {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

fn cookie(
    name: &str,
    value: &str,
    lifetime: Option<Duration>,
    domain: Option<&str>,
    client: &ClientView<'_>,
) -> Result<HeaderValue, TooLarge> {
    let mut text = format!("{name}={value}");
    if let Some(lifetime) = lifetime {
        text += &format!("; Max-Age={}", lifetime.as_secs());
    }
    if let Some(domain) = domain {
        text += &format!("; Domain={domain}");
    }
    text += "; Path=/; HttpOnly; SameSite=Lax";
    if client.secure {
        text += "; Secure";
    }
    if text.len() > MOST_BYTES {
        tracing::warn!(cookie = name, bytes = text.len(), "a cookie is larger than browsers keep and was not set");
        return Err(TooLarge);
    }
    HeaderValue::try_from(text).map_err(|_| TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secure: bool) -> ClientView<'static> {
        ClientView { ip: [192, 0, 2, 1].into(), secure, host: "auth.example.com".into(), port: 443 }
    }

    #[test]
    fn access_is_for_the_session_refresh_is_kept_and_secure_follows_the_client() {
        assert_eq!(access_token("t", None, &client(false)).unwrap(), "access_token=t; Path=/; HttpOnly; SameSite=Lax");
        let kept = refresh_token("r", Duration::from_secs(60), None, &client(true)).unwrap();
        assert_eq!(kept, "refresh_token=r; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn a_cookie_that_no_browser_keeps_is_not_set() {
        assert_eq!(access_token(&"t".repeat(4000), None, &client(true)), Err(TooLarge));
    }

    #[test]
    fn clearing_reaches_the_domain_and_the_host() {
        let cleared = cleared(Some("example.com"), &client(true));
        let cleared: Vec<_> = cleared.iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        assert_eq!(cleared.len(), 4);
        assert!(cleared.iter().all(|cookie| cookie.contains("=; Max-Age=0")), "{cleared:?}");
        assert_eq!(cleared.iter().filter(|cookie| cookie.contains("Domain=example.com")).count(), 2);
    }

    #[test]
    fn an_answer_with_our_cookies_is_kept_by_no_cache() {
        let answer = || {
            let answer = Response::builder().header(ETAG, "\"a\"").header(EXPIRES, "0").header(CACHE_CONTROL, "max-age=9");
            let answer = answer.header("cdn-cache-control", "public").header("surrogate-control", "max-age=9");
            answer.header(SET_COOKIE, "theirs=1").body(()).unwrap()
        };
        let mut plain = answer();
        SetCookies::default().put_on(&mut plain);
        assert_eq!(plain.headers(), answer().headers());
        let mut ours = answer();
        let mut cookies = SetCookies::default();
        cookies.set(access_token("t", None, &client(true)));
        cookies.put_on(&mut ours);
        assert_eq!(ours.headers().get_all(SET_COOKIE).iter().count(), 2);
        assert_eq!(ours.headers().get(CACHE_CONTROL).unwrap(), "no-store");
        for name in ["etag", "expires", "cdn-cache-control", "surrogate-control"] {
            assert!(!ours.headers().contains_key(name), "{name}");
        }
    }
}
