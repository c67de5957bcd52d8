//! The servers we forward to: choosing one, connecting, keeping connections per worker, and one exchange on a
//! connection.
//!
//! Called by `proxy::forward`. It decides nothing about who may send what. A request is sent twice only if the first
//! connection gave it back unsent.

mod balance;
mod body;
mod connect;
mod connection;
mod fault;
mod metrics;
mod pool;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use tokio::time::Instant;

pub use body::{RequestBody, ResponseBody, Tunnel};
use connect::{Connector, TlsConfig};
pub use connect::{Stream, TlsSettingsError, root_store};
use connection::ExchangeFault;
pub use fault::UpstreamFault;
pub use metrics::Metrics;
use metrics::UpstreamMetrics;
use pool::{Lease, Server};
pub use settings::{ServerAddress, TrustRoots, UpstreamHost, UpstreamSettings, UpstreamTls};

/// A named set of servers with the connections to them.
#[derive(Debug)]
pub struct Upstream {
    settings: UpstreamSettings,
    servers: Vec<Arc<Server>>,
    metrics: UpstreamMetrics,
}

impl Upstream {
    /// Prepares the set; connects to nobody.
    ///
    /// # Errors
    /// When the certificate authorities, the client certificate or a server's name cannot be used for TLS.
    pub fn build(settings: UpstreamSettings, metrics: &Metrics) -> Result<Arc<Self>, TlsSettingsError> {
        let tls = settings.tls.as_ref().map(|tls| TlsConfig::build(tls).map(|config| (config, tls))).transpose()?;
        let server = |address: &ServerAddress| {
            let connector = Connector::build(address.clone(), tls.as_ref().map(|(config, tls)| (config, *tls)))?;
            Ok(Server::new(address, connector, &settings))
        };
        let servers: Vec<_> = settings.servers.iter().map(server).collect::<Result<_, TlsSettingsError>>()?;
        let metrics = metrics.upstream(&settings.name, &servers);
        Ok(Arc::new(Self { settings, servers, metrics }))
    }

    /// What it was built from.
    pub fn settings(&self) -> &UpstreamSettings {
        &self.settings
    }

    /// Sends `request` (its target in origin form) to one of the servers and returns the response head with a body
    /// that is still arriving. `response_timeout` is in place of the settings' where given. The request is boxed because
    /// it is handed down through several futures.
    ///
    /// # Errors
    /// [`UpstreamFault`] when no server gave a response head.
    pub async fn send(
        &self,
        request: Box<Request<RequestBody>>,
        response_timeout: Option<Duration>,
    ) -> Result<Response<ResponseBody>, UpstreamFault> {
        let started = Instant::now();
        let timeout = response_timeout.unwrap_or(self.settings.response_timeout);
        let result = match self.attempt(request, timeout, true).await {
            // Boxed, as a new connection is: what is rare must not widen the state of every request.
            Err(Failure::Unsent(request, _)) => Box::pin(self.attempt(request, timeout, false)).await,
            result => result,
        };
        self.metrics.request_duration.observe(started.elapsed());
        result.map_err(Failure::into_fault)
    }

    async fn attempt(
        &self,
        mut request: Box<Request<RequestBody>>,
        timeout: Duration,
        reuse: bool,
    ) -> Result<Response<ResponseBody>, Failure> {
        let mut lease = self.lease(reuse).await.map_err(Failure::Fault)?;
        self.set_host(&mut request, lease.server());
        match lease.exchange(request, timeout).await {
            Ok(response) => Ok(response.map(|incoming| ResponseBody::new(incoming, lease))),
            Err(fault) => Err(Failure::new(fault, lease.server())),
        }
    }

    /// A connection to the best server that has or accepts one.
    async fn lease(&self, reuse: bool) -> Result<Lease, UpstreamFault> {
        let mut last = UpstreamFault::Saturated;
        for server in balance::order(&self.servers) {
            if let Some(lease) = server.check_out().filter(|_| reuse) {
                return Ok(lease);
            }
            match Box::pin(server.connect()).await {
                Ok(lease) => return Ok(lease),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    /// The `Host` that servers are told on a request whose own is `client`; `None` where it depends on the server.
    pub fn told_host<'h>(&'h self, client: Option<&'h HeaderValue>) -> Option<&'h HeaderValue> {
        match (&self.settings.host, self.servers.as_slice()) {
            (UpstreamHost::Client, _) => client,
            (UpstreamHost::Fixed(host), _) => Some(host),
            (UpstreamHost::Server, [only]) => Some(&only.host),
            (UpstreamHost::Server, _) => None,
        }
    }

    fn set_host(&self, request: &mut Request<RequestBody>, server: &Server) {
        let host = match &self.settings.host {
            UpstreamHost::Client => return,
            UpstreamHost::Server => server.host.clone(),
            UpstreamHost::Fixed(host) => host.clone(),
        };
        request.headers_mut().insert(http::header::HOST, host);
    }

    /// Each server with its exchanges under way and its open connections, for status pages.
    pub fn servers(&self) -> impl Iterator<Item = ServerStatus<'_>> {
        self.servers.iter().map(|server| ServerStatus {
            server: &server.label,
            in_flight: server.in_flight(),
            open: server.open(),
            cooling_down: server.is_cooling_down(),
        })
    }

    /// Closes every unused connection and keeps none from now on. For an upstream that a reload has replaced: a long
    /// answer may hold it for hours.
    pub fn retire(&self) {
        self.servers.iter().for_each(|server| server.retire());
    }

    /// Drops the calling worker's unused connections that are too old or were closed by their server. Each worker
    /// calls it about once a second.
    pub fn sweep(&self) {
        self.servers.iter().for_each(|server| server.sweep());
    }
}

/// What one server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStatus<'a> {
    /// Host and port.
    pub server: &'a str,
    /// Exchanges under way.
    pub in_flight: usize,
    /// Open connections.
    pub open: usize,
    /// A connection failed a moment ago.
    pub cooling_down: bool,
}

/// A failed attempt.
enum Failure {
    /// Provably not processed.
    Unsent(Box<Request<RequestBody>>, UpstreamFault),
    Fault(UpstreamFault),
}

impl Failure {
    fn new(fault: ExchangeFault, server: &Server) -> Self {
        let server = server.label.clone();
        match fault {
            ExchangeFault::Unsent(request, cause) => Self::Unsent(request, UpstreamFault::NoResponse { server, cause }),
            ExchangeFault::Failed(cause) if cause.is_user() => Self::Fault(UpstreamFault::RequestBody),
            ExchangeFault::Failed(cause) => Self::Fault(UpstreamFault::NoResponse { server, cause }),
            ExchangeFault::Timeout => Self::Fault(UpstreamFault::ResponseTimeout { server }),
        }
    }

    fn into_fault(self) -> UpstreamFault {
        match self {
            Self::Unsent(_, fault) | Self::Fault(fault) => fault,
        }
    }
}
