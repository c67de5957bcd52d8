//! Events: what happens to refresh tokens, told to webhooks.
//!
//! An event is made by the operation and committed in the same transaction as its change, sealed, as a row of the store's
//! outbox; [`Deliveries`] sends it afterwards, again and again until it has arrived. So no event is lost, none tells of
//! what did not happen, and no operation waits for a receiver.

mod backoff;
mod courier;
mod deliveries;
mod ending;
mod kind;
mod metrics;
mod settings;
mod shape;

use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

pub use deliveries::Deliveries;
pub use kind::EventKind;
pub(super) use metrics::EventMetrics;
pub use settings::Webhook;
pub(super) use shape::Refresh;
use shape::{Common, Revoked};

use super::{Authority, Denial, Sealer, SealingError, ids};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::{Change, Committed, Event, StoreError, User};

/// What a body is sealed as.
const SEALED_AS: &str = "webhook event";

/// Tells whoever delivers that there are new events.
#[derive(Debug)]
pub struct NewEvents(watch::Sender<u64>);

impl Default for NewEvents {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl NewEvents {
    fn added(&self) {
        self.0.send_modify(|times| *times = times.wrapping_add(1));
    }

    fn followed(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl Authority {
    /// Whether anybody is told of this.
    pub(super) fn tells_of(&self, kind: EventKind) -> bool {
        self.settings.webhooks.iter().any(|webhook| webhook.wants(kind))
    }

    /// Whether the access token that is sent along with a refresh token is told to anybody.
    pub fn tells_tokens_of_refreshes(&self) -> bool {
        self.settings.webhooks.iter().any(|webhook| webhook.include_tokens && webhook.wants(EventKind::Refresh))
    }

    /// The changes that tell of the use of a refresh token.
    pub(super) fn refresh_events(&self, refresh: &Refresh<'_>, now: Timestamp) -> Result<Vec<Change>, Denial> {
        self.events(EventKind::Refresh, refresh.used.session, now, |common, webhook| {
            Ok(refresh.body(common, webhook.include_tokens))
        })
    }

    fn revoke_events(&self, revoked: &Revoked, user: Option<&User>, at: Timestamp) -> Result<Vec<Change>, Denial> {
        self.events(EventKind::Revoke, revoked.ordering(), at, |common, webhook| {
            let value = match revoked {
                Revoked::Token(token) if webhook.include_tokens => Some(self.open_value(token)?),
                _ => None,
            };
            Ok(revoked.body(common, &self.settings, user, value.as_deref()))
        })
    }

    /// One event, for each webhook that wants it.
    fn events(
        &self,
        kind: EventKind,
        ordering: Uuid,
        created: Timestamp,
        body: impl Fn(&Common, &Webhook) -> Result<Value, Denial>,
    ) -> Result<Vec<Change>, Denial> {
        if !self.tells_of(kind) {
            return Ok(Vec::new());
        }
        // A revocation may be dated later than now, by what it undoes; its event need not wait for that.
        let queued = self.parts.clock.now();
        let common = Common { id: ids::at(created)?, created, tenant: self.settings.tenant_id };
        let wanted = self.settings.webhooks.iter().filter(|webhook| webhook.wants(kind));
        let change = |webhook: &Webhook| {
            let (id, key) = (common.id, webhook.key.clone());
            let body = seal(&self.parts.sealer, &key, id, body(&common, webhook)?.to_string().as_bytes())?;
            Ok(Change::AddEvent(Event { webhook: key, ordering, id, body, created: queued }, kind.room()))
        };
        wanted.map(|webhook| change(webhook)).collect()
    }

    /// Makes `changes`, and wakes whoever delivers the events among them.
    pub(super) async fn commit_telling(&self, changes: Vec<Change>) -> Result<Committed, StoreError> {
        let told = changes.iter().filter_map(|change| if let Change::AddEvent(event, _) = change { Some(event) } else { None });
        let told: Vec<String> = told.map(|event| event.webhook.clone()).collect();
        let committed = self.store().commit(changes).await?;
        if !told.is_empty() {
            self.parts.new_events.added();
        }
        let without_room = told.iter().zip(&committed.events).filter(|(_, number)| number.is_none());
        without_room.for_each(|(webhook, _)| self.note_without_room(webhook));
        Ok(committed)
    }

    fn note_without_room(&self, key: &str) {
        let webhook = self.settings.webhooks.iter().find(|webhook| webhook.key == key);
        let name = webhook.map_or("unknown", |webhook| &*webhook.name);
        tracing::error!(webhook = name, "an event is lost: too many wait for the webhook");
        self.parts.metrics.events.dropped(name, 1);
    }
}

fn seal(sealer: &Sealer, webhook: &str, id: Uuid, body: &[u8]) -> Result<Vec<u8>, SealingError> {
    sealer.seal(SEALED_AS, &context(webhook, id), body)
}

fn open(sealer: &Sealer, event: &Event) -> Result<Secret, SealingError> {
    sealer.open(SEALED_AS, &context(&event.webhook, event.id), &event.body)
}

/// A webhook's key is a digest, always as long.
fn context(webhook: &str, id: Uuid) -> Vec<u8> {
    [webhook.as_bytes(), id.as_bytes()].concat()
}
