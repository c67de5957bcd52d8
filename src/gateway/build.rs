//! From settings to running parts, without touching anything that runs.

use std::sync::Arc;

use super::authority::{Estate, EstateError, endpoints, silent_endpoints};
use super::events::{inbox, places, receivers};
use super::metrics::{Metrics, MetricsError};
use super::options::Options;
use super::remote::{relay, remote_authority};
use super::running::Running;
use crate::authority::{Authority, Issuing, ProviderError, Providers, RemoteAuthority};
use crate::config::Settings;
use crate::events::{Inbox, Receiver, ReceiverError};
use crate::issuer::{Registry, RegistryError, Verifier};
use crate::listener::{Listener, ListenerError};
use crate::proxy::{AccessLog, RoutePlan, Snapshot, SnapshotParts};
use crate::upstream::{TlsSettingsError, Upstream, UpstreamSettings};

/// A configuration that reads well and cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A listener's certificates or keys.
    #[error("listener `{name}`: {cause}")]
    Listener {
        /// The listener.
        name: Arc<str>,
        /// Why.
        cause: ListenerError,
    },
    /// An issuer's keys.
    #[error("{}", list(.0))]
    Issuers(Vec<RegistryError>),
    /// An upstream's certificates or names.
    #[error("upstream `{name}`: {cause}")]
    Upstream {
        /// The upstream.
        name: Arc<str>,
        /// Why.
        cause: TlsSettingsError,
    },
    /// A route names an upstream that is not there; the configuration compiler refuses this first.
    #[error("route `{route}`: there is no upstream `{upstream}`")]
    UnknownUpstream {
        /// The route.
        route: Arc<str>,
        /// The name it gives.
        upstream: Arc<str>,
    },
    /// The store.
    #[error("{0}")]
    Store(EstateError),
    /// What the authority has in the store.
    #[error("the authority: {0}")]
    Authority(#[from] EstateError),
    /// An identity provider's keys.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Keys that sign events.
    #[error(transparent)]
    Events(#[from] ReceiverError),
    /// Two metric families have one name: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] MetricsError),
}

impl BuildError {
    pub(super) fn listener((name, cause): (Arc<str>, ListenerError)) -> Self {
        Self::Listener { name, cause }
    }
}

/// What a configuration is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To serve.
    Service,
    /// To be asked what it would decide; nobody else is asked anything.
    Rehearsal,
}

/// The parts of one configuration, not yet in force.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) issuers: Arc<Registry>,
    pub(super) authority: Option<Arc<Authority>>,
    pub(super) remote: Option<Arc<RemoteAuthority>>,
    pub(super) events: Vec<Receiver>,
    pub(super) upstreams: Vec<Arc<Upstream>>,
}

