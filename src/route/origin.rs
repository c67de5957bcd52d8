//! Web origins (RFC 6454) in their serialised form, from the configuration and from `Origin` headers.

use crate::route::host::host_and_port;
use crate::route::settings::Origin;

impl Origin {
    /// Parses a configured origin such as `https://app.example.com`; the result is what browsers send.
    ///
    /// # Errors
    /// The reason, where it is not scheme, host and optional port.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, authority) = text.split_once("://").ok_or("an origin is written `https://host` or `https://host:port`")?;
        let scheme = scheme.to_ascii_lowercase();
        let default = default_port(&scheme).ok_or("an origin begins with `https://` or `http://`")?;
        if authority.contains(['/', '?', '#']) {
            return Err("an origin has no path, not even `/`");
        }
        let (host, port) = host_and_port(authority).map_err(|_| "an origin names a host, `*` is not one")?;
        let port = port.filter(|&port| port != default).map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}").into()))
    }

    /// The serialised form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the value of an `Origin` header is this scheme, canonical host and port.
pub fn is_same_origin(header: &str, secure: bool, host: &str, port: u16) -> bool {
    let Some((scheme, authority)) = header.split_once("://") else { return false };
    let Ok((named, named_port)) = host_and_port(authority) else { return false };
    let port_matches = named_port.or(default_port(scheme)) == Some(port);
    scheme == scheme_name(secure) && port_matches && named == host
}

/// `https` or `http`.
pub const fn scheme_name(secure: bool) -> &'static str {
    if secure { "https" } else { "http" }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_origins_become_what_browsers_send() {
        let cases = [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com:443", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ];
        for (text, origin) in cases {
            assert_eq!(Origin::parse(text).unwrap().as_str(), origin);
        }
        for text in
            ["*", "null", "app.example.com", "https://a/", "https://*.a", "ftp://a", "https://u@a", "https://", "file:///"]
        {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn same_origin_is_scheme_host_and_port_together() {
        assert!(is_same_origin("https://a.example", true, "a.example", 443));
        assert!(is_same_origin("https://a.example:8443", true, "a.example", 8443));
        let others =
            ["http://a.example", "https://b.example", "https://a.example:444", "null", "", "https://a.example/", "a.example"];
        for other in others {
            assert!(!is_same_origin(other, true, "a.example", 443), "{other}");
        }
        assert!(!is_same_origin("https://a.example:443", false, "a.example", 443));
    }
}
