//! Absolute addresses: of keys, of servers, origins, and where a browser is sent to sign in.
//!
//! `http::Uri` cuts fragments and takes user names and half a port; configured addresses have none of these.

use http::Uri;

/// An absolute `http` or `https` address without user name and fragment.
pub(super) struct Address {
    pub(super) uri: Uri,
    pub(super) secure: bool,
    /// DNS name or IP address; IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

impl Address {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains('#') || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (host, port) = host_and_port(uri.authority()?.as_str())?;
        Some(Self { uri, secure, host, port })
    }

    /// Whether the address is the host alone, without path and query.
    pub(super) fn is_bare(&self) -> bool {
        self.uri.path() == "/" && self.uri.query().is_none()
    }

    pub(super) fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// Whether the address cannot leave this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        ip.map_or(self.host.eq_ignore_ascii_case("localhost"), |ip| ip.to_canonical().is_loopback())
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(super) fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.split_once(']')?;
            let ip: std::net::Ipv6Addr = inner.parse().ok()?;
            (ip.to_string(), if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (authority.to_owned(), None),
        },
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok().filter(|port| *port != 0)?),
        Some(_) => return None,
        None => None,
    };
    (host.contains(':') || is_host_name(&host)).then_some((host, port))
}

/// Whether `name` can be a DNS name or an IPv4 address: labels of letters, digits, `-` and `_`.
pub(super) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_user_fragment_or_odd_port() {
        for text in [
            "ftp://a",
            "https://u@a",
            "https://a#f",
            "https://a:",
            "https://a:0",
            "https://a:x",
            "https://a:65536",
            "a",
            "https://-a",
        ] {
            assert!(Address::parse(text).is_none(), "{text}");
        }
        let address = Address::parse("https://[::1]:8443").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.is_loopback()), ("::1", Some(8443), true));
    }
}
