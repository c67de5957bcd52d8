//! Who calls, and whether they may.
//!
//! `Authorization: Bearer x` and `JWT x` are tokens, any other value is an API key (jwt-api.md's decision table). Of
//! tokens only the authority's own access tokens are a credential here.

use std::sync::Arc;

use http::Method;
use http::header::AUTHORIZATION;

use super::Shared;
use super::call::Call;
use super::refusal::Refusal;
use crate::authority::{ApiKey, OwnToken, Permissions};
use crate::identity::credential::{self, ACCESS_TOKEN, CredentialFault, Presented, TokenFrom};
use crate::issuer::{Verified, VerifyError};
use crate::proxy::cookies;

/// Cookies are looked for apart, by the rule about other sites.
const HEADER: TokenFrom = TokenFrom { header: true, cookie: false, query: false };

/// Whoever calls an operation that takes both.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// A program with this key.
    Key(Arc<ApiKey>),
    /// The user of this token.
    User(OwnToken),
}

impl Shared {
    /// The API key of the call, where it may use `method` on `endpoint`.
    ///
    /// # Errors
    /// 401: no key, an unknown one, or one without the permission.
    pub(super) fn api_key(&self, call: &Call, endpoint: &str, method: &Method) -> Result<Arc<ApiKey>, Refusal> {
        let key = sent_key(call).and_then(|value| self.authority.settings().api_key(value)).map(Arc::clone);
        key.filter(|key| allows(&key.permissions, endpoint, method)).ok_or(Refusal::Unauthorized)
    }

    /// An API key or a user's token; a key in the header beats a cookie.
    ///
    /// # Errors
    /// 401.
    pub(super) async fn caller(&self, call: &Call, endpoint: &str, method: &Method) -> Result<Caller, Refusal> {
        match sent_key(call) {
            Some(_) => self.api_key(call, endpoint, method).map(Caller::Key),
            None => self.user(call).await.map(Caller::User),
        }
    }

    /// The user of the access token that was sent: one of the authority's own, for one of its applications or none, signed
    /// by a key that only the authority has, not made for a backend, not revoked.
    ///
    /// # Errors
    /// 401; 503 where it cannot be checked.
    pub(super) async fn user(&self, call: &Call) -> Result<OwnToken, Refusal> {
        let presented = presented(call).map_err(|fault| self.faulty(call, fault))?.ok_or(Refusal::Unauthorized)?;
        let mut caller: Option<OwnToken> = None;
        for token in presented.tokens() {
            match (self.own_token(token).await, &caller) {
                // Two users' cookies in one request are a plant, and nobody can say which (RFC 6265 section 8.6).
                (Ok(other), Some(first)) if other.user != first.user => return Err(self.conflicting_cookies(call)),
                (Ok(first), None) => caller = Some(first),
                (Ok(_), Some(_)) | (Err(Refusal::Unauthorized), _) => {}
                (Err(refusal), _) => return Err(refusal),
            }
        }
        caller.ok_or(Refusal::Unauthorized)
    }

    /// As [`Shared::user`], of the token in the header alone; `None` where there is none.
    ///
    /// # Errors
    /// 401; 503 where it cannot be checked.
    pub(super) async fn user_in_header(&self, call: &Call) -> Result<Option<OwnToken>, Refusal> {
        let presented = credential::find(&call.headers, None, &HEADER).map_err(|fault| self.faulty(call, fault))?;
        match presented.and_then(|presented| presented.tokens().next()) {
            Some(token) => self.own_token(token).await.map(Some),
            None => Ok(None),
        }
    }

    /// 401, and the browser forgets both cookies.
    pub(super) fn conflicting_cookies(&self, call: &Call) -> Refusal {
        Refusal::ConflictingCookies(cookies::cleared(self.cookie_domain(), &call.client))
    }

