//! What is counted about tokens and keys, with fixed label sets: issuer names are configured ones or `unknown`.
//!
//! Families are registered once per process and outlive reloads; `registry` resolves each issuer's children when it is
//! built, so that a request never looks up a label. Sizes and ages are read where they live, at scrape.

mod collector;

use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntCounterVec, Opts};

use super::keys::Keys;
use super::refusal::REASONS;
use super::{Refusal, Remembered};
use crate::clock::Clock;
use crate::telemetry::{Family, ShardedCounter, ShardedHistogram};
use collector::{CacheCollector, KeySetCollector, Shown};

/// A remembered token takes about a microsecond, a signature 20 to 80, a wait for a fetch much longer.
const BUCKETS_MICROS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000];
/// The `reason` of `result="unavailable"`.
pub(super) const UNAVAILABLE: &str = "keys_unavailable";

/// The metric families of issuers and their tokens.
#[derive(Debug)]
pub struct IssuerMetrics {
    validations: Family<ShardedCounter>,
    durations: Family<ShardedHistogram>,
    fetches: IntCounterVec,
    suppressed: Family<ShardedCounter>,
    shown: Shown,
    /// For tokens that name no configured issuer.
    pub(super) unknown: Arc<IssuerMeters>,
}

impl IssuerMetrics {
    /// Registers every family with `registry`, those of `remembered` too; `clock` dates the ages of key sets.
    ///
    /// # Errors
    /// Where a family of the same name is registered already.
    pub fn register(
        registry: &prometheus::Registry,
        remembered: &Arc<Remembered>,
        clock: Clock,
    ) -> prometheus::Result<Arc<Self>> {
        let families = Self::families()?;
        registry.register(Box::new(families.validations.clone()))?;
        registry.register(Box::new(families.durations.clone()))?;
        registry.register(Box::new(families.fetches.clone()))?;
        registry.register(Box::new(families.suppressed.clone()))?;
        registry.register(Box::new(KeySetCollector::new(Arc::clone(&families.shown), clock)?))?;
        registry.register(Box::new(CacheCollector::new(Arc::clone(remembered))?))?;
        Ok(Arc::new(families))
    }

    fn families() -> prometheus::Result<Self> {
        let validations =
            Family::counters("tollgate_token_validations_total", "Tokens judged, by outcome.", &["issuer", "result", "reason"])?;
        let durations = Family::histograms(
            "tollgate_token_validation_duration_seconds",
            "Time to judge one token.",
            &["issuer", "source", "result"],
            &BUCKETS_MICROS.map(Duration::from_micros),
        )?;
        let fetches = Opts::new("tollgate_key_fetches_total", "Fetches of an issuer's keys, by outcome.");
        let fetches = IntCounterVec::new(fetches, &["issuer", "result"])?;
        let suppressed = Family::counters(
            "tollgate_key_fetches_suppressed_total",
            "Unknown key ids that the rate limit spared a fetch.",
            &["issuer"],
        )?;
        let unknown = Arc::new(IssuerMeters::new("unknown".into(), &validations, &durations, &fetches, &suppressed));
        Ok(Self { validations, durations, fetches, suppressed, shown: Shown::default(), unknown })
    }

    /// The children of one issuer.
    pub(super) fn issuer(&self, name: &Arc<str>) -> Arc<IssuerMeters> {
        let Self { validations, durations, fetches, suppressed, .. } = self;
        Arc::new(IssuerMeters::new(Arc::clone(name), validations, durations, fetches, suppressed))
    }

    /// From now on shows the sizes and ages of these key sets, and no others.
    pub(super) fn show<'a>(&self, keys: impl Iterator<Item = (&'a Arc<str>, &'a Arc<Keys>)>) {
        let keys = keys.map(|(name, keys)| (Arc::clone(name), Arc::downgrade(keys)));
        self.shown.store(Arc::new(keys.collect()));
    }
}

/// One issuer's children, resolved once.
#[derive(Debug)]
pub(super) struct IssuerMeters {
    issuer: Arc<str>,
    fetches: IntCounterVec,
    accepted: Arc<ShardedCounter>,
    unavailable: Arc<ShardedCounter>,
    refusals: Vec<(&'static str, Arc<ShardedCounter>)>,
    recalled_in: Arc<ShardedHistogram>,
    accepted_in: Arc<ShardedHistogram>,
    refused_in: Arc<ShardedHistogram>,
    unavailable_in: Arc<ShardedHistogram>,
    suppressed: Arc<ShardedCounter>,
}

impl IssuerMeters {
    fn new(
        issuer: Arc<str>,
        validations: &Family<ShardedCounter>,
        durations: &Family<ShardedHistogram>,
        fetches: &IntCounterVec,
        suppressed: &Family<ShardedCounter>,
    ) -> Self {
        let duration = |source, result| durations.child(&[&*issuer, source, result]);
        let refusal = |reason| (reason, validations.child(&[&*issuer, "refused", reason]));
        Self {
            accepted: validations.child(&[&*issuer, "accepted", "none"]),
            unavailable: validations.child(&[&*issuer, "unavailable", UNAVAILABLE]),
            refusals: REASONS.into_iter().map(refusal).collect(),
            recalled_in: duration("cache", "accepted"),
            accepted_in: duration("signature", "accepted"),
            refused_in: duration("signature", "refused"),
            unavailable_in: duration("signature", "unavailable"),
            suppressed: suppressed.child(&[&*issuer]),
            fetches: fetches.clone(),
            issuer,
        }
    }

    /// A remembered token was accepted.
    pub(super) fn recalled(&self, took: Duration) {
        self.accepted.increment();
        self.recalled_in.observe(took);
    }

    /// A token was accepted by its signature.
    pub(super) fn accepted(&self, took: Duration) {
        self.accepted.increment();
        self.accepted_in.observe(took);
    }

    /// A token was refused.
    pub(super) fn refused(&self, refusal: Refusal, took: Duration) {
        let reason = refusal.reason();
        if let Some((_, counter)) = self.refusals.iter().find(|(word, _)| *word == reason) {
            counter.increment();
        }
        self.refused_in.observe(took);
    }

    /// A token could not be judged for want of keys.
    pub(super) fn unavailable(&self, took: Duration) {
        self.unavailable.increment();
        self.unavailable_in.observe(took);
    }

    /// An unknown key id was spared a fetch.
    pub(super) fn suppressed(&self) {
        self.suppressed.increment();
    }

    /// A fetch of keys ended with this word.
    pub(super) fn fetched(&self, result: &str) {
        self.fetches.with_label_values(&[&*self.issuer, result]).inc();
    }
}
