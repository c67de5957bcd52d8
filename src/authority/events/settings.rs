//! What an operator decides about a webhook.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::EventKind;
use crate::fetch::TrustRoots;
use crate::store::Digest;

/// An address that is told what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// For people; metric label and log field.
    pub name: Arc<str>,
    /// What its events are kept by: of its address, so that another name loses none of them.
    pub key: String,
    /// Where events are sent.
    pub url: Uri,
    /// Which.
    pub events: Vec<EventKind>,
    /// Whether they hold tokens.
    pub include_tokens: bool,
    /// Whom it is believed to be by, where its address is `https`.
    pub roots: TrustRoots,
    /// From the name lookup to the answer.
    pub timeout: Duration,
}

impl Webhook {
    /// The key of the webhook at this address.
    pub fn key(url: &Uri) -> String {
        Digest::of(&url.to_string()).0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is told of this.
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.events.contains(&kind)
    }
}
