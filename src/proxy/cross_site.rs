//! Requests that another site's page made: whether a cookie counts on them, and the CORS answers for the origins a
//! route names. Called before authentication.
//!
//! Browsers send cookies with requests that other sites make, and open WebSockets across sites without asking; the
//! rule here is what stands between that and a backend that has no defence of its own.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::proxy::forwarded::ClientView;
use crate::route::{Origin, is_same_origin};

/// Whether a cookie may prove who is calling. On a safe method it always may; on an unsafe one, or an upgrade, only
/// where the request is known not to be another site's, or `origins` names that site.
pub fn cookie_counts(
    method: &Method,
    is_upgrade: bool,
    headers: &HeaderMap,
    origins: &[Origin],
    client: &ClientView<'_>,
) -> bool {
    if is_safe(method) && !is_upgrade {
        return true;
    }
    let origin = Sole::of(headers, &ORIGIN);
    if origin.is_one_of(origins) {
        return true;
    }
    match (Sole::of(headers, &SEC_FETCH_SITE), origin) {
        (Sole::Is(site), _) => matches!(site, b"same-origin" | b"none"),
        (Sole::Several, _) | (Sole::Absent, Sole::Several) => false,
        (Sole::Absent, Sole::Is(origin)) => is_clients_own(origin, client),
        // No browser leaves out both.
        (Sole::Absent, Sole::Absent) => true,
    }
}

/// A CORS preflight (Fetch standard, "CORS-preflight request").
#[derive(Debug, PartialEq, Eq)]
pub struct Preflight<'r> {
    origin: &'r HeaderValue,
    /// The method it asks for; the route is the one that this method finds.
    pub method: Method,
    headers: Option<&'r HeaderValue>,
}

impl<'r> Preflight<'r> {
    /// The preflight that a request is; `None` for any other request.
    pub fn of(method: &Method, headers: &'r HeaderMap) -> Option<Self> {
        if *method != Method::OPTIONS {
            return None;
        }
        let asked = sole(headers, &ACCESS_CONTROL_REQUEST_METHOD)?;
        let origin = sole(headers, &ORIGIN)?;
        let headers = match Sole::of(headers, &ACCESS_CONTROL_REQUEST_HEADERS) {
            Sole::Absent => None,
            _ => Some(sole(headers, &ACCESS_CONTROL_REQUEST_HEADERS).filter(|value| is_name_list(value.as_bytes()))?),
        };
        Some(Self { origin, method: Method::from_bytes(asked.as_bytes()).ok()?, headers })
    }

    /// The headers of the 204 that answers it; `None` where `origins` does not name its origin, and it is a request
    /// like any other.
    pub fn answer(&self, origins: &[Origin]) -> Option<HeaderMap> {
        if !Sole::Is(self.origin.as_bytes()).is_one_of(origins) {
            return None;
        }
        let mut answer = HeaderMap::new();
        allow(&mut answer, self.origin);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_str(self.method.as_str()).ok()?);
        if let Some(headers) = self.headers {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        answer.append(VARY, HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"));
        Some(answer)
    }
}

/// The request's origin where `origins` names it: what [`allow`] puts on the answer, refusals too.
pub fn listed_origin(headers: &HeaderMap, origins: &[Origin]) -> Option<HeaderValue> {
    if origins.is_empty() {
        return None;
    }
    let origin = sole(headers, &ORIGIN)?;
    Sole::Is(origin.as_bytes()).is_one_of(origins).then(|| origin.clone())
}

/// Lets pages of `origin` read an answer, in place of whatever the backend said about origins.
pub fn allow(answer: &mut HeaderMap, origin: &HeaderValue) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    answer.append(VARY, HeaderValue::from_static("Origin"));
}

/// A header that may appear once.
#[derive(Clone, Copy)]
enum Sole<'h> {
    Absent,
    Is(&'h [u8]),
    Several,
}

impl<'h> Sole<'h> {
    fn of(headers: &'h HeaderMap, name: &HeaderName) -> Self {
        let mut lines = headers.get_all(name).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::Is(value.as_bytes()),
            _ => Self::Several,
        }
    }

    fn is_one_of(self, origins: &[Origin]) -> bool {
        matches!(self, Self::Is(value) if origins.iter().any(|origin| origin.as_str().as_bytes() == value))
    }
}

fn sole<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

fn is_clients_own(origin: &[u8], client: &ClientView<'_>) -> bool {
    std::str::from_utf8(origin).is_ok_and(|origin| is_same_origin(origin, client.secure, &client.host, client.port))
}

