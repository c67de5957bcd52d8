//! The host of a request in its one canonical form: lower case, without port and trailing dot. Used by the pipeline
//! for every request and by the configuration for patterns and origins.
//!
//! Anything that is not plainly a name or an address is refused, so that nothing in it can act on a later header or
//! log line (Heimdall CVE-2026-57209: `Host: a;for=1.2.3.4`).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::header::HOST;
use http::{HeaderMap, Uri};
use thiserror::Error;

/// Why a host is refused. Each is a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum HostFault {
    /// Neither `Host` nor `:authority`, or an empty one.
    #[error("the request names no host")]
    Missing,
    /// More than one `Host` line.
    #[error("the request has more than one Host")]
    Several,
    /// `:authority` (or an absolute target) and `Host` name different ones.
    #[error("the target and Host name different hosts")]
    Disagree,
    /// Not a name, an IPv4 address or an IPv6 address in brackets.
    #[error("the host is not a name or an address")]
    Malformed,
    /// Not a port number.
    #[error("the port is not a number")]
    Port,
}

impl HostFault {
    /// The stable word for logs and for `ambiguous_requests_total{kind}`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Missing => "host_missing",
            Self::Several => "host_several",
            Self::Disagree => "host_disagrees",
            Self::Malformed => "host_malformed",
            Self::Port => "host_port",
        }
    }
}

/// The host of `authority` (`Host`, `:authority`): lower case, without port and one trailing dot; an IPv6 address in
/// brackets and in its shortest form. Borrows where nothing changes.
///
/// # Errors
/// [`HostFault::Missing`], [`HostFault::Malformed`] or [`HostFault::Port`].
pub fn canonical_host(authority: &str) -> Result<Cow<'_, str>, HostFault> {
    host_and_port(authority).map(|(host, _)| host)
}

/// As [`canonical_host`], with the port where there is one.
///
/// # Errors
/// As [`canonical_host`].
pub fn host_and_port(authority: &str) -> Result<(Cow<'_, str>, Option<u16>), HostFault> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(HostFault::Malformed)?;
            (canonical_ipv6(authority, address)?, port)
        }
        None => {
            let end = memchr::memchr(b':', authority.as_bytes()).unwrap_or(authority.len());
            let (name, port) = authority.split_at_checked(end).ok_or(HostFault::Malformed)?;
            (canonical_name(name)?, port)
        }
    };
    Ok((host, parse_port(port)?))
}

/// The host and port of a request: the target's where it has one (HTTP/2, absolute form), with which a `Host` must
/// agree; else `Host`'s.
///
/// # Errors
/// The [`HostFault`].
pub fn request_host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Result<(Cow<'r, str>, Option<u16>), HostFault> {
    let mut lines = headers.get_all(HOST).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(HostFault::Several);
    }
    let named = line.map(|line| line.to_str().map_err(|_| HostFault::Malformed).and_then(host_and_port)).transpose()?;
    let Some(authority) = uri.authority() else { return named.ok_or(HostFault::Missing) };
    let target = host_and_port(authority.as_str())?;
    match named {
        Some(named) if named != target => Err(HostFault::Disagree),
        _ => Ok(target),
    }
}

fn canonical_name(name: &str) -> Result<Cow<'_, str>, HostFault> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err(HostFault::Missing);
    }
    let (mut upper, mut before) = (false, b'.');
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
            b'A'..=b'Z' => upper = true,
            b'.' if before != b'.' => {}
            _ => return Err(HostFault::Malformed),
        }
        before = byte;
    }
    if before == b'.' || name.len() > LONGEST_NAME {
        return Err(HostFault::Malformed);
    }
    Ok(if upper { name.to_ascii_lowercase().into() } else { name.into() })
}

fn canonical_ipv6<'a>(authority: &'a str, address: &str) -> Result<Cow<'a, str>, HostFault> {
    let parsed: Ipv6Addr = address.parse().map_err(|_| HostFault::Malformed)?;
    let shortest = format!("[{parsed}]");
    Ok(match authority.get(..shortest.len()) {
        Some(written) if written == shortest => Cow::Borrowed(written),
        _ => Cow::Owned(shortest),
    })
}

