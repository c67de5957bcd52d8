//! A listener: what all its workers share, built once, its settings swapped by a reload.
//!
//! `gateway` builds it, prepares and applies new settings, and asks for its status; `accept` reads the current generation
//! for every connection. Building and applying are apart, so that a reload that fails has changed nothing.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use super::certificates::CertificateStatus;
use super::generation::Generation;
use super::handshakes::Handshakes;
use super::limits::Places;
use super::metrics::{Counters, Metrics};
use super::settings::ListenerSettings;
use super::tls::TlsError;

/// A bound address with its settings; shared by the workers that serve it.
#[derive(Debug)]
pub struct Listener {
    pub(super) current: ArcSwap<Generation>,
    pub(super) connections: Places,
    pub(super) handshakes: Handshakes,
    pub(super) bound: OnceLock<SocketAddr>,
    address: SocketAddr,
    metrics: Arc<Metrics>,
}

/// Settings that were built and wait for [`Listener::apply`].
#[derive(Debug)]
pub struct Prepared(Box<Generation>);

/// Why settings cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("listener {listener}: {cause}")]
pub struct ListenerError {
    listener: Arc<str>,
    cause: TlsError,
}

/// What a listener is doing, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: Arc<str>,
    /// Where it listens; the configured address until a worker serves it.
    pub address: SocketAddr,
    /// Open connections over all workers, upgraded ones too.
    pub connections: usize,
    /// Its certificates, the default one first; none without TLS.
    pub certificates: Vec<CertificateStatus>,
}

impl Listener {
    /// Builds a listener; everything that can fail fails here.
    ///
    /// # Errors
    ///
    /// When a certificate, a key or a client authority cannot be used.
    pub fn build(settings: ListenerSettings, metrics: Arc<Metrics>) -> Result<Arc<Self>, ListenerError> {
        let (address, counters) = (settings.address, metrics.counters(&settings.name));
        let connections = Places::new(counters.connections.clone());
        let generation = Arc::new(generation(settings, counters, None)?);
        Ok(Arc::new(Self {
            current: ArcSwap::new(generation),
            connections,
            handshakes: Handshakes::default(),
            bound: OnceLock::new(),
            address,
            metrics,
        }))
    }

    /// Builds the next settings without using them. The address stays the one that is bound.
    ///
    /// # Errors
    ///
    /// As [`Listener::build`]; the running settings are not touched.
    pub fn prepare(&self, settings: ListenerSettings) -> Result<Prepared, ListenerError> {
        let counters = self.metrics.counters(&settings.name);
        generation(settings, counters, Some(&self.current.load())).map(|generation| Prepared(Box::new(generation)))
    }

    /// Uses `prepared` for every connection accepted from now on. Open ones keep what they began with, and are drained when
    /// `prepared` changes whom the listener believes: client certificates or proxies. To be called by one at a time.
    pub fn apply(&self, prepared: Prepared) {
        let Prepared(mut next) = prepared;
        let previous = self.current.load_full();
        // Who is accepted until the new one is in place finds its generation retired and drains like the others.
        next.succeed(&previous);
        self.current.store(Arc::from(next));
    }

    /// What the listener is doing now.
    pub fn status(&self) -> ListenerStatus {
        let generation = self.current.load();
        ListenerStatus {
            name: Arc::clone(&generation.name),
            address: self.bound.get().copied().unwrap_or(self.address),
            connections: self.connections.taken(),
            certificates: generation.tls.as_ref().map(|tls| tls.certificates().to_vec()).unwrap_or_default(),
        }
    }
}

fn generation(
    settings: ListenerSettings,
    counters: Counters,
    previous: Option<&Generation>,
) -> Result<Generation, ListenerError> {
    let listener = Arc::clone(&settings.name);
    let generation = Generation::build(settings, counters, previous);
    generation.map_err(|cause| ListenerError { listener, cause })
}
