//! The request that the arguments describe, as the pipeline would meet it: a head, and the connection it came on.

use std::net::{Ipv4Addr, SocketAddr};

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use crate::listener::{ClientAuth, ListenerSettings};
use crate::peer::{Peer, address_value};
use crate::route::canonical_host;

/// An address that documents use (RFC 5737) and nobody has.
const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 50_000);

/// Why the arguments describe no request.
pub(super) type Fault = String;

/// A URL in its parts, the target as it stands: what is judged is what would be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'u> {
    pub(super) secure: bool,
    pub(super) authority: &'u str,
    target: String,
}

impl<'u> Address<'u> {
    pub(super) fn parse(url: &'u str) -> Result<Self, Fault> {
        let (scheme, rest) = url.split_once("://").ok_or("--url: an address begins with `https://` or `http://`")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(format!("--url: found the scheme `{scheme}`, allowed are https and http")),
        };
        let (authority, target) = rest.find(['/', '?', '#']).and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
        // Clients keep fragments to themselves.
        let target = target.split('#').next().unwrap_or_default();
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self { secure, authority, target: format!("{slash}{target}") })
    }
}

/// The head of a request in HTTP/1.1.
pub(super) fn head(method: &Method, address: &Address<'_>, headers: &[String], token: Option<&str>) -> Result<Parts, Fault> {
    let request = Request::builder().method(method).uri(&address.target).body(());
    let refused = |error| format!("--url: {error}; such a target is answered with a bare 400 before there is a request");
    let (mut head, ()) = request.map_err(refused)?.into_parts();
    for line in headers {
        let (name, value) = header(line)?;
        head.headers.append(name, value);
    }
    complete(&mut head.headers, address, token)?;
    Ok(head)
}

fn header(line: &str) -> Result<(HeaderName, HeaderValue), Fault> {
    let (name, value) = line.split_once(':').ok_or_else(|| "--header: a header is written `Name: value`".to_owned())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| format!("--header {name}: the value is none a header can have"));
    let name = name.parse().map_err(|_| format!("--header: `{name}` is no header's name"))?;
    Ok((name, value?))
}

fn complete(headers: &mut HeaderMap, address: &Address<'_>, token: Option<&str>) -> Result<(), Fault> {
    if !headers.contains_key(HOST) {
        let host = HeaderValue::from_str(address.authority).map_err(|_| "--url: the host has a control character".to_owned())?;
        headers.insert(HOST, host);
    }
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| "--token: a token has no control characters".to_owned())?;
        value.set_sensitive(true);
        headers.append(AUTHORIZATION, value);
    }
    Ok(())
}

/// The listener that a client of `address` would reach: the one called so, else the first that speaks its scheme, else
/// (TLS may end in front of the gateway) the first.
pub(super) fn listener<'s>(
    listeners: &'s [ListenerSettings],
    name: Option<&str>,
    address: &Address<'_>,
) -> Result<&'s ListenerSettings, Fault> {
    if let Some(name) = name {
        let known = || listeners.iter().map(|listener| &*listener.name).collect::<Vec<_>>().join(", ");
        let named = listeners.iter().find(|listener| &*listener.name == name);
        return named.ok_or_else(|| format!("--listener: found {name:?}, which is no listener; known: {}", known()));
    }
    let fitting = listeners.iter().find(|listener| listener.tls.is_some() == address.secure);
    fitting.or(listeners.first()).ok_or_else(|| "the configuration has no listener".to_owned())
}

/// A new connection to `listener`, from a client that nobody trusts as a proxy.
pub(super) fn peer(listener: &ListenerSettings, address: &Address<'_>) -> Peer {
    let client_certificates = listener.tls.as_ref().is_some_and(|tls| tls.client_auth != ClientAuth::None);
    let server_name = canonical_host(address.authority).ok().filter(|_| listener.tls.is_some());
    Peer {
        address: CLIENT,
        address_value: address_value(CLIENT.ip()),
        listener: listener.name.clone(),
        secure: listener.tls.is_some(),
        local_port: listener.address.port(),
        server_name: server_name.map(|name| name.into()),
        client_certificates,
        trusted_proxies: [].into(),
        limits: listener.limits.of_request(),
        idle: listener.deadlines.idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_taken_byte_for_byte() {
        let cases = [
            ("https://a.example", true, "a.example", "/"),
            ("http://a.example:8080/x?y=/#z", false, "a.example:8080", "/x?y=/"),
            ("HTTPS://a.example/public/..%2fadmin//", true, "a.example", "/public/..%2fadmin//"),
            ("https://a.example?x", true, "a.example", "/?x"),
        ];
        for (url, secure, authority, target) in cases {
            assert_eq!(Address::parse(url), Ok(Address { secure, authority, target: target.to_owned() }), "{url}");
        }
        for url in ["a.example/x", "ftp://a.example/", ""] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn headers_are_appended_and_host_is_the_addresss_unless_given() {
        let address = Address::parse("https://a.example/x").unwrap();
        let head_of = |headers: &[&str], token| {
            head(&Method::GET, &address, &headers.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), token)
        };
        assert_eq!(head_of(&[], None).unwrap().headers.get(HOST).unwrap(), "a.example");
        assert_eq!(head_of(&["host: b.example"], None).unwrap().headers.get(HOST).unwrap(), "b.example");
        let two = head_of(&["Authorization: Basic eA=="], Some("a.b.c")).unwrap();
        assert_eq!(two.headers.get_all(AUTHORIZATION).iter().count(), 2, "two credentials stay two");
        for bad in ["no colon", "bad name: x", "x: a\nb"] {
            assert!(head_of(&[bad], None).is_err(), "{bad}");
        }
        assert!(head_of(&[], Some("a\nb")).is_err());
    }
}
