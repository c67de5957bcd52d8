//! Counters that many cores raise at every request without sharing a cache line.
//!
//! Each thread counts in a slot of its own (threads beyond the slots share); reading adds the slots up. The sum may be
//! a moment old, which is all a metric asks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// More than the data-plane threads of most machines; beyond it neighbours share.
const SLOTS: usize = 32;

/// Hits, misses and evictions of the verified-token cache.
#[derive(Debug, Default)]
pub(super) struct Tally([Slot; SLOTS]);

/// Two lines wide, because processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
}

impl Tally {
    pub(super) fn hit(&self) {
        self.mine(|slot| &slot.hits);
    }

    pub(super) fn miss(&self) {
        self.mine(|slot| &slot.misses);
    }

    pub(super) fn eviction(&self) {
        self.mine(|slot| &slot.evictions);
    }

    pub(super) fn hits(&self) -> u64 {
        self.sum(|slot| &slot.hits)
    }

    pub(super) fn misses(&self) -> u64 {
        self.sum(|slot| &slot.misses)
    }

    pub(super) fn evictions(&self) -> u64 {
        self.sum(|slot| &slot.evictions)
    }

    fn mine(&self, counter: impl Fn(&Slot) -> &AtomicU64) {
        if let Some(slot) = self.0.get(slot_of_this_thread()) {
            counter(slot).fetch_add(1, Ordering::Relaxed);
        }
    }

    fn sum(&self, counter: impl Fn(&Slot) -> &AtomicU64) -> u64 {
        self.0.iter().map(|slot| counter(slot).load(Ordering::Relaxed)).sum()
    }
}

/// Threads are numbered as they first count something.
fn slot_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SLOT: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS;
    }
    SLOT.try_with(|slot| *slot).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_more_threads_count_than_there_are_slots() {
        let tally = Tally::default();
        std::thread::scope(|scope| {
            for _ in 0..SLOTS + 8 {
                scope.spawn(|| (0..100).for_each(|_| tally.hit()));
            }
        });
        assert_eq!((tally.hits(), tally.misses(), tally.evictions()), (100 * (SLOTS as u64 + 8), 0, 0));
    }
}
