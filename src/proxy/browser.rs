//! What a browser brings in cookies, of which it sends every one of a name, whoever planted it. Here it is found out which
//! count, and a session that may go on goes on.
//!
//! Called by [`super::authenticate`](mod@super::authenticate). What cannot be told apart is refused and cleared, so that the next request finds a browser
//! that has one session or none.

use super::authenticate::{Asking, Known};
use super::cookies::SetCookies;
use super::rejection::{Reason, Rejection};
use super::renew::{Former, Renewal};
use super::sign_in::clearing_cookies;
use crate::identity::credential::{ACCESS_TOKEN, Presented};
use crate::issuer::{Past, Verified};
use crate::token::TokenFault;

/// Access tokens that are no proof now.
#[derive(Default)]
struct Refused<'r> {
    first: Option<Rejection>,
    expired: Vec<&'r str>,
}

impl Refused<'_> {
    fn rejection(self) -> Rejection {
        self.first.unwrap_or_else(|| Reason::CredentialMissing.into())
    }
}

impl<'r> Asking<'r> {
    /// The one caller that the access tokens prove, most specific path first. Those that do not verify are ignored; two that
    /// verify for different callers are a plant, and nobody can say which (RFC 6265 section 8.6).
    pub(super) async fn prove_cookies(self, presented: &Presented<'r>, set_cookies: &mut SetCookies) -> Result<Known, Rejection> {
        let (mut known, mut refused): (Option<Known>, _) = (None, Refused::default());
        for token in presented.tokens() {
            match (self.prove(token).await, &known) {
                (Ok(other), Some(first)) if !first.verified.is_same_caller(&other.verified) => return Err(self.conflict()),
                (Ok(first), None) => known = Some(first),
                (Ok(_), Some(_)) => {}
                (Err(rejection), _) if rejection.reason == Reason::InvalidToken => {
                    refused.expired.extend((rejection.detail == Some(TokenFault::Expired.reason())).then_some(token));
                    refused.first = refused.first.or(Some(rejection));
                }
                (Err(rejection), _) => return Err(rejection),
            }
        }
        match known {
            Some(known) if self.was_anothers(&known, &refused).await => Err(self.conflict()),
            Some(known) => Ok(known),
            None => self.renew_expired(presented, refused, set_cookies).await,
        }
    }

    fn conflict(self) -> Rejection {
        let cookies = clearing_cookies(&[ACCESS_TOKEN], self.client, self.head.uri.path());
        Rejection::from(Reason::ConflictingCookies).clearing(cookies)
    }

    /// Whether one that has expired was another caller's: whoever planted `known` waited for that.
    async fn was_anothers(self, known: &Known, refused: &Refused<'_>) -> bool {
        for token in &refused.expired {
            if let Past::Good(former) = self.snapshot.verifier.look_back(token).await
                && !known.verified.is_same_caller(&former)
            {
                return true;
            }
        }
        false
    }

    /// Goes on with the session whose expired access token came. One that is bad for another reason renews nothing: the browser
    /// forgets it, and the refresh token decides about the next request.
    async fn renew_expired(
        self,
        presented: &Presented<'r>,
        refused: Refused<'_>,
        set_cookies: &mut SetCookies,
    ) -> Result<Known, Rejection> {
        let Some(renewal) = self.renewal(set_cookies) else { return Err(refused.rejection()) };
        let (mut expired, mut is_key_gone) = (Vec::new(), false);
        for token in presented.tokens() {
            match self.snapshot.verifier.look_back(token).await {
                Past::Good(verified) if self.has_expired(&verified) => expired.push(Former { token, verified: *verified }),
                // It is as if it had not come: keys rotate while browsers sleep.
                Past::KeyGone => is_key_gone = true,
                Past::Good(_) | Past::Nothing => {}
            }
        }
        let is_revoked = expired.iter().any(|former| self.snapshot.check_standing(&former.verified).is_err());
        if is_revoked || (expired.is_empty() && !is_key_gone) {
            set_cookies.set(clearing_cookies(&[ACCESS_TOKEN], self.client, self.head.uri.path()));
            return Err(refused.rejection());
        }
        self.renewed(renewal, &expired, set_cookies).await
    }

    fn has_expired(self, verified: &Verified) -> bool {
        verified.identity.claims.expires_at() <= self.snapshot.verifier.clock().now()
    }

    /// Goes on with the session whose refresh token alone came.
    pub(super) async fn renew_absent(self, absent: Rejection, set_cookies: &mut SetCookies) -> Result<Known, Rejection> {
        match self.renewal(set_cookies) {
            Some(renewal) => self.renewed(renewal, &[], set_cookies).await,
            None => Err(absent),
        }
    }

    fn renewal(self, set_cookies: &mut SetCookies) -> Option<Renewal<'r>> {
        Renewal::of(self.snapshot, self.plan, self.head, self.client, self.upgrading, set_cookies)
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
