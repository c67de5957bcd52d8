//! Events from identity servers: their signed webhooks, so that a gateway that only verifies refuses what they have
//! revoked.
//!
//! A [`Receiver`] is one party's place: it proves that the party signed the body, and hands the event to the [`Inbox`],
//! which knows what was seen and makes the revocations durable before the sender is told so. Put into the pipeline and the
//! admin listener by `gateway`.

mod answer;
mod inbox;
mod metrics;
mod receiver;
mod seen;
mod settings;

pub use inbox::Inbox;
pub use metrics::EventMetrics;
pub use receiver::{Receiver, ReceiverError};
pub use settings::{EventsSettings, Place, Signers};
