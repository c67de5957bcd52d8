//! Refreshing in place: a browser whose access token has expired, or is gone, and whose refresh token is good goes on as if
//! nothing had happened. Its new cookies go out with the answer, whatever that is.
//!
//! Called by [`super::authenticate`](mod@super::authenticate) for cookies alone: who sends a token in a header is a program, and told that it has expired. All
//! requests with one refresh token share one refresh, which goes on when they leave.

use std::sync::Arc;

use http::request::Parts;

use super::cookies::{self, SetCookies};
use super::cross_site::cookie_counts;
use super::exchange::refuse;
use super::forwarded::ClientView;
use super::in_place::{RefreshOf, keep_refreshing, terms_of};
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::renew_by_use::renew_by_use;
use super::sign_in::clearing_cookies;
use super::snapshot::Snapshot;
use crate::authority::{Authority, Denial, Issuing, Owned, Owner, Renewed};
use crate::identity::credential::{self, ACCESS_TOKEN, Presented, REFRESH_TOKEN};
use crate::issuer::{Refusal, Verified, VerifyError};
use crate::store::Digest;
use crate::token::TokenFault;

/// A request whose session may be renewed.
#[derive(Clone, Copy)]
pub(super) struct Renewal<'r> {
    snapshot: &'r Arc<Snapshot>,
    issuing: &'r Issuing,
    client: &'r ClientView<'r>,
    path: &'r str,
    pub(super) refresh_tokens: Presented<'r>,
}

/// An access token that was renewed, with its proof: it was good but for its expiry.
pub(super) struct Former<'r> {
    pub(super) token: &'r str,
    pub(super) verified: Verified,
}

impl<'r> Renewal<'r> {
    /// The renewal that `head` asks for; nothing where the route takes no cookie of the authority, or none came that counts.
    pub(super) fn of(
        snapshot: &'r Arc<Snapshot>,
        plan: &RoutePlan,
        head: &'r Parts,
        client: &'r ClientView<'r>,
        upgrading: bool,
        set_cookies: &mut SetCookies,
    ) -> Option<Self> {
        let issuing = snapshot.authority.as_ref()?;
        if plan.settings.application.is_none() || !plan.settings.token_from.cookie {
            return None;
        }
        if !cookie_counts(&head.method, upgrading, &head.headers, &plan.settings.origins, client) {
            return None;
        }
        let path = head.uri.path();
        let Ok(refresh_tokens) = credential::cookies(&head.headers, REFRESH_TOKEN) else {
            // Cleared, or whoever may set cookies for a parent domain could keep a browser from its session for good.
            set_cookies.set(clearing_cookies(&[REFRESH_TOKEN], client, path));
            return None;
        };
        refresh_tokens.tokens().next()?;
        Some(Self { snapshot, issuing, client, path, refresh_tokens })
    }

