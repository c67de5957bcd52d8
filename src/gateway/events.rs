//! Events from identity servers, where the configuration has places for them.

use std::sync::Arc;

use super::build::BuildError;
use super::metrics::Metrics;
use super::opened_store::OpenedStore;
use super::options::Options;
use super::running::Shared;
use crate::events::{EventsSettings, Inbox, Place, Receiver};
use crate::issuer::Registry;
use crate::proxy::{Endpoints, OwnPlan};

/// The name of all places for events in metrics and logs, where routes have theirs.
const PLACE: &str = "events-in";

/// What takes events, with the store where there is one.
pub(super) fn inbox(opened: Option<&OpenedStore>, metrics: &Metrics, options: &Options) -> Arc<Inbox> {
    let store = opened.map(|opened| Arc::clone(&opened.store));
    Arc::new(Inbox::new(store, Arc::clone(&metrics.revocations), options.clock.clone(), metrics.events.clone()))
}

/// The receivers of `settings`; keys that are unchanged since `previous` are kept.
pub(super) fn receivers(
    settings: &[EventsSettings],
    previous: &[Receiver],
    issuers: &Registry,
    inbox: &Arc<Inbox>,
    metrics: &Metrics,
    options: &Options,
) -> Result<Vec<Receiver>, BuildError> {
    let build = |settings: &EventsSettings| {
        let former = previous.iter().find(|former| former.settings().name == settings.name);
        Receiver::build(settings, former, issuers, inbox, &options.clock, &metrics.issuer).map_err(BuildError::from)
    };
    settings.iter().map(build).collect()
}

/// The places of those that are on named listeners.
pub(super) fn places<'r>(receivers: &'r [Receiver], metrics: &'r Metrics) -> impl Iterator<Item = OwnPlan> + 'r {
    receivers.iter().filter_map(|receiver| match &receiver.settings().place {
        Place::Admin => None,
        Place::Listener(name, host) => {
            let (path, endpoints) = (receiver.settings().path.clone(), Arc::new(receiver.clone()));
            Some(OwnPlan::new(PLACE, host.clone(), vec![path], endpoints, &metrics.proxy).on_listener(name))
        }
    })
}

impl Shared {
    /// What takes events at this path of the admin listener.
    pub(super) fn receiver_at(&self, path: &str) -> Option<Arc<dyn Endpoints>> {
        let running = self.lock();
        let is_there = |receiver: &&Receiver| {
            let settings = receiver.settings();
            settings.place == Place::Admin && settings.path.as_str() == path
        };
        let found = running.events.iter().find(is_there)?;
        Some(Arc::new(found.clone()))
    }
}
