//! Events on their way to webhooks, and what of refresh tokens a change is about to end, of which they tell.

use uuid::Uuid;

use super::RefreshToken;
use crate::clock::Timestamp;

/// Something that a webhook is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whom: the webhook's key.
    pub webhook: String,
    /// Events of one webhook and one ordering are delivered one after the other; others do not wait for them.
    pub ordering: Uuid,
    /// Its own id.
    pub id: Uuid,
    /// What is sent, sealed.
    pub body: Vec<u8>,
    /// When it was put here.
    pub created: Timestamp,
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedEvent {
    /// Its place: grows with every event.
    pub number: u64,
    /// The event.
    pub event: Event,
    /// How often it was sent in vain.
    pub attempts: u64,
    /// Not to be sent before this.
    pub due: Timestamp,
    /// Raised by every change.
    pub version: u64,
}

/// What may wait for one webhook at most; an event for which there is no room is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// So many events.
    pub events: u64,
    /// So many bytes of bodies.
    pub bytes: u64,
}

/// The refresh tokens that an [`super::Ended`] would end now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// The applications of all of them, each once, in order.
    pub applications: Vec<Uuid>,
    /// Those that were asked for, oldest first.
    pub tokens: Vec<RefreshToken>,
}
