//! Single sign-on: the token of a caller becomes one for the route's application, as `GET /api/jwt/issue` would make it, or
//! `POST /api/jwt/reconcile` of a partner's. Once for each token; what came of it is remembered with the token.
//!
//! Called by [`super::authenticate`](mod@super::authenticate) with a proved token. What is remembered is held against the revocations, the authority's
//! settings and its user's version at every use, so that nobody keeps what they lost.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::in_place::{keep_nothing, terms_of};
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::snapshot::Snapshot;
use crate::authority::{Authority, Denial, InPlace, Issuing};
use crate::issuer::{Exchanged, Verified, VerifyError};
use crate::store::Digest;
use crate::token::{RawToken, VerifiedClaims};

/// The finer word for a token of another application that nobody exchanges.
pub(super) const OTHER_APPLICATION: &str = "other_application";
/// A token longer than this is looked at by no provider.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token on its way to be another one.
#[derive(Clone, Copy)]
struct Exchange<'r> {
    snapshot: &'r Arc<Snapshot>,
    issuing: &'r Issuing,
    application: Uuid,
    token: &'r str,
    /// The client's.
    address: IpAddr,
}

/// What the caller of `token`, whose proof `presented` is, is at the application of `plan`.
pub(super) async fn exchange(
    snapshot: &Arc<Snapshot>,
    plan: &RoutePlan,
    presented: &Arc<Verified>,
    token: &str,
    address: IpAddr,
) -> Result<Arc<Exchanged>, Rejection> {
    let (Some(issuing), Some(application)) = (&snapshot.authority, plan.settings.application) else {
        return Err(Rejection::detailed(Reason::InvalidToken, OTHER_APPLICATION));
    };
    // Others than the authority have such a secret: what it signs is good where they are.
    if presented.is_by_shared_secret() {
        return Err(Rejection::detailed(Reason::InvalidToken, OTHER_APPLICATION));
    }
    let exchange = Exchange { snapshot, issuing, application, token, address };
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
    address: IpAddr,
) -> Result<Option<(Arc<Verified>, Arc<Exchanged>)>, Rejection> {
    let (Some(issuing), Some(application)) = (&snapshot.authority, plan.settings.application) else { return Ok(None) };
    let (Some(provider), Some(authority)) = (plan.settings.reconcile, issuing.embedded()) else { return Ok(None) };
    let exchange = Exchange { snapshot, issuing, application, token, address };
    if let Some(found) = exchange.recall_reconciled(authority, provider).await? {
        return Ok(Some(found));
    }
    let raw = RawToken::parse(token, MAX_TOKEN_BYTES).ok();
    match raw.filter(|raw| authority.issuer_of(provider) == Some(raw.issuer())) {
        Some(_) => Box::pin(exchange.reconcile(authority, provider)).await.map(Some),
        None => Ok(None),
    }
}

