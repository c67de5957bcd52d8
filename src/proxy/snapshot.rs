//! The running configuration as one request sees it from its first stage to its last: immutable, swapped whole.

use std::sync::Arc;

use super::access_log::AccessLog;
use super::metrics::{Metrics, RouteMetrics};
use super::plan::RoutePlan;
use super::sanitize::ManagedHeaders;
use crate::issuer::Verifier;
use crate::route::{Entry, RouteTable};

/// What a request needs to know. Built and checked whole before it is swapped in.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) routes: RouteTable<Arc<RoutePlan>>,
    pub(super) managed: ManagedHeaders,
    pub(super) verifier: Verifier,
    pub(super) access_log: Option<AccessLog>,
    pub(super) metrics: Metrics,
    /// Counts what matches no route.
    pub(super) unmatched: RouteMetrics,
}

impl Snapshot {
    /// Puts the parts together. `managed` are the names removed from every inbound request.
    pub fn new(
        routes: Vec<RoutePlan>,
        managed: &[String],
        verifier: Verifier,
        access_log: Option<AccessLog>,
        metrics: Metrics,
    ) -> Self {
        let entry = |plan: RoutePlan| -> Entry<Arc<RoutePlan>> {
            let settings = plan.settings();
            let (host, path) = (settings.host.clone(), settings.path.clone());
            (host, path, settings.methods.clone(), settings.allow_encoded_slash, Arc::new(plan))
        };
        Self {
            routes: RouteTable::build(routes.into_iter().map(entry).collect()),
            managed: ManagedHeaders::new(managed.iter().map(String::as_str)),
            verifier,
            access_log,
            unmatched: metrics.route("none"),
            metrics,
        }
    }
}
