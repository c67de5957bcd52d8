//! What the pipeline counts. Children are resolved when a configuration is loaded or when a label is first seen, never
//! for each request.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use prometheus::{IntCounter, IntCounterVec, Registry};

use super::cookies::TooLarge;
use super::rejection::Reason;
use super::standing::Ended;
use crate::telemetry::{EXCHANGE_BOUNDS, Family, ShardedCounter, ShardedHistogram};

/// Statuses 100 to 599 each have a child; any other number a backend invents counts as `other`.
const CODES: usize = 500;

/// The families of the pipeline.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<ShardedCounter>,
    duration: Family<ShardedHistogram>,
    refusals: Family<ShardedCounter>,
    pub(super) stripped: Arc<ShardedCounter>,
    pub(super) tunnels: prometheus::IntGauge,
    cookies_not_set: IntCounter,
    ambiguous: IntCounterVec,
    /// In the order of [`Ended::ALL`].
    streams_ended: [Arc<ShardedCounter>; Ended::ALL.len()],
}

impl Metrics {
    /// Registers the families. `ambiguous` is the family that listeners count in too, already registered.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry, ambiguous: IntCounterVec) -> prometheus::Result<Self> {
        let requests = Family::counters(
            "tollgate_http_requests_total",
            "Requests answered, by route and status; route `none` where none matched.",
            &["route", "code"],
        )?;
        let duration = Family::histograms(
            "tollgate_http_request_duration_seconds",
            "Time from the request head to the end of the answer.",
            &["route"],
            &EXCHANGE_BOUNDS,
        )?;
        let refusals = Family::counters(
            "tollgate_refusals_total",
            "Requests that the gateway answered itself, by reason.",
            &["route", "reason"],
        )?;
        let stripped = Family::counters(
            "tollgate_identity_headers_stripped_total",
            "Inbound headers removed because the gateway manages their name or one that folds to it.",
            &[],
        )?;
        let tunnels = prometheus::IntGauge::new("tollgate_tunnels", "Open upgraded connections.")?;
        let streams_ended = Family::counters(
            "tollgate_streams_ended_total",
            "Upgraded connections and streaming answers ended early, by what became of their caller's token.",
            &["reason"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        registry.register(Box::new(refusals.clone()))?;
        registry.register(Box::new(stripped.clone()))?;
        registry.register(Box::new(tunnels.clone()))?;
        let cookies_not_set = "Cookies of the authority that were larger than browsers keep, and were not set.";
        let cookies_not_set = IntCounter::new("tollgate_cookies_not_set_total", cookies_not_set)?;
        registry.register(Box::new(cookies_not_set.clone()))?;
        registry.register(Box::new(streams_ended.clone()))?;
        let streams_ended = Ended::ALL.map(|ended| streams_ended.child(&[ended.word()]));
        Ok(Self {
            requests,
            duration,
            refusals,
            stripped: stripped.child(&[]),
            tunnels,
            cookies_not_set,
            ambiguous,
            streams_ended,
        })
    }

    /// Of `cookies` those that a browser keeps; the others are counted.
    pub fn cookies_to_set(&self, cookies: impl IntoIterator<Item = Result<HeaderValue, TooLarge>>) -> Vec<HeaderValue> {
        let counted = cookies.into_iter().map(|cookie| cookie.inspect_err(|_| self.cookies_not_set.inc()));
        counted.filter_map(Result::ok).collect()
    }

    /// Counts a request that was refused because it can be read in two ways.
    pub(super) fn ambiguous(&self, kind: &str) {
        self.ambiguous.with_label_values(&[kind]).inc();
    }

    /// Counts an open stream that was ended.
    pub(super) fn stream_ended(&self, ended: Ended) {
        if let Some(counter) = self.streams_ended.get(ended as usize) {
            counter.increment();
        }
    }

    pub(super) fn route(&self, name: &str) -> RouteMetrics {
        RouteMetrics {
            name: name.into(),
            requests: self.requests.clone(),
            refusals: self.refusals.clone(),
            duration: self.duration.child(&[name]),
            codes: (0..CODES).map(|_| OnceLock::new()).collect(),
            other_code: OnceLock::new(),
            reasons: Reason::ALL.iter().map(|_| OnceLock::new()).collect(),
        }
    }
}

type LazyCounter = OnceLock<Arc<ShardedCounter>>;

/// The children of one route.
#[derive(Debug)]
pub(super) struct RouteMetrics {
    name: Box<str>,
    requests: Family<ShardedCounter>,
    refusals: Family<ShardedCounter>,
    duration: Arc<ShardedHistogram>,
    codes: Box<[LazyCounter]>,
    other_code: LazyCounter,
    reasons: Box<[LazyCounter]>,
}

impl RouteMetrics {
    pub(super) fn answered(&self, status: StatusCode, took: Duration) {
        self.duration.observe(took);
        let index = usize::from(status.as_u16()).wrapping_sub(100);
        let (counter, code) = match self.codes.get(index) {
            Some(counter) => (counter, status.as_str()),
            None => (&self.other_code, "other"),
        };
        counter.get_or_init(|| self.requests.child(&[&self.name, code])).increment();
    }

    pub(super) fn refused(&self, reason: Reason) {
        if let Some(counter) = self.reasons.get(reason as usize) {
            counter.get_or_init(|| self.refusals.child(&[&self.name, reason.word()])).increment();
        }
    }
}
