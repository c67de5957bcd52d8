//! What is counted about tokens and keys, with fixed label sets: issuer names are configured ones or `unknown`.
//!
//! Families are registered once per process and outlive reloads; `registry` resolves each issuer's children when it is
//! built, so that a request never looks up a label. Sizes and ages are read from the registry at scrape.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts};

use super::keys::Keys;
use crate::clock::Clock;
use crate::token::TokenFault;

/// Seconds: a remembered token takes about a microsecond, a signature 20 to 80, a wait for a fetch much longer.
const BUCKETS: [f64; 12] = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1];

/// The metric families of issuers and their tokens.
pub struct IssuerMetrics {
    validations: IntCounterVec,
    durations: HistogramVec,
    fetches: IntCounterVec,
    suppressed: IntCounterVec,
    pub(super) cache_hits: IntCounter,
    pub(super) cache_misses: IntCounter,
    shown: Arc<ArcSwap<Vec<(Arc<str>, Weak<Keys>)>>>,
    /// For tokens that name no configured issuer.
    pub(super) unknown: Arc<IssuerMeters>,
}

impl IssuerMetrics {
    /// Registers every family with `registry`; `clock` dates the ages of key sets.
    ///
    /// # Errors
    /// Where a family of the same name is registered already.
    pub fn register(registry: &prometheus::Registry, clock: Clock) -> prometheus::Result<Arc<Self>> {
        let validations = counters("token_validations_total", "Tokens judged.", &["issuer", "result", "reason"])?;
        let durations = HistogramVec::new(
            HistogramOpts::new("tollgate_token_validation_duration_seconds", "Time to judge one token.")
                .buckets(BUCKETS.to_vec()),
            &["issuer", "source", "result"],
        )?;
        let fetches = counters("key_fetches_total", "Fetches of an issuer's keys.", &["issuer", "result"])?;
        let suppressed =
            counters("key_fetches_suppressed_total", "Unknown key ids that the rate limit spared a fetch.", &["issuer"])?;
        let cache_hits = IntCounter::new("tollgate_token_cache_hits_total", "Tokens found remembered.")?;
        let cache_misses = IntCounter::new("tollgate_token_cache_misses_total", "Tokens not found remembered.")?;
        let families: [Box<dyn Collector>; 6] = [
            Box::new(validations.clone()),
            Box::new(durations.clone()),
            Box::new(fetches.clone()),
            Box::new(suppressed.clone()),
            Box::new(cache_hits.clone()),
            Box::new(cache_misses.clone()),
        ];
        families.into_iter().try_for_each(|family| registry.register(family))?;
        let shown = Arc::default();
        registry.register(Box::new(KeySetCollector::new(Arc::clone(&shown), clock)?))?;
        let unknown = Arc::new(IssuerMeters::new("unknown".into(), &validations, &durations, &fetches, &suppressed));
        Ok(Arc::new(Self { validations, durations, fetches, suppressed, cache_hits, cache_misses, shown, unknown }))
    }

    /// The children of one issuer.
    pub(super) fn issuer(&self, name: &Arc<str>) -> Arc<IssuerMeters> {
        let Self { validations, durations, fetches, suppressed, .. } = self;
        Arc::new(IssuerMeters::new(Arc::clone(name), validations, durations, fetches, suppressed))
    }

    /// From now on shows the sizes and ages of these key sets, and no others.
    pub(super) fn show(&self, keys: Vec<(Arc<str>, Weak<Keys>)>) {
        self.shown.store(Arc::new(keys));
    }
}

impl std::fmt::Debug for IssuerMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerMetrics").finish_non_exhaustive()
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(format!("tollgate_{name}"), help), labels)
}

/// How the judging of one token ended, as the `result` label says it.
#[derive(Clone, Copy)]
pub(super) enum Judged {
    Refused,
    Unavailable,
}

/// One issuer's children, resolved once.
pub(super) struct IssuerMeters {
    issuer: Arc<str>,
    validations: IntCounterVec,
    fetches: IntCounterVec,
    accepted: IntCounter,
    faults: Vec<IntCounter>,
    recalled: Histogram,
    verified: Histogram,
    refused: Histogram,
    unavailable: Histogram,
    pub(super) suppressed: IntCounter,
}

