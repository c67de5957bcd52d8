use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

/// The claims of an assertion about exactly this request; `target` is the request target as it was received.
pub fn check(keys: &JwkSet, assertion: &str, method: &str, host: &str, target: &str) -> Option<Value> {
    let header = decode_header(assertion).ok()?;
    if header.typ.as_deref() != Some("tollgate-assertion+jwt") {
        return None;
    }
    let key = DecodingKey::from_jwk(keys.find(&header.kid?)?).ok()?;
    let mut rules = Validation::new(Algorithm::ES256);
    rules.leeway = 5;
    rules.set_issuer(&["https://auth.example.com"]);
    rules.set_audience(&["orders"]);
    rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    let claims = decode::<Value>(assertion, &key, &rules).ok()?.claims;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let said = ["method", "host", "path", "query"].map(|name| claims[name].as_str());
    (said == [method, host, path, query].map(Some)).then_some(claims)
}
