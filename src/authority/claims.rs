//! The claims of an access token (jwt-api.md section 4.1), in the order of the contract's samples.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::settings::Application;
use crate::clock::Timestamp;
use crate::store::User;

/// How a token came to be; `authenticationType` where the sign-in's own does not stay.
pub(super) const BY_EXCHANGE: &str = "JWT_SSO";
pub(super) const BY_REFRESH: &str = "REFRESH_TOKEN";
pub(super) const BY_RECONCILE: &str = "FEDERATED_JWT";
pub(super) const BY_MINT: &str = "MINT";

/// What `use` says of a token made for a backend.
const FOR_BACKEND: &str = "backend";

/// The claims of an access token.
#[derive(Debug, Serialize)]
pub(super) struct AccessClaims<'a> {
    aud: &'a str,
    exp: u64,
    iat: u64,
    iss: &'a str,
    sub: Uuid,
    pub(super) jti: Uuid,
    #[serde(rename = "authenticationType")]
    authentication_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(rename = "applicationId", skip_serializing_if = "Option::is_none")]
    application_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'a str>>,
    sid: Uuid,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<Uuid>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    derived_from: &'a [String],
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    made_for: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from_applications: Vec<Uuid>,
}

/// What decides an access token beside its user and application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant<'a> {
    /// `jti`, a UUIDv7 of this instant.
    pub(super) id: Uuid,
    /// `iat`.
    pub(super) now: Timestamp,
    /// `exp`.
    pub(super) expires: Timestamp,
    /// `sid`.
    pub(super) session: Uuid,
    /// The sign-in.
    pub(super) signed_in: Timestamp,
    /// `authenticationType`.
    pub(super) authentication_type: &'a str,
    /// The ids that it comes from.
    pub(super) derived_from: &'a [String],
    /// It is made for a backend, and is marked so.
    pub(super) for_backend: bool,
    /// The applications that it comes through; its own among them is left out.
    pub(super) from_applications: &'a [Uuid],
}

impl<'a> AccessClaims<'a> {
    /// The claims of a token for `user` at `application`, whose id as text is `audience` (the issuer's where there is none).
    /// A user who is not registered there gets a token without application and roles, good for no route.
    pub(super) fn new(
        issuer: &'a str,
        tenant: Option<Uuid>,
        user: &'a User,
        application: Option<&'a Application>,
        audience: &'a str,
        grant: &Grant<'a>,
    ) -> Self {
        let registration = application.and_then(|application| user.registration(application.id).map(|it| (application, it)));
        let roles = registration.map(|(application, registration)| {
            let known = registration.roles.iter().filter(|role| application.has_role(role));
            known.map(String::as_str).collect()
        });
        Self {
            aud: if registration.is_some() { audience } else { issuer },
            exp: grant.expires.seconds(),
            iat: grant.now.seconds(),
            iss: issuer,
            sub: user.id,
            jti: grant.id,
            authentication_type: grant.authentication_type,
            email: user.email.as_deref(),
            email_verified: user.email.as_ref().map(|_| user.verified),
            preferred_username: user.username.as_deref(),
            application_id: registration.map(|(application, _)| application.id),
            roles,
            sid: grant.session,
            auth_time: grant.signed_in.seconds(),
            tid: tenant,
            derived_from: grant.derived_from,
            made_for: grant.for_backend.then_some(FOR_BACKEND),
            from_applications: others(grant.from_applications, registration.map(|(application, _)| application.id)),
        }
    }
}

/// Each once, without the token's own.
fn others(applications: &[Uuid], own: Option<Uuid>) -> Vec<Uuid> {
    let mut others = Vec::new();
    for application in applications {
        if Some(*application) != own && !others.contains(application) {
            others.push(*application);
        }
    }
    others
}

/// When a token that lives so long from `now` ends: whole seconds, so that `exp` is never later than what was meant.
pub(super) fn expiry(now: Timestamp, lifetime: Duration) -> Timestamp {
    Timestamp::from_seconds(now.plus(lifetime).seconds())
}
