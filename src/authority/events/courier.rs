//! Delivery to one webhook: each event signed, sent, and forgotten when it has arrived; else sent again later.
//!
//! An event is taken before it is sent by moving its time on in the store, so that of several gateways one sends it. A
//! gateway that ends meanwhile leaves it to be taken again: it arrives at least once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, HeaderName};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Webhook, backoff};
use crate::authority::Parts;
use crate::clock::Timestamp;
use crate::fetch::{Bounds, FetchError, Fetcher, Reach};
use crate::store::{Change, Expired, KeyPurpose, QueuedEvent, StoreError};

/// Events on their way to one webhook.
const AT_ONCE: usize = 8;
/// How often it is looked for events of other gateways and those whose time has come; a receiver that fails is asked no
/// oftener.
const POLL: Duration = Duration::from_secs(1);
/// How much longer than its delivery may take an event is one's own.
const LEASE: Duration = Duration::from_secs(5);
/// How long it is tried.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often it is looked for events to give up.
const SWEEP: Duration = Duration::from_secs(60);
/// The signature over the body's digest (jwt-api.md section 5.2).
const SIGNATURE: HeaderName = HeaderName::from_static("x-fusionauth-signature-jwt");

/// Delivers to one webhook.
pub(super) struct Courier {
    webhook: Arc<Webhook>,
    parts: Arc<Parts>,
    fetcher: Fetcher,
    /// The latest delivery was in vain.
    fails: AtomicBool,
}

/// Why an event has not arrived.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error("it cannot be opened or signed")]
    Unsigned,
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Undelivered {
    fn word(&self) -> &'static str {
        match self {
            Self::Unsigned => "failed",
            Self::Fetch(FetchError::Status(_)) => "refused",
            Self::Fetch(_) => "unreachable",
        }
    }
}

impl Courier {
    pub(super) fn new(webhook: Arc<Webhook>, parts: Arc<Parts>) -> Arc<Self> {
        let fetcher = Fetcher::new(&webhook.roots);
        Arc::new(Self { webhook, parts, fetcher, fails: AtomicBool::new(false) })
    }

