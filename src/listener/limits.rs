//! Places: a bounded number of connections over all workers, each held by a guard.
//!
//! Taken by `accept`, once for each connection. Nobody waits for a place: who finds none is refused, since a
//! queue would only move the flood into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus::IntGauge;

/// Counts the places taken. The bound is given at every [`Places::take`], since a reload may change it.
#[derive(Clone, Debug)]
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
    gauge: IntGauge,
}

impl Places {
    /// No place taken; `gauge` follows the number.
    pub(super) fn new(gauge: IntGauge) -> Self {
        Self { taken: Arc::new(AtomicUsize::new(0)), gauge }
    }

    /// Takes one of `limit` places, or none when all are taken.
    pub(super) fn take(&self, limit: usize) -> Option<Place> {
        let next = |taken| (taken < limit).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        self.gauge.inc();
        Some(Place(self.clone()))
    }

    /// Places taken now.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// One place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Places);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        self.0.gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_refused_at_the_limit_and_given_back_when_dropped() {
        let gauge = IntGauge::new("open", "Places taken").unwrap();
        let places = Places::new(gauge.clone());
        let first = places.take(2).unwrap();
        let second = places.take(2).unwrap();
        assert!(places.take(2).is_none());
        assert!(places.take(3).is_some(), "a raised limit counts at once");
        drop(first);
        assert!(places.take(2).is_some());
        drop(second);
        assert_eq!((places.taken(), gauge.get()), (0, 0));
    }
}
