//! Counters and histograms for the request path: one cache line to a thread, summed when scraped.
//!
//! A `prometheus` counter is one shared cache line and its histogram four contended updates; at a hundred thousand
//! requests a second on many cores that is what a profile shows first. These take two uncontended additions. They
//! register with the same registry and are rendered by the same encoder.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// Threads beyond this number share a cache line with another.
pub(crate) const SHARDS: usize = 16;

/// The shard of the calling thread, and of every [`SHARDS`]th other.
pub(crate) fn shard() -> usize {
    thread_number() % SHARDS
}

/// A number that no other thread of this process has or had.
pub(crate) fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    })
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded<T>(T);

/// A count that only grows.
#[derive(Debug, Default)]
pub struct ShardedCounter {
    shards: [Padded<AtomicU64>; SHARDS],
}

impl ShardedCounter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        if let Some(shard) = self.shards.get(shard()) {
            shard.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// The sum over all threads.
    pub fn value(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }
}

/// Observed durations in fixed buckets.
#[derive(Debug)]
pub struct ShardedHistogram {
    /// Upper bounds in nanoseconds, ascending.
    bounds: Arc<[u64]>,
    shards: Box<[Padded<HistogramShard>]>,
}

#[derive(Debug)]
struct HistogramShard {
    /// One count to a bound, and one for what is above all of them.
    counts: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

impl ShardedHistogram {
    fn new(bounds: Arc<[u64]>) -> Self {
        let shard = || {
            Padded(HistogramShard {
                counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
                sum_nanos: AtomicU64::new(0),
            })
        };
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), bounds }
    }

    /// Counts one event that took `elapsed`.
    pub fn observe(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds.iter().position(|bound| nanos <= *bound).unwrap_or(self.bounds.len());
        let Some(Padded(shard)) = self.shards.get(shard()) else { return };
        if let Some(count) = shard.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        shard.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How many events were counted.
    pub fn count(&self) -> u64 {
        self.shards.iter().flat_map(|shard| shard.0.counts.iter()).map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn render(&self) -> Histogram {
        let mut cumulative = 0;
        let mut buckets = Vec::with_capacity(self.bounds.len());
        for (index, bound) in self.bounds.iter().enumerate() {
            cumulative += self.bucket(index);
            let mut bucket = Bucket::default();
            bucket.set_cumulative_count(cumulative);
            bucket.set_upper_bound(seconds(*bound));
            buckets.push(bucket);
        }
        let mut histogram = Histogram::default();
        histogram.set_sample_count(cumulative + self.bucket(self.bounds.len()));
        histogram.set_sample_sum(seconds(self.shards.iter().map(|shard| shard.0.sum_nanos.load(Ordering::Relaxed)).sum()));
        histogram.set_bucket(buckets);
        histogram
    }

    fn bucket(&self, index: usize) -> u64 {
        self.shards.iter().filter_map(|shard| shard.0.counts.get(index)).map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a float; nanoseconds lose nothing that shows")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// A named family of sharded metrics, one child to each set of label values. Cloning shares the children.
#[derive(Debug)]
pub struct Family<T> {
    inner: Arc<FamilyInner<T>>,
}

#[derive(Debug)]
struct FamilyInner<T> {
    desc: Desc,
    bounds: Arc<[u64]>,
    children: Mutex<Vec<(Vec<String>, Arc<T>)>>,
}

impl<T> Clone for Family<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl Family<ShardedCounter> {
    /// A family of counters, not yet registered.
    ///
    /// # Errors
    /// When the name or a label is not a valid metric name.
    pub fn counters(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<Self> {
        Self::build(name, help, labels, &[])
    }

    /// The counter with these label values, made when first asked for. Resolve it once, not for each event.
    pub fn child(&self, values: &[&str]) -> Arc<ShardedCounter> {
        self.find_or_add(values, |_| ShardedCounter::default())
    }
}

impl Family<ShardedHistogram> {
    /// A family of duration histograms, not yet registered; `bounds` ascend.
    ///
    /// # Errors
    /// When the name or a label is not a valid metric name.
    pub fn histograms(name: &str, help: &str, labels: &[&str], bounds: &[Duration]) -> prometheus::Result<Self> {
        Self::build(name, help, labels, bounds)
    }

    /// The histogram with these label values, made when first asked for. Resolve it once, not for each event.
    pub fn child(&self, values: &[&str]) -> Arc<ShardedHistogram> {
        self.find_or_add(values, |bounds| ShardedHistogram::new(Arc::clone(bounds)))
    }
}

impl<T> Family<T> {
    fn build(name: &str, help: &str, labels: &[&str], bounds: &[Duration]) -> prometheus::Result<Self> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, std::collections::HashMap::new())?;
        let bounds = bounds.iter().map(|bound| u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX)).collect();
        Ok(Self { inner: Arc::new(FamilyInner { desc, bounds, children: Mutex::default() }) })
    }

    fn find_or_add(&self, values: &[&str], make: impl FnOnce(&Arc<[u64]>) -> T) -> Arc<T> {
        let mut children = self.inner.children.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, child)) = children.iter().find(|(labels, _)| labels == values) {
            return Arc::clone(child);
        }
        let child = Arc::new(make(&self.inner.bounds));
        children.push((values.iter().map(|value| (*value).to_owned()).collect(), Arc::clone(&child)));
        child
    }

    fn render(&self, kind: MetricType, fill: impl Fn(&T, &mut Metric)) -> Vec<MetricFamily> {
        let children = self.inner.children.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = children.iter().map(|(values, child)| {
            let mut metric = Metric::from_label(self.label_pairs(values));
            fill(child, &mut metric);
            metric
        });
        let mut family = MetricFamily::default();
        family.set_name(self.inner.desc.fq_name.clone());
        family.set_help(self.inner.desc.help.clone());
        family.set_field_type(kind);
        family.set_metric(metrics.collect());
        vec![family]
    }

    fn label_pairs(&self, values: &[String]) -> Vec<LabelPair> {
        let names = self.inner.desc.variable_labels.iter();
        names
            .zip(values)
            .map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name(name.clone());
                pair.set_value(value.clone());
                pair
            })
            .collect()
    }
}

