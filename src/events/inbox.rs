//! What is done with an event that is proved: what it ends is written to the store's log, which every gateway on the store
//! follows, and shown to this gateway's table; only then its sender is told. Without a store it lives in the table alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::metrics::{EventMeters, EventMetrics, Outcome};
use super::seen::{Seen, event_name};
use crate::clock::{Clock, Timestamp};
use crate::revocation::{Event, Followed, News, Origin, Reach};
use crate::store::{Change, Logged, Revocation, Store, StoreError};

/// A store that has not committed by then is down, as far as the sender is concerned.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes events of any party. It outlives configurations, with the names of what it took.
#[derive(Debug)]
pub struct Inbox {
    store: Option<Arc<dyn Store>>,
    revocations: Arc<Followed>,
    seen: Seen,
    clock: Clock,
    metrics: EventMetrics,
}

impl Inbox {
    /// Keeps what it takes in `store`, where there is one, and shows it to `revocations`.
    pub fn new(store: Option<Arc<dyn Store>>, revocations: Arc<Followed>, clock: Clock, metrics: EventMetrics) -> Self {
        Self { store, revocations, seen: Seen::default(), clock, metrics }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn meters(&self, party: &str) -> EventMeters {
        self.metrics.party(party)
    }

    /// Obeys `event`, whose body this is; `keys_changed` is told where it says so.
    ///
    /// An event is remembered once what it ends is kept, so that whatever fails is sent again. Two copies at once are both
    /// taken, to the same effect as one.
    pub(super) async fn take(
        &self,
        event: Event,
        body: &[u8],
        reach: &Reach,
        keys_changed: impl FnOnce(Timestamp),
    ) -> Result<Outcome, StoreError> {
        let (name, now) = (event_name(&reach.issuer, &event, body), self.now());
        if self.seen.has(&name, now) {
            return Ok(Outcome::Duplicate);
        }
        let until = match event.news {
            News::Other => return Ok(Outcome::Ignored),
            News::KeysChanged => {
                keys_changed(now);
                now.plus(reach.longest)
            }
            News::Revoked(scopes, instant) => {
                let entries = reach.revocations(scopes, instant, now);
                let Some(ends) = entries.iter().map(|entry| entry.ends).max() else { return Ok(Outcome::Ignored) };
                self.keep(entries).await?;
                ends
            }
        };
        self.seen.add(name, until, now);
        Ok(Outcome::Applied)
    }

    async fn keep(&self, entries: Vec<Revocation>) -> Result<(), StoreError> {
        let logged = match &self.store {
            Some(store) => commit(store.as_ref(), entries).await?,
            None => entries.into_iter().map(|revocation| Logged { number: 0, revocation }).collect(),
        };
        self.revocations.apply_own(&logged, Origin::Webhook);
        Ok(())
    }
}

/// Writes `entries` to the log.
async fn commit(store: &dyn Store, entries: Vec<Revocation>) -> Result<Vec<Logged>, StoreError> {
    let changes = entries.into_iter().map(Change::RevokeForeign).collect();
    let committed = timeout(PATIENCE, store.commit(changes)).await;
    Ok(committed.map_err(|_| StoreError::Unavailable("no answer".into()))??.revocations)
}
