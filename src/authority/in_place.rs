//! What routes have the authority do while a request waits: exchanging a caller's token for one of the route's application,
//! reconciling a partner's. What is made is for backends, marked so, and never handed to a client.

use uuid::Uuid;

use super::refresh_token::Device;
use super::{Authority, Denial, OwnToken, Reconcile, standing};
use crate::issuer::Verified;
use crate::token::VerifiedClaims;

/// A token made for a backend.
#[derive(Clone, Debug)]
pub struct InPlace {
    /// The token.
    pub token: String,
    /// The version of the user that it was decided on.
    pub user_version: u64,
}

impl Authority {
    /// Exchanges a token that says `claims`, was verified and was asked for its revocation, as `GET /api/jwt/issue` would.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] where the application may not be entered with it; [`Denial::Store`].
    pub async fn exchange_in_place(&self, claims: &VerifiedClaims, application: Uuid) -> Result<InPlace, Denial> {
        // One without an application is good for no route.
        let presented = OwnToken::of(claims).filter(|own| own.application.is_some()).ok_or(Denial::Unauthorized)?;
        let target = self.settings.application(application).ok_or(Denial::Unauthorized)?;
        let (token, user_version) = self.exchange_access(&presented, target, true).await?;
        Ok(InPlace { token: token.token, user_version })
    }

    /// Whether an exchange would still give what one gave when its user had this version: session, user and registration are
    /// as they were.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn is_as_exchanged(&self, made: &VerifiedClaims, application: Uuid, user_version: u64) -> Result<bool, Denial> {
        let Some(made) = OwnToken::of(made) else { return Ok(false) };
        let now = self.parts.clock.now();
        let (session, standing) = self.store().standing_in(made.session, made.user, application).await?;
        let user = standing::admit(standing, made.signed_in, now);
        Ok(session.is_some() && user.is_ok_and(|user| user.version == user_version))
    }

    /// Whether `verified` is a token of this identity provider as that is configured and believed now.
    pub fn stands_by(&self, provider: Uuid, verified: &Verified) -> bool {
        self.providers.find(provider).is_some_and(|provider| provider.party.stands_by(verified))
    }

    /// `iss` of the tokens of this identity provider.
    pub fn issuer_of(&self, provider: Uuid) -> Option<&str> {
        self.providers.find(provider).map(|provider| provider.party.issuer())
    }

    /// Proves a token of this identity provider, and signs its user in to `application` for as long as it lives at most, without
    /// anything that renews the session.
    ///
    /// # Errors
    /// As [`Authority::reconcile`].
    pub async fn reconcile_in_place(
        &self,
        provider: Uuid,
        token: &str,
        application: Uuid,
    ) -> Result<(Verified, InPlace), Denial> {
        let found = self.providers.find(provider).ok_or(Denial::Unauthorized)?;
        let verified = found.verify(token).await?;
        let request = Reconcile {
            application,
            provider,
            token,
            device: Device::default(),
            no_tokens: false,
            no_link: false,
            in_place: Some(verified.identity.claims.expires_at()),
        };
        let signed_in = self.reconcile_verified(found, &verified, request).await?;
        let made = signed_in.token.ok_or(Denial::Defect("a sign-in in place made no token"))?;
        let user = self.store().user(signed_in.user.id).await?.ok_or(Denial::Unauthorized)?;
        Ok((verified, InPlace { token: made.token, user_version: user.version }))
    }
}
