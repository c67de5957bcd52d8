//! The demo's issuer: one signing key, a token for each user, and the key set that the gateway fetches.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::token::{Algorithm, SigningFault, SigningKey};

/// What its tokens are for.
pub(super) const AUDIENCE: &str = "tollgate-demo";
/// The gateway's `max_lifetime`, too.
const LIFETIME: Duration = Duration::from_secs(3600);

pub(super) struct Issuer {
    /// Its address, which is its tokens' `iss`.
    pub(super) url: String,
    key: SigningKey,
}

impl Issuer {
    /// With a new key.
    pub(super) fn new(address: SocketAddr) -> Result<Self, SigningFault> {
        Ok(Self { url: format!("http://{address}"), key: SigningKey::generate("demo-1", Algorithm::ES256)? })
    }

    /// A token that says so.
    pub(super) fn token(&self, user: &str, roles: &[&str], now: Timestamp) -> Result<String, SigningFault> {
        let claims = [
            ("iss", json!(self.url)),
            ("aud", json!(AUDIENCE)),
            ("sub", json!(user)),
            ("email", json!(format!("{user}@example.com"))),
            ("roles", json!(roles)),
            ("iat", json!(now.seconds())),
            ("exp", json!(now.plus(LIFETIME).seconds())),
        ];
        let claims: Map<String, Value> = claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.key.sign("JWT", &claims)
    }

    /// A JWK Set (RFC 7517 section 5).
    pub(super) fn key_set(&self) -> String {
        format!("{:#}\n", json!({ "keys": [self.key.jwk()] }))
    }
}
