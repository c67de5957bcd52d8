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
use super::renew::{Former, Renewal};
use super::sign_in::{self, clearing_cookies};
use super::snapshot::Snapshot;
use super::standing::Proofs;
use crate::authority::AUTHORITY_ISSUER;
use crate::identity::credential::{self, ACCESS_TOKEN, CredentialFault, Presented, Source};
use crate::issuer::{Exchanged, Past, Verified, VerifyError};
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
            .clearing(clearing_cookies(ACCESS_TOKEN, client, head.uri.path())),
        CredentialFault::Malformed => Rejection::detailed(Reason::InvalidToken, fault.kind()),
    })?;
    let presented = found.ok_or(Reason::CredentialMissing)?;
    let counts = presented.source != Source::Cookie
        || cross_site::cookie_counts(&head.method, upgrading, &head.headers, &plan.settings.origins, client);
    if counts { Ok(presented) } else { Err(Reason::CrossSite.into()) }
}

impl Asking<'_> {
    /// Proves one token, and makes it one of the route's application where it is another's.
    async fn prove(self, token: &str) -> Result<Known, Rejection> {
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

    /// Browsers send every cookie of a name, whoever planted it, most specific path first. Those that do not verify are
    /// ignored; two that verify for different callers are a plant, and nobody can say which (RFC 6265 section 8.6).
    async fn prove_cookies(self, presented: &Presented<'_>, set_cookies: &mut SetCookies) -> Result<Known, Rejection> {
        let mut known: Option<Known> = None;
        let mut refused = None;
        for token in presented.tokens() {
            match (self.prove(token).await, &known) {
                (Ok(other), Some(first)) if !is_same_caller(&first.verified, &other.verified) => {
                    let cookies = clearing_cookies(ACCESS_TOKEN, self.client, self.head.uri.path());
                    return Err(Rejection::from(Reason::ConflictingCookies).clearing(cookies));
                }
                (Ok(first), None) => known = Some(first),
                (Ok(_), Some(_)) => {}
                (Err(rejection), _) if rejection.reason == Reason::InvalidToken => refused = refused.or(Some(rejection)),
                (Err(rejection), _) => return Err(rejection),
            }
        }
        match known {
            Some(known) => Ok(known),
            None => self.renew_expired(presented, refused, set_cookies).await,
        }
    }

    /// Goes on with the session whose expired access token came; one that is bad for another reason renews nothing.
    async fn renew_expired(
        self,
        presented: &Presented<'_>,
        refused: Option<Rejection>,
        set_cookies: &mut SetCookies,
    ) -> Result<Known, Rejection> {
        let refused = || refused.unwrap_or_else(|| Reason::CredentialMissing.into());
        let Some(renewal) = self.renewal() else { return Err(refused()) };
        let (mut expired, mut is_key_gone) = (Vec::new(), false);
        for token in presented.tokens() {
            match self.snapshot.verifier.look_back(token).await {
                Past::Good(verified) if self.has_expired(&verified) => expired.push(Former { token, verified: *verified }),
                // It is as if it had not come: keys rotate while browsers sleep.
                Past::KeyGone => is_key_gone = true,
                Past::Good(_) | Past::Nothing => {}
            }
        }
        if expired.is_empty() && !is_key_gone {
            return Err(refused());
        }
        // What was revoked renews nothing, though its session should go on; and the browser need not bring it again.
        if let Err(revoked) = expired.iter().try_for_each(|former| self.snapshot.check_standing(&former.verified)) {
            renewal.clear(set_cookies);
            return Err(revoked);
        }
        self.renewed(renewal, &expired, set_cookies).await
    }

    fn has_expired(self, verified: &Verified) -> bool {
        verified.identity.claims.expires_at() <= self.snapshot.verifier.clock().now()
    }

    /// Goes on with the session whose refresh token alone came.
    async fn renew_absent(self, absent: Rejection, set_cookies: &mut SetCookies) -> Result<Known, Rejection> {
        match self.renewal() {
            Some(renewal) => self.renewed(renewal, &[], set_cookies).await,
            None => Err(absent),
        }
    }

    fn renewal(&self) -> Option<Renewal<'_>> {
        Renewal::of(self.snapshot, self.plan, self.head, self.client, self.upgrading)
    }

    async fn renewed(
        self,
        renewal: Renewal<'_>,
        former: &[Former<'_>],
        set_cookies: &mut SetCookies,
    ) -> Result<Known, Rejection> {
        let renewed = renewal.renew(former, set_cookies).await?;
        self.prove(&renewed.access_token).await
    }
}

fn refuse(error: &VerifyError) -> Rejection {
    let rejection = match error {
        VerifyError::Refused { refusal, .. } => Rejection::detailed(Reason::InvalidToken, refusal.reason()),
        VerifyError::KeysUnavailable { retry_after, .. } => Rejection::keys_unavailable(*retry_after),
    };
    rejection.of_issuer(error.issuer())
}

/// Two tokens without a subject may be anybody's.
fn is_same_caller(one: &Verified, other: &Verified) -> bool {
    let (one, other) = (&one.identity, &other.identity);
    one.issuer() == other.issuer() && one.subject().is_some() && one.subject() == other.subject()
}
