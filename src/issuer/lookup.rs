//! Looking a key up: at once in the latest set, else by asking the issuer together with all others who ask.
//!
//! `keys` looks up on behalf of any number of requests on any runtime, `refresher` alone publishes. The locks are held
//! for a few instructions and never over a wait.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};

use super::demand::{Demand, Turn};
use super::metrics::IssuerMeters;
use super::{KeysFrom, KeysState, KeysStatus, RefreshSettings};
use crate::clock::{Clock, Timestamp};
use crate::token::{Algorithm, Key, KeySet, Loaded, NoKey, SkippedKey};

/// Requests of one issuer that wait for a fetch at the same time; further ones are told to come back.
const MAX_WAITING: usize = 16_384;
/// What a waiter grants the task to publish, beyond the bound of a fetch. A wait that spans two fetches is not longer.
const GRACE: Duration = Duration::from_millis(250);
const NEVER: u64 = u64::MAX;

/// What the handle and its task share.
pub(super) struct Shared {
    pub(super) issuer: Arc<str>,
    from: KeysFrom,
    pub(super) refresh: RefreshSettings,
    pub(super) clock: Clock,
    pub(super) meters: Arc<IssuerMeters>,
    latest: ArcSwapOption<KeySet>,
    /// In milliseconds of [`Timestamp`]; 0 while there is no set.
    usable_until: AtomicU64,
    record: Mutex<Record>,
    demand: Mutex<Demand>,
    wake: Notify,
    ended: watch::Sender<u64>,
    waiting: AtomicUsize,
}

/// What is told about the fetches.
#[derive(Clone, Debug, Default)]
struct Record {
    skipped: Vec<SkippedKey>,
    fetched_at: Option<Timestamp>,
    last_error: Option<&'static str>,
    next_fetch: Option<Timestamp>,
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLookupError {
    /// The issuer's keys are known and none of them fits.
    NoKey(NoKey),
    /// The issuer's keys are not known well enough to say.
    Unavailable {
        /// When asking again may help; at least a second.
        retry_after: Duration,
    },
}

/// What the latest set says about a token's key.
pub(super) enum Look {
    Found(Arc<Key>),
    /// A newer set could hold it.
    Missing(NoKey),
    /// No newer set would help.
    Settled(NoKey),
    /// There is no set to believe.
    Unusable,
}

impl Shared {
    /// With a set that is never fetched and always believed, or with none yet.
    pub(super) fn new(
        issuer: Arc<str>,
        from: KeysFrom,
        fixed: Option<Loaded>,
        refresh: RefreshSettings,
        clock: Clock,
        meters: Arc<IssuerMeters>,
    ) -> Self {
        let usable_until = if fixed.is_some() { NEVER } else { 0 };
        let (latest, skipped) = fixed.map(|loaded| (Arc::new(loaded.set), loaded.skipped)).unzip();
        let record = Record { skipped: skipped.unwrap_or_default(), ..Record::default() };
        Self {
            demand: Mutex::new(Demand::new(refresh.unknown_key_interval)),
            latest: ArcSwapOption::from(latest),
            usable_until: AtomicU64::new(usable_until),
            record: Mutex::new(record),
            wake: Notify::new(),
            ended: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
            issuer,
            from,
            refresh,
            clock,
            meters,
        }
    }

    pub(super) fn are_usable(&self, now: Timestamp) -> bool {
        now.millis() < self.usable_until.load(Ordering::Acquire)
    }

    /// What the latest set says at `now`.
    pub(super) fn look(&self, key_id: Option<&str>, algorithm: Algorithm, now: Timestamp) -> Look {
        if !self.are_usable(now) {
            return Look::Unusable;
        }
        let latest = self.latest.load();
        let Some(set) = latest.as_ref() else { return Look::Unusable };
        match set.find(key_id, algorithm) {
            Ok(key) => Look::Found(Arc::clone(key)),
            Err(fault @ NoKey::UnknownId) => Look::Missing(fault),
            Err(fault) => Look::Settled(fault),
        }
    }

