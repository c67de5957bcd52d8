//! All metric families of one gateway, and what it counts about its configuration and its log.

use std::sync::Arc;

use prometheus::{Gauge, IntGauge, Opts, Registry, TextEncoder};

use crate::authority::{AuthorityMetrics, RemoteMetrics};
use crate::clock::Clock;
use crate::events::EventMetrics;
use crate::issuer::{CacheSettings, IssuerMetrics, Remembered};
use crate::proxy::InPlace;
use crate::revocation::{DEFAULT_CAPACITY, Followed, Progress, RevocationMetrics, Revocations};
use crate::{listener, proxy, upstream};

/// Two families have one name.
pub(super) type MetricsError = prometheus::Error;

/// The registry with the families of every module.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    pub(super) listener: Arc<listener::Metrics>,
    pub(super) proxy: proxy::Metrics,
    pub(super) upstream: upstream::Metrics,
    pub(super) issuer: Arc<IssuerMetrics>,
    /// The verified-token cache, made once: it outlives every configuration, and its counters are scraped from here.
    pub(super) remembered: Arc<Remembered>,
    /// What the authority did for routes, made once as well.
    pub(super) in_place: Arc<InPlace>,
    pub(super) authority: AuthorityMetrics,
    pub(super) remote: RemoteMetrics,
    /// Which tokens have ended early, made once as well.
    pub(super) revocations: Arc<Followed>,
    pub(super) events: EventMetrics,
    pub(super) reload_success: IntGauge,
    pub(super) reload_timestamp: Gauge,
    pub(super) log_lines_dropped: IntGauge,
}

impl Metrics {
    /// A registry of its own, so that two gateways in one process do not share counters.
    pub(super) fn register(cache: &CacheSettings, clock: &Clock) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let listener = Arc::new(listener::Metrics::register(&registry)?);
        let proxy = proxy::Metrics::register(&registry, listener.ambiguous_requests().clone())?;
        let upstream = upstream::Metrics::register(&registry)?;
        let remembered = Arc::new(Remembered::new(cache));
        let issuer = IssuerMetrics::register(&registry, &remembered, clock.clone())?;
        let authority = AuthorityMetrics::register(&registry)?;
        let remote = RemoteMetrics::register(&registry)?;
        let revocations = revocations(&registry, clock)?;
        let events = EventMetrics::register(&registry)?;
        let reload_success = IntGauge::new(
            "tollgate_config_reload_success",
            "1 when the latest configuration was taken over, 0 when it was refused.",
        )?;
        let reload_timestamp =
            Gauge::new("tollgate_config_reload_timestamp_seconds", "When a configuration was last taken over.")?;
        let log_lines_dropped = IntGauge::new("tollgate_log_lines_dropped", "Log lines lost because the log could not keep up.")?;
        let build = IntGauge::with_opts(
            Opts::new("tollgate_build_info", "1; the labels say what is running.")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build.set(1);
        registry.register(Box::new(reload_success.clone()))?;
        registry.register(Box::new(reload_timestamp.clone()))?;
        registry.register(Box::new(log_lines_dropped.clone()))?;
        registry.register(Box::new(build))?;
        Ok(Self {
            registry,
            listener,
            proxy,
            upstream,
            issuer,
            remembered,
            in_place: Arc::new(InPlace::new(cache)),
            authority,
            remote,
            revocations,
            events,
            reload_success,
            reload_timestamp,
            log_lines_dropped,
        })
    }

    /// Prometheus' text format.
    pub(super) fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

fn revocations(registry: &Registry, clock: &Clock) -> prometheus::Result<Arc<Followed>> {
    let (table, progress) = (Arc::new(Revocations::new(DEFAULT_CAPACITY)), Arc::new(Progress::default()));
    let metrics = RevocationMetrics::register(registry, &table, &progress, clock.clone())?;
    Ok(Arc::new(Followed::new(table, progress, metrics)))
}
