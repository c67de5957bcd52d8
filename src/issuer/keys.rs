//! One issuer's keys: the latest set for any number of readers on any runtime, and the question that a missing key
//! puts to the issuer.
//!
//! The verifier asks [`Keys::key_for`]; a key that is there is answered at once, without waiting. Only `refresher`, the
//! one task of this issuer, replaces a set that is fetched; it ends when the last handle goes. Nothing here knows other issuers, so
//! one that hangs delays no other.

use std::sync::{Arc, OnceLock};

use tokio::task::AbortHandle;

use super::archive::Archive;
use super::archived::Archived;
use super::lookup::{KeyLookupError, Look, Shared};
use super::metrics::IssuerMeters;
use super::refresher;
use super::source::{RemoteSource, Source};
use super::{KeysFrom, KeysStatus, RefreshSettings};
use crate::clock::{Clock, Timestamp};
use crate::token::{Algorithm, Key, KeySet};

/// A handle on one issuer's keys.
#[derive(Debug)]
pub struct Keys {
    shared: Arc<Shared>,
    source: Option<RemoteSource>,
    archive: OnceLock<Archive>,
    task: OnceLock<AbortHandle>,
}

impl Keys {
    /// The keys of `source`; nothing is fetched before [`Keys::start`].
    pub(super) fn new(
        issuer: Arc<str>,
        source: Source,
        refresh: RefreshSettings,
        clock: Clock,
        meters: Arc<IssuerMeters>,
    ) -> Self {
        let (from, fixed, own, source) = match source {
            Source::Fixed(loaded) => (KeysFrom::Configuration, Some(loaded), None, None),
            Source::Own(keys) => (KeysFrom::Authority, None, Some(keys), None),
            Source::Remote(remote) => (KeysFrom::Issuer, None, None, Some(remote)),
        };
        let shared = Arc::new(Shared::new(issuer, from, fixed, refresh, clock, meters));
        if let Some(keys) = own {
            keys.attach(&shared);
        }
        Self { shared, source, archive: OnceLock::new(), task: OnceLock::new() }
    }

    /// Has what is fetched saved in `archive`; without effect once the task was started.
    pub(super) fn keep_in(&self, archive: &Archive) {
        self.archive.get_or_init(|| Arc::clone(archive));
    }

    /// Starts the task that fetches, once; keys that are never fetched need none.
    pub(super) fn start(&self, runtime: &tokio::runtime::Handle) {
        if let Some(source) = &self.source {
            let archived = || self.archive.get().map(|archive| Archived::new(Arc::clone(archive), source));
            let run = || runtime.spawn(refresher::run(Arc::clone(&self.shared), source.clone(), archived())).abort_handle();
            self.task.get_or_init(run);
        }
    }

    /// The key for a token with this header. A key that is there is returned without waiting; a missing one waits for
    /// at most one shared fetch, if its window has one left.
    ///
    /// # Errors
    /// [`KeyLookupError::NoKey`] where the token is to be refused, [`KeyLookupError::Unavailable`] where the issuer is
    /// out of reach.
    pub async fn key_for(&self, key_id: Option<&str>, algorithm: Algorithm, now: Timestamp) -> Result<Arc<Key>, KeyLookupError> {
        match self.shared.look(key_id, algorithm, now) {
            Look::Found(key) => Ok(key),
            Look::Settled(fault) => Err(KeyLookupError::NoKey(fault)),
            Look::Missing(fault) if self.source.is_none() => Err(KeyLookupError::NoKey(fault)),
            // Boxed: this state is large, and a found key must not pay for moving it about.
            Look::Missing(_) | Look::Unusable => Box::pin(self.shared.ask_issuer(key_id, algorithm)).await,
        }
    }

    /// As [`Keys::key_for`], for signatures whose signer names the key in words of its own: a set of one key without id is
    /// meant by any of them.
    ///
    /// # Errors
    /// As [`Keys::key_for`].
    pub async fn signer_for(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Arc<Key>, KeyLookupError> {
        let is_nameless = self.latest(now).is_some_and(|set| set.is_one_without_id());
        self.key_for(key_id.filter(|_| !is_nameless), algorithm, now).await
    }

    /// Wants a fetch now on the issuer's own word that keys changed, unless the window's fetch was spent.
    pub fn refresh_once(&self, now: Timestamp) {
        if self.source.is_some() {
            self.shared.notice(now);
        }
    }

    /// Whether there is a set that is believed at `now`; costs one atomic load.
    pub fn are_usable(&self, now: Timestamp) -> bool {
        self.shared.are_usable(now)
    }

    /// Wants a fetch now, whatever the schedule and the window say: an operator or the issuer says that keys changed.
    pub fn refresh(&self) {
        if self.source.is_some() {
            self.shared.insist();
        }
    }

    /// How the keys stand at `now`.
    pub fn status(&self, now: Timestamp) -> KeysStatus {
        self.shared.status(now)
    }

    /// The set that is believed at `now`.
    pub(super) fn latest(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        self.are_usable(now).then(|| self.shared.latest()).flatten()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}
