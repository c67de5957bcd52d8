//! Loading and following a log that grows, breaks and heals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus::{Registry, TextEncoder};
use tokio::sync::Notify;
use uuid::Uuid;

use super::super::*;
use super::*;
use crate::clock::Clock;
use crate::store::{
    Change, Committed, Digest, Ended, Ending, FoundRefreshToken, KeyDocument, LoginName, Pending, QueuedEvent, RefreshToken,
    ScopeKind, Session, SessionsOf, SigningKeyRecord, Standing, Store, StoreError, StoreIdentity, User,
};

/// A log and nothing else.
#[derive(Debug, Default)]
struct Log {
    entries: Mutex<Vec<Logged>>,
    down: AtomicBool,
}

fn down<'a, T: Send + 'a>() -> Pending<'a, T> {
    Box::pin(std::future::ready(Err(StoreError::Unavailable("down".into()))))
}

impl Log {
    fn add(&self, scope: Scope) -> Logged {
        let mut entries = self.entries.lock().unwrap();
        let entry = logged(entries.len() as u64 + 1, revocation(scope));
        entries.push(entry.clone());
        entry
    }
}

impl Store for Log {
    fn revocations_after(&self, after: u64, now: Timestamp, most: usize) -> Pending<'_, Vec<Logged>> {
        if self.down.load(Ordering::Relaxed) {
            return down();
        }
        let entries = self.entries.lock().unwrap();
        let found = entries.iter().filter(|entry| entry.number > after && entry.revocation.ends >= now).take(most);
        Box::pin(std::future::ready(Ok(found.cloned().collect())))
    }

    fn identity(&self) -> Pending<'_, StoreIdentity> {
        down()
    }
    fn check(&self) -> Pending<'_, ()> {
        down()
    }
    fn user(&self, _: Uuid) -> Pending<'_, Option<User>> {
        down()
    }
    fn user_by_name<'a>(&'a self, _: LoginName<'a>) -> Pending<'a, Option<User>> {
        down()
    }
    fn linked_user<'a>(&'a self, _: Uuid, _: &'a str) -> Pending<'a, Option<User>> {
        down()
    }
    fn standing(&self, _: Uuid, _: Uuid) -> Pending<'_, Standing> {
        down()
    }
    fn session(&self, _: Uuid) -> Pending<'_, Option<Session>> {
        down()
    }
    fn renewal(&self, _: Digest) -> Pending<'_, Option<(FoundRefreshToken, Standing)>> {
        down()
    }
    fn standing_in(&self, _: Uuid, _: Uuid, _: Uuid) -> Pending<'_, (Option<Session>, Standing)> {
        down()
    }
    fn sessions(&self, _: SessionsOf, _: usize) -> Pending<'_, Vec<Session>> {
        down()
    }
    fn refresh_token_by_value(&self, _: Digest) -> Pending<'_, Option<FoundRefreshToken>> {
        down()
    }
    fn refresh_token(&self, _: Uuid) -> Pending<'_, Option<FoundRefreshToken>> {
        down()
    }
    fn refresh_tokens_of(&self, _: Uuid, _: usize) -> Pending<'_, Vec<RefreshToken>> {
        down()
    }
    fn count_refresh_tokens(&self) -> Pending<'_, u64> {
        down()
    }
    fn ending(&self, _: Ended, _: Option<Uuid>, _: usize) -> Pending<'_, Ending> {
        down()
    }
    fn due_events<'a>(&'a self, _: &'a str, _: Timestamp, _: usize) -> Pending<'a, Vec<QueuedEvent>> {
        down()
    }
    fn count_events<'a>(&'a self, _: &'a str) -> Pending<'a, u64> {
        down()
    }
    fn signing_keys(&self) -> Pending<'_, Vec<SigningKeyRecord>> {
        down()
    }
    fn signing_key_generation(&self) -> Pending<'_, u64> {
        down()
    }
    fn key_document<'a>(&'a self, _: &'a str) -> Pending<'a, Option<KeyDocument>> {
        down()
    }
    fn commit(&self, _: Vec<Change>) -> Pending<'_, Committed> {
        down()
    }
}

struct Bench {
    log: Arc<Log>,
    followed: Arc<Followed>,
    registry: Registry,
    clock: Clock,
}

