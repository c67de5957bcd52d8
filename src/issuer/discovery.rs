//! OpenID Connect discovery (Discovery 1.0 section 4, RFC 8414 section 3): metadata first, then the keys it points to.
//!
//! The metadata's `issuer` must be the configured one, byte for byte, before its `jwks_uri` is used (section 4.3): else
//! whoever serves one tenant's metadata could supply the keys of another.

use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use super::source::{KeyFetchError, Reading};
use crate::token::{KeySet, Loaded};

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The keys that the metadata at the source's address points to, and how long they stay fresh.
pub(super) async fn load(reading: &mut Reading<'_>, issuer: &str) -> Result<(Loaded, Option<Duration>), KeyFetchError> {
    let source = reading.source;
    let document = reading.get(&source.url, crate::fetch::Reach::Anywhere).await?;
    let address = keys_address(&document.body, issuer, &source.url)?;
    let document = reading.get(&address, document.onward).await?;
    let keys = KeySet::from_published(&document.body, &source.allowed)?;
    Ok((keys, document.freshness))
}

/// The `jwks_uri`: `https`, or as plain as the configured address itself.
fn keys_address(metadata: &[u8], issuer: &str, configured: &Uri) -> Result<Uri, KeyFetchError> {
    let metadata: Metadata = serde_json::from_slice(metadata).map_err(|_| KeyFetchError::Malformed)?;
    if metadata.issuer != issuer {
        return Err(KeyFetchError::WrongIssuer);
    }
    let address: Uri = metadata.jwks_uri.parse().map_err(|_| KeyFetchError::KeysAddress)?;
    let is_secure = address.scheme_str() == Some("https");
    let is_as_configured = address.scheme_str() == Some("http") && configured.scheme_str() == Some("http");
    if is_secure || is_as_configured { Ok(address) } else { Err(KeyFetchError::KeysAddress) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_must_name_exactly_the_issuer_and_a_safe_address() {
        let secure = "https://issuer.example/.well-known/openid-configuration";
        let plain = "http://127.0.0.1:9/.well-known/openid-configuration";
        let cases = [
            (secure, r#"{"issuer":"https://a","jwks_uri":"https://keys.example/k"}"#, "https://keys.example/k"),
            (plain, r#"{"issuer":"https://a","jwks_uri":"http://127.0.0.1:9/k"}"#, "http://127.0.0.1:9/k"),
            (secure, r#"{"issuer":"https://a","jwks_uri":"http://keys.example/k"}"#, "keys_address"),
            (secure, r#"{"issuer":"https://a","jwks_uri":"file:///etc/passwd"}"#, "keys_address"),
            (secure, r#"{"issuer":"https://a","jwks_uri":"/k"}"#, "keys_address"),
            (secure, r#"{"issuer":"https://a/","jwks_uri":"https://keys.example/k"}"#, "wrong_issuer"),
            (secure, r#"{"issuer":"https://A","jwks_uri":"https://keys.example/k"}"#, "wrong_issuer"),
            (secure, r#"{"issuer":["https://a"],"jwks_uri":"https://keys.example/k"}"#, "malformed"),
            (secure, r#"{"issuer":"https://b","issuer":"https://a","jwks_uri":"https://keys.example/k"}"#, "malformed"),
            (secure, r#"{"issuer":"https://a"}"#, "malformed"),
            (secure, "[]", "malformed"),
        ];
        for (configured, metadata, expected) in cases {
            let address = keys_address(metadata.as_bytes(), "https://a", &Uri::from_static(configured));
            assert_eq!(address.map_or_else(|error| error.word().to_owned(), |url| url.to_string()), expected, "{metadata}");
        }
    }
}
