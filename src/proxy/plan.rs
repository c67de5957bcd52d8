//! A route made ready to serve: its settings with everything resolved that a request would otherwise look up.

use std::sync::Arc;

use serde_json::Value;

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
    /// The `aud` of the authority's tokens here.
    audience: Option<Box<str>>,
}

impl RoutePlan {
    /// Joins a route with its upstream.
    pub fn new(settings: RouteSettings, upstream: Arc<Upstream>, metrics: &Metrics) -> Self {
        let metrics = metrics.route(&settings.name);
        let audience = settings.application.map(|id| id.to_string().into());
        Self { settings, upstream, metrics, audience }
    }

    /// What the operator decided.
    pub fn settings(&self) -> &RouteSettings {
        &self.settings
    }

    /// Whether `aud` is the route's application and nothing else.
    pub(super) fn is_for_audience(&self, aud: Option<&Value>) -> bool {
        self.audience.is_some() && aud.and_then(Value::as_str) == self.audience.as_deref()
    }

    /// Whether this route accepts the tokens of the issuer called `name`.
    pub(super) fn accepts(&self, name: &Arc<str>) -> bool {
        self.settings.issuers.iter().any(|accepted| Arc::ptr_eq(accepted, name) || accepted == name)
    }
}