    /// Looks again after each fetch that could have brought the key, for no longer than one fetch may take.
    pub(super) async fn ask_issuer(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, KeyLookupError> {
        let Some(_seat) = Seat::take(&self.waiting) else { return Err(self.unavailable()) };
        let asking = self.ask_until_settled(key_id, algorithm);
        let longest = self.refresh.timeout.saturating_add(GRACE);
        tokio::time::timeout(longest, asking).await.unwrap_or_else(|_| Err(self.unavailable()))
    }

    async fn ask_until_settled(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, KeyLookupError> {
        let arrival = self.demand().arrival();
        let mut ended = self.ended.subscribe();
        loop {
            let now = self.clock.now();
            let missing = match self.look(key_id, algorithm, now) {
                Look::Found(key) => return Ok(key),
                Look::Settled(fault) => return Err(KeyLookupError::NoKey(fault)),
                Look::Missing(_) => key_id,
                Look::Unusable => None,
            };
            let turn = self.demand().ask(missing, arrival, now);
            let fetch = match turn {
                Turn::Wait(fetch) => fetch,
                Turn::Wake(fetch) => {
                    self.wake.notify_one();
                    fetch
                }
                Turn::Absent | Turn::Suppressed | Turn::OutOfReach => return self.settle(key_id, algorithm, turn),
            };
            // The sender lives as long as `self`, so this ends only when the fetch does.
            ended.wait_for(|ended| *ended >= fetch).await.map_err(|_| self.unavailable())?;
        }
    }

    /// The answer where there is nothing to wait for. The set is looked at once more: one that was published between
    /// the last look and the turn is there by now (its fetch ends after it), and its tokens must not be refused.
    pub(super) fn settle(&self, key_id: Option<&str>, algorithm: Algorithm, turn: Turn) -> Result<Arc<Key>, KeyLookupError> {
        match self.look(key_id, algorithm, self.clock.now()) {
            Look::Found(key) => Ok(key),
            Look::Settled(fault) => Err(KeyLookupError::NoKey(fault)),
            Look::Missing(fault) if turn != Turn::OutOfReach => {
                if turn == Turn::Suppressed {
                    self.meters.suppressed();
                }
                Err(KeyLookupError::NoKey(fault))
            }
            Look::Missing(_) | Look::Unusable => Err(self.unavailable()),
        }
    }

    fn unavailable(&self) -> KeyLookupError {
        let now = self.clock.now();
        let until_next = self.record().next_fetch.map_or(Duration::ZERO, |next| next.since(now));
        KeyLookupError::Unavailable { retry_after: until_next.max(Duration::from_secs(1)) }
    }

    /// Wants a fetch where the window has one left.
    pub(super) fn notice(&self, now: Timestamp) {
        let mut demand = self.demand();
        let arrival = demand.arrival();
        if matches!(demand.ask(None, arrival, now), Turn::Wake(_)) {
            self.wake.notify_one();
        }
    }

    /// Wants a fetch whatever the window says.
    pub(super) fn insist(&self) {
        self.demand().insist();
        self.wake.notify_one();
    }

    /// How the keys stand at `now`.
    pub(super) fn status(&self, now: Timestamp) -> KeysStatus {
        let record = self.record().clone();
        let latest = self.latest.load();
        let state = match latest.as_ref() {
            None => KeysState::Cold,
            Some(_) if !self.are_usable(now) => KeysState::Stale,
            Some(set) if set.is_empty() => KeysState::Empty,
            Some(_) => KeysState::Ready,
        };
        KeysStatus {
            from: self.from,
            state,
            key_ids: latest.iter().flat_map(|set| set.key_ids()).map(str::to_owned).collect(),
            count: latest.as_ref().map_or(0, |set| set.len()),
            age: record.fetched_at.map(|fetched_at| now.since(fetched_at)),
            skipped: record.skipped,
            fetches: *self.ended.borrow(),
            last_error: record.last_error,
            next_fetch: record.next_fetch,
        }
    }

    /// The task begins a fetch.
    pub(super) fn begin(&self, now: Timestamp) {
        self.demand().begin(now);
    }

    /// The latest set, believed or not.
    pub(super) fn latest(&self) -> Option<Arc<KeySet>> {
        self.latest.load_full()
    }

    /// `set` is handed over by whoever owns the keys, and believed until the next is.
    pub(super) fn hold(&self, set: Arc<KeySet>, skipped: Vec<SkippedKey>) {
        self.latest.store(Some(set));
        self.usable_until.store(NEVER, Ordering::Release);
        self.tell_skipped(&mut self.record(), skipped);
    }

    /// A fetch that began at `began` brought `set`. Its age counts from there: the issuer answered later.
    pub(super) fn publish(&self, set: KeySet, skipped: Vec<SkippedKey>, began: Timestamp) {
        self.latest.store(Some(Arc::new(set)));
        self.usable_until.store(began.plus(self.refresh.max_stale).millis(), Ordering::Release);
        let mut record = self.record();
        record.fetched_at = Some(began);
        self.tell_skipped(&mut record, skipped);
    }

    fn tell_skipped(&self, record: &mut Record, skipped: Vec<SkippedKey>) {
        // Said once, not at every refresh.
        let news = skipped.iter().filter(|skipped| !record.skipped.contains(skipped));
        for SkippedKey { key_id, why } in news {
            tracing::warn!(issuer = %self.issuer, ?key_id, reason = %why, "a key of the issuer cannot be used");
        }
        record.skipped = skipped;
    }

    /// The fetch has ended, with this word of failure or none, and the next is due then.
    pub(super) fn end(&self, failure: Option<&'static str>, next_fetch: Timestamp) {
        let mut record = self.record();
        record.last_error = failure;
        record.next_fetch = Some(next_fetch);
        drop(record);
        let ended = self.demand().end(failure.is_none());
        self.ended.send_replace(ended);
    }

    /// Ends when somebody wants a fetch that has not begun.
    pub(super) async fn wanted(&self) {
        while !self.demand().is_wanted() {
            self.wake.notified().await;
        }
    }

    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("issuer", &self.issuer).field("record", &self.record()).finish_non_exhaustive()
    }
}

/// One waiter's place; given back however the wait ends.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let seat = Self(waiting);
        (waiting.fetch_add(1, Ordering::AcqRel) < MAX_WAITING).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_bounded_and_give_their_seats_back() {
        let waiting = AtomicUsize::new(MAX_WAITING - 1);
        let last = Seat::take(&waiting);
        assert!(last.is_some());
        assert!(Seat::take(&waiting).is_none());
        drop(last);
        assert!(Seat::take(&waiting).is_some());
        assert_eq!(waiting.into_inner(), MAX_WAITING - 1);
    }
}
