//! Who the client is behind trusted proxies, and the forwarding headers told to the backend.
//!
//! `X-Forwarded-For`, `-Proto` and `-Host` are rebuilt whole, from the connection or from what a trusted proxy said;
//! every other member of the family is only removed (by [`super::sanitize`](mod@super::sanitize), which runs after
//! [`PeerView::hear`] and before [`PeerView::tell`]). Nobody is trusted by default. The route is matched on `Host`, never on
//! anything here.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use ipnet::IpNet;

use crate::peer::{Peer, address_value, canonical_ip, is_within};
use crate::route::{host_and_port, scheme_name};

/// A request as its client sees it; what the cross-site rule and logs go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientView<'r> {
    /// The client's address.
    pub ip: IpAddr,
    /// Whether the client speaks https.
    pub secure: bool,
    /// The host in the client's address bar, canonical.
    pub host: Cow<'r, str>,
    /// The port there.
    pub port: u16,
}

impl ClientView<'_> {
    /// The origin in the client's address bar (RFC 6454 section 6.2).
    pub fn origin(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        let (scheme, host) = (scheme_name(self.secure), &self.host);
        if self.port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{}", self.port) }
    }

    /// The same, for whoever outlives the request's head.
    pub fn into_owned(self) -> ClientView<'static> {
        ClientView { ip: self.ip, secure: self.secure, host: Cow::Owned(self.host.into_owned()), port: self.port }
    }
}

/// A connection's own part of every [`ClientView`].
#[derive(Debug)]
pub struct PeerView {
    ip: IpAddr,
    ip_value: HeaderValue,
    secure: bool,
    /// `None`: the peer is no trusted proxy.
    trusted: Option<Arc<[IpNet]>>,
}

/// What a trusted proxy said about the client of one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    ip: IpAddr,
    secure: Option<bool>,
    host: Option<Box<str>>,
    port: Option<u16>,
}

impl PeerView {
    /// The view of a connection from `peer`.
    pub fn of(peer: &Peer) -> Self {
        let ip = canonical_ip(peer.address.ip());
        let trusted = is_within(ip, &peer.trusted_proxies).then(|| Arc::clone(&peer.trusted_proxies));
        Self { ip, ip_value: peer.address_value.clone(), secure: peer.secure, trusted }
    }

    /// What the peer says in `headers` (not yet sanitized); `None` where it is not trusted.
    pub fn hear(&self, headers: &HeaderMap) -> Option<Heard> {
        let trusted = self.trusted.as_deref()?;
        let (host, port) = last(headers, &X_FORWARDED_HOST)
            .and_then(|value| host_and_port(value).ok())
            .map_or((None, None), |(host, port)| (Some(host.into()), port));
        Some(Heard {
            ip: rightmost_untrusted(self.ip, headers, trusted),
            secure: last(headers, &X_FORWARDED_PROTO).and_then(is_secure_scheme),
            host,
            port: port.or_else(|| last(headers, &X_FORWARDED_PORT)?.parse().ok()),
        })
    }

    /// The client's view of a request whose own host and port are these.
    pub fn client<'r>(&self, heard: Option<&'r Heard>, host: &'r str, port: Option<u16>) -> ClientView<'r> {
        let secure = heard.and_then(|heard| heard.secure).unwrap_or(self.secure);
        let ip = heard.map_or(self.ip, |heard| heard.ip);
        let (host, port) = match heard.and_then(|heard| Some((heard.host.as_deref()?, heard.port))) {
            Some(told) => told,
            None => (host, heard.and_then(|heard| heard.port).or(port)),
        };
        ClientView { ip, secure, host: Cow::Borrowed(host), port: port.unwrap_or(if secure { 443 } else { 80 }) }
    }

    /// Sets the three headers on a sanitized request. `uri` is its target, which names the host where `Host` does not.
    pub fn tell(&self, heard: Option<&Heard>, uri: &Uri, headers: &mut HeaderMap) {
        let address = heard.map(|heard| heard.ip).filter(|&ip| ip != self.ip);
        headers.insert(X_FORWARDED_FOR, address.map_or_else(|| self.ip_value.clone(), address_value));
        let secure = heard.and_then(|heard| heard.secure).unwrap_or(self.secure);
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme_name(secure)));
        if let Some(host) = heard.and_then(Heard::host_value).or_else(|| own_host(uri, headers)) {
            headers.insert(X_FORWARDED_HOST, host);
        }
    }
}

impl Heard {
    fn host_value(&self) -> Option<HeaderValue> {
        let host = self.host.as_deref()?;
        let default = if self.secure == Some(true) { 443 } else { 80 };
        let port = self.port.filter(|&port| port != default);
        let text = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        HeaderValue::try_from(text).ok()
    }
}

/// The address nearest to us that is no trusted proxy. An entry that is no address ends the search: whoever wrote it
/// is the last one we know (Authentik CVE-2024-47070).
fn rightmost_untrusted(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let lines = headers.get_all(&X_FORWARDED_FOR).iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    let mut nearest = peer;
    for entry in entries.take(MOST_HOPS) {
        let Some(address) = parse_address(entry) else { break };
        nearest = address;
        if !is_within(address, trusted) {
            break;
        }
    }
    nearest
}

/// An address, also with a port or in brackets.
fn parse_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = text.parse().ok().or_else(bracketed).or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(canonical_ip)
}

/// The last member of a header: the nearest proxy's word.
fn last<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

fn is_secure_scheme(scheme: &str) -> Option<bool> {
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("https") || is("wss") { Some(true) } else { (is("http") || is("ws")).then_some(false) }
}

