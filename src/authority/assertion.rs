//! Signed assertions: the gateway's word to one backend about one request, which nobody who reaches the backend around the
//! gateway can give, and nobody behind it can use for another request.
//!
//! Of a type, and by keys, of their own: no verifier of access tokens takes one.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::{AUTHORITY_ISSUER, Authority, Denial, ids};
use crate::identity::Identity;
use crate::store::KeyPurpose;

/// The `typ` of assertions.
const TYPE: &str = "tollgate-assertion+jwt";
/// How long one holds: a backend checks it as the request arrives.
const LIFETIME: Duration = Duration::from_secs(60);

/// The request that an assertion is about, as the backend receives it, byte for byte.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AssertedRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// `Host`.
    pub host: &'a str,
    /// The target up to the first `?`.
    pub path: &'a str,
    /// The target after the first `?`; empty without one.
    pub query: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    sub_id: SubjectId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    roles: &'a [Box<str>],
    #[serde(rename = "applicationId", skip_serializing_if = "Option::is_none")]
    application_id: Option<&'a str>,
    iat: u64,
    exp: u64,
    jti: Uuid,
    #[serde(flatten)]
    request: AssertedRequest<'a>,
}

/// RFC 9493 section 3.2.4: a subject is somebody only together with its issuer.
#[derive(Serialize)]
struct SubjectId<'a> {
    format: &'static str,
    iss: &'a str,
    sub: &'a str,
}

impl Authority {
    /// The word to the backend called `audience` that `identity`, whose subject is `subject`, makes this request.
    ///
    /// # Errors
    /// [`Denial::Defect`] where it cannot be signed.
    pub fn assert(
        &self,
        identity: &Identity,
        subject: &str,
        audience: &str,
        request: AssertedRequest<'_>,
    ) -> Result<String, Denial> {
        let now = self.parts.clock.now();
        let text = |name: &str| identity.claims.document().get(name)?.as_str();
        let is_own = &*identity.issuer_name == AUTHORITY_ISSUER;
        let claims = Claims {
            iss: &self.settings.issuer,
            aud: audience,
            sub: subject,
            sub_id: SubjectId { format: "iss_sub", iss: identity.issuer(), sub: subject },
            email: text("email"),
            roles: &identity.roles,
            application_id: text("applicationId").filter(|_| is_own),
            iat: now.seconds(),
            exp: now.plus(LIFETIME).seconds(),
            jti: ids::at(now)?,
            request,
        };
        let ring = self.parts.keys.ring();
        let signer = ring.signer(KeyPurpose::Assertion, None).ok_or(Denial::Defect("there is no assertion key"))?;
        Ok(signer.sign(TYPE, &claims)?)
    }
}
