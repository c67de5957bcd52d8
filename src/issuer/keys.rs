//! One issuer's keys: the latest set for any number of readers on any runtime, and the question that a missing key
//! puts to the issuer.
//!
//! The verifier asks [`Keys::key_for`]; a key that is there is answered at once, without waiting. Only `refresher`, the
//! one task of this issuer, replaces the set; it ends when the last handle goes. Nothing here knows other issuers, so
//! one that hangs delays no other.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::RefreshSettings;
use super::demand::{Demand, Turn};
use super::metrics::IssuerMeters;
use super::refresher;
use super::source::{RemoteSource, Source};
use crate::clock::{Clock, Timestamp};
use crate::token::{Algorithm, Key, KeySet, NoKey, SkippedKey};

/// Requests of one issuer that wait for a fetch at the same time; further ones are told to come back.
const MAX_WAITING: usize = 16_384;
/// What a waiter grants the task beyond the bound of a fetch, for two fetches in a row are never waited for in full.
const GRACE: Duration = Duration::from_millis(250);
const NEVER: u64 = u64::MAX;

/// A handle on one issuer's keys.
#[derive(Debug)]
pub struct Keys {
    shared: Arc<Shared>,
    source: Option<RemoteSource>,
    task: OnceLock<AbortHandle>,
}

/// What the handle and its task share.
pub(super) struct Shared {
    pub(super) issuer: Arc<str>,
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

/// How an issuer's keys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysState {
    /// There is a set, and it is believed.
    Ready,
    /// No set was ever loaded.
    Cold,
    /// The last set is older than the operator allows.
    Stale,
}

impl KeysState {
    /// The word of the status page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Cold => "cold",
            Self::Stale => "stale",
        }
    }
}

/// How an issuer's keys stand, in full.
#[derive(Clone, Debug)]
pub struct KeysStatus {
    /// The state in a word.
    pub state: KeysState,
    /// Ids of the keys, those without one left out.
    pub key_ids: Vec<String>,
    /// Number of keys.
    pub count: usize,
    /// Keys of the same documents that cannot be used, with the reasons.
    pub skipped: Vec<SkippedKey>,
    /// How long ago the set was fetched; absent for sets that are never fetched.
    pub age: Option<Duration>,
    /// The word of the last fetch's failure; absent after a good one.
    pub last_error: Option<&'static str>,
    /// When the next fetch is due; absent for sets that are never fetched.
    pub next_fetch: Option<Timestamp>,
}

impl Keys {
    /// The keys of `source`; nothing is fetched before [`Keys::start`].
    pub(super) fn new(
        issuer: Arc<str>,
        source: Source,
        refresh: RefreshSettings,
        clock: Clock,
        meters: Arc<IssuerMeters>,
    ) -> Self {
        let (latest, usable_until, source) = match source {
            Source::Fixed(loaded) => (Some(loaded), NEVER, None),
            Source::Remote(remote) => (None, 0, Some(remote)),
        };
        let (latest, skipped) = latest.map(|loaded| (Arc::new(loaded.set), loaded.skipped)).unzip();
        let record = Record { skipped: skipped.unwrap_or_default(), ..Record::default() };
        let shared = Shared {
            demand: Mutex::new(Demand::new(refresh.unknown_key_interval)),
            latest: ArcSwapOption::from(latest),
            usable_until: AtomicU64::new(usable_until),
            record: Mutex::new(record),
            wake: Notify::new(),
            ended: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
            issuer,
            refresh,
            clock,
            meters,
        };
        Self { shared: Arc::new(shared), source, task: OnceLock::new() }
    }

    /// Starts the task that fetches, once; keys that are never fetched need none.
    pub(super) fn start(&self, runtime: &tokio::runtime::Handle) {
        if let Some(source) = &self.source {
            let run = || runtime.spawn(refresher::run(Arc::clone(&self.shared), source.clone())).abort_handle();
            self.task.get_or_init(run);
        }
    }

    /// The key for a token with this header. A key that is there is returned without waiting; a missing one waits for
    /// at most one shared fetch, if its window has one left.
    ///
    /// # Errors
    /// [`KeyLookupError::NoKey`] where the token is to be refused, [`KeyLookupError::Unavailable`] where the issuer is
    /// out of reach.
    pub async fn key_for(&self, key_id: Option<&str>, algorithm: Algorithm, now: Timestamp) -> Result<Arc<Key>, KeyLookupError> {
        match self.shared.look(key_id, algorithm, now) {
            Look::Found(key) => Ok(key),
            Look::Settled(fault) => Err(KeyLookupError::NoKey(fault)),
            Look::Missing(fault) if self.source.is_none() => Err(KeyLookupError::NoKey(fault)),
            // Boxed: this state is large, and a found key must not pay for moving it about.
            Look::Missing(_) | Look::Unusable => Box::pin(self.shared.ask_issuer(key_id, algorithm)).await,
        }
    }

