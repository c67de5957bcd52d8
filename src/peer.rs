//! The other end of a client connection, as the listener knows it: made once per connection, read by every request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;

/// What is known about a connection before any request on it.
#[derive(Debug)]
pub struct Peer {
    /// The TCP peer.
    pub address: SocketAddr,
    /// Its canonical IP address as headers say it.
    pub address_value: HeaderValue,
    /// Name of the listener, for logs.
    pub listener: Arc<str>,
    /// Whether the connection is TLS.
    pub secure: bool,
    /// The TCP port the client connected to.
    pub local_port: u16,
    /// The name the client sent by SNI, lower case.
    pub server_name: Option<Box<str>>,
    /// Whether the listener asks for client certificates, so that `Host` must agree with SNI (421 otherwise).
    pub client_certificates: bool,
    /// Networks whose `X-Forwarded-*` is believed on this listener.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Bounds on a request's head.
    pub limits: RequestLimits,
    /// How long nothing may come of a body or move on an upgraded stream.
    pub idle: Duration,
}

/// Bounds on the head of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Header fields.
    pub header_count: usize,
    /// Bytes of all header names and values.
    pub header_bytes: usize,
    /// Bytes of the request-target.
    pub target_bytes: usize,
}

/// An address as it is compared and shown: an IPv4-mapped IPv6 address is its IPv4 address, so that
/// `::ffff:10.0.0.1` is found in `10.0.0.0/8` (Traefik GHSA-7jmw-8259-q9jx).
pub fn canonical_ip(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// An address as a header value.
pub fn address_value(address: IpAddr) -> HeaderValue {
    HeaderValue::try_from(canonical_ip(address).to_string()).unwrap_or(HeaderValue::from_static("0.0.0.0"))
}

/// Whether `address` is in one of `networks`.
pub fn is_within(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = canonical_ip(address);
    networks.iter().any(|network| network.contains(&address))
}
