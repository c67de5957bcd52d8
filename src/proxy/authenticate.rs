//! Who is calling: the credential is found, proved, and held against the route's issuers.
//!
//! Fails closed: whatever cannot be proved is 401, whatever cannot be checked is 503; only routes that say so go on
//! without an identity. It never forwards a credential it could not judge.

use std::sync::Arc;

use http::request::Parts;

use super::cookies::SetCookies;
use super::cross_site;
use super::exchange::{exchange, reconcile};
use super::forwarded::ClientView;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::sign_in::{self, clearing_cookies};
use super::snapshot::Snapshot;
use super::standing::Proofs;
use crate::authority::AUTHORITY_ISSUER;
use crate::identity::credential::{self, ACCESS_TOKEN, CredentialFault, Presented, Source};
use crate::issuer::{Exchanged, Verified, VerifyError};
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
    /// Who the backend is told.
    pub(super) verified: Arc<Verified>,
    /// The proof that it was exchanged from, where it was.
    pub(super) presented: Option<Arc<Verified>>,
    /// What the backend gets in `Authorization`, where the route says that it gets a token.
    pub(super) token: Option<Box<str>>,
}

impl Known {
    /// All that a connection which outlasts the request stands on.
    pub(super) fn proofs(&self) -> Proofs {
        let verified = Arc::clone(&self.verified);
        match &self.presented {
            Some(presented) => Proofs::from((Arc::clone(presented), verified)),
            None => Proofs::from(verified),
        }
    }
}

/// One request on its way to an identity.
#[derive(Clone, Copy)]
pub(super) struct Asking<'r> {
    pub(super) snapshot: &'r Arc<Snapshot>,
    pub(super) plan: &'r RoutePlan,
    pub(super) head: &'r Parts,
    pub(super) client: &'r ClientView<'r>,
    pub(super) upgrading: bool,
}

/// Authenticates the request; what it leaves in the browser on the way is noted in `set_cookies`.
pub(super) async fn authenticate(asking: Asking<'_>, set_cookies: &mut SetCookies) -> Result<Caller, Rejection> {
    let Asking { plan, head, client, .. } = asking;
    if matches!(plan.settings.access, Access::Anonymous) {
        return Ok(Caller::Anonymous);
    }
    let optional = matches!(plan.settings.access, Access::Optional(_));
    let result = match present(plan, head, client, asking.upgrading) {
        Ok(presented) if presented.source == Source::Cookie => {
            anonymous_instead(optional, Box::pin(asking.prove_cookies(&presented, set_cookies)).await)
        }
        Ok(presented) => match presented.tokens().next() {
            Some(token) => asking.prove(token).await.map(Caller::Known),
            None => Err(Reason::CredentialMissing.into()),
        },
        Err(absent) if absent.reason == Reason::CredentialMissing => {
            anonymous_instead(optional, Box::pin(asking.renew_absent(absent, set_cookies)).await)
        }
        Err(absent) if optional && absent.reason == Reason::CrossSite => return Ok(Caller::Anonymous),
        Err(refused) => Err(refused),
    };
    result.map_err(|rejection| sign_in::offer(rejection, plan, head, client))
}

/// A bad cookie is no identity, as none is; that it cannot be told is not known to be one.
fn anonymous_instead(optional: bool, proved: Result<Known, Rejection>) -> Result<Caller, Rejection> {
    match proved {
        Err(rejection) if optional && matches!(rejection.reason, Reason::InvalidToken | Reason::CredentialMissing) => {
            Ok(Caller::Anonymous)
        }
        proved => proved.map(Caller::Known),
    }
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
            .clearing(clearing_cookies(&[ACCESS_TOKEN], client, head.uri.path())),
        CredentialFault::Malformed => Rejection::detailed(Reason::InvalidToken, fault.kind()),
    })?;
    let presented = found.ok_or(Reason::CredentialMissing)?;
    let counts = presented.source != Source::Cookie
        || cross_site::cookie_counts(&head.method, upgrading, &head.headers, &plan.settings.origins, client);
    if counts { Ok(presented) } else { Err(Reason::CrossSite.into()) }
}

impl Asking<'_> {
    /// Proves one token, and makes it one of the route's application where it is another's.
    pub(super) async fn prove(self, token: &str) -> Result<Known, Rejection> {
        if self.plan.settings.reconcile.is_some()
            && let Some((presented, exchanged)) = Box::pin(reconcile(self.snapshot, self.plan, token, self.client.ip)).await?
        {
            return Ok(self.known_by(presented, &exchanged, token));
        }
        let verified = self.snapshot.verifier.verify(token).await.map_err(|error| refuse(&error))?;
        let named = |rejection: Rejection| rejection.of_issuer(Some(&verified.identity.issuer_name));
        if !self.plan.accepts(&verified.identity.issuer_name) {
            return Err(named(Rejection::detailed(Reason::InvalidToken, "issuer_not_accepted")));
        }
        self.snapshot.check_standing(&verified).map_err(named)?;
        if self.is_as_it_should_be(&verified) {
            let token = (self.plan.settings.authorization == Authorization::Presented).then(|| token.into());
            return Ok(Known { verified, presented: None, token });
        }
        let exchanged = exchange(self.snapshot, self.plan, &verified, token, self.client.ip).await.map_err(named)?;
        Ok(self.known_by(verified, &exchanged, token))
    }

    /// Whether the token is what the backend is told as it is: another party's, or one of the authority for the route's
    /// application, where the backend gets none of its own.
    fn is_as_it_should_be(self, verified: &Verified) -> bool {
        let is_own = &*verified.identity.issuer_name == AUTHORITY_ISSUER;
        let is_for_it = || self.plan.is_for_audience(verified.identity.claims.document().get("aud"));
        !is_own || (self.plan.settings.authorization != Authorization::Exchanged && is_for_it())
    }

    fn known_by(self, presented: Arc<Verified>, exchanged: &Exchanged, token: &str) -> Known {
        let token = match self.plan.settings.authorization {
            Authorization::Remove => None,
            Authorization::Presented => Some(token.into()),
            Authorization::Exchanged => Some(exchanged.token.clone()),
        };
        Known { verified: Arc::clone(&exchanged.verified), presented: Some(presented), token }
    }
}

fn refuse(error: &VerifyError) -> Rejection {
    let rejection = match error {
        VerifyError::Refused { refusal, .. } => Rejection::detailed(Reason::InvalidToken, refusal.reason()),
        VerifyError::KeysUnavailable { retry_after, .. } => Rejection::keys_unavailable(*retry_after),
    };
    rejection.of_issuer(error.issuer())
}
