//! A listener: what all its workers share, built once, its settings swapped by a reload.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use super::certificates::CertificateStatus;
use super::generation::Generation;
use super::limits::Places;
use super::metrics::{Counters, Metrics};
use super::settings::ListenerSettings;
use super::tls::TlsError;

/// A bound address with its settings; shared by the workers that serve it.
#[derive(Debug)]
pub struct Listener {
    pub(super) current: ArcSwap<Generation>,
    pub(super) connections: Places,
    pub(super) handshakes: Places,
    pub(super) bound: OnceLock<SocketAddr>,
    address: SocketAddr,
    counters: Counters,
}

/// Settings that were built and wait for [`Listener::apply`].
#[derive(Debug)]
pub struct Prepared(Arc<Generation>);

/// Why settings cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("listener {listener}")]
pub struct ListenerError {
    listener: Arc<str>,
    #[source]
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
        let counters = metrics.counters(&settings.name);
        let generation = Generation::build(&settings, counters.clone(), None);
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(generation.map_err(|cause| failed(&settings, cause))?),
            connections: Places::new(Some(counters.connections.clone())),
            handshakes: Places::new(None),
            bound: OnceLock::new(),
            address: settings.address,
            counters,
        }))
    }

    /// Builds the next settings without using them. The address stays the one that is bound.
    ///
    /// # Errors
    ///
    /// As [`Listener::build`]; the running settings are not touched.
    pub fn prepare(&self, settings: ListenerSettings) -> Result<Prepared, ListenerError> {
        let generation = Generation::build(&settings, self.counters.clone(), Some(&self.current.load()));
        Ok(Prepared(Arc::new(generation.map_err(|cause| failed(&settings, cause))?)))
    }

    /// Uses `prepared` for every connection accepted from now on; open ones keep what they began with.
    pub fn apply(&self, prepared: Prepared) {
        self.current.store(prepared.0);
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

fn failed(settings: &ListenerSettings, cause: TlsError) -> ListenerError {
    ListenerError { listener: Arc::clone(&settings.name), cause }
}
