//! `GET /.well-known/jwks.json`, `/.well-known/openid-configuration` (jwt-api.md sections 2.9 and 2.10) and
//! `/.well-known/tollgate-assertion.json`, `/.well-known/tollgate-webhook.json`.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use crate::authority::PublishedKey;
use crate::store::KeyPurpose;

/// Keys are published long before they sign; a reader that asks this often never misses one.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The public keys (RFC 7517 section 5): of access and vended tokens, those to come and those whose tokens still live.
pub(super) fn key_set(api: &Shared) -> Answer {
    published(api.authority.parts().keys.ring().published())
}

/// The public keys of assertions for backends, which are no keys of tokens.
pub(super) fn assertion_keys(api: &Shared) -> Answer {
    published(api.authority.parts().keys.ring().published_apart(KeyPurpose::Assertion))
}

/// The public keys that the signatures of events are checked with; they verify no token.
pub(super) fn webhook_keys(api: &Shared) -> Answer {
    published(api.authority.parts().keys.ring().published_apart(KeyPurpose::Webhook))
}

fn published<'k>(keys: impl IntoIterator<Item = &'k PublishedKey>) -> Answer {
    let keys: Vec<&Value> = keys.into_iter().map(|key| &key.jwk).collect();
    Answer::json(StatusCode::OK, &json!({ "keys": keys })).with(CACHE_CONTROL, KEPT)
}

/// What is served, and nothing that is not (OpenID Connect Discovery section 3, RFC 8414 section 2).
pub(super) fn configuration(api: &Shared, call: &Call) -> Answer {
    let settings = api.authority.settings();
    let base = call.client.origin();
    let algorithms: Vec<&str> = api.authority.algorithms();
    let document = json!({
        "issuer": &*settings.issuer,
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "userinfo_endpoint": format!("{base}/oauth2/userinfo"),
        "introspection_endpoint": format!("{base}/oauth2/introspect"),
        "introspection_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint": format!("{base}/oauth2/revoke"),
        "revocation_endpoint_auth_methods_supported": ["none"],
        "subject_types_supported": ["public"],
        "response_types_supported": [],
        "grant_types_supported": [],
        "id_token_signing_alg_values_supported": algorithms,
        "claims_supported": [
            "applicationId", "aud", "auth_time", "authenticationType", "email", "email_verified", "exp", "iat", "iss", "jti",
            "preferred_username", "roles", "sid", "sub",
        ],
        "backchannel_logout_supported": false,
        "frontchannel_logout_supported": false,
    });
    Answer::json(StatusCode::OK, &document).with(CACHE_CONTROL, KEPT)
}
