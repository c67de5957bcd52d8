//! Single sign-on: the token of a caller becomes one for the route's application, as `GET /api/jwt/issue` would make it, or
//! `POST /api/jwt/reconcile` of a partner's. Once for each token; what came of it is remembered with the token.
//!
//! Called by [`super::authenticate`](mod@super::authenticate) with a proved token. What is remembered is held against the revocations, the authority's
//! settings and its user's version at every use, so that nobody keeps what they lost.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::in_place::keep_nothing;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::snapshot::Snapshot;
use crate::authority::{Authority, Denial, InPlace};
use crate::issuer::{Exchanged, Verified};
use crate::store::Digest;
use crate::token::RawToken;

/// For so long an exchange is believed without asking the store: what a user gained meanwhile shows then. What they lost ends
/// it at once, by a revocation.
const CONFIRMED_FOR: Duration = Duration::from_secs(2);
/// A token longer than this is looked at by no provider.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token on its way to be another one.
#[derive(Clone, Copy)]
struct Exchange<'r> {
    snapshot: &'r Arc<Snapshot>,
    authority: &'r Arc<Authority>,
    application: Uuid,
    token: &'r str,
}

/// What the caller of `token`, whose proof `presented` is, is at the application of `plan`.
pub(super) async fn exchange(
    snapshot: &Arc<Snapshot>,
    plan: &RoutePlan,
    presented: &Arc<Verified>,
    token: &str,
) -> Result<Arc<Exchanged>, Rejection> {
    let (Some(authority), Some(application)) = (&snapshot.authority, plan.settings.application) else {
        return Err(Rejection::detailed(Reason::InvalidToken, "other_application"));
    };
    // Others than the authority have such a secret: what it signs is good where they are.
    if presented.is_by_shared_secret() {
        return Err(Rejection::detailed(Reason::InvalidToken, "other_application"));
    }
    let exchange = Exchange { snapshot, authority, application, token };
    match exchange.recall(presented).await {
        Some(exchanged) => Ok(exchanged),
        None => Box::pin(exchange.make(presented)).await,
    }
}

/// What the caller of a partner's `token` is at the application of `plan`, with the token's proof; nothing where it is no token
/// of the identity provider that the route reconciles.
pub(super) async fn reconcile(
    snapshot: &Arc<Snapshot>,
    plan: &RoutePlan,
    token: &str,
) -> Result<Option<(Arc<Verified>, Arc<Exchanged>)>, Rejection> {
    let (Some(authority), Some(application)) = (&snapshot.authority, plan.settings.application) else { return Ok(None) };
    let Some(provider) = plan.settings.reconcile else { return Ok(None) };
    let exchange = Exchange { snapshot, authority, application, token };
    if let Some(found) = exchange.recall_reconciled(provider).await? {
        return Ok(Some(found));
    }
    let raw = RawToken::parse(token, MAX_TOKEN_BYTES).ok();
    match raw.filter(|raw| authority.issuer_of(provider) == Some(raw.issuer())) {
        Some(_) => Box::pin(exchange.reconcile(provider)).await.map(Some),
        None => Ok(None),
    }
}