/// `:443` or nothing. `:` alone is what RFC 3986 section 3.2.3 allows and no client sends.
fn parse_port(text: &str) -> Result<Option<u16>, HostFault> {
    let Some(digits) = text.strip_prefix(':') else {
        return if text.is_empty() { Ok(None) } else { Err(HostFault::Malformed) };
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HostFault::Port);
    }
    digits.parse().map(Some).map_err(|_| HostFault::Port)
}

/// RFC 1035 section 2.3.4, in its text form.
const LONGEST_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_have_one_form() {
        let cases = [
            ("example.com", "example.com", None),
            ("EXAMPLE.com.:8443", "example.com", Some(8443)),
            ("my_service:80", "my_service", Some(80)),
            ("127.0.0.1:9", "127.0.0.1", Some(9)),
            ("[::1]", "[::1]", None),
            ("[0:0:0:0:0:0:0:1]:443", "[::1]", Some(443)),
            ("[2001:DB8::A]", "[2001:db8::a]", None),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ];
        for (text, host, port) in cases {
            assert_eq!(host_and_port(text).unwrap(), (host.into(), port), "{text}");
        }
        assert!(matches!(canonical_host("example.com:443").unwrap(), Cow::Borrowed(_)));
        assert!(matches!(canonical_host("[::1]:443").unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn heimdall_cve_2026_57209_what_is_not_a_host_is_refused() {
        let cases = [
            "a;for=1.2.3.4",
            "a b",
            "a/b",
            "u@a",
            "a,b",
            "\"a\"",
            "a\\b",
            "a%2e",
            "é",
            ".a",
            "a..b",
            "a..",
            "[::1",
            "[::1]x",
            "[fe80::1%eth0]",
            "[1.2.3.4]",
            "a#",
            "a?",
            "*.a",
            "'a'",
            "a\0",
            "a\t",
        ];
        for text in cases {
            assert_eq!(canonical_host(text), Err(HostFault::Malformed), "{text}");
        }
        for text in ["a:", "a:x", "a:+1", "a:65536", "a:1:2", "::1", "[::1]:"] {
            assert!(host_and_port(text).is_err(), "{text}");
        }
        assert_eq!(canonical_host(""), Err(HostFault::Missing));
        assert_eq!(canonical_host("."), Err(HostFault::Missing));
        assert_eq!(canonical_host(&"a.".repeat(200)), Err(HostFault::Malformed));
    }

    fn request(uri: &'static str, hosts: &[&str]) -> Result<String, HostFault> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_str(host).unwrap());
        }
        request_host(&Uri::from_static(uri), &headers).map(|(host, _)| host.into_owned())
    }

    #[test]
    fn haproxy_jvn38170084_authority_and_host_must_agree() {
        assert_eq!(request("/", &["A.example"]), Ok("a.example".to_owned()));
        assert_eq!(request("https://a.example/", &[]), Ok("a.example".to_owned()));
        assert_eq!(request("https://a.example/", &["A.example."]), Ok("a.example".to_owned()));
        assert_eq!(request("https://a.example/", &["b.example"]), Err(HostFault::Disagree));
        assert_eq!(request("https://a.example/", &["a.example:81"]), Err(HostFault::Disagree));
        assert_eq!(request("/", &["a.example", "a.example"]), Err(HostFault::Several));
        assert_eq!(request("/", &[]), Err(HostFault::Missing));
        assert_eq!(request("https://u@a.example/", &[]), Err(HostFault::Malformed));
    }

    proptest! {
        #[test]
        fn a_canonical_host_is_its_own_canonical_form(text in "[a-zA-Z0-9.:\\[\\]_@;-]{0,24}") {
            if let Ok(host) = canonical_host(&text) {
                prop_assert_eq!(canonical_host(&host), Ok(host.clone()));
            }
        }

        #[test]
        fn no_input_panics(text in "\\PC{0,40}") {
            let _ = host_and_port(&text);
        }
    }
}
