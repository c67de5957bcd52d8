//! What is counted about revocations, with fixed label sets. Sizes and lag are read where they live, at scrape.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntCounter, IntGauge, Registry};

use super::follow::Progress;
use super::table::Revocations;
use crate::clock::Clock;
use crate::store::{Logged, ScopeKind};
use crate::telemetry::{Family, ShardedCounter};

/// From where an entry came to this gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A caller of this gateway's API.
    Api,
    /// An identity server's webhook to this gateway.
    Webhook,
    /// The log, written by another gateway or by a command.
    Log,
    /// The log, read at the start.
    Start,
}

impl Origin {
    const ALL: [Self; 4] = [Self::Api, Self::Webhook, Self::Log, Self::Start];

    /// The stable word: metric label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Webhook => "webhook",
            Self::Log => "log",
            Self::Start => "start",
        }
    }
}

/// The metric families of revocations, children resolved.
#[derive(Debug)]
pub struct RevocationMetrics {
    applied: [[Arc<ShardedCounter>; ScopeKind::ALL.len()]; Origin::ALL.len()],
    rejected: [Arc<ShardedCounter>; ScopeKind::ALL.len()],
}

impl RevocationMetrics {
    /// Registers every family with `registry`; `table` and `progress` are read at scrape by `clock`.
    ///
    /// # Errors
    /// Where a family of the same name is registered already.
    pub fn register(
        registry: &Registry,
        table: &Arc<Revocations>,
        progress: &Arc<Progress>,
        clock: Clock,
    ) -> prometheus::Result<Arc<Self>> {
        let applied = Family::counters("tollgate_revocations_total", "Revocations taken, by origin.", &["scope", "origin"])?;
        let rejections = "Tokens refused as revoked, by what was revoked.";
        let rejected = Family::counters("tollgate_revocation_rejections_total", rejections, &["scope"])?;
        registry.register(Box::new(applied.clone()))?;
        registry.register(Box::new(rejected.clone()))?;
        registry.register(Box::new(TableCollector::new(Arc::clone(table), Arc::clone(progress), clock)?))?;
        let of_origin = |origin: Origin| ScopeKind::ALL.map(|kind| applied.child(&[kind.word(), origin.word()]));
        Ok(Arc::new(Self {
            applied: Origin::ALL.map(of_origin),
            rejected: ScopeKind::ALL.map(|kind| rejected.child(&[kind.word()])),
        }))
    }

    /// Entries were taken into the table.
    pub(super) fn applied<'a>(&self, logged: impl Iterator<Item = &'a Logged>, origin: Origin) {
        let Some(counters) = self.applied.get(origin as usize) else { return };
        for entry in logged {
            if let Some(counter) = counters.get(entry.revocation.scope.kind() as usize) {
                counter.increment();
            }
        }
    }

    /// A token was refused for an entry of this kind.
    pub fn rejected(&self, kind: ScopeKind) {
        if let Some(counter) = self.rejected.get(kind as usize) {
            counter.increment();
        }
    }
}

/// The table's size and how far it is behind.
struct TableCollector {
    table: Arc<Revocations>,
    progress: Arc<Progress>,
    clock: Clock,
    descriptions: Vec<Desc>,
}

struct TableFamilies {
    entries: IntGauge,
    folded: IntCounter,
    lag: Gauge,
}

impl TableFamilies {
    fn new() -> prometheus::Result<Self> {
        let folded = "Entries of tokens and sessions that gave way to their user's in a full table.";
        Ok(Self {
            entries: IntGauge::new("tollgate_revocation_entries", "Revocations in force.")?,
            folded: IntCounter::new("tollgate_revocations_folded_total", folded)?,
            lag: Gauge::new("tollgate_revocation_lag_seconds", "Time since the revocation log was last read to its end.")?,
        })
    }

    fn all(&self) -> [&dyn Collector; 3] {
        [&self.entries, &self.folded, &self.lag]
    }
}

impl TableCollector {
    fn new(table: Arc<Revocations>, progress: Arc<Progress>, clock: Clock) -> prometheus::Result<Self> {
        let families = TableFamilies::new()?;
        let descriptions = families.all().iter().flat_map(|family| family.desc()).cloned().collect();
        Ok(Self { table, progress, clock, descriptions })
    }
}

impl Collector for TableCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(families) = TableFamilies::new() else { return Vec::new() };
        families.entries.set(i64::try_from(self.table.len()).unwrap_or(i64::MAX));
        families.folded.inc_by(self.table.folded());
        families.lag.set(self.progress.lag(self.clock.now()).as_secs_f64());
        families.all().iter().flat_map(|family| family.collect()).collect()
    }
}
