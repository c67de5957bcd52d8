//! A count over a sliding window, in eighths of it.

use std::time::Duration;

use crate::clock::Timestamp;

/// Eighths of the window, and the one that is under way.
const SLICES: u32 = 9;

/// The length of windows.
#[derive(Debug)]
pub(super) struct Span {
    slice_millis: u64,
}

impl Span {
    pub(super) fn new(window: Duration) -> Self {
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        Self { slice_millis: millis.div_ceil(u64::from(SLICES) - 1).max(1) }
    }

    /// An eighth.
    pub(super) const fn slice(&self) -> Duration {
        Duration::from_millis(self.slice_millis)
    }

    const fn number(&self, now: Timestamp) -> u64 {
        now.millis() / self.slice_millis
    }
}

/// Attempts by the slice of time that they were made in. Each counts until all of its slice has left the window, so no window
/// anywhere on the clock holds more than the limit; it may count an eighth longer than the window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// The newest slice that has a count.
    newest: u64,
    /// Counts, newest first.
    counts: [u32; SLICES as usize],
}

impl Window {
    /// Attempts that still count.
    pub(super) fn count(&self, span: &Span, now: Timestamp) -> u32 {
        self.live(span, now).fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// How long until there are fewer than `limit`; `None` where there are.
    pub(super) fn wait(&self, limit: u32, span: &Span, now: Timestamp) -> Option<Duration> {
        let mut left = self.count(span, now);
        if left < limit {
            return None;
        }
        let mut oldest_first: Vec<_> = self.live(span, now).collect();
        oldest_first.reverse();
        let last = oldest_first.into_iter().find(|(_, count)| {
            left = left.saturating_sub(*count);
            left < limit
        });
        let leaves = last.map_or(0, |(slice, _)| slice).saturating_add(u64::from(SLICES)).saturating_mul(span.slice_millis);
        Some(Timestamp::from_millis(leaves).since(now).max(Duration::from_millis(1)))
    }

    /// One more.
    pub(super) fn add(&mut self, span: &Span, now: Timestamp) {
        // A clock that was set back adds to what it has.
        let slice = span.number(now).max(self.newest);
        let slices = self.counts.len();
        let passed = usize::try_from(slice - self.newest).unwrap_or(usize::MAX).min(slices);
        self.counts.rotate_right(passed % slices);
        self.counts.iter_mut().take(passed).for_each(|count| *count = 0);
        self.newest = slice;
        if let Some(count) = self.counts.first_mut() {
            *count = count.saturating_add(1);
        }
    }

    /// One less, of the newest: the one that is taken back was made a moment ago. Taking an older one would make those that count
    /// newer than they are, and a busy address would never be rid of them. Says whether none is left.
    pub(super) fn take_newest_is_last(&mut self) -> bool {
        if let Some(count) = self.counts.iter_mut().find(|count| **count > 0) {
            *count -= 1;
        }
        self.counts.iter().all(|count| *count == 0)
    }

    /// Slices that still count, newest first, with their counts.
    fn live(&self, span: &Span, now: Timestamp) -> impl Iterator<Item = (u64, u32)> {
        let oldest = (span.number(now) + 1).saturating_sub(u64::from(SLICES));
        let slices = (0..u64::from(SLICES)).map(|back| self.newest.checked_sub(back));
        let counted = slices.zip(self.counts).filter_map(|(slice, count)| Some((slice?, count)));
        counted.filter(move |(slice, count)| *slice >= oldest && *count > 0)
    }
}