impl Collector for Family<ShardedCounter> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.inner.desc]
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
    fn collect(&self) -> Vec<MetricFamily> {
        self.render(MetricType::COUNTER, |child, metric| {
            let mut counter = Counter::default();
            counter.set_value(child.value() as f64);
            metric.set_counter(counter);
        })
    }
}

impl Collector for Family<ShardedHistogram> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.inner.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.render(MetricType::HISTOGRAM, |child, metric| metric.set_histogram(child.render()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(registry: &prometheus::Registry) -> String {
        prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn counters_of_many_threads_are_summed() {
        let family = Family::counters("x_total", "help", &["a"]).unwrap();
        let registry = prometheus::Registry::new();
        registry.register(Box::new(family.clone())).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1000).for_each(|_| family.child(&["v"]).increment()));
            }
        });
        assert!(text(&registry).contains("x_total{a=\"v\"} 20000"), "{}", text(&registry));
    }

    #[test]
    fn histogram_buckets_are_cumulative_and_inclusive() {
        let bounds = [Duration::from_micros(1), Duration::from_millis(1)];
        let family = Family::histograms("d_seconds", "help", &[], &bounds).unwrap();
        let registry = prometheus::Registry::new();
        registry.register(Box::new(family.clone())).unwrap();
        let histogram = family.child(&[]);
        for nanos in [1000, 1001, 2_000_000_000] {
            histogram.observe(Duration::from_nanos(nanos));
        }
        let text = text(&registry);
        assert!(text.contains("d_seconds_bucket{le=\"0.000001\"} 1"), "{text}");
        assert!(text.contains("d_seconds_bucket{le=\"0.001\"} 2"), "{text}");
        assert!(text.contains("d_seconds_bucket{le=\"+Inf\"} 3"), "{text}");
        assert!(text.contains("d_seconds_sum 2.000002001"), "{text}");
    }
}
