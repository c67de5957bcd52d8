//! The two cookies: set by login, reconcile and refresh, cleared by logout (jwt-api.md section 4.5).

use std::time::Duration;

use http::HeaderValue;

use crate::authority::AuthoritySettings;
use crate::identity::credential::{ACCESS_TOKEN, REFRESH_TOKEN};
use crate::proxy::forwarded::ClientView;

/// What a browser keeps of one cookie, attributes included, is at least this much (RFC 6265 section 6.1); more is set by
/// nobody in vain.
const MOST_BYTES: usize = 4000;

/// `access_token` for as long as the browser runs.
pub(super) fn access_token(token: &str, settings: &AuthoritySettings, client: &ClientView<'_>) -> Option<HeaderValue> {
    cookie(ACCESS_TOKEN, token, None, settings.cookie_domain.as_deref(), client)
}

/// `refresh_token` for as long as it lives.
pub(super) fn refresh_token(
    value: &str,
    lifetime: Duration,
    settings: &AuthoritySettings,
    client: &ClientView<'_>,
) -> Option<HeaderValue> {
    cookie(REFRESH_TOKEN, value, Some(lifetime), settings.cookie_domain.as_deref(), client)
}

/// Has the browser forget both, wherever it may have them from here.
pub(super) fn cleared(settings: &AuthoritySettings, client: &ClientView<'_>) -> Vec<HeaderValue> {
    let domains = settings.cookie_domain.as_deref().map(Some).into_iter().chain([None]);
    let clear = |domain| [ACCESS_TOKEN, REFRESH_TOKEN].map(|name| cookie(name, "", Some(Duration::ZERO), domain, client));
    domains.flat_map(clear).flatten().collect()
}

fn cookie(
    name: &str,
    value: &str,
    lifetime: Option<Duration>,
    domain: Option<&str>,
    client: &ClientView<'_>,
) -> Option<HeaderValue> {
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
        return None;
    }
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::example::authority as settings;

    fn client(secure: bool) -> ClientView<'static> {
        ClientView { ip: [192, 0, 2, 1].into(), secure, host: "auth.example.com".into(), port: 443 }
    }

    #[test]
    fn access_is_for_the_session_refresh_is_kept_and_secure_follows_the_client() {
        let settings = settings();
        assert_eq!(access_token("t", &settings, &client(false)).unwrap(), "access_token=t; Path=/; HttpOnly; SameSite=Lax");
        let kept = refresh_token("r", Duration::from_secs(60), &settings, &client(true)).unwrap();
        assert_eq!(kept, "refresh_token=r; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn a_cookie_that_no_browser_keeps_is_not_set() {
        assert_eq!(access_token(&"t".repeat(4000), &settings(), &client(true)), None);
    }

    #[test]
    fn clearing_reaches_the_domain_and_the_host() {
        let settings = AuthoritySettings { cookie_domain: Some("example.com".into()), ..settings() };
        let cleared: Vec<_> = cleared(&settings, &client(true)).iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        assert_eq!(cleared.len(), 4);
        assert!(cleared.iter().all(|cookie| cookie.contains("=; Max-Age=0")), "{cleared:?}");
        assert_eq!(cleared.iter().filter(|cookie| cookie.contains("Domain=example.com")).count(), 2);
    }
}
