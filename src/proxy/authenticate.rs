//! Who is calling: the credential is found, proved, and held against the route's issuers.
//!
//! Fails closed: whatever cannot be proved is 401, whatever cannot be checked is 503; only routes that say so go on
//! without an identity. It never forwards a credential it could not judge.

use std::sync::Arc;

use http::request::Parts;

use super::cross_site;
use super::forwarded::ClientView;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::sign_in::{self, clearing_cookies};
use super::snapshot::Snapshot;
use crate::authority::AUTHORITY_ISSUER;
use crate::identity::credential::{self, ACCESS_TOKEN, CredentialFault, Presented, Source};
use crate::issuer::{Verified, VerifyError};
use crate::route::{Access, Authorization};

/// The outcome of authentication.
#[derive(Debug)]
pub(super) enum Caller {
    /// Nobody in particular, where the route allows it.
    Anonymous,
    /// Proved by this token.
    Known(Known),
}

impl Caller {
    /// The identity, where there is one.
    pub(super) fn known(&self) -> Option<&Known> {
        match self {
            Self::Anonymous => None,
            Self::Known(known) => Some(known),
        }
    }
}

/// A caller and the proof.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) verified: Arc<Verified>,
    /// Kept only where the route passes the presented token on.
    pub(super) token: Option<Box<str>>,
}

/// Authenticates the request with `head` on `plan`'s route.
pub(super) async fn authenticate(
    snapshot: &Snapshot,
    plan: &RoutePlan,
    head: &Parts,
    client: &ClientView<'_>,
    upgrading: bool,
) -> Result<Caller, Rejection> {
    if matches!(plan.settings.access, Access::Anonymous) {
        return Ok(Caller::Anonymous);
    }
    let optional = matches!(plan.settings.access, Access::Optional(_));
    let result = match present(plan, head, client, upgrading) {
        Ok(presented) if presented.source == Source::Cookie => {
            let proved = Box::pin(prove_cookies(snapshot, plan, &presented, head.uri.path(), client)).await;
            // A bad cookie is no identity; that its issuer is out of reach is not known to be one.
            if optional && matches!(&proved, Err(rejection) if rejection.reason == Reason::InvalidToken) {
                return Ok(Caller::Anonymous);
            }
            proved
        }
        Ok(presented) => match presented.tokens().next() {
            Some(token) => prove(snapshot, plan, token).await,
            None => Err(Reason::CredentialMissing.into()),
        },
        Err(absent) if optional && is_absence(absent.reason) => return Ok(Caller::Anonymous),
        Err(refused) => Err(refused),
    };
    result.map(Caller::Known).map_err(|rejection| sign_in::offer(rejection, plan, head, client))
}

/// No credential that counts was sent: none at all, or a cookie from another site.
fn is_absence(reason: Reason) -> bool {
    matches!(reason, Reason::CredentialMissing | Reason::CrossSite)
}

/// The credential to judge, where there is one that counts.
pub(super) fn present<'r>(
    plan: &RoutePlan,
    head: &'r Parts,
    client: &ClientView<'_>,
    upgrading: bool,
) -> Result<Presented<'r>, Rejection> {
    let found = credential::find(&head.headers, head.uri.query(), &plan.settings.token_from);
    let found = found.map_err(|fault| match fault {
        CredentialFault::Several => Rejection::detailed(Reason::AmbiguousCredentials, fault.kind()),
        // Cleared, or whoever may set cookies for a parent domain could lock a browser out for good.
        CredentialFault::TooManyCookies => Rejection::detailed(Reason::AmbiguousCredentials, fault.kind())
            .clearing(clearing_cookies(ACCESS_TOKEN, client, head.uri.path())),
        CredentialFault::Malformed => Rejection::detailed(Reason::InvalidToken, fault.kind()),
    })?;
    let presented = found.ok_or(Reason::CredentialMissing)?;
    let counts = presented.source != Source::Cookie
        || cross_site::cookie_counts(&head.method, upgrading, &head.headers, &plan.settings.origins, client);
    if counts { Ok(presented) } else { Err(Reason::CrossSite.into()) }
}

async fn prove(snapshot: &Snapshot, plan: &RoutePlan, token: &str) -> Result<Known, Rejection> {
    let verified = snapshot.verifier.verify(token).await.map_err(|error| refuse(&error))?;
    if !plan.accepts(&verified.identity.issuer_name) {
        let issuer = Some(&verified.identity.issuer_name);
        return Err(Rejection::detailed(Reason::InvalidToken, "issuer_not_accepted").of_issuer(issuer));
    }
    check_own(snapshot, plan, &verified)?;
    Ok(Known { verified, token: (plan.settings.authorization == Authorization::Presented).then(|| token.into()) })
}

/// The authority's word on its own tokens: for the route's application and no other, and not ended early.
fn check_own(snapshot: &Snapshot, plan: &RoutePlan, verified: &Verified) -> Result<(), Rejection> {
    let refused = |detail| Rejection::detailed(Reason::InvalidToken, detail).of_issuer(Some(&verified.identity.issuer_name));
    let is_own = &*verified.identity.issuer_name == AUTHORITY_ISSUER;
    if is_own && !plan.is_for_audience(verified.identity.claims.document().get("aud")) {
        return Err(refused("other_application"));
    }
    let now = snapshot.verifier.clock().now();
    snapshot.revocations.check(|| verified.lineage(), now).map_err(|_| refused("revoked"))
}

fn refuse(error: &VerifyError) -> Rejection {
    let rejection = match error {
        VerifyError::Refused { refusal, .. } => Rejection::detailed(Reason::InvalidToken, refusal.reason()),
        VerifyError::KeysUnavailable { retry_after, .. } => Rejection::keys_unavailable(*retry_after),
    };
    rejection.of_issuer(error.issuer())
}

/// Browsers send every cookie of a name, whoever planted it, most specific path first. Those that do not verify are
/// ignored; two that verify for different callers are a plant, and nobody can say which (RFC 6265 section 8.6).
async fn prove_cookies(
    snapshot: &Snapshot,
    plan: &RoutePlan,
    presented: &Presented<'_>,
    path: &str,
    client: &ClientView<'_>,
) -> Result<Known, Rejection> {
    let mut known: Option<Known> = None;
    let mut refused = None;
    for token in presented.tokens() {
        match (prove(snapshot, plan, token).await, &known) {
            (Ok(other), Some(first)) if !is_same_caller(&first.verified, &other.verified) => {
                return Err(Rejection::from(Reason::ConflictingCookies).clearing(clearing_cookies(ACCESS_TOKEN, client, path)));
            }
            (Ok(first), None) => known = Some(first),
            (Ok(_), Some(_)) => {}
            (Err(rejection), _) if rejection.reason == Reason::InvalidToken => refused = refused.or(Some(rejection)),
            (Err(rejection), _) => return Err(rejection),
        }
    }
    known.ok_or_else(|| refused.unwrap_or_else(|| Reason::CredentialMissing.into()))
}

/// Two tokens without a subject may be anybody's.
fn is_same_caller(one: &Verified, other: &Verified) -> bool {
    let (one, other) = (&one.identity, &other.identity);
    one.issuer() == other.issuer() && one.subject().is_some() && one.subject() == other.subject()
}