impl Exchange<'_> {
    /// What is remembered with `presented`, as far as it would still be given.
    async fn recall(self, presented: &Verified) -> Option<Arc<Exchanged>> {
        let exchanged = presented.exchanged_for(self.application)?;
        let now = self.snapshot.verifier.clock().now();
        let table = self.snapshot.revocations.table();
        let stands = table.is_empty() || table.check(&exchanged.verified.lineage(), now).is_ok();
        if !stands || !exchanged.holds(self.authority.terms(), now) {
            return None;
        }
        if exchanged.is_confirmed(CONFIRMED_FOR, now) {
            return Some(exchanged);
        }
        Box::pin(self.confirm(&exchanged)).await.then_some(exchanged)
    }

    /// Whether an exchange would still give it. While the store is out of reach nothing is known to have changed.
    async fn confirm(self, exchanged: &Exchanged) -> bool {
        let now = self.snapshot.verifier.clock().now();
        let claims = &exchanged.verified.identity.claims;
        let stays = self.authority.is_as_exchanged(claims, self.application, exchanged.user_version).await.unwrap_or(true);
        if stays {
            exchanged.confirm(now);
        }
        stays
    }

    async fn make(self, presented: &Arc<Verified>) -> Result<Arc<Exchanged>, Rejection> {
        let of = (Digest::of(self.token), self.application);
        let work = || {
            let (snapshot, authority) = (Arc::clone(self.snapshot), Arc::clone(self.authority));
            let (presented, token, application) = (Arc::clone(presented), self.token.to_owned(), self.application);
            async move {
                let made = authority.exchange_in_place(&presented.identity.claims, application).await?;
                let exchanged = proved(&snapshot, &authority, application, made).await?;
                snapshot.verifier.remember_exchange(&token, &presented, &exchanged);
                Ok(exchanged)
            }
        };
        let flights = &self.snapshot.in_place.exchanging;
        let outcome = flights.join(of, keep_nothing, work).await;
        let exchanged = outcome.ok_or(Reason::AuthorityUnavailable)?.map_err(|denial| refuse(&denial, "not_exchanged"))?;
        self.standing(exchanged)
    }

    /// A partner's token that was reconciled before.
    async fn recall_reconciled(self, provider: Uuid) -> Result<Option<(Arc<Verified>, Arc<Exchanged>)>, Rejection> {
        let now = self.snapshot.verifier.clock().now();
        let Some(presented) = self.snapshot.in_place.reconciled.get(self.token, now) else { return Ok(None) };
        if !self.authority.stands_by(provider, &presented) {
            return Ok(None);
        }
        self.snapshot.check_standing(&presented)?;
        Ok(self.recall(&presented).await.map(|exchanged| (presented, exchanged)))
    }

    async fn reconcile(self, provider: Uuid) -> Result<(Arc<Verified>, Arc<Exchanged>), Rejection> {
        let of = (Digest::of(self.token), provider, self.application);
        let work = || {
            let (snapshot, authority) = (Arc::clone(self.snapshot), Arc::clone(self.authority));
            let (token, application) = (self.token.to_owned(), self.application);
            async move {
                let (presented, made) = authority.reconcile_in_place(provider, &token, application).await?;
                let exchanged = proved(&snapshot, &authority, application, made).await?;
                let presented = snapshot.in_place.remember(&token, presented, &exchanged);
                Ok((presented, exchanged))
            }
        };
        let outcome = self.snapshot.in_place.reconciling.join(of, keep_nothing, work).await;
        let (presented, exchanged) =
            outcome.ok_or(Reason::AuthorityUnavailable)?.map_err(|denial| refuse(&denial, "not_reconciled"))?;
        Ok((presented, self.standing(exchanged)?))
    }

    /// News that was on its way while the token was made reaches it.
    fn standing(self, exchanged: Arc<Exchanged>) -> Result<Arc<Exchanged>, Rejection> {
        self.snapshot.check_standing(&exchanged.verified).map(|()| exchanged)
    }
}

/// The token that was made, proved as one that a client had presented would be.
async fn proved(snapshot: &Snapshot, authority: &Authority, application: Uuid, made: InPlace) -> Result<Arc<Exchanged>, Denial> {
    let InPlace { token, user_version } = made;
    let verified = snapshot.verifier.verify_apart(&token).await;
    let verified = verified.map_err(|_| Denial::Defect("a token made here is not accepted here"))?;
    let (terms, now) = (Arc::clone(authority.terms()), snapshot.verifier.clock().now());
    Ok(Arc::new(Exchanged::new(application, token, verified, terms, user_version, now)))
}

/// What a route answers where the authority did not do what it asked. `detail` is the finer word for a caller who may not.
pub(super) fn refuse(denial: &Denial, detail: &'static str) -> Rejection {
    match denial {
        Denial::Unauthorized | Denial::RefreshToken | Denial::NotFound | Denial::AccountExpired | Denial::Field(..) => {
            Rejection::detailed(Reason::InvalidToken, detail)
        }
        Denial::KeysUnavailable(retry_after) => Rejection::keys_unavailable(*retry_after),
        Denial::Store(_) | Denial::Busy | Denial::TooMany(_) => Rejection::authority_unavailable(),
        Denial::Defect(what) => Rejection::defect(what),
    }
}
