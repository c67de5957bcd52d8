//! The part that issues tokens: sign-in, exchange, refresh, revocation, reconciliation, users, signing keys.
//!
//! Called by `api` with parsed requests and by operators' commands. It knows neither HTTP nor SQL: it takes values, reads
//! the [`store`](crate::store), decides, and writes one list of changes. What it decides on is named in the changes, so
//! that a decision on something that has changed is made anew.

mod access;
mod assertion;
mod attempts;
mod claims;
mod denial;
mod documents;
mod events;
#[cfg(test)]
pub(crate) mod example;
mod exchange;
mod ids;
mod in_place;
mod issuing;
mod latest;
mod metrics;
mod mint;
mod own_token;
mod passwords;
mod reconcile;
mod records;
mod refresh;
mod refresh_token;
mod remote;
mod revoke;
mod sealing;
mod settings;
mod sign_in;
mod signing_keys;
mod standing;
mod sweep;
mod users;
mod vend;
mod verification;

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

pub use access::SignedToken;
pub use assertion::AssertedRequest;
pub use attempts::Attempts;
pub use denial::Denial;
pub use documents::{refresh_token_document, registration_document, user_document};
pub use events::{Deliveries, EventKind, NewEvents, Webhook};
pub use exchange::Exchanged;
pub use in_place::InPlace;
pub use issuing::{Issuing, Renewed};
pub use latest::Latest;
pub use metrics::AuthorityMetrics;
pub use mint::Minted;
pub use own_token::OwnToken;
pub use passwords::Passwords;
pub use reconcile::{ProviderError, Providers, Reconcile};
pub use records::{Owned, Owner};
pub use refresh::Refreshed;
pub use refresh_token::{Device, NewRefreshToken};
pub use remote::{RemoteApplication, RemoteAuthority, RemoteFault, RemoteMetrics, RemoteSettings};
pub use revoke::{Revoke, Revoked};
pub use sealing::{Sealer, SealingError};
pub use settings::{
    AUTHORITY_ISSUER, ApiKey, Application, AuthoritySettings, Expiration, IdentityProvider, Linking, PasswordSettings,
    Permissions, ProviderApplication, Role, Signing, SingleSignOn, Usage, VEND_ISSUER,
};
pub use sign_in::{Login, SignIn, SignedIn};
pub use signing_keys::{Following, KeyRing, Place, PublishedKey, SigningKeySettings, SigningKeys, SigningKeysError};
pub use verification::{issuers, issuers_without_keys};

use crate::clock::Clock;
use crate::revocation::Followed;
use crate::store::{Store, StoreError};
use crate::token::Liveness;

/// The authority under one configuration. Made anew at each reload; its [`Parts`] stay.
#[derive(Debug)]
pub struct Authority {
    settings: Arc<AuthoritySettings>,
    parts: Arc<Parts>,
    providers: Providers,
    /// Who was told something by these settings asks whether they are in force still.
    terms: Arc<Liveness>,
}

/// What outlives a configuration.
#[derive(Debug)]
pub struct Parts {
    /// Where the records are.
    pub store: Arc<dyn Store>,
    /// Seals what is in them.
    pub sealer: Arc<Sealer>,
    /// The keys that sign.
    pub keys: Arc<SigningKeys>,
    /// Which tokens have ended early.
    pub revocations: Arc<Followed>,
    /// Computes and compares password hashes.
    pub passwords: Passwords,
    /// What no revocation may be older than.
    pub latest: Latest,
    /// Counts guesses.
    pub attempts: Attempts,
    /// What the latest probe of the store found, and when.
    pub probed: Mutex<Option<(Instant, Result<(), StoreError>)>>,
    /// Wakes whoever delivers events.
    pub new_events: NewEvents,
    /// What is counted.
    pub metrics: AuthorityMetrics,
    /// What time it is.
    pub clock: Clock,
}

impl Authority {
    /// The authority of `settings`, whose identity providers `providers` are.
    pub fn new(settings: Arc<AuthoritySettings>, parts: Arc<Parts>, providers: Providers) -> Self {
        Self { settings, parts, providers, terms: Arc::default() }
    }

    /// The same settings have the same terms: what was made by `former` counts on, where that had these settings.
    #[must_use]
    pub fn succeeding(mut self, former: Option<&Self>) -> Self {
        if let Some(former) = former.filter(|former| former.settings == self.settings) {
            self.terms = Arc::clone(&former.terms);
        }
        self
    }

    /// What tokens that were exchanged under these settings were made under.
    pub fn terms(&self) -> &Arc<Liveness> {
        &self.terms
    }

    /// The identity providers with their keys.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Arc<AuthoritySettings> {
        &self.settings
    }

    /// The parts that it works with.
    pub fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    fn store(&self) -> &dyn Store {
        &*self.parts.store
    }
}
