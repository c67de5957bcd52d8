//! Vended tokens: any claims, signed by keys of their own, of a type that is no access token.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::verification::VEND_TYPE;
use super::{Authority, Denial, ids};
use crate::store::KeyPurpose;
use crate::token::verify_of_type;

/// What the server alone says.
const RESERVED: [&str; 5] = ["exp", "iat", "jti", "amr", "cnf"];

impl Authority {
    /// A token with these claims but the reserved ones, for `lifetime`.
    ///
    /// # Errors
    /// [`Denial::Field`] where the key is no vend key, or `lifetime` is longer than allowed.
    pub fn vend(&self, mut claims: Map<String, Value>, key: Option<&str>, lifetime: Option<Duration>) -> Result<String, Denial> {
        let longest = self.settings.vend_max_lifetime;
        let lifetime = lifetime.unwrap_or(self.settings.access_token_lifetime.min(longest));
        if lifetime > longest {
            let reason = format!("It must not be more than {} seconds.", longest.as_secs());
            return Err(Denial::Field("tooLarge", "timeToLiveInSeconds", reason));
        }
        let ring = self.parts.keys.ring();
        let signer = ring.signer(KeyPurpose::Vend, None).ok_or(Denial::Defect("there is no vend key"))?;
        if key.is_some_and(|key| key != signer.key_id()) {
            let reason = "It is not the key that signs vended tokens; leave it out.".to_owned();
            return Err(Denial::Field("invalid", "keyId", reason));
        }
        let now = self.parts.clock.now();
        let id: Uuid = ids::at(now)?;
        RESERVED.iter().for_each(|name| drop(claims.remove(*name)));
        claims.insert("exp".into(), now.plus(lifetime).seconds().into());
        claims.insert("iat".into(), now.seconds().into());
        claims.insert("jti".into(), id.to_string().into());
        Ok(signer.sign(VEND_TYPE, &claims)?)
    }

    /// The claims of a vended token that holds; `None` for any other token.
    pub fn vended_claims(&self, token: &str) -> Option<Map<String, Value>> {
        verify_of_type(token, VEND_TYPE, &self.parts.keys.vend_keys().latest(), self.parts.clock.now())
    }
}
