//! What an operator decides about one upstream, free of file formats.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

pub use crate::fetch::TrustRoots;
use crate::secret::Secret;

/// A named set of servers that requests are forwarded to.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamSettings {
    /// The name routes use; metric label.
    pub name: Arc<str>,
    /// At least one; all of the same scheme.
    pub servers: Vec<ServerAddress>,
    /// Present when the servers are `https`.
    pub tls: Option<UpstreamTls>,
    /// From the start of a TCP connection to its being usable (TLS included).
    pub connect_timeout: Duration,
    /// From the last byte of a request head sent to the first byte of the response head. A request body that is still
    /// being sent counts from its last byte.
    pub response_timeout: Duration,
    /// How long an unused connection is kept; should be below the server's own keep-alive time.
    pub idle_timeout: Duration,
    /// Connections to one server over all workers; further requests get 503.
    pub max_connections: usize,
    /// Unused connections kept to one server per worker.
    pub max_idle: usize,
    /// What `Host` the server sees.
    pub host: UpstreamHost,
    /// Send header names in `Title-Case`, for servers that do not treat names as case-insensitive.
    pub title_case_headers: bool,
}

/// One server of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// DNS name or IP address, as written (an IPv6 address without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How the gateway checks a server and shows itself to it.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamTls {
    /// Whom to believe.
    pub roots: TrustRoots,
    /// The name to verify and to send as SNI, where it is not the server's host.
    pub server_name: Option<String>,
    /// The certificate chain and private key (PEM) the gateway shows when asked.
    pub client_certificate: Option<(Vec<CertificateDer<'static>>, Secret)>,
}

/// What `Host` header an upstream receives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum UpstreamHost {
    /// The one the client sent.
    #[default]
    Client,
    /// The server's own host and port.
    Server,
    /// A fixed value.
    Fixed(http::HeaderValue),
}
