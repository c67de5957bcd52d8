//! What is in force, shared by everything that reads or replaces it: reload, status, the admin listener.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::authority::Estate;
use super::listeners::Active;
use super::metrics::Metrics;
use super::options::Options;
use super::revocations::RevocationLog;
use super::workers::Workers;
use crate::authority::RemoteAuthority;
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::events::{Inbox, Receiver};
use crate::issuer::{Archive, Registry};
use crate::proxy::Pipeline;
use crate::upstream::Upstream;

/// What reload, status and the admin listener share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) metrics: Metrics,
    pub(super) pipeline: Pipeline,
    /// Takes events under any configuration.
    pub(super) inbox: Arc<Inbox>,
    pub(super) running: Mutex<Running>,
    pub(super) options: Options,
    pub(super) draining: AtomicBool,
    pub(super) started_at: Timestamp,
    pub(super) control: tokio::runtime::Handle,
}

/// The configuration in force, and the parts that outlive a reload when they are unchanged.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) settings: Settings,
    pub(super) issuers: Arc<Registry>,
    pub(super) upstreams: Vec<Arc<Upstream>>,
    /// The authority's parts, where there is one.
    pub(super) estate: Option<Estate>,
    /// The remote authority, where there is one.
    pub(super) remote: Option<Arc<RemoteAuthority>>,
    /// Where fetched keys are saved, where there is a store.
    pub(super) archive: Option<Archive>,
    /// What takes events from identity servers.
    pub(super) events: Vec<Receiver>,
    /// Where fetched keys of these are saved, where there is a store.
    pub(super) events_archive: Option<Archive>,
    /// What keeps the table of revocations up to date, where there is a store.
    pub(super) _revocations: Option<RevocationLog>,
    pub(super) listeners: Vec<Active>,
    /// `None` once the gateway is shutting down.
    pub(super) workers: Option<Workers>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