impl Exchange<'_> {
    /// What is remembered with `presented`, as far as it would still be given.
    async fn recall(self, presented: &Verified) -> Option<Arc<Exchanged>> {
        let now = self.snapshot.verifier.clock().now();
        let exchanged = remembered(self.snapshot, self.issuing, presented, self.application)?;
        if !exchanged.takes_turn(self.issuing.believed_for(), now) {
            return Some(exchanged);
        }
        Box::pin(self.confirm(&exchanged)).await.then_some(exchanged)
    }

    /// Whether an exchange would still give it. While that cannot be asked nothing is known to have changed. One request asks,
    /// and others believe it meanwhile.
    async fn confirm(self, exchanged: &Exchanged) -> bool {
        let stays = self.issuing.is_as_exchanged(exchanged, self.address).await.unwrap_or(true);
        if !stays {
            exchanged.doubt();
        }
        stays
    }

    async fn make(self, presented: &Arc<Verified>) -> Result<Arc<Exchanged>, Rejection> {
        let of = (Digest::of(self.token), self.application, terms_of(self.issuing));
        let work = || {
            let (snapshot, issuing) = (Arc::clone(self.snapshot), self.issuing.clone());
            let (presented, token, application) = (Arc::clone(presented), self.token.to_owned(), self.application);
            let address = self.address;
            async move {
                if let Some(exchanged) = landed(&snapshot, &issuing, &presented, application) {
                    return Ok(exchanged);
                }
                let claims = &presented.identity.claims;
                let made = issuing.exchange(claims, &token, application, address).await?;
                let exchanged = proved(&snapshot, &issuing, application, made).await?;
                if !is_exchange_of(claims, &exchanged, application) {
                    return Err(issuing.unproved("not_what_was_asked_for"));
                }
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
    async fn recall_reconciled(
        self,
        authority: &Authority,
        provider: Uuid,
    ) -> Result<Option<(Arc<Verified>, Arc<Exchanged>)>, Rejection> {
        let Some(presented) = reconciled(self.snapshot, authority, provider, self.token) else { return Ok(None) };
        self.snapshot.check_standing(&presented)?;
        Ok(self.recall(&presented).await.map(|exchanged| (presented, exchanged)))
    }

    async fn reconcile(self, authority: &Arc<Authority>, provider: Uuid) -> Result<(Arc<Verified>, Arc<Exchanged>), Rejection> {
        let of = (Digest::of(self.token), provider, self.application, terms_of(self.issuing));
        let work = || {
            let (snapshot, authority) = (Arc::clone(self.snapshot), Arc::clone(authority));
            let (issuing, token, application) = (self.issuing.clone(), self.token.to_owned(), self.application);
            async move {
                if let Some(presented) = reconciled(&snapshot, &authority, provider, &token)
                    && snapshot.check_standing(&presented).is_ok()
                    && let Some(exchanged) = landed(&snapshot, &issuing, &presented, application)
                {
                    return Ok((presented, exchanged));
                }
                let (presented, made) = authority.reconcile_in_place(provider, &token, application).await?;
                let exchanged = proved(&snapshot, &issuing, application, made).await?;
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

/// What is remembered with `presented` for an application, where neither a revocation nor a change of settings has ended it.
fn remembered(snapshot: &Snapshot, issuing: &Issuing, presented: &Verified, application: Uuid) -> Option<Arc<Exchanged>> {
    let exchanged = presented.exchanged_for(application)?;
    let now = snapshot.verifier.clock().now();
    let table = snapshot.revocations.table();
    let stands = table.is_empty() || table.check(&exchanged.verified.lineage(), now).is_ok();
    (stands && exchanged.holds(issuing.terms(), now)).then_some(exchanged)
}

/// What an exchange gave that ended after this caller had looked at what is remembered, and before it asked to share one.
fn landed(snapshot: &Snapshot, issuing: &Issuing, presented: &Verified, application: Uuid) -> Option<Arc<Exchanged>> {
    let now = snapshot.verifier.clock().now();
    let exchanged = remembered(snapshot, issuing, presented, application)?;
    (!exchanged.is_due(issuing.believed_for(), now)).then_some(exchanged)
}

/// The proof of a partner's token that was reconciled before, as far as `provider` still vouches for it.
fn reconciled(snapshot: &Snapshot, authority: &Authority, provider: Uuid, token: &str) -> Option<Arc<Verified>> {
    let presented = snapshot.in_place.reconciled.get(token, snapshot.verifier.clock().now())?;
    authority.stands_by(provider, &presented).then_some(presented)
}

/// The token that was made, proved as one that a client had presented would be.
async fn proved(snapshot: &Snapshot, issuing: &Issuing, application: Uuid, made: InPlace) -> Result<Arc<Exchanged>, Denial> {
    let InPlace { token, user_version } = made;
    let verified = snapshot.verifier.verify_apart(&token).await.map_err(|error| match error {
        VerifyError::KeysUnavailable { retry_after, .. } => Denial::KeysUnavailable(retry_after),
        refused @ VerifyError::Refused { .. } => issuing.unproved(refused.reason()),
    })?;
    let (terms, now) = (Arc::clone(issuing.terms()), snapshot.verifier.clock().now());
    Ok(Arc::new(Exchanged::new(application, token, verified, terms, user_version, now)))
}

/// Whether a token is of the same user as `presented`, for no other application than this one, and lives no longer: whoever
/// made it may have confused one answer with another.
fn is_exchange_of(presented: &VerifiedClaims, exchanged: &Exchanged, application: Uuid) -> bool {
    let identity = &exchanged.verified.identity;
    let (claims, application) = (&identity.claims, application.to_string());
    let of = claims.document().get("applicationId").map(|id| id.as_str() == Some(&*application));
    claims.is_same_subject(presented) && of.unwrap_or(true) && claims.expires_at() <= presented.expires_at()
}

/// What a route answers where the authority did not do what it asked. `detail` is the finer word for a caller who may not.
pub(super) fn refuse(denial: &Denial, detail: &'static str) -> Rejection {
    match denial {
        Denial::Unauthorized | Denial::RefreshToken | Denial::NotFound | Denial::AccountExpired | Denial::Field(..) => {
            Rejection::detailed(Reason::InvalidToken, detail)
        }
        Denial::KeysUnavailable(retry_after) => Rejection::keys_unavailable(*retry_after),
        Denial::Store(_) | Denial::Busy | Denial::TooMany(_) | Denial::Remote => Rejection::authority_unavailable(),
        Denial::Defect(what) => Rejection::defect(what),
    }
}