    /// A new access token in place of those in `former`, none or all of them expired.
    ///
    /// # Errors
    /// 401 where the refresh token is not good, or not of the session of `former`: then the browser forgets both.
    pub(super) async fn renew(self, former: &[Former<'_>], set_cookies: &mut SetCookies) -> Result<Arc<Renewed>, Rejection> {
        let renewed = match self.issuing {
            Issuing::Embedded(authority) => self.renew_known(authority, former).await,
            Issuing::Remote(_) => renew_by_use(self, former).await,
        };
        let domain = self.issuing.cookie_domain();
        match &renewed {
            Ok(renewed) => {
                let access = cookies::access_token(&renewed.access_token, domain, self.client);
                let refresh = cookies::refresh_token(&renewed.refresh_token, renewed.lifetime, domain, self.client);
                set_cookies.set(self.snapshot.metrics.cookies_to_set([access, refresh]));
            }
            Err(rejection) if matches!(rejection.reason, Reason::InvalidToken | Reason::ConflictingCookies) => {
                self.clear(set_cookies);
            }
            Err(_) => {}
        }
        renewed
    }

    /// Has the browser forget both cookies, wherever they were planted.
    fn clear(self, set_cookies: &mut SetCookies) {
        set_cookies.set(clearing_cookies(&[ACCESS_TOKEN, REFRESH_TOKEN], self.client, self.path));
    }

    async fn renew_known(self, authority: &Authority, former: &[Former<'_>]) -> Result<Arc<Renewed>, Rejection> {
        let owner = self.owner(authority, former).await?;
        self.renew_with(owner.value, former).await.map(|(renewed, _)| renewed)
    }

    /// Renews the session of one refresh token; with the proof of the new access token.
    pub(super) async fn renew_with(self, value: &str, former: &[Former<'_>]) -> Result<(Arc<Renewed>, Arc<Verified>), Rejection> {
        let key = (Digest::of(value), terms_of(self.issuing));
        let renewed = self.share(value, key, former).await?;
        let (renewed, proved) = match self.prove(&renewed, &key).await {
            // What is remembered of a moment ago has ended since; the store knows whether the session has.
            Err(fault) if fault.is_of_age() => {
                let renewed = self.share(value, key, former).await?;
                let proved = self.prove(&renewed, &key).await;
                (renewed, proved)
            }
            proved => (renewed, proved),
        };
        proved.map(|verified| (renewed, verified)).map_err(|fault| self.refuse(fault))
    }

    /// Whose refresh token it is: the one good one among those that came, of a session that `former` is of.
    async fn owner(self, authority: &Authority, former: &[Former<'_>]) -> Result<Owner<'r>, Rejection> {
        let values: Vec<&'r str> = self.refresh_tokens.tokens().collect();
        let sessions: Vec<&str> = former.iter().filter_map(|former| former.verified.lineage().session).collect();
        let owned = authority.only_good_refresh_token(&values, &sessions).await;
        let owner = match owned.map_err(|denial| refuse(&denial, NOT_REFRESHED))? {
            Owned::By(owner) => owner,
            Owned::ByNobody => return Err(Rejection::detailed(Reason::InvalidToken, NOT_REFRESHED)),
            Owned::BySeveral => return Err(Reason::ConflictingCookies.into()),
        };
        // Somebody who could plant a refresh token would sign the browser in as themselves.
        let is_of_it = |former: &Former<'_>| former.verified.lineage().session == Some(&*owner.session.to_string());
        if former.is_empty() || former.iter().any(is_of_it) { Ok(owner) } else { Err(Reason::ConflictingCookies.into()) }
    }

    async fn share(self, value: &str, key: RefreshOf, former: &[Former<'_>]) -> Result<Arc<Renewed>, Rejection> {
        let work = || {
            let (issuing, value, address) = (self.issuing.clone(), value.to_owned(), self.client.ip);
            let former = former.first().map(|former| former.token.to_owned());
            async move { issuing.refresh(&value, former.as_deref(), address).await.map(Arc::new) }
        };
        let outcome = self.snapshot.in_place.refreshing.join(key, keep_refreshing, work).await;
        let renewed = outcome.ok_or(Reason::AuthorityUnavailable)?;
        renewed.map_err(|denial| refuse(&denial, NOT_REFRESHED))
    }

    /// The new token as one that was presented. One that is not good is not remembered.
    async fn prove(self, renewed: &Arc<Renewed>, key: &RefreshOf) -> Result<Arc<Verified>, Unproved> {
        let verified = self.snapshot.verifier.verify(&renewed.access_token).await.map_err(Unproved::Unverified);
        let standing =
            verified.and_then(|verified| self.snapshot.check_standing(&verified).map(|()| verified).map_err(Unproved::Revoked));
        standing.inspect_err(|fault| {
            if !matches!(fault, Unproved::Unverified(VerifyError::KeysUnavailable { .. })) {
                self.snapshot.in_place.refreshing.forget(key, |known| matches!(known, Ok(known) if Arc::ptr_eq(known, renewed)));
            }
        })
    }

    /// Nobody is signed out by a token of a remote's that is not good although it was just made.
    fn refuse(self, fault: Unproved) -> Rejection {
        match fault {
            Unproved::Revoked(rejection) => rejection,
            Unproved::Unverified(VerifyError::KeysUnavailable { retry_after, .. }) => Rejection::keys_unavailable(retry_after),
            Unproved::Unverified(_) if self.issuing.embedded().is_some() => refuse(&Denial::RefreshToken, NOT_REFRESHED),
            Unproved::Unverified(refused) => refuse(&self.issuing.unproved(refused.reason()), NOT_REFRESHED),
        }
    }
}

/// Why a token that a refresh gave is not good.
enum Unproved {
    Unverified(VerifyError),
    Revoked(Rejection),
}

impl Unproved {
    /// Whether time may have brought it about, where the token was good.
    const fn is_of_age(&self) -> bool {
        matches!(
            self,
            Self::Revoked(_) | Self::Unverified(VerifyError::Refused { refusal: Refusal::Token(TokenFault::Expired), .. })
        )
    }
}

/// The finer word for a refresh token that is not good.
pub(super) const NOT_REFRESHED: &str = "not_refreshed";
