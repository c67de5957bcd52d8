//! A route made ready to serve: its settings with everything resolved that a request would otherwise look up.

use std::sync::Arc;

use super::metrics::{Metrics, RouteMetrics};
use super::own::OwnPlan;
use crate::route::RouteSettings;
use crate::upstream::Upstream;

/// What a place of the route table stands for.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// A route to a backend.
    Route(Arc<RoutePlan>),
    /// The gateway answers itself.
    Own(Arc<OwnPlan>),
}

impl Destination {
    /// What logs call it.
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::Route(plan) => &plan.settings.name,
            Self::Own(plan) => &plan.name,
        }
    }

    pub(super) fn metrics(&self) -> &RouteMetrics {
        match self {
            Self::Route(plan) => &plan.metrics,
            Self::Own(plan) => &plan.metrics,
        }
    }
}

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
