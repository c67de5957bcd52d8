//! What an upstream counts about itself.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts, Registry};

use super::pool::Server;
use crate::telemetry::{EXCHANGE_BOUNDS, Family, ShardedHistogram};

/// The families of all upstreams.
#[derive(Clone, Debug)]
pub struct Metrics {
    request_duration: Family<ShardedHistogram>,
    connections: Connections,
}

/// The children of one upstream, resolved once.
#[derive(Debug)]
pub(super) struct UpstreamMetrics {
    pub(super) request_duration: Arc<ShardedHistogram>,
}

impl Metrics {
    /// Registers the families.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let request_duration = Family::histograms(
            "tollgate_upstream_request_duration_seconds",
            "Time from choosing a server to its response head.",
            &["upstream"],
            &EXCHANGE_BOUNDS,
        )?;
        let gauge = IntGaugeVec::new(
            Opts::new("tollgate_upstream_connections", "Open connections to servers, by what they are doing."),
            &["upstream", "state"],
        )?;
        let connections = Connections { gauge, servers: Arc::default() };
        registry.register(Box::new(request_duration.clone()))?;
        registry.register(Box::new(connections.clone()))?;
        Ok(Self { request_duration, connections })
    }

    pub(super) fn upstream(&self, name: &str, servers: &[Arc<Server>]) -> UpstreamMetrics {
        self.connections.watch(name, servers);
        UpstreamMetrics { request_duration: self.request_duration.child(&[name]) }
    }
}

/// A server with the name of its upstream; forgotten once no configuration has it.
type Watched = (String, Weak<Server>);

/// Counts connections when scraped, from the numbers that the pools keep anyway.
#[derive(Clone, Debug)]
struct Connections {
    gauge: IntGaugeVec,
    servers: Arc<Mutex<Vec<Watched>>>,
}

impl Connections {
    fn watch(&self, name: &str, servers: &[Arc<Server>]) {
        let mut watched = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|(_, server)| server.strong_count() > 0);
        watched.extend(servers.iter().map(|server| (name.to_owned(), Arc::downgrade(server))));
    }
}

impl Collector for Connections {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.reset();
        let watched = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, server) in watched.iter().filter_map(|(name, server)| Some((name, server.upgrade()?))) {
            let active = i64::try_from(server.in_flight()).unwrap_or(i64::MAX);
            let open = i64::try_from(server.open()).unwrap_or(i64::MAX);
            self.gauge.with_label_values(&[name, "active"]).add(active);
            self.gauge.with_label_values(&[name, "idle"]).add((open - active).max(0));
        }
        self.gauge.collect()
    }
}
