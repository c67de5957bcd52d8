//! Keeps the table up to date with the store's log.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::lineage::Lineage;
use super::metrics::{Origin, RevocationMetrics};
use super::table::Revocations;
use crate::clock::{Clock, Timestamp};
use crate::store::{Logged, ScopeKind, Store, StoreError};

/// How often the log is read without a hint.
const POLL: Duration = Duration::from_millis(500);
/// How often ended entries are swept.
const SWEEP: Duration = Duration::from_secs(60);
/// A store that has not answered by then is asked anew.
const PATIENCE: Duration = Duration::from_secs(10);
/// Entries read at once.
const PAGE: usize = 4096;
/// Numbers of this gateway's own entries that are remembered until the log shows them; further ones are counted twice.
const OWN: usize = 65_536;

/// How far the log has been read.
#[derive(Debug, Default)]
pub struct Progress {
    last: AtomicU64,
    read_at: AtomicU64,
}

impl Progress {
    /// The number of the last entry applied; 0 before the first.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// How long ago the log was last read to its end; zero where there is none to read.
    pub fn lag(&self, now: Timestamp) -> Duration {
        match self.read_at.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            read_at => now.since(Timestamp::from_millis(read_at)),
        }
    }

    fn reached(&self, last: u64) {
        self.last.fetch_max(last, Ordering::AcqRel);
    }

    fn up_to_date(&self, now: Timestamp) {
        self.read_at.fetch_max(now.millis(), Ordering::AcqRel);
    }
}

/// The table, with what is known of the log that it follows.
#[derive(Debug)]
pub struct Followed {
    table: Arc<Revocations>,
    progress: Arc<Progress>,
    metrics: Arc<RevocationMetrics>,
    own: Mutex<BTreeSet<u64>>,
}

impl Followed {
    /// `table` and `progress` as `metrics` shows them.
    pub fn new(table: Arc<Revocations>, progress: Arc<Progress>, metrics: Arc<RevocationMetrics>) -> Self {
        Self { table, progress, metrics, own: Mutex::default() }
    }

    /// The table.
    pub fn table(&self) -> &Arc<Revocations> {
        &self.table
    }

    /// How far the log has been read.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<RevocationMetrics> {
        &self.metrics
    }

    /// Refuses a token that has ended early, and counts it. Its lineage is asked for only where anything is revoked at all.
    ///
    /// # Errors
    /// The kind of entry that ends it.
    pub fn check<'a>(&self, lineage: impl FnOnce() -> Lineage<'a>, now: Timestamp) -> Result<(), ScopeKind> {
        if self.table.is_empty() {
            return Ok(());
        }
        self.table.check(&lineage(), now).inspect_err(|scope| self.metrics.rejected(*scope))
    }

    /// Applies what this gateway has just written to the log itself, ahead of reading it there.
    pub fn apply_own(&self, logged: &[Logged], origin: Origin) {
        self.table.apply_all(logged);
        self.metrics.applied(logged.iter(), origin);
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen = logged.iter().map(|entry| entry.number).filter(|number| *number > self.progress.last());
        own.extend(unseen);
        while own.len() > OWN {
            own.pop_first();
        }
    }

    /// Applies what was read from the log.
    fn apply_read(&self, logged: &[Logged]) {
        self.table.apply_all(logged);
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.applied(logged.iter().filter(|entry| !own.contains(&entry.number)), Origin::Log);
        if let Some(last) = logged.last() {
            self.progress.reached(last.number);
            *own = own.split_off(&last.number.saturating_add(1));
        }
    }
}

/// Reads the whole log into `followed`, as must be done before anything is served; then [`follow`] it.
///
/// # Errors
/// When the store does not answer. What was read until then is kept, and the next call goes on from there.
pub async fn load(store: &dyn Store, followed: &Followed, now: Timestamp) -> Result<u64, StoreError> {
    read_on(store, followed, now, |page| {
        followed.table.apply_all(page);
        followed.metrics.applied(page.iter(), Origin::Start);
        if let Some(last) = page.last() {
            followed.progress.reached(last.number);
        }
    })
    .await?;
    Ok(followed.progress.last())
}

/// Follows the log for good: at each hint, at each poll without one. While the store is down the table stays as it is, and the lag
/// grows.
pub async fn follow(store: Arc<dyn Store>, followed: Arc<Followed>, clock: Clock, hint: Arc<Notify>) {
    let mut swept = Instant::now();
    let mut down = false;
    loop {
        // A hint that came during the last read is kept, and ends this wait at once.
        tokio::select! {
            () = hint.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        let read = read_on(&*store, &followed, clock.now(), |page| followed.apply_read(page)).await;
        report(&mut down, read.err(), &followed.progress, clock.now());
        if swept.elapsed() >= SWEEP {
            followed.table.sweep(clock.now());
            swept = Instant::now();
        }
    }
}

/// Hands `apply` one page after another until there is none.
async fn read_on(
    store: &dyn Store,
    followed: &Followed,
    now: Timestamp,
    mut apply: impl FnMut(&[Logged]),
) -> Result<(), StoreError> {
    loop {
        let page = timeout(PATIENCE, store.revocations_after(followed.progress.last(), now, PAGE)).await;
        let page = page.map_err(|_| StoreError::Unavailable("no answer".into()))??;
        if page.is_empty() {
            followed.progress.up_to_date(now);
            return Ok(());
        }
        apply(&page);
    }
}

fn report(down: &mut bool, error: Option<StoreError>, progress: &Progress, now: Timestamp) {
    match error {
        Some(error) if !*down => {
            tracing::warn!(%error, "the revocation log cannot be read; what is known of it stays in force");
            *down = true;
        }
        None if *down => {
            tracing::info!(last = progress.last(), "the revocation log is read again");
            *down = false;
        }
        Some(error) => {
            tracing::debug!(%error, lag_seconds = progress.lag(now).as_secs(), "the revocation log cannot be read");
        }
        None => {}
    }
}
