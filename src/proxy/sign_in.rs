//! Browsers without a session: where they are sent instead of a 401, and which cookies are cleared.

use http::header::{ACCEPT, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderValue, Method};

use super::forwarded::ClientView;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};

/// In a `sign_in_url`: replaced by the address the browser asked for, percent-encoded.
const RETURN_TO: &str = "{return_to}";

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
/// target; nothing a client could point elsewhere.
fn location(url: &str, head: &Parts, client: &ClientView<'_>) -> String {
    if !url.contains(RETURN_TO) {
        return url.to_owned();
    }
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    url.replace(RETURN_TO, &percent_encode(&format!("{}{target}", origin(client))))
}

fn origin(client: &ClientView<'_>) -> String {
    let (scheme, usual) = if client.secure { ("https", 443) } else { ("http", 80) };
    let host = &client.host;
    if client.port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{}", client.port) }
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

/// `Set-Cookie` values that remove `name` wherever a browser may hold it for this host: host-only, and for each parent
/// domain.
pub(super) fn clearing_cookies(name: &str, client: &ClientView<'_>) -> Vec<HeaderValue> {
    let cleared = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    let host_only = HeaderValue::try_from(cleared.as_str()).ok();
    let domains = std::iter::successors(Some(&*client.host), |host| host.split_once('.').map(|(_, parent)| parent));
    let domains = domains.filter(|domain| domain.contains('.') && !domain.starts_with('['));
    let per_domain = domains.filter_map(|domain| HeaderValue::try_from(format!("{cleared}; Domain={domain}")).ok());
    host_only.into_iter().chain(per_domain.take(8)).collect()
}