impl IssuerMeters {
    fn new(
        issuer: Arc<str>,
        validations: &IntCounterVec,
        durations: &HistogramVec,
        fetches: &IntCounterVec,
        suppressed: &IntCounterVec,
    ) -> Self {
        let duration = |source, result| durations.with_label_values(&[&*issuer, source, result]);
        let fault = |fault: &TokenFault| validations.with_label_values(&[&*issuer, "refused", fault.reason()]);
        Self {
            accepted: validations.with_label_values(&[&*issuer, "accepted", "none"]),
            faults: TokenFault::ALL.iter().map(fault).collect(),
            recalled: duration("cache", "accepted"),
            verified: duration("signature", "accepted"),
            refused: duration("signature", "refused"),
            unavailable: duration("signature", "unavailable"),
            suppressed: suppressed.with_label_values(&[&*issuer]),
            validations: validations.clone(),
            fetches: fetches.clone(),
            issuer,
        }
    }

    /// A remembered token was accepted.
    pub(super) fn recalled(&self, took: Duration) {
        self.accepted.inc();
        self.recalled.observe(took.as_secs_f64());
    }

    /// A token was verified by its signature.
    pub(super) fn verified(&self, took: Duration) {
        self.accepted.inc();
        self.verified.observe(took.as_secs_f64());
    }

    /// A token was refused for a fault of its own.
    pub(super) fn faulty(&self, fault: TokenFault, took: Duration) {
        if let Some(counter) = TokenFault::ALL.iter().position(|one| *one == fault).and_then(|at| self.faults.get(at)) {
            counter.inc();
        }
        self.refused.observe(took.as_secs_f64());
    }

    /// A token was not accepted for another reason than a fault of its own.
    pub(super) fn rejected(&self, judged: Judged, reason: &str, took: Duration) {
        let (result, duration) = match judged {
            Judged::Refused => ("refused", &self.refused),
            Judged::Unavailable => ("unavailable", &self.unavailable),
        };
        self.validations.with_label_values(&[&*self.issuer, result, reason]).inc();
        duration.observe(took.as_secs_f64());
    }

    /// A fetch of keys ended with this word.
    pub(super) fn fetched(&self, result: &str) {
        self.fetches.with_label_values(&[&*self.issuer, result]).inc();
    }
}

impl std::fmt::Debug for IssuerMeters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerMeters").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Reads the sizes and ages of the shown key sets at scrape. An issuer without a set has a size of 0 and no age.
struct KeySetCollector {
    shown: Arc<ArcSwap<Vec<(Arc<str>, Weak<Keys>)>>>,
    clock: Clock,
    descriptions: Vec<Desc>,
}

impl KeySetCollector {
    fn new(shown: Arc<ArcSwap<Vec<(Arc<str>, Weak<Keys>)>>>, clock: Clock) -> prometheus::Result<Self> {
        let (sizes, ages) = Self::families()?;
        let descriptions = sizes.desc().into_iter().chain(ages.desc()).cloned().collect();
        Ok(Self { shown, clock, descriptions })
    }

    fn families() -> prometheus::Result<(IntGaugeVec, GaugeVec)> {
        let sizes = IntGaugeVec::new(Opts::new("tollgate_keys", "Keys in an issuer's latest key set."), &["issuer"])?;
        let ages = Opts::new("tollgate_key_set_age_seconds", "Time since an issuer's keys were last fetched.");
        Ok((sizes, GaugeVec::new(ages, &["issuer"])?))
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
            let count = i64::try_from(keys.count()).unwrap_or(i64::MAX);
            sizes.with_label_values(&[&**name]).set(count);
            if let Some(age) = keys.age(now) {
                ages.with_label_values(&[&**name]).set(age.as_secs_f64());
            }
        }
        sizes.collect().into_iter().chain(ages.collect()).filter(|family| !family.get_metric().is_empty()).collect()
    }
}
