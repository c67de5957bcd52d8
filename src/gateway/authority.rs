//! The embedded authority's parts that outlive configurations: the store, the keys, the revocations, and the tasks that
//! keep them up.
//!
//! Opened once, before anything is served: no token is accepted before the revocations are known.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::metrics::Metrics;
use crate::api::{Api, PATHS};
use crate::authority::{
    Attempts, Authority, AuthoritySettings, Following, Latest, Parts, Passwords, ProviderError, Providers, Sealer, SealingError,
    SigningKeySettings, SigningKeys, SigningKeysError, issuers,
};
use crate::clock::{Clock, Timestamp};
use crate::issuer::{IssuerMetrics, IssuerSettings, Verifier};
use crate::proxy::{self, OwnPlan};
use crate::revocation::{self, Followed};
use crate::route::{HostPattern, PathPrefix};
use crate::store::sqlite::{OpenError, Opened, SqliteStore};
use crate::store::{Basis, Location, Logged, Revocation, Scope, Store, StoreError, StoreSettings};

/// How often what has expired is removed.
const SWEEP: Duration = Duration::from_secs(60);
/// The name of the API in metrics and logs, where routes have theirs.
const PLACE: &str = "authority";

/// Why the authority cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The encryption key.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] SigningKeysError),
}

/// What outlives configurations, with the tasks that end when it is dropped.
#[derive(Debug)]
pub(super) struct Estate {
    pub(super) parts: Arc<Parts>,
    /// The authority in force, for the sweeper and for its successor.
    current: Arc<ArcSwapOption<Authority>>,
    /// Where keys of identity providers are fetched.
    runtime: Handle,
    /// Another authority is in force.
    replaced: Arc<Notify>,
    _keys: Following,
    tasks: [AbortHandle; 2],
}

impl Estate {
    /// Opens the store and all that is in it, and starts its tasks on `runtime`.
    pub(super) async fn open(
        store: &StoreSettings,
        settings: &AuthoritySettings,
        metrics: &Metrics,
        clock: &Clock,
        runtime: &Handle,
    ) -> Result<Self, EstateError> {
        let Location::Sqlite(path) = &store.location;
        let Opened { store: sqlite, is_new } = SqliteStore::open(path, clock)?;
        let opened: Arc<dyn Store> = Arc::new(sqlite);
        let identity = opened.identity().await?;
        // A store that was made and not yet given a key, because the process ended in between, is as good as new.
        let sealer = Sealer::load_or_make(&store.encryption_key, is_new || identity.key_check.is_none())?;
        sealer.check(&*opened).await?;
        let sealer = Arc::new(sealer);
        let keys = SigningKeySettings::of(settings);
        let keys = SigningKeys::open(Arc::clone(&opened), Arc::clone(&sealer), clock.clone(), keys).await?;
        let revocations = Arc::clone(&metrics.revocations);
        revocation::load(&*opened, &revocations, clock.now()).await?;
        refuse_older(&revocations, &settings.issuer, identity.not_before);
        let parts = Arc::new(Parts {
            store: Arc::clone(&opened),
            sealer,
            keys: Arc::clone(&keys),
            revocations: Arc::clone(&revocations),
            passwords: Passwords::new(&settings.passwords),
            latest: Latest::default(),
            attempts: Attempts::new(&settings.passwords),
            metrics: metrics.authority.clone(),
            clock: clock.clone(),
        });
        let (current, replaced) = (Arc::new(ArcSwapOption::empty()), Arc::new(Notify::new()));
        let follow = revocation::follow(opened, revocations, clock.clone(), Arc::new(Notify::new()));
        let sweep = sweep(Arc::clone(&current), Arc::clone(&replaced));
        let tasks = [runtime.spawn(follow).abort_handle(), runtime.spawn(sweep).abort_handle()];
        Ok(Self { parts, current, replaced, runtime: runtime.clone(), _keys: keys.follow(runtime), tasks })
    }

    /// The authority's own tokens as two issuers more.
    pub(super) fn issuers(&self, settings: &AuthoritySettings) -> [IssuerSettings; 2] {
        issuers(settings, &self.parts.keys)
    }

    /// The authority of `settings`, not yet in force. Identity providers whose keys come from where they did keep them.
    pub(super) fn authority(
        &self,
        settings: &AuthoritySettings,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Arc<Authority>, ProviderError> {
        let former = self.current.load_full();
        let former = former.as_ref().map(|authority| authority.providers());
        let providers = Providers::build(&settings.identity_providers, former, &self.parts.clock, metrics)?;
        Ok(Arc::new(Authority::new(Arc::new(settings.clone()), Arc::clone(&self.parts), providers)))
    }

    /// Takes other settings over for the keys: the only part that can fail.
    pub(super) async fn reconfigure(&self, settings: &AuthoritySettings) -> Result<(), EstateError> {
        Ok(self.parts.keys.reconfigure(SigningKeySettings::of(settings)).await?)
    }

    /// Puts `authority` in force.
    pub(super) fn commit(&self, authority: Arc<Authority>) {
        authority.providers().start(&self.runtime);
        self.current.store(Some(authority));
        self.replaced.notify_one();
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The places of the API in the route table.
pub(super) fn endpoints(authority: &Arc<Authority>, verifier: Verifier, metrics: &proxy::Metrics) -> OwnPlan {
    let host = authority.settings().host.clone().map_or(HostPattern::Any, HostPattern::Exact);
    let paths = PATHS.iter().filter_map(|path| PathPrefix::parse(path).ok()).collect();
    OwnPlan::new(PLACE, host, paths, Arc::new(Api::new(Arc::clone(authority), verifier)), metrics)
}

/// A restored store refuses every session and token older than the restore.
fn refuse_older(revocations: &Followed, issuer: &str, not_before: Option<Timestamp>) {
    let Some(instant) = not_before else { return };
    let ends = Timestamp::from_millis(u64::MAX);
    let revocation =
        Revocation { issuer: issuer.to_owned(), scope: Scope::Everything, instant, basis: Basis::SignIn, ends, user: None };
    revocations.table().apply(&Logged { number: 0, revocation });
}

/// Removes what has expired: at once under settings that are new, by which more may have, and now and then.
async fn sweep(current: Arc<ArcSwapOption<Authority>>, replaced: Arc<Notify>) {
    loop {
        if let Some(authority) = current.load_full()
            && let Err(error) = authority.sweep().await
        {
            tracing::warn!(%error, "what has expired could not be removed; it is tried again");
        }
        // However it ends, it is time.
        drop(tokio::time::timeout(SWEEP, replaced.notified()).await);
    }
}
