//! What listeners count.
//!
//! `gateway` registers the families once for all listeners. Label values are closed sets and the names of listeners;
//! children are resolved when a listener is built, so that counting on the way of a connection is one atomic addition.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::failure::Failure;

/// Metric families of all listeners of a process.
#[derive(Debug)]
pub struct Metrics {
    handshakes: IntCounterVec,
    connections: IntGaugeVec,
    refused: IntCounterVec,
    ambiguous: IntCounterVec,
}

impl Metrics {
    /// Makes the families and registers them.
    ///
    /// # Errors
    ///
    /// When `registry` already has a family of one of these names.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            handshakes: counters("tollgate_tls_handshakes_total", "TLS handshakes by result", "result")?,
            connections: IntGaugeVec::new(Opts::new("tollgate_connections", "Open client connections"), &["listener"])?,
            refused: counters("tollgate_connections_refused_total", "Connections closed at the limit", "listener")?,
            ambiguous: counters("tollgate_ambiguous_requests_total", "Requests refused as ambiguous, by kind", "kind")?,
        };
        registry.register(Box::new(metrics.handshakes.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.ambiguous.clone()))?;
        Ok(metrics)
    }

    /// `tollgate_ambiguous_requests_total{kind}`: the listener counts what the HTTP library refuses before there is a
    /// request; whoever judges requests adds its own kinds to the same family.
    pub fn ambiguous_requests(&self) -> &IntCounterVec {
        &self.ambiguous
    }

    /// The children that the listener called `name` counts with.
    pub(super) fn counters(&self, name: &str) -> Counters {
        let handshake = |result| self.handshakes.with_label_values(&[result]);
        Counters {
            connections: self.connections.with_label_values(&[name]),
            refused: self.refused.with_label_values(&[name]),
            handshakes_ok: handshake("ok"),
            handshakes_failed: handshake("failed"),
            handshakes_timed_out: handshake("timeout"),
            handshakes_refused: handshake("refused"),
            failures: Failure::ALL.map(|failure| self.ambiguous.with_label_values(&[failure.kind()])),
        }
    }
}

fn counters(name: &str, help: &str, label: &str) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(name, help), &[label])
}

/// One listener's children.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    /// Open connections, upgraded ones too.
    pub(super) connections: IntGauge,
    /// Connections closed unserved at the limit.
    pub(super) refused: IntCounter,
    /// Handshakes that made a connection.
    pub(super) handshakes_ok: IntCounter,
    /// Handshakes that either side gave up with an error.
    pub(super) handshakes_failed: IntCounter,
    /// Handshakes that their deadline ended.
    pub(super) handshakes_timed_out: IntCounter,
    /// Handshakes cut for newer ones because too many were under way.
    pub(super) handshakes_refused: IntCounter,
    failures: [IntCounter; Failure::ALL.len()],
}

impl Counters {
    /// Counts one refused request or broken connection.
    pub(super) fn count(&self, failure: Failure) {
        if let Some(counter) = self.failures.get(failure as usize) {
            counter.inc();
        }
    }
}
