//! Making access tokens, and asking whether one has ended early.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::claims::{AccessClaims, Grant};
use super::settings::Application;
use super::{Authority, Denial};
use crate::clock::Timestamp;
use crate::revocation::Lineage;
use crate::store::{KeyPurpose, User};

/// The `typ` of access tokens (jwt-api.md section 4.1).
const TYPE: &str = "JWT";

/// A token that was just signed.
#[derive(Clone, Debug)]
pub struct SignedToken {
    /// In compact serialization.
    pub token: String,
    /// Its `jti`.
    pub id: Uuid,
    /// Its `exp`.
    pub expires: Timestamp,
    /// Whether its user is registered with the application it was asked for; without, it is good for none.
    pub registered: bool,
}

impl Authority {
    /// Signs a token for `user` at `application`.
    pub(super) fn sign(&self, user: &User, application: Option<&Application>, grant: &Grant<'_>) -> Result<SignedToken, Denial> {
        let settings = &self.settings;
        // No token outlives its user's account.
        let expires = user.expiry.map_or(grant.expires, |expiry| grant.expires.min(expiry));
        let grant = &Grant { expires, ..*grant };
        let audience = application.map(|application| application.id.to_string());
        let audience = audience.as_deref().unwrap_or(&settings.issuer);
        self.parts.latest.note(grant.now.max(grant.signed_in));
        let claims = AccessClaims::new(&settings.issuer, settings.tenant_id, user, application, audience, grant);
        let registered = application.is_some_and(|application| user.registration(application.id).is_some());
        // A token that is good for no application must not be signed by an application's own key.
        let ring = self.parts.keys.ring();
        let key = ring.signer(KeyPurpose::Access, application.filter(|_| registered).map(|it| it.id));
        let token = key.ok_or(Denial::Defect("there is no key to sign with"))?.sign(TYPE, &claims)?;
        let name = application.filter(|_| registered).map(|application| &*application.name);
        self.parts.metrics.issued(name, grant.authentication_type);
        Ok(SignedToken { token, id: grant.id, expires: grant.expires, registered })
    }

    /// How long an access token for `application` lives.
    pub(super) fn lifetime(&self, application: Option<&Arc<Application>>) -> Duration {
        self.settings.access_token_lifetime(application.map(|application| &**application))
    }

    /// Refuses a token of this descent that has ended early.
    pub(super) fn check_lineage(&self, lineage: &Lineage<'_>) -> Result<(), Denial> {
        let now = self.parts.clock.now();
        self.parts.revocations.check(|| *lineage, now).map_err(|_| Denial::Unauthorized)
    }
}
