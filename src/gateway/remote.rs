//! A remote authority's part of a configuration: what calls it, and its API's places in the route table.

use std::sync::Arc;

use super::authority::api_places;
use super::build::BuildError;
use super::metrics::Metrics;
use crate::api::Relay;
use crate::authority::{AUTHORITY_ISSUER, RemoteAuthority, RemoteSettings};
use crate::proxy::{self, OwnPlan};
use crate::upstream::Upstream;

/// The remote authority of `settings`, over one of `upstreams`.
pub(super) fn remote_authority(
    settings: &RemoteSettings,
    upstreams: &[Arc<Upstream>],
    former: Option<&Arc<RemoteAuthority>>,
    metrics: &Metrics,
) -> Result<Arc<RemoteAuthority>, BuildError> {
    let upstream = upstreams.iter().find(|upstream| upstream.settings().name == settings.upstream.name);
    let unknown =
        || BuildError::UnknownUpstream { route: AUTHORITY_ISSUER.into(), upstream: Arc::clone(&settings.upstream.name) };
    let upstream = Arc::clone(upstream.ok_or_else(unknown)?);
    let former = former.map(|former| &**former);
    Ok(Arc::new(RemoteAuthority::new(settings.clone(), upstream, metrics.remote.clone(), former)))
}

/// The places of the API, where the remote answers.
pub(super) fn relay(remote: &Arc<RemoteAuthority>, metrics: &proxy::Metrics) -> OwnPlan {
    api_places(remote.settings().host.as_deref(), Arc::new(Relay::new(Arc::clone(remote))), metrics)
}
