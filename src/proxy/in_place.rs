//! What is known of exchanges, reconciliations and refreshes that routes have made while requests waited. One for the process:
//! all workers share it, and it outlives configurations.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::flights::Flights;
use crate::authority::{Denial, Issuing, Renewed};
use crate::issuer::{CacheSettings, Exchanged, Remembered, Verified};
use crate::store::Digest;

/// How long the outcome of a refresh is given to whoever comes with the same refresh token: to requests that a browser sent
/// before the answer with the new one reached it.
const REFRESH_KEPT: Duration = Duration::from_secs(5);

/// What an exchange is about: the token, the application, and the settings.
pub(super) type ExchangeOf = (Digest, Uuid, TermsOf);
/// What one exchange gave.
pub(super) type Exchanging = Result<Arc<Exchanged>, Denial>;
/// What a reconciliation is about: the token, the identity provider, the application, and the settings.
pub(super) type ReconcileOf = (Digest, Uuid, Uuid, TermsOf);
/// What a refresh is about: the whole refresh token, and the settings.
pub(super) type RefreshOf = (Digest, TermsOf);
/// Which settings of the authority something is done under: what is under way under others is not shared.
pub(super) type TermsOf = usize;
/// What one reconciliation gave, with the proof of the partner's token.
pub(super) type Reconciling = Result<(Arc<Verified>, Arc<Exchanged>), Denial>;
/// What one refresh gave.
pub(super) type Refreshing = Result<Arc<Renewed>, Denial>;

/// What routes share of what the authority does for them.
#[derive(Debug)]
pub struct InPlace {
    /// Partners' tokens that were reconciled, with what they became.
    pub(super) reconciled: Remembered,
    pub(super) exchanging: Arc<Flights<ExchangeOf, Exchanging>>,
    pub(super) reconciling: Arc<Flights<ReconcileOf, Reconciling>>,
    pub(super) refreshing: Arc<Flights<RefreshOf, Refreshing>>,
}

impl InPlace {
    /// Nothing yet; of partners' tokens as many are remembered as `cache` says.
    pub fn new(cache: &CacheSettings) -> Self {
        Self {
            reconciled: Remembered::new(cache),
            exchanging: Arc::default(),
            reconciling: Arc::default(),
            refreshing: Arc::default(),
        }
    }

    /// Remembers what a partner's token became; another application's stays beside it.
    pub(super) fn remember(&self, token: &str, presented: Verified, exchanged: &Arc<Exchanged>) -> Arc<Verified> {
        self.reconciled.insert_exchange(token, Arc::new(presented), exchanged)
    }
}

/// The settings that `issuing` has now, told apart by where they are kept.
pub(super) fn terms_of(issuing: &Issuing) -> TermsOf {
    Arc::as_ptr(issuing.terms()).addr()
}

/// What is remembered with its token anyway.
pub(super) fn keep_nothing<T>(_: &T) -> Duration {
    Duration::ZERO
}

pub(super) fn keep_refreshing(outcome: &Refreshing) -> Duration {
    if outcome.is_ok() { REFRESH_KEPT } else { Duration::ZERO }
}
