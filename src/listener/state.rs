//! A listener: what all its workers share, built once, its settings swapped by a reload.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use super::generation::Generation;
use super::limits::Places;
use super::metrics::{Counters, Metrics};
use super::settings::ListenerSettings;

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
pub enum ListenerError {
    /// TLS was asked for; only cleartext is served so far, and falling back to it would be unsafe.
    #[error("TLS is not served")]
    Tls,
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
}

impl Listener {
    /// Builds a listener; everything that can fail fails here.
    ///
    /// # Errors
    ///
    /// When a certificate, a key or a client authority cannot be used.
    pub fn build(settings: ListenerSettings, metrics: Arc<Metrics>) -> Result<Arc<Self>, ListenerError> {
        if settings.tls.is_some() {
            return Err(ListenerError::Tls);
        }
        let counters = metrics.counters(&settings.name);
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(Generation::build(&settings, counters.clone())),
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
        Ok(Prepared(Arc::new(Generation::build(&settings, self.counters.clone()))))
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
        }
    }
}
