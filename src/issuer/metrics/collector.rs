//! Figures that are read where they live when Prometheus asks: key sets' sizes and ages, the verified-token cache.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounter, IntGauge, IntGaugeVec, Opts};

use crate::clock::Clock;
use crate::issuer::{Keys, Remembered};

/// The key sets that are shown, by issuer name; replaced when a registry is committed.
pub(super) type Shown = Arc<ArcSwap<Vec<(Arc<str>, Weak<Keys>)>>>;

/// Sizes and ages of key sets. An issuer without a set has size 0 and no age; one that is never fetched has no age.
pub(super) struct KeySetCollector {
    shown: Shown,
    clock: Clock,
    descriptions: Vec<Desc>,
}

impl KeySetCollector {
    pub(super) fn new(shown: Shown, clock: Clock) -> prometheus::Result<Self> {
        let (sizes, ages) = Self::families()?;
        Ok(Self { shown, clock, descriptions: described(&[&sizes, &ages]) })
    }

    fn families() -> prometheus::Result<(IntGaugeVec, GaugeVec)> {
        let sizes = Opts::new("tollgate_keys", "Keys in an issuer's latest key set.");
        let ages = Opts::new("tollgate_key_set_age_seconds", "Time since an issuer's keys were last fetched.");
        Ok((IntGaugeVec::new(sizes, &["issuer"])?, GaugeVec::new(ages, &["issuer"])?))
    }
}

impl Collector for KeySetCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok((sizes, ages)) = Self::families() else { return Vec::new() };
        let now = self.clock.now();
        for (name, keys) in self.shown.load().iter() {
            let Some(keys) = keys.upgrade() else { continue };
            let status = keys.status(now);
            sizes.with_label_values(&[&**name]).set(i64::try_from(status.count).unwrap_or(i64::MAX));
            if let Some(age) = status.age {
                ages.with_label_values(&[&**name]).set(age.as_secs_f64());
            }
        }
        gathered(&[&sizes, &ages])
    }
}

/// What the verified-token cache did.
pub(super) struct CacheCollector {
    remembered: Arc<Remembered>,
    descriptions: Vec<Desc>,
}

struct CacheFamilies {
    hits: IntCounter,
    misses: IntCounter,
    evictions: IntCounter,
    entries: IntGauge,
}

impl CacheFamilies {
    fn new() -> prometheus::Result<Self> {
        let counter = |what: &str, help: &str| IntCounter::new(format!("tollgate_token_cache_{what}_total"), help);
        Ok(Self {
            hits: counter("hits", "Tokens found remembered.")?,
            misses: counter("misses", "Tokens not found remembered.")?,
            evictions: counter("evictions", "Remembered tokens that made room for others.")?,
            entries: IntGauge::new("tollgate_token_cache_entries", "Tokens remembered now.")?,
        })
    }

    fn all(&self) -> [&dyn Collector; 4] {
        [&self.hits, &self.misses, &self.evictions, &self.entries]
    }
}

impl CacheCollector {
    pub(super) fn new(remembered: Arc<Remembered>) -> prometheus::Result<Self> {
        Ok(Self { remembered, descriptions: described(&CacheFamilies::new()?.all()) })
    }
}

impl Collector for CacheCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(families) = CacheFamilies::new() else { return Vec::new() };
        let stats = self.remembered.stats();
        families.hits.inc_by(stats.hits);
        families.misses.inc_by(stats.misses);
        families.evictions.inc_by(stats.evictions);
        families.entries.set(i64::try_from(stats.entries).unwrap_or(i64::MAX));
        gathered(&families.all())
    }
}

fn described(families: &[&dyn Collector]) -> Vec<Desc> {
    families.iter().flat_map(|family| family.desc()).cloned().collect()
}

/// Families without a child are left out: the encoder refuses them.
fn gathered(families: &[&dyn Collector]) -> Vec<MetricFamily> {
    let families = families.iter().flat_map(|family| family.collect());
    families.filter(|family| !family.get_metric().is_empty()).collect()
}
