//! Who issues the tokens of routes: the authority in this process, or a remote one. Routes know nothing else of either.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Authority, Denial, InPlace, RemoteAuthority};
use crate::issuer::Exchanged;
use crate::token::{Liveness, VerifiedClaims};

/// For so long an exchange is believed without asking the store: what a user gained meanwhile shows then. What they lost ends
/// it at once, by a revocation.
const BELIEVED_OF_OWN: Duration = Duration::from_secs(2);
/// The same where the remote must be asked, which tells what was lost by its events.
const BELIEVED_OF_REMOTE: Duration = Duration::from_secs(60);

/// What exchanges and renews tokens for routes. Cloning shares it.
#[derive(Clone, Debug)]
pub enum Issuing {
    /// The authority in this process.
    Embedded(Arc<Authority>),
    /// Another server.
    Remote(Arc<RemoteAuthority>),
}

/// A session that was renewed for a browser.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The new access token.
    pub access_token: String,
    /// The refresh token that is to be used from now on.
    pub refresh_token: String,
    /// How long the browser keeps it.
    pub lifetime: Duration,
}

impl Issuing {
    /// The domain whose hosts share the cookies.
    pub fn cookie_domain(&self) -> Option<&str> {
        match self {
            Self::Embedded(authority) => authority.settings().cookie_domain.as_deref(),
            Self::Remote(remote) => remote.settings().cookie_domain.as_deref(),
        }
    }

    /// Whether `value` is an API key. Those of a remote are not known here.
    pub fn has_api_key(&self, value: &[u8]) -> bool {
        match self {
            Self::Embedded(authority) => authority.settings().api_key(value).is_some(),
            Self::Remote(_) => false,
        }
    }

    /// What tokens that were exchanged under these settings were made under.
    pub fn terms(&self) -> &Arc<Liveness> {
        match self {
            Self::Embedded(authority) => authority.terms(),
            Self::Remote(remote) => remote.terms(),
        }
    }

    /// How long an exchange is believed without asking.
    pub const fn believed_for(&self) -> Duration {
        match self {
            Self::Embedded(_) => BELIEVED_OF_OWN,
            Self::Remote(_) => BELIEVED_OF_REMOTE,
        }
    }

    /// The authority in this process, where it is that.
    pub const fn embedded(&self) -> Option<&Arc<Authority>> {
        match self {
            Self::Embedded(authority) => Some(authority),
            Self::Remote(_) => None,
        }
    }

    /// Exchanges `token` of a caller at `address`, which says `claims`, was verified and was asked for its revocation, as `GET
    /// /api/jwt/issue` would.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] where the application may not be entered with it; [`Denial::Store`], [`Denial::Remote`].
    pub async fn exchange(
        &self,
        claims: &VerifiedClaims,
        token: &str,
        application: Uuid,
        address: IpAddr,
    ) -> Result<InPlace, Denial> {
        match self {
            Self::Embedded(authority) => authority.exchange_in_place(claims, application).await,
            Self::Remote(remote) => remote.exchange_in_place(token, application, address).await,
        }
    }

    /// Whether an exchange would still give `exchanged`.
    ///
    /// # Errors
    /// [`Denial::Store`], [`Denial::Remote`]: it is not known.
    pub async fn is_as_exchanged(&self, exchanged: &Exchanged, address: IpAddr) -> Result<bool, Denial> {
        match self {
            Self::Embedded(authority) => {
                let claims = &exchanged.verified.identity.claims;
                authority.is_as_exchanged(claims, exchanged.application, exchanged.user_version).await
            }
            Self::Remote(remote) => remote.is_good(&exchanged.token, address).await,
        }
    }

    /// Renews the session of a refresh token for a browser at `address` whose access token was `former`.
    ///
    /// # Errors
    /// [`Denial::RefreshToken`] where it is none that is good; [`Denial::Store`], [`Denial::Remote`].
    pub async fn refresh(&self, value: &str, former: Option<&str>, address: IpAddr) -> Result<Renewed, Denial> {
        match self {
            Self::Remote(remote) => remote.refresh(value, former, address).await,
            Self::Embedded(authority) => {
                let refreshed = authority.refresh(value, None, Some(address)).await?;
                let (access, refresh) = (refreshed.token, refreshed.refresh_token);
                Ok(Renewed { access_token: access.token, refresh_token: refresh.value, lifetime: refresh.lifetime })
            }
        }
    }

    /// A token that was made for a route is not good here, for this reason: a defect of ours, or of the remote, by which nobody
    /// is signed out.
    pub fn unproved(&self, reason: &'static str) -> Denial {
        match self {
            Self::Embedded(_) => Denial::Defect("a token made here is not accepted here"),
            Self::Remote(_) => {
                tracing::warn!(reason, "a token of the remote authority is not accepted here");
                Denial::Remote
            }
        }
    }
}