/// Builds the parts of `settings`, keeping those of `running` that are unchanged.
pub(super) fn build(
    settings: &Settings,
    running: Option<&Running>,
    estate: Option<&Estate>,
    inbox: &Arc<Inbox>,
    metrics: &Metrics,
    options: &Options,
    purpose: Purpose,
) -> Result<Built, BuildError> {
    let own = estate.zip(settings.authority.as_ref());
    let accepted = settings.issuers.iter().cloned().chain(own.iter().flat_map(|(estate, authority)| estate.issuers(authority)));
    let previous = running.map(|running| running.issuers.as_ref());
    let issuers = Registry::build(accepted.collect(), previous, &options.clock, &metrics.issuer);
    let issuers = Arc::new(issuers.map_err(BuildError::Issuers)?);
    let upstreams = upstreams(&settings.upstreams, running, metrics)?;
    let (remembered, clock) = (Arc::clone(&metrics.remembered), options.clock.clone());
    let verifier = || {
        let (issuers, remembered) = (Arc::clone(&issuers), Arc::clone(&remembered));
        Verifier::new(issuers, remembered, Arc::clone(&metrics.issuer), clock.clone())
    };
    let authority = own.map(|(estate, settings)| estate.authority(settings, &metrics.issuer)).transpose()?;
    let own = match (&authority, &settings.authority) {
        (Some(authority), _) => Some(endpoints(authority, verifier(), &metrics.proxy)),
        (None, Some(settings)) => Some(silent_endpoints(settings, &metrics.proxy)),
        (None, None) => None,
    };
    let former = running.and_then(|running| running.remote.as_ref());
    let remote = settings.remote.as_ref().map(|remote| remote_authority(remote, &upstreams, former, metrics)).transpose()?;
    let own = own.or_else(|| remote.as_ref().map(|remote| relay(remote, &metrics.proxy)));
    let issuing = authority.clone().map(Issuing::Embedded).or_else(|| remote.clone().map(Issuing::Remote));
    let former = running.map_or(&[][..], |running| &running.events);
    let events = receivers(&settings.events, former, &issuers, inbox, metrics, options)?;
    let snapshot = Snapshot::new(SnapshotParts {
        routes: routes(settings, &upstreams, metrics)?,
        own: own.into_iter().chain(places(&events, metrics)).collect(),
        verifier: verifier(),
        authority: issuing.filter(|_| purpose == Purpose::Service),
        remote: settings.remote.as_ref().map(|remote| remote.upstream.servers.iter().map(ToString::to_string).collect()),
        revocations: Arc::clone(&metrics.revocations),
        in_place: Arc::clone(&metrics.in_place),
        access_log: AccessLog::new(&settings.log, options.log.clone(), options.clock.clone()),
        upstreams: upstreams.clone(),
        metrics: metrics.proxy.clone(),
    });
    Ok(Built { snapshot: Arc::new(snapshot), issuers, authority, remote, events, upstreams })
}

fn list(errors: &[RegistryError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// An upstream whose settings are the same keeps its connections.
fn upstreams(
    settings: &[UpstreamSettings],
    running: Option<&Running>,
    metrics: &Metrics,
) -> Result<Vec<Arc<Upstream>>, BuildError> {
    let build_one = |wanted: &UpstreamSettings| {
        let kept = running.and_then(|running| running.upstreams.iter().find(|upstream| upstream.settings() == wanted));
        match kept {
            Some(upstream) => Ok(Arc::clone(upstream)),
            None => Upstream::build(wanted.clone(), &metrics.upstream)
                .map_err(|cause| BuildError::Upstream { name: Arc::clone(&wanted.name), cause }),
        }
    };
    settings.iter().map(build_one).collect()
}

fn routes(settings: &Settings, upstreams: &[Arc<Upstream>], metrics: &Metrics) -> Result<Vec<RoutePlan>, BuildError> {
    let plan = |route: &crate::route::RouteSettings| {
        let upstream = upstreams.iter().find(|upstream| upstream.settings().name == route.upstream);
        let unknown = || BuildError::UnknownUpstream { route: Arc::clone(&route.name), upstream: Arc::clone(&route.upstream) };
        let upstream = Arc::clone(upstream.ok_or_else(unknown)?);
        Ok(RoutePlan::new(route.clone(), upstream, &metrics.proxy))
    };
    settings.routes.iter().map(plan).collect()
}

/// Builds everything that `run` would build but what is in the store: certificates, keys, key sets, names. Opens no socket
/// and no store and asks nobody, so the snapshot can be asked what it would decide with the keys that came with the
/// configuration.
///
/// # Errors
/// What would stop `run`.
pub fn rehearse(settings: &Settings, options: &Options) -> Result<Arc<Snapshot>, BuildError> {
    let metrics = Metrics::register(&settings.token_cache, &options.clock)?;
    for listener in &settings.listeners {
        let built = Listener::build(listener.clone(), Arc::clone(&metrics.listener));
        built.map_err(|cause| BuildError::listener((Arc::clone(&listener.name), cause)))?;
    }
    if let Some(authority) = &settings.authority {
        Providers::build(&authority.identity_providers, None, &options.clock, &metrics.issuer)?;
    }
    build(settings, None, None, &inbox(None, &metrics, options), &metrics, options, Purpose::Rehearsal)
        .map(|built| built.snapshot)
}