/// RFC 9110 section 9.2.1, without TRACE, which is never forwarded.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Names separated by commas, no more of them than a page has reason to send.
fn is_name_list(value: &[u8]) -> bool {
    let is_name = |name: &[u8]| name.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~ \t".contains(&byte));
    value.len() <= MOST_ECHOED_BYTES && value.split(|&byte| byte == b',').all(is_name)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MOST_ECHOED_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line =
            |&(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        headers.extend(lines.iter().map(line));
        headers
    }

    fn origins() -> Vec<Origin> {
        vec![Origin::parse("https://app.example.com").unwrap()]
    }

    fn counts(method: &Method, is_upgrade: bool, lines: &[(&'static str, &'static str)]) -> bool {
        let client = ClientView { ip: [192, 0, 2, 1].into(), secure: true, host: "api.example.com".into(), port: 443 };
        cookie_counts(method, is_upgrade, &headers(lines), &origins(), &client)
    }

    #[test]
    fn a_cookie_always_counts_on_a_safe_method() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(counts(&method, false, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]));
        }
    }

    #[test]
    fn request_forgery_from_another_site_has_no_cookie() {
        let refused: [&[(&str, &str)]; 9] = [
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "https://api.example.com")],
            &[("sec-fetch-site", "Same-Origin")],
            &[("sec-fetch-site", "")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null")],
            &[("origin", "http://api.example.com")],
            &[("origin", "https://api.example.com:8443")],
            &[("origin", "https://app.example.com"), ("origin", "https://app.example.com")],
        ];
        for lines in refused {
            assert!(!counts(&Method::POST, false, lines), "{lines:?}");
            assert!(!counts(&Method::GET, true, lines), "WebSocket: {lines:?}");
        }
        let unknown = Method::from_bytes(b"PURGE").unwrap();
        assert!(!counts(&unknown, false, &[("origin", "https://evil.example")]));
    }

    #[test]
    fn a_request_of_the_same_or_a_listed_origin_or_of_no_browser_has_its_cookie() {
        let counted: [&[(&str, &str)]; 7] = [
            &[],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://api.example.com")],
            &[("origin", "https://api.example.com:443")],
            &[("origin", "https://app.example.com")],
            &[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")],
        ];
        for lines in counted {
            assert!(counts(&Method::DELETE, false, lines), "{lines:?}");
            assert!(counts(&Method::GET, true, lines), "WebSocket: {lines:?}");
        }
    }

    #[test]
    fn a_preflight_of_a_listed_origin_is_answered() {
        let request = headers(&[
            ("origin", "https://app.example.com"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type, x-a"),
        ]);
        let preflight = Preflight::of(&Method::OPTIONS, &request).unwrap();
        assert_eq!(preflight.method, Method::PUT);
        let answer = preflight.answer(&origins()).unwrap();
        assert_eq!(answer.get(ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "https://app.example.com");
        assert_eq!(answer.get(ACCESS_CONTROL_ALLOW_CREDENTIALS).unwrap(), "true");
        assert_eq!(answer.get(ACCESS_CONTROL_ALLOW_METHODS).unwrap(), "PUT");
        assert_eq!(answer.get(ACCESS_CONTROL_ALLOW_HEADERS).unwrap(), "content-type, x-a");
        assert_eq!(answer.get(VARY).unwrap(), "Origin");
        assert_eq!(preflight.answer(&[]), None);
    }

    #[test]
    fn what_is_no_preflight_is_an_ordinary_request() {
        let ask = ("access-control-request-method", "PUT");
        let origin = ("origin", "https://app.example.com");
        let cases: [(Method, &[(&str, &str)]); 5] = [
            (Method::GET, &[origin, ask]),
            (Method::OPTIONS, &[origin]),
            (Method::OPTIONS, &[ask]),
            (Method::OPTIONS, &[origin, ask, ask]),
            (Method::OPTIONS, &[origin, ask, ("access-control-request-headers", "a\"b")]),
        ];
        for (method, lines) in cases {
            assert_eq!(Preflight::of(&method, &headers(lines)), None, "{method} {lines:?}");
        }
    }

    #[test]
    fn an_origin_is_allowed_only_where_listed() {
        assert!(listed_origin(&headers(&[("origin", "https://app.example.com")]), &origins()).is_some());
        assert!(listed_origin(&headers(&[("origin", "https://app.example.com.evil")]), &origins()).is_none());
        assert!(listed_origin(&headers(&[("origin", "null")]), &origins()).is_none());
    }
}