    /// Whether there is a set that is believed at `now`; costs one atomic load.
    pub fn are_usable(&self, now: Timestamp) -> bool {
        self.shared.are_usable(now)
    }

    /// Wants a fetch now, whatever the schedule and the window say: an operator or the issuer says that keys changed.
    pub fn refresh(&self) {
        if self.source.is_some() {
            self.shared.demand().insist();
            self.shared.wake.notify_one();
        }
    }

    /// Number of keys in the latest set.
    pub fn count(&self) -> usize {
        self.shared.latest.load().as_ref().map_or(0, |set| set.len())
    }

    /// How long ago the latest set was fetched.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.shared.record().fetched_at.map(|fetched_at| now.since(fetched_at))
    }

    /// How the keys stand at `now`.
    pub fn status(&self, now: Timestamp) -> KeysStatus {
        let record = self.shared.record().clone();
        let latest = self.shared.latest.load();
        let state = match *latest {
            None => KeysState::Cold,
            Some(_) if self.are_usable(now) => KeysState::Ready,
            Some(_) => KeysState::Stale,
        };
        let key_ids = latest.iter().flat_map(|set| set.key_ids()).map(str::to_owned).collect();
        KeysStatus {
            state,
            key_ids,
            count: self.count(),
            age: self.age(now),
            skipped: record.skipped,
            last_error: record.last_error,
            next_fetch: record.next_fetch,
        }
    }

    /// The set that is believed at `now`.
    pub(super) fn latest(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        self.are_usable(now).then(|| self.shared.latest.load_full()).flatten()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// What the latest set says about a token's key.
enum Look {
    Found(Arc<Key>),
    /// A newer set could hold it.
    Missing(NoKey),
    /// No newer set would help.
    Settled(NoKey),
    /// There is no set to believe.
    Unusable,
}

impl Shared {
    fn are_usable(&self, now: Timestamp) -> bool {
        now.millis() < self.usable_until.load(Ordering::Acquire)
    }

    fn look(&self, key_id: Option<&str>, algorithm: Algorithm, now: Timestamp) -> Look {
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
    async fn ask_issuer(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, KeyLookupError> {
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
            let fault = match self.look(key_id, algorithm, now) {
                Look::Found(key) => return Ok(key),
                Look::Settled(fault) => return Err(KeyLookupError::NoKey(fault)),
                Look::Missing(fault) => Some(fault),
                Look::Unusable => None,
            };
            let turn = self.demand().ask(fault.map(|_| key_id.unwrap_or_default()), arrival, now);
            self.take(turn, fault, &mut ended).await?;
        }
    }

    /// Waits as `turn` says, or ends the asking.
    async fn take(&self, turn: Turn, fault: Option<NoKey>, ended: &mut watch::Receiver<u64>) -> Result<(), KeyLookupError> {
        let fetch = match (turn, fault) {
            (Turn::Wait(fetch), _) => fetch,
            (Turn::Wake(fetch), _) => {
                self.wake.notify_one();
                fetch
            }
            (Turn::Absent, Some(fault)) => return Err(KeyLookupError::NoKey(fault)),
            (Turn::Suppressed, Some(fault)) => {
                self.meters.suppressed();
                return Err(KeyLookupError::NoKey(fault));
            }
            (Turn::OutOfReach | Turn::Absent | Turn::Suppressed, _) => return Err(self.unavailable()),
        };
        // The sender lives as long as `self`, so this ends only when the fetch does.
        ended.wait_for(|ended| *ended >= fetch).await.map_err(|_| self.unavailable())?;
        Ok(())
    }

    fn unavailable(&self) -> KeyLookupError {
        let now = self.clock.now();
        let until_next = self.record().next_fetch.map_or(Duration::ZERO, |next| next.since(now));
        KeyLookupError::Unavailable { retry_after: until_next.max(Duration::from_secs(1)) }
    }

    /// The task begins a fetch.
    pub(super) fn begin(&self, now: Timestamp) {
        self.demand().begin(now);
    }

    /// The latest set, for the next one to keep the identity of unchanged keys.
    pub(super) fn previous(&self) -> Option<Arc<KeySet>> {
        self.latest.load_full()
    }

    /// A fetch that began at `began` brought `set`. Its age counts from there: the issuer answered later.
    pub(super) fn publish(&self, set: KeySet, skipped: Vec<SkippedKey>, began: Timestamp) {
        self.latest.store(Some(Arc::new(set)));
        self.usable_until.store(began.plus(self.refresh.max_stale).millis(), Ordering::Release);
        let mut record = self.record();
        record.fetched_at = Some(began);
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
