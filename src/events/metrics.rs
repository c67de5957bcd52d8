//! What is counted about events, with fixed label sets: parties' names are configured ones.

use std::sync::Arc;

use prometheus::Registry;

use crate::telemetry::{Family, ShardedCounter};

/// What became of a request at a place for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The event was obeyed.
    Applied,
    /// It was obeyed before.
    Duplicate,
    /// It ends nothing here.
    Ignored,
    /// It is no event of the party.
    Refused,
    /// It could not be proved or not be kept now; the sender comes again.
    Unavailable,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Applied, Self::Duplicate, Self::Ignored, Self::Refused, Self::Unavailable];

    /// The stable word: metric label and log field.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The metric family of events.
#[derive(Clone, Debug)]
pub struct EventMetrics {
    received: Family<ShardedCounter>,
}

impl EventMetrics {
    /// Registers the family with `registry`.
    ///
    /// # Errors
    /// Where a family of the same name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let help = "Webhook events that identity servers sent, by outcome.";
        let received = Family::counters("tollgate_webhook_events_received_total", help, &["issuer", "result"])?;
        registry.register(Box::new(received.clone()))?;
        Ok(Self { received })
    }

    /// The children of one party.
    pub(super) fn party(&self, name: &str) -> EventMeters {
        EventMeters(Outcome::ALL.map(|outcome| self.received.child(&[name, outcome.word()])))
    }
}

/// One party's children, resolved once.
#[derive(Debug)]
pub(super) struct EventMeters([Arc<ShardedCounter>; Outcome::ALL.len()]);

impl EventMeters {
    pub(super) fn received(&self, outcome: Outcome) {
        if let Some(counter) = self.0.get(outcome as usize) {
            counter.increment();
        }
    }
}
