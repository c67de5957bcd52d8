//! What an operator decides about one listener, free of file formats.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls_pki_types::CertificateDer;

use crate::peer::RequestLimits;
use crate::secret::Secret;

/// One bound address with its TLS and limits.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSettings {
    /// The name used in logs, `/status` and for matching listeners across reloads.
    pub name: Arc<str>,
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// Absent: plain HTTP.
    pub tls: Option<TlsSettings>,
    /// With TLS: offer `h2` by ALPN. Without: accept HTTP/2 with prior knowledge (RFC 9113 section 3.3).
    pub http2: bool,
    /// Networks whose `X-Forwarded-*` is believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on what one client may ask for.
    pub limits: Limits,
    /// How long each phase of a connection may take.
    pub deadlines: Deadlines,
}

/// Certificates and client authentication of one listener.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsSettings {
    /// At least one. The first serves clients that send no SNI or an unknown name.
    pub certificates: Vec<CertificateSettings>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
}

/// One certificate chain with its private key.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateSettings {
    /// DNS names it serves, exact (`a.example.com`) or wildcard (`*.example.com`), lower case. Empty: taken from the
    /// certificate's subject alternative names.
    pub names: Vec<String>,
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PEM of the private key (PKCS#8, PKCS#1 or SEC1).
    pub private_key: Secret,
    /// Where the chain was read, for messages.
    pub source: String,
}

/// Whether and how clients prove themselves by certificate (RFC 8446 section 4.3.2).
#[derive(Clone, Debug, PartialEq)]
pub enum ClientAuth {
    /// No certificate is asked for.
    None,
    /// A certificate is asked for; one that is sent must verify against these roots.
    Optional(Vec<CertificateDer<'static>>),
    /// A certificate that verifies against these roots is required.
    Required(Vec<CertificateDer<'static>>),
}

/// Bounds per listener, connection and request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections over all workers.
    pub connections: usize,
    /// TLS handshakes under way over all workers; one more cuts the oldest.
    pub handshakes: usize,
    /// Header fields in one request.
    pub header_count: usize,
    /// Bytes of all header names and values of one request.
    pub header_bytes: usize,
    /// Bytes of the request-target.
    pub target_bytes: usize,
    /// Concurrent HTTP/2 streams on one connection.
    pub http2_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshakes: 512,
            header_count: 100,
            header_bytes: 64 * 1024,
            target_bytes: 8 * 1024,
            http2_streams: 100,
        }
    }
}

impl Limits {
    /// Bounds on one request's head, for those who judge requests.
    pub fn of_request(&self) -> RequestLimits {
        RequestLimits { header_count: self.header_count, header_bytes: self.header_bytes, target_bytes: self.target_bytes }
    }
}

/// How long each phase of a connection may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request to the end of its header section.
    pub headers: Duration,
    /// Between requests, and between two bytes of a body or an upgraded stream.
    pub idle: Duration,
    /// How long connections may finish after the listener stops accepting.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            drain: Duration::from_secs(30),
        }
    }
}