    /// 401; where there are too many cookies the browser forgets them.
    pub(super) fn faulty(&self, call: &Call, fault: CredentialFault) -> Refusal {
        match fault {
            CredentialFault::TooManyCookies => self.conflicting_cookies(call),
            CredentialFault::Several | CredentialFault::Malformed => Refusal::Unauthorized,
        }
    }

    /// As [`Shared::own_access_token`], what it says alone.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn own_token(&self, token: &str) -> Result<OwnToken, Refusal> {
        self.own_access_token(token).await.map(|(_, own)| own)
    }

    /// An access token of the authority that holds. One by a shared secret is good at its application and at validate alone,
    /// one made for a backend at that backend.
    ///
    /// # Errors
    /// 401; 503 where it cannot be checked.
    pub(super) async fn own_access_token(&self, token: &str) -> Result<(Arc<Verified>, OwnToken), Refusal> {
        let verified = self.verified(token).await?;
        let own = self.own(&verified).filter(|own| !own.for_backend && !verified.is_by_shared_secret());
        let own = own.ok_or(Refusal::Unauthorized)?;
        self.check_standing(&verified)?;
        Ok((verified, own))
    }

    /// Refuses a token that has ended early.
    ///
    /// # Errors
    /// 401.
    pub(super) fn check_standing(&self, verified: &Verified) -> Result<(), Refusal> {
        let parts = self.authority.parts();
        parts.revocations.check(|| verified.lineage(), parts.clock.now()).map_err(|_| Refusal::Unauthorized)
    }

    /// What `verified` says, where it is an access token of the authority.
    fn own(&self, verified: &Verified) -> Option<OwnToken> {
        if self.is_own(verified) { OwnToken::of(&verified.identity.claims) } else { None }
    }

    /// Whether `verified` is the authority's own.
    pub(super) fn is_own(&self, verified: &Verified) -> bool {
        *verified.identity.issuer() == *self.authority.settings().issuer
    }

    /// Proves a token of any issuer.
    ///
    /// # Errors
    /// 401; 503 where its issuer's keys are out of reach.
    pub(super) async fn verified(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        self.verifier.verify(token).await.map_err(|error| match error {
            VerifyError::Refused { .. } => Refusal::Unauthorized,
            VerifyError::KeysUnavailable { retry_after, .. } => Refusal::Unavailable(retry_after),
        })
    }
}

/// The tokens that were sent, in the header or else in cookies.
pub(super) fn presented(call: &Call) -> Result<Option<Presented<'_>>, CredentialFault> {
    match credential::find(&call.headers, None, &HEADER)? {
        Some(token) => Ok(Some(token)),
        None => call.cookies(ACCESS_TOKEN),
    }
}

/// The value of `Authorization` where it is no token: an API key, whole. An empty one is absent.
fn sent_key(call: &Call) -> Option<&[u8]> {
    let value = call.headers.get(AUTHORIZATION)?;
    let text = value.as_bytes().trim_ascii();
    (!text.is_empty() && !credential::is_ours(value)).then_some(text)
}

/// Whether `permissions` have `method` on `endpoint`, whose paths with ids below it belong to it.
fn allows(permissions: &Permissions, endpoint: &str, method: &Method) -> bool {
    match permissions {
        Permissions::All => true,
        Permissions::Only(endpoints) => endpoints.get(endpoint).is_some_and(|methods| methods.contains(method)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_one_endpoint_and_one_method() {
        let only = Permissions::Only([("/api/jwt/refresh".to_owned(), vec![Method::GET])].into());
        assert!(allows(&only, "/api/jwt/refresh", &Method::GET));
        for (endpoint, method) in
            [("/api/jwt/refresh", Method::DELETE), ("/api/jwt", Method::GET), ("/api/jwt/vend", Method::GET)]
        {
            assert!(!allows(&only, endpoint, &method), "{method} {endpoint}");
        }
        assert!(!allows(&Permissions::Only([].into()), "/api/status", &Method::GET), "no permission is none");
        assert!(allows(&Permissions::All, "/api/user", &Method::POST));
    }
}
