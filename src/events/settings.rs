//! What an operator decides about one party's events, free of file formats.

use std::sync::Arc;
use std::time::Duration;

use crate::issuer::IssuerSettings;
use crate::revocation::Reach;
use crate::route::{HostPattern, PathPrefix};

/// A party whose events are obeyed, for the tokens of one `iss`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventsSettings {
    /// The party's configured name: metric label and log field.
    pub name: Arc<str>,
    /// The `iss` of the tokens that its events end.
    pub issuer: Arc<str>,
    /// The longest that one of these tokens may live.
    pub max_lifetime: Duration,
    /// Tolerated clock difference between the party and here.
    pub leeway: Duration,
    /// Where events are posted: exactly this path.
    pub path: PathPrefix,
    /// On which address.
    pub place: Place,
    /// Who signs them.
    pub signers: Signers,
}

/// The address that events come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The admin listener.
    Admin,
    /// The listener of this name, at one host, or at every host that has no routes of its own.
    Listener(Arc<str>, HostPattern),
}

/// Whose keys sign events.
#[derive(Clone, Debug, PartialEq)]
pub enum Signers {
    /// Those that sign the tokens.
    Issuer,
    /// Others. Of these settings only the keys' count.
    Own(Box<IssuerSettings>),
}

impl EventsSettings {
    /// Which tokens its events concern, and for how long: what is tolerated of a token's times is tolerated here too.
    pub(super) fn reach(&self) -> Reach {
        Reach { issuer: self.issuer.to_string(), longest: self.max_lifetime.saturating_add(self.leeway), ahead: self.leeway }
    }
}
