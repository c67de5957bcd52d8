//! Where a redirect may lead: to another path of the same origin, nowhere else.

use http::Uri;
use http::uri::PathAndQuery;

use super::FetchError;

/// The address that `location` means on an answer from `from` (RFC 9110 section 10.2.2): an absolute path or an
/// absolute address of the same scheme, host and port. Relative paths are refused; no key server sends them.
pub(super) fn target(from: &Uri, location: &str) -> Result<Uri, FetchError> {
    if location.starts_with('/') && !location.starts_with("//") {
        return with_path(from, location.parse().map_err(|_| FetchError::Redirect)?);
    }
    let to: Uri = location.parse().map_err(|_| FetchError::Redirect)?;
    if !same_origin(from, &to) {
        return Err(FetchError::Redirect);
    }
    with_path(from, to.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")))
}

fn with_path(from: &Uri, path: PathAndQuery) -> Result<Uri, FetchError> {
    let mut parts = from.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| FetchError::Redirect)
}

/// Whether both name the same scheme, host and port (RFC 6454 section 4).
fn same_origin(a: &Uri, b: &Uri) -> bool {
    let hosts = a.host().zip(b.host()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
    a.scheme() == b.scheme() && hosts && port(a) == port(b)
}

fn port(url: &Uri) -> Option<u16> {
    url.port_u16().or(match url.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn redirects_stay_within_the_origin() {
        let cases = [
            ("/new?v=2", Some("https://issuer.example/new?v=2")),
            ("https://issuer.example:443/new", Some("https://issuer.example/new")),
            ("https://ISSUER.example/new", Some("https://issuer.example/new")),
            ("http://issuer.example/new", None),
            ("https://issuer.example:8443/new", None),
            ("https://issuer.example.evil/new", None),
            ("https://user@evil.example/new", None),
            ("//evil.example/new", None),
            ("new", None),
            ("", None),
            ("file:///etc/passwd", None),
        ];
        let from = Uri::from_static("https://issuer.example/keys?secret=1");
        for (location, expected) in cases {
            assert_eq!(target(&from, location).ok(), expected.map(Uri::from_static), "{location}");
        }
    }

    proptest! {
        #[test]
        fn no_location_leads_away(location in r"(https?:)?[/\\]{0,3}(issuer\.example|[a-z@:.%]{0,12})?[ -~]{0,20}") {
            if let Ok(url) = target(&Uri::from_static("https://issuer.example/keys"), &location) {
                prop_assert_eq!(url.scheme_str(), Some("https"));
                prop_assert_eq!(url.authority().map(|authority| authority.as_str()), Some("issuer.example"));
            }
        }
    }
}
