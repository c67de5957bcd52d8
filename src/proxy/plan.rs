//! A route made ready to serve: its settings with everything resolved that a request would otherwise look up.

use std::sync::Arc;

use super::metrics::{Metrics, RouteMetrics};
use crate::route::RouteSettings;
use crate::upstream::Upstream;

/// One route of the running configuration.
#[derive(Debug)]
pub struct RoutePlan {
    pub(super) settings: RouteSettings,
    pub(super) upstream: Arc<Upstream>,
    pub(super) metrics: RouteMetrics,
}

impl RoutePlan {
    /// Joins a route with its upstream.
    pub fn new(settings: RouteSettings, upstream: Arc<Upstream>, metrics: &Metrics) -> Self {
        let metrics = metrics.route(&settings.name);
        Self { settings, upstream, metrics }
    }

    /// What the operator decided.
    pub fn settings(&self) -> &RouteSettings {
        &self.settings
    }

    /// Whether this route accepts the tokens of the issuer called `name`.
    pub(super) fn accepts(&self, name: &Arc<str>) -> bool {
        self.settings.issuers.iter().any(|accepted| Arc::ptr_eq(accepted, name) || accepted == name)
    }
}
