//! What is counted of events. Webhooks are labelled by their configured names.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// The metric families of events.
#[derive(Clone, Debug)]
pub(in crate::authority) struct EventMetrics {
    deliveries: IntCounterVec,
    pending: IntGaugeVec,
    dropped: IntCounterVec,
}

/// Every `result` of a delivery.
pub(super) const RESULTS: [&str; 4] = ["delivered", "refused", "unreachable", "failed"];

impl EventMetrics {
    pub(in crate::authority) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let deliveries = Opts::new("tollgate_webhook_deliveries_total", "Attempts to deliver an event, by webhook and result.");
        let deliveries = IntCounterVec::new(deliveries, &["webhook", "result"])?;
        let pending = Opts::new("tollgate_webhook_events_pending", "Events that wait for a webhook, in the store.");
        let pending = IntGaugeVec::new(pending, &["webhook"])?;
        let dropped = "Events that were given up: no room was left, or they were too old.";
        let dropped = IntCounterVec::new(Opts::new("tollgate_webhook_events_dropped_total", dropped), &["webhook"])?;
        registry.register(Box::new(deliveries.clone()))?;
        registry.register(Box::new(pending.clone()))?;
        registry.register(Box::new(dropped.clone()))?;
        Ok(Self { deliveries, pending, dropped })
    }

    /// Shows a webhook's series from now on, zeros included.
    pub(super) fn show(&self, webhook: &str) {
        RESULTS.iter().for_each(|result| drop(self.deliveries.with_label_values(&[webhook, result])));
        self.dropped.with_label_values(&[webhook]);
        self.pending.with_label_values(&[webhook]);
    }

    /// One that is no more has nothing that waits.
    pub(super) fn forget(&self, webhook: &str) {
        // It may never have been shown.
        drop(self.pending.remove_label_values(&[webhook]));
    }

    pub(super) fn attempted(&self, webhook: &str, result: &str) {
        self.deliveries.with_label_values(&[webhook, result]).inc();
    }

    pub(super) fn waiting(&self, webhook: &str, events: u64) {
        self.pending.with_label_values(&[webhook]).set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    pub(super) fn dropped(&self, webhook: &str, events: u64) {
        self.dropped.with_label_values(&[webhook]).inc_by(events);
    }
}