fn bench() -> Bench {
    let (registry, clock) = (Registry::new(), Clock::manual(NOW));
    let (table, progress) = (Arc::new(Revocations::new(100_000)), Arc::new(Progress::default()));
    let metrics = RevocationMetrics::register(&registry, &table, &progress, clock.clone()).unwrap();
    let followed = Arc::new(Followed::new(table, progress, metrics));
    Bench { log: Arc::default(), followed, registry, clock }
}

impl Bench {
    fn is_revoked(&self, id: &str) -> bool {
        self.followed.table().check(&Lineage { token_id: Some(id), ..token() }, self.clock.now()).is_err()
    }

    fn shows(&self, line: &str) {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }

    fn follow(&self, hint: &Arc<Notify>) -> tokio::task::JoinHandle<()> {
        let (log, followed) = (Arc::clone(&self.log) as Arc<dyn Store>, Arc::clone(&self.followed));
        tokio::spawn(follow(log, followed, self.clock.clone(), Arc::clone(hint)))
    }
}

#[tokio::test]
async fn loading_reads_all_pages() {
    let bench = bench();
    (0..10_000).for_each(|number| drop(bench.log.add(Scope::Token(format!("t{number}")))));
    assert_eq!(load(&*bench.log, &bench.followed, NOW).await, Ok(10_000));
    assert!(bench.is_revoked("t0") && bench.is_revoked("t9999") && !bench.is_revoked("t10000"));
    bench.shows("tollgate_revocation_entries 10000");
    bench.shows("tollgate_revocations_total{scope=\"token\",origin=\"start\"} 10000");
    bench.shows("tollgate_revocation_lag_seconds 0");
}

#[tokio::test]
async fn loading_from_a_store_that_is_down_says_so() {
    let bench = bench();
    bench.log.down.store(true, Ordering::Relaxed);
    assert!(load(&*bench.log, &bench.followed, NOW).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn news_is_applied_within_a_poll_and_at_once_with_a_hint() {
    let bench = bench();
    load(&*bench.log, &bench.followed, NOW).await.unwrap();
    let hint = Arc::new(Notify::new());
    let task = bench.follow(&hint);
    bench.log.add(Scope::Token("polled".into()));
    tokio::time::sleep(Duration::from_millis(501)).await;
    assert!(bench.is_revoked("polled"));
    bench.log.add(Scope::Token("hinted".into()));
    hint.notify_one();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(bench.is_revoked("hinted"));
    assert_eq!(bench.followed.progress().last(), 2);
    bench.shows("tollgate_revocations_total{scope=\"token\",origin=\"log\"} 2");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_leaves_the_table_and_shows_in_the_lag() {
    let bench = bench();
    bench.log.add(Scope::Token("known".into()));
    load(&*bench.log, &bench.followed, NOW).await.unwrap();
    let task = bench.follow(&Arc::default());
    bench.log.down.store(true, Ordering::Relaxed);
    bench.log.add(Scope::Token("missed".into()));
    bench.clock.advance(Duration::from_secs(90));
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(bench.is_revoked("known") && !bench.is_revoked("missed"));
    bench.shows("tollgate_revocation_lag_seconds 90");
    bench.log.down.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench.is_revoked("missed"));
    bench.shows("tollgate_revocation_lag_seconds 0");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn an_own_entry_counts_at_once_and_only_once() {
    let bench = bench();
    let entry = bench.log.add(Scope::Token("own".into()));
    bench.followed.apply_own(std::slice::from_ref(&entry), Origin::Api);
    assert!(bench.is_revoked("own"));
    let task = bench.follow(&Arc::default());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.followed.progress().last(), 1);
    bench.shows("tollgate_revocations_total{scope=\"token\",origin=\"api\"} 1");
    bench.shows("tollgate_revocations_total{scope=\"token\",origin=\"log\"} 0");
    bench.shows("tollgate_revocation_entries 1");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn ended_entries_are_swept() {
    let bench = bench();
    bench.log.add(Scope::Token("brief".into()));
    load(&*bench.log, &bench.followed, NOW).await.unwrap();
    let task = bench.follow(&Arc::default());
    bench.clock.advance(Duration::from_secs(3 * 3600));
    tokio::time::sleep(Duration::from_secs(62)).await;
    assert!(bench.followed.table().is_empty());
    task.abort();
}

#[test]
fn refusals_are_counted_by_scope() {
    let bench = bench();
    bench.followed.metrics().rejected(ScopeKind::UserInApplication);
    bench.shows("tollgate_revocation_rejections_total{scope=\"user_in_application\"} 1");
    bench.shows("tollgate_revocation_rejections_total{scope=\"everything\"} 0");
}
