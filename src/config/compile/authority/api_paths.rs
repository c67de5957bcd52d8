//! Where the API answers.

/// The API's paths; what is below them is the API's too. No route of the authority's host may have one.
pub(super) const RESERVED: [&str; 10] = [
    "/api/jwt",
    "/api/login",
    "/api/logout",
    "/api/user",
    "/api/status",
    "/oauth2",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/tollgate-assertion.json",
    "/.well-known/tollgate-webhook.json",
];

/// What an API key can be permitted.
pub(super) const PERMITTED: [&str; 19] = [
    "/api/jwt/issue",
    "/api/jwt/public-key",
    "/api/jwt/reconcile",
    "/api/jwt/refresh",
    "/api/jwt/validate",
    "/api/jwt/vend",
    "/api/login",
    "/api/logout",
    "/api/status",
    "/api/user",
    "/api/user/change-password",
    "/api/user/registration",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/userinfo",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/tollgate-assertion.json",
    "/.well-known/tollgate-webhook.json",
];
