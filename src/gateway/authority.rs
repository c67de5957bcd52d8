//! The embedded authority's parts that outlive configurations: the store, the keys, and the tasks that keep them up.
//!
//! Opened once, before anything is served.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::Response;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};
use tokio::task::AbortHandle;

use super::metrics::{Metrics, MetricsError};
use super::opened_store::OpenedStore;
use super::saved_keys::SavedKeys;
use crate::api::{Api, PATHS};
use crate::authority::{
    Attempts, Authority, AuthoritySettings, Deliveries, Following, Latest, NewEvents, Parts, Passwords, ProviderError, Providers,
    SealingError, SigningKeySettings, SigningKeys, SigningKeysError, issuers,
};
use crate::clock::{Clock, Timestamp};
use crate::issuer::{Archive, CacheSettings, IssuerMetrics, IssuerSettings, Verifier};
use crate::proxy::{self, Answering, Endpoints, OwnPlan, OwnRequest};
use crate::revocation::{self, Followed};
use crate::route::{HostPattern, PathPrefix};
use crate::store::sqlite::OpenError;
use crate::store::{Basis, Logged, Revocation, Scope, StoreError};

/// How often what has expired is removed.
const SWEEP: Duration = Duration::from_secs(60);
/// The name of the API in metrics and logs, where routes have theirs.
const PLACE: &str = "authority";

/// Why the store, or the authority on it, cannot be had.
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
    /// The store was made, and no gateway has used it.
    #[error("{}: no gateway has used this store yet; the first start gives it its key", .0.display())]
    Unused(PathBuf),
    /// Two metric families have one name: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] MetricsError),
}

/// What outlives configurations, with the tasks that end when it is dropped.
#[derive(Debug)]
pub(super) struct Estate {
    pub(super) parts: Arc<Parts>,
    /// The authority in force, for the sweeper and for its successor.
    current: Arc<ArcSwapOption<Authority>>,
    /// Where keys of identity providers are fetched, and saved.
    runtime: Handle,
    archive: Archive,
    /// Another authority is in force.
    replaced: Arc<Notify>,
    _keys: Following,
    deliveries: Deliveries,
    sweep: AbortHandle,
}

impl Estate {
    /// Reads what is in the store, and starts its tasks on `runtime`.
    pub(super) async fn open(
        opened: &OpenedStore,
        settings: &AuthoritySettings,
        metrics: &Metrics,
        clock: &Clock,
        runtime: &Handle,
    ) -> Result<Self, EstateError> {
        let parts = Arc::new(parts(opened, settings, metrics, clock).await?);
        let keys = Arc::clone(&parts.keys);
        let (current, replaced) = (Arc::new(ArcSwapOption::empty()), Arc::new(Notify::new()));
        let sweep = sweep(Arc::clone(&current), Arc::clone(&replaced));
        Ok(Self {
            parts,
            current,
            replaced,
            runtime: runtime.clone(),
            archive: SavedKeys::of_providers(opened),
            _keys: keys.follow(runtime),
            deliveries: Deliveries::default(),
            sweep: runtime.spawn(sweep).abort_handle(),
        })
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
        let former = former.as_deref();
        let kept = former.map(Authority::providers);
        let providers = Providers::build(&settings.identity_providers, kept, &self.parts.clock, metrics)?;
        let authority = Authority::new(Arc::new(settings.clone()), Arc::clone(&self.parts), providers);
        Ok(Arc::new(authority.succeeding(former)))
    }

    /// Takes other settings over for the keys: the only part that can fail.
    pub(super) async fn reconfigure(&self, settings: &AuthoritySettings) -> Result<(), EstateError> {
        Ok(self.parts.keys.reconfigure(SigningKeySettings::of(settings)).await?)
    }

    /// Puts `authority` in force.
    pub(super) fn commit(&self, authority: Arc<Authority>) {
        authority.providers().start(&self.runtime, &self.archive);
        self.deliveries.replace(&authority, &self.runtime);
        self.current.store(Some(authority));
        self.replaced.notify_one();
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        self.sweep.abort();
    }
}

/// What the authority works with; the keys are there, and whoever asks for it loads the revocations.
async fn parts(
    opened: &OpenedStore,
    settings: &AuthoritySettings,
    metrics: &Metrics,
    clock: &Clock,
) -> Result<Parts, EstateError> {
    let (store, sealer) = (Arc::clone(&opened.store), Arc::clone(&opened.sealer));
    let keys = SigningKeySettings::of(settings);
    let keys = SigningKeys::open(Arc::clone(&store), Arc::clone(&sealer), clock.clone(), keys).await?;
    let revocations = Arc::clone(&metrics.revocations);
    refuse_older(&revocations, &settings.issuer, opened.identity.not_before);
    Ok(Parts {
        store,
        sealer,
        keys,
        revocations,
        passwords: Passwords::new(&settings.passwords),
        latest: Latest::default(),
        probed: Mutex::default(),
        attempts: Attempts::new(&settings.passwords),
        new_events: NewEvents::default(),
        metrics: metrics.authority.clone(),
        clock: clock.clone(),
    })
}

/// An authority that no gateway serves.
pub(super) async fn authority_beside(
    opened: &OpenedStore,
    settings: AuthoritySettings,
    clock: &Clock,
) -> Result<Authority, EstateError> {
    let metrics = Metrics::register(&CacheSettings { capacity: 0, bytes: 0 }, clock)?;
    revocation::load(&*opened.store, &metrics.revocations, clock.now()).await?;
    let parts = parts(opened, &settings, &metrics, clock).await?;
    // It signs nobody in by another party's token.
    Ok(Authority::new(Arc::new(settings), Arc::new(parts), Providers::default()))
}

/// The places of the API in the route table.
pub(super) fn endpoints(authority: &Arc<Authority>, verifier: Verifier, metrics: &proxy::Metrics) -> OwnPlan {
    let api = Api::new(Arc::clone(authority), verifier, metrics.clone());
    api_places(authority.settings().host.as_deref(), Arc::new(api), metrics)
}

/// The same places where nobody answers: for a gateway that never serves.
pub(super) fn silent_endpoints(settings: &AuthoritySettings, metrics: &proxy::Metrics) -> OwnPlan {
    api_places(settings.host.as_deref(), Arc::new(Silent), metrics)
}

/// The places of the API on `host`, or on any, where `endpoints` answer.
pub(super) fn api_places(host: Option<&str>, endpoints: Arc<dyn Endpoints>, metrics: &proxy::Metrics) -> OwnPlan {
    let host = host.map_or(HostPattern::Any, |host| HostPattern::Exact(host.into()));
    let paths = PATHS.iter().filter_map(|path| PathPrefix::parse(path).ok()).collect();
    OwnPlan::new(PLACE, host, paths, endpoints, metrics)
}

/// Stands where the API is; asked by nobody.
#[derive(Debug)]
struct Silent;

impl Endpoints for Silent {
    fn answer(&self, _: OwnRequest) -> Answering {
        Box::pin(std::future::ready(Response::new(Bytes::new())))
    }
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