fn own_host(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let named = || HeaderValue::from_str(uri.authority()?.as_str()).ok();
    headers.get(HOST).cloned().or_else(named)
}

/// Addresses are plain ASCII; the fallback is an address that nobody has.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Entries of `X-Forwarded-For` that are read; a longer chain of trusted proxies ends at the last one read.
const MOST_HOPS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::peer::RequestLimits;

    fn peer(address: &str, secure: bool) -> PeerView {
        let ip = address.parse().unwrap();
        PeerView::of(&Peer {
            address: SocketAddr::new(ip, 50_000),
            address_value: address_value(ip),
            listener: "public".into(),
            secure,
            local_port: 8443,
            server_name: None,
            client_certificates: false,
            trusted_proxies: ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()].into(),
            limits: RequestLimits { header_count: 1, header_bytes: 1, target_bytes: 1 },
            idle: std::time::Duration::from_secs(1),
        })
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        let mut headers = HeaderMap::new();
        headers.extend(lines.iter().map(line));
        headers
    }

    fn client_ip(address: &str, forwarded_for: &[&str]) -> String {
        let lines: Vec<_> = forwarded_for.iter().map(|value| ("x-forwarded-for", *value)).collect();
        let (peer, headers) = (peer(address, true), headers(&lines));
        peer.client(peer.hear(&headers).as_ref(), "a.example", None).ip.to_string()
    }

    #[test]
    fn oauth2_proxy_3506_nobody_else_is_believed() {
        assert_eq!(
            peer("192.0.2.1", true).hear(&headers(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "http")])),
            None
        );
        assert_eq!(client_ip("192.0.2.1", &["1.2.3.4"]), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        assert_eq!(client_ip("10.0.0.1", &["6.6.6.6, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client_ip("10.0.0.1", &["6.6.6.6", "192.0.2.7, 10.9.9.9"]), "192.0.2.7");
        assert_eq!(client_ip("10.0.0.1", &["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(client_ip("10.0.0.1", &["[2001:db8::1]:80, [fd00::1]"]), "2001:db8::1");
        assert_eq!(client_ip("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client_ip("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn traefik_ghsa_7jmw_mapped_addresses_are_their_ipv4_addresses() {
        assert_eq!(client_ip("::ffff:10.0.0.1", &["192.0.2.7, ::ffff:10.0.0.2"]), "192.0.2.7");
    }

    #[test]
    fn authentik_cve_2024_47070_garbage_ends_the_chain_at_the_last_known_address() {
        for garbage in
            ["6.6.6.6, unknown", "6.6.6.6,", "", "6.6.6.6, _hidden", "6.6.6.6, 1.2.3", "6.6.6.6, \"", "6.6.6.6, 1.2.3.4x"]
        {
            assert_eq!(client_ip("10.0.0.1", &[garbage]), "10.0.0.1", "{garbage}");
        }
        assert_eq!(client_ip("10.0.0.1", &["6.6.6.6, unknown, 10.0.0.5"]), "10.0.0.5");
        let chain = vec!["10.0.0.2"; 200].join(", ");
        assert_eq!(client_ip("10.0.0.1", &[&format!("6.6.6.6, {chain}")]), "10.0.0.2");
    }

    #[test]
    fn scheme_host_and_port_are_as_the_trusted_proxy_said() {
        let (peer, own) = (peer("10.0.0.1", false), ("a.example", Some(8080)));
        let view = |lines: &[(&'static str, &str)]| {
            let heard = peer.hear(&headers(lines));
            let view = peer.client(heard.as_ref(), own.0, own.1);
            (view.secure, view.host.into_owned(), view.port)
        };
        assert_eq!(view(&[]), (false, "a.example".to_owned(), 8080));
        assert_eq!(
            view(&[("x-forwarded-proto", "http, HTTPS"), ("x-forwarded-host", "evil, B.example")]),
            (true, "b.example".to_owned(), 443)
        );
        assert_eq!(view(&[("x-forwarded-proto", "wss"), ("x-forwarded-port", "8443")]), (true, "a.example".to_owned(), 8443));
        assert_eq!(
            view(&[("x-forwarded-host", "b;for=1"), ("x-forwarded-proto", "gopher")]),
            (false, "a.example".to_owned(), 8080)
        );
    }

    #[test]
    fn traefik_cve_2026_35051_what_is_told_is_rebuilt_whole() {
        let told = |peer: &PeerView, inbound: &[(&'static str, &str)]| {
            let heard = peer.hear(&headers(inbound));
            let mut out = headers(&[("host", "a.example:8443")]);
            peer.tell(heard.as_ref(), &Uri::from_static("/"), &mut out);
            [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST].map(|name| out.get(name).unwrap().to_str().unwrap().to_owned())
        };
        let inbound = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "b.example")];
        assert_eq!(told(&peer("192.0.2.1", true), &inbound), ["192.0.2.1", "https", "a.example:8443"]);
        assert_eq!(told(&peer("10.0.0.1", true), &inbound), ["192.0.2.7", "http", "b.example"]);
        assert_eq!(told(&peer("10.0.0.1", true), &[]), ["10.0.0.1", "https", "a.example:8443"]);
    }

    proptest! {
        #[test]
        fn no_value_panics(value in prop::collection::vec(0x20u8..=0xff, 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, X_FORWARDED_PORT];
                let headers: HeaderMap = names.into_iter().map(|name| (name, value.clone())).collect();
                peer("10.0.0.1", true).hear(&headers);
            }
        }
    }
}