    /// Until it is aborted.
    pub(super) async fn run(self: Arc<Self>, mut added: watch::Receiver<u64>) {
        let (mut sending, mut on_their_way) = (JoinSet::new(), HashSet::new());
        let mut swept: Option<Instant> = None;
        loop {
            added.mark_unchanged();
            if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
                self.give_up().await;
                swept = Some(Instant::now());
            }
            let fails = self.fails.load(Ordering::Acquire);
            let most = if fails { 1 } else { AT_ONCE };
            for event in self.due(most.saturating_sub(on_their_way.len()), &on_their_way).await {
                on_their_way.insert(event.number);
                sending.spawn(Arc::clone(&self).deliver(event));
            }
            tokio::select! {
                _ = added.changed(), if !fails && on_their_way.len() < AT_ONCE => {}
                Some(done) = sending.join_next(), if !fails => forget(&mut on_their_way, &done),
                () = tokio::time::sleep(POLL) => {}
            }
            while let Some(done) = sending.try_join_next() {
                forget(&mut on_their_way, &done);
            }
        }
    }

    async fn due(&self, most: usize, on_their_way: &HashSet<u64>) -> Vec<QueuedEvent> {
        let (store, key, now) = (&self.parts.store, &self.webhook.key, self.parts.clock.now());
        if let Ok(waiting) = store.count_events(key).await {
            self.parts.metrics.events.waiting(&self.webhook.name, waiting);
        }
        if most == 0 {
            return Vec::new();
        }
        // Those that were just taken may be due still as this is read.
        let mut due = match store.due_events(key, now, most + on_their_way.len()).await {
            Ok(due) => due,
            Err(error) => {
                tracing::debug!(webhook = &*self.webhook.name, %error, "the store does not tell which events wait");
                return Vec::new();
            }
        };
        due.retain(|event| !on_their_way.contains(&event.number));
        due.truncate(most);
        due
    }

    /// Its number, when it was delivered or has to wait.
    async fn deliver(self: Arc<Self>, event: QueuedEvent) -> u64 {
        let lease = self.parts.clock.now().plus(self.webhook.timeout + LEASE);
        match self.defer(&event, event.version, event.attempts, lease).await {
            Ok(()) => {}
            // Another gateway has taken it.
            Err(StoreError::Conflict) => return event.number,
            Err(error) => {
                // Due still: it would be taken again at once.
                self.fails.store(true, Ordering::Release);
                tracing::debug!(webhook = &*self.webhook.name, %error, "an event could not be taken to be sent");
                return event.number;
            }
        }
        let sent = self.send(&event).await;
        self.note(sent.as_ref().err());
        let noted = match &sent {
            Ok(()) => self.parts.store.commit(vec![Change::RemoveEvent(event.number)]).await.map(drop),
            Err(_) => {
                let attempts = event.attempts.saturating_add(1);
                let due = self.parts.clock.now().plus(backoff::after(attempts, backoff::random()));
                self.defer(&event, event.version + 1, attempts, due).await
            }
        };
        if let Err(error) = noted {
            tracing::debug!(webhook = &*self.webhook.name, %error, "what became of an event could not be noted: it is sent again");
        }
        event.number
    }

    async fn defer(&self, event: &QueuedEvent, version: u64, attempts: u64, due: Timestamp) -> Result<(), StoreError> {
        let change = Change::DeferEvent { number: event.number, version, attempts, due };
        self.parts.store.commit(vec![change]).await.map(drop)
    }

    /// Signed now: a key that was retired since the event happened signs no more.
    async fn send(&self, event: &QueuedEvent) -> Result<(), Undelivered> {
        let body = super::open(&self.parts.sealer, &event.event).map_err(|_| Undelivered::Unsigned)?;
        let signature = self.signature(body.expose()).ok_or(Undelivered::Unsigned)?;
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json")), (SIGNATURE, signature)];
        let bounds = Bounds { timeout: self.webhook.timeout, max_bytes: 0, reach: Reach::Anywhere };
        Ok(self.fetcher.post(&self.webhook.url, &headers, Bytes::copy_from_slice(body.expose()), &bounds).await?)
    }

    fn signature(&self, body: &[u8]) -> Option<HeaderValue> {
        let ring = self.parts.keys.ring();
        let claims = json!({ "request_body_sha256": STANDARD.encode(digest(&SHA256, body)) });
        let signed = ring.signer(KeyPurpose::Webhook, None)?.sign("JWT", &claims).ok()?;
        HeaderValue::try_from(signed).ok()
    }

    /// Counts, and says the first of a row of failures and their end.
    fn note(&self, failure: Option<&Undelivered>) {
        let name = &*self.webhook.name;
        self.parts.metrics.events.attempted(name, failure.map_or("delivered", Undelivered::word));
        match (self.fails.swap(failure.is_some(), Ordering::AcqRel), failure) {
            (false, Some(error)) => tracing::warn!(webhook = name, %error, "the webhook takes no events; they are sent again"),
            (true, None) => tracing::info!(webhook = name, "the webhook takes events again"),
            _ => {}
        }
    }

    async fn give_up(&self) {
        let now = self.parts.clock.now();
        let oldest = now.millis().saturating_sub(GIVEN_UP_AFTER.as_millis().try_into().unwrap_or(u64::MAX));
        let sweep = Expired::Events(self.webhook.key.clone(), Timestamp::from_millis(oldest));
        match self.parts.store.commit(vec![Change::Sweep(sweep)]).await {
            Ok(done) if done.events_swept > 0 => {
                let (webhook, events) = (&*self.webhook.name, done.events_swept);
                tracing::error!(webhook, events, "events are lost: the webhook has not taken them for a week");
                self.parts.metrics.events.dropped(webhook, events);
            }
            // A store that does not write says so itself.
            _ => {}
        }
    }
}

fn forget(on_their_way: &mut HashSet<u64>, done: &Result<u64, tokio::task::JoinError>) {
    match done {
        Ok(number) => drop(on_their_way.remove(number)),
        // Which one is not known. All that are there still are taken: nothing is sent twice.
        Err(_) => on_their_way.clear(),
    }
}
