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
use super::in_place::keep_refreshing;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::snapshot::Snapshot;
use crate::authority::{Authority, Denial, Owned, Owner, Refreshed};
use crate::identity::credential::{self, Presented, REFRESH_TOKEN};
use crate::issuer::Verified;
use crate::store::Digest;

/// A request whose session may be renewed.
#[derive(Clone, Copy)]
pub(super) struct Renewal<'r> {
    snapshot: &'r Arc<Snapshot>,
    authority: &'r Arc<Authority>,
    client: &'r ClientView<'r>,
    refresh_tokens: Presented<'r>,
}

impl<'r> Renewal<'r> {
    /// The renewal that `head` asks for; nothing where the route takes no cookie of the authority, or none came that counts.
    pub(super) fn of(
        snapshot: &'r Arc<Snapshot>,
        plan: &RoutePlan,
        head: &'r Parts,
        client: &'r ClientView<'r>,
        upgrading: bool,
    ) -> Option<Self> {
        let authority = snapshot.authority.as_ref()?;
        if plan.settings.application.is_none() || !plan.settings.token_from.cookie {
            return None;
        }
        let refresh_tokens = credential::cookies(&head.headers, REFRESH_TOKEN).ok()?;
        refresh_tokens.tokens().next()?;
        let counts = cookie_counts(&head.method, upgrading, &head.headers, &plan.settings.origins, client);
        counts.then_some(Self { snapshot, authority, client, refresh_tokens })
    }

    /// A new access token in place of those in `former`, none or all of them expired.
    ///
    /// # Errors
    /// 401 where the refresh token is not good, or not of the session of `former`: then the browser forgets both.
    pub(super) async fn renew(self, former: &[Verified], set_cookies: &mut SetCookies) -> Result<Arc<Refreshed>, Rejection> {
        let renewed = self.refresh(former).await;
        let domain = self.authority.settings().cookie_domain.as_deref();
        match &renewed {
            Ok(refreshed) => {
                let token = &refreshed.refresh_token;
                let access = cookies::access_token(&refreshed.token.token, domain, self.client);
                let refresh = cookies::refresh_token(&token.value, token.lifetime, domain, self.client);
                set_cookies.set(self.snapshot.metrics.cookies_to_set([access, refresh]));
            }
            Err(rejection) if matches!(rejection.reason, Reason::InvalidToken | Reason::ConflictingCookies) => {
                self.clear(set_cookies);
            }
            Err(_) => {}
        }
        renewed
    }

    /// Has the browser forget both cookies.
    pub(super) fn clear(self, set_cookies: &mut SetCookies) {
        let domain = self.authority.settings().cookie_domain.as_deref();
        set_cookies.set(cookies::cleared(domain, self.client));
    }

    async fn refresh(self, former: &[Verified]) -> Result<Arc<Refreshed>, Rejection> {
        let owner = self.owner(former).await?;
        let key = Digest::of(owner.value);
        let refreshed = self.share(owner.value, key).await?;
        if self.prove(&refreshed).await.is_ok() {
            return Ok(refreshed);
        }
        // What is remembered of a moment ago has ended since; the store knows whether the session has.
        self.snapshot.in_place.refreshing.forget(&key);
        let refreshed = self.share(owner.value, key).await?;
        self.prove(&refreshed).await.map(|_| refreshed)
    }

    /// Whose refresh token it is: the one good one among those that came, of a session that `former` is of.
    async fn owner(self, former: &[Verified]) -> Result<Owner<'r>, Rejection> {
        let values: Vec<&'r str> = self.refresh_tokens.tokens().collect();
        let owned = self.authority.only_good_refresh_token(&values).await;
        let owner = match owned.map_err(|denial| refuse(&denial, NOT_REFRESHED))? {
            Owned::By(owner) => owner,
            Owned::ByNobody => return Err(Rejection::detailed(Reason::InvalidToken, NOT_REFRESHED)),
            Owned::BySeveral => return Err(Reason::ConflictingCookies.into()),
        };
        // Somebody who could plant a refresh token would sign the browser in as themselves.
        let is_of_it = |verified: &Verified| verified.lineage().session == Some(&*owner.session.to_string());
        if former.is_empty() || former.iter().any(is_of_it) { Ok(owner) } else { Err(Reason::ConflictingCookies.into()) }
    }

    async fn share(self, value: &str, key: Digest) -> Result<Arc<Refreshed>, Rejection> {
        let work = || {
            let (authority, value, address) = (Arc::clone(self.authority), value.to_owned(), self.client.ip);
            async move { authority.refresh(&value, None, Some(address)).await.map(Arc::new) }
        };
        let outcome = self.snapshot.in_place.refreshing.join(key, keep_refreshing, work).await;
        let refreshed = outcome.ok_or(Reason::AuthorityUnavailable)?;
        refreshed.map_err(|denial| refuse(&denial, NOT_REFRESHED))
    }

    /// The new token as one that was presented.
    async fn prove(self, refreshed: &Refreshed) -> Result<Arc<Verified>, Rejection> {
        let verified = self.snapshot.verifier.verify(&refreshed.token.token).await;
        let verified = verified.map_err(|_| refuse(&Denial::RefreshToken, NOT_REFRESHED))?;
        self.snapshot.check_standing(&verified).map(|()| verified)
    }
}

/// The finer word for a refresh token that is not good.
const NOT_REFRESHED: &str = "not_refreshed";
