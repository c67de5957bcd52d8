//! Browsers without a session: where they are sent instead of a 401, and which cookies are cleared.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use http::header::{ACCEPT, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderValue, Method};

use super::forwarded::ClientView;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use crate::identity::credential::strip_query;
use crate::route::RETURN_TO;

/// Turns a 401 for a browser's page load into a redirect to the route's `sign_in_url`, if it has one.
pub(super) fn offer(rejection: Rejection, plan: &RoutePlan, head: &Parts, client: &ClientView<'_>) -> Rejection {
    let missing = matches!(rejection.reason, Reason::CredentialMissing | Reason::InvalidToken | Reason::CrossSite);
    match &plan.settings.sign_in_url {
        Some(url) if missing && is_page_load(head) => match HeaderValue::try_from(location(&url.to_string(), head, client)) {
            Ok(location) => rejection.with_sign_in(location),
            Err(_) => rejection,
        },
        _ => rejection,
    }
}

/// A browser navigating: GET, HTML wanted, no credential in a header (whoever sends one is a program).
fn is_page_load(head: &Parts) -> bool {
    let accepts_html =
        || head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    let navigates = || head.headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    head.method == Method::GET && !head.headers.contains_key(AUTHORIZATION) && accepts_html() && navigates()
}

/// The place to return to is this gateway's own view of the request: scheme, a host that matched a route, and the
/// target; nothing a client could point elsewhere. A token in the query stays here.
fn location(url: &str, head: &Parts, client: &ClientView<'_>) -> String {
    if !url.contains(RETURN_TO) {
        return url.to_owned();
    }
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let target = strip_query(target).map_or(Cow::Borrowed(target), Cow::Owned);
    url.replace(RETURN_TO, &percent_encode(&format!("{}{target}", client.origin())))
}

/// Everything but unreserved characters (RFC 3986 section 2.3).
fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// `Set-Cookie` values that remove `names` wherever a browser may hold them for a request to `path` on this host: host-only
/// and for each parent domain, at each path. If one stayed behind, whoever planted it would be the one signed in.
pub(super) fn clearing_cookies(names: &[&str], client: &ClientView<'_>, path: &str) -> Vec<HeaderValue> {
    // No address has a parent, and no cookie a domain there (RFC 6265 section 5.1.3).
    let whole = Some(&*client.host).filter(|host| !host.starts_with('[') && host.parse::<Ipv4Addr>().is_err());
    let domains = std::iter::successors(whole, |host| host.split_once('.').map(|(_, parent)| parent));
    let domains = domains.filter(|domain| domain.contains('.')).take(8);
    let domains: Vec<String> = [String::new()].into_iter().chain(domains.map(|domain| format!("; Domain={domain}"))).collect();
    let at = |path: &str| {
        let cookies = names.iter().map(|name| format!("{name}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Lax"));
        let everywhere = cookies.flat_map(|cookie| domains.iter().map(move |domain| format!("{cookie}{domain}")));
        everywhere.filter_map(|cookie| HeaderValue::try_from(cookie).ok()).collect::<Vec<_>>()
    };
    let mut bytes = 0;
    let fits = |cookie: &HeaderValue| {
        bytes += cookie.len();
        bytes <= MOST_BYTES
    };
    cookie_paths(path).flat_map(at).take(MOST_CLEARED).take_while(fits).collect()
}

/// The paths whose cookies a browser sends with a request to `path` (RFC 6265 section 5.1.4), shortest first.
fn cookie_paths(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').flat_map(|(at, _)| [at, at + 1]);
    let whole = Some(path.len()).filter(|_| !path.ends_with('/'));
    let paths = ends.chain(whole).filter_map(|end| path.get(..end));
    paths.filter(|path| !path.is_empty() && !path.contains(';'))
}

/// What fits the header sections that clients and proxies take; deeper paths keep theirs.
const MOST_CLEARED: usize = 64;
const MOST_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_cleared_at_every_path_that_a_browser_sends_it_to() {
        let paths = |path| cookie_paths(path).collect::<Vec<_>>();
        assert_eq!(paths("/"), ["/"]);
        assert_eq!(paths("/app"), ["/", "/app"]);
        assert_eq!(paths("/app/"), ["/", "/app", "/app/"]);
        assert_eq!(paths("/app/x"), ["/", "/app", "/app/", "/app/x"]);
        assert_eq!(paths("/app;a=1/x"), ["/"]);
    }

    #[test]
    fn a_cookie_is_cleared_for_parent_domains_of_names_only() {
        let domains = |host: &'static str| {
            let client = ClientView { ip: [192, 0, 2, 1].into(), secure: true, host: host.into(), port: 443 };
            let cookies = clearing_cookies(&["access_token"], &client, "/");
            let domain =
                |cookie: &HeaderValue| cookie.to_str().unwrap().split_once("; Domain=").map(|(_, domain)| domain.to_owned());
            cookies.iter().filter_map(domain).collect::<Vec<_>>()
        };
        assert_eq!(domains("a.shop.example"), ["a.shop.example", "shop.example"]);
        for host in ["127.0.0.1", "[2001:db8::1]", "[::ffff:127.0.0.1]", "localhost"] {
            assert_eq!(domains(host), [""; 0], "{host}");
        }
    }

    #[test]
    fn the_number_of_cleared_cookies_is_bounded() {
        let client = ClientView { ip: [192, 0, 2, 1].into(), secure: true, host: "a.b.c.d.e.f.example".into(), port: 443 };
        assert_eq!(clearing_cookies(&["access_token"], &client, &"/a".repeat(10)).len(), MOST_CLEARED);
        let deep = clearing_cookies(&["access_token"], &client, &format!("/{}/x", "a".repeat(4000)));
        assert!(deep.iter().map(HeaderValue::len).sum::<usize>() <= MOST_BYTES, "a request must not be answered tenfold");
    }
}
