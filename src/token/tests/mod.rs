//! What a token and a key set must be, by name of the rule or of the attack.

mod bodies;
mod claims;
mod keys;
mod oracle;
mod pem;
mod sign;
pub(crate) mod signer;
mod structure;
mod vectors;

use std::time::Duration;

use serde_json::{Value, json};

use self::signer::Signer;
use super::{Algorithm, ClaimRules, RawToken, TokenFault, VerifiedClaims, verify};
use crate::clock::Timestamp;

/// The algorithms of public keys.
const PUBLIC: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const ISSUER: &str = "https://issuer.example";
const LIMIT: usize = 8192;

fn rules() -> ClaimRules {
    ClaimRules {
        issuer: ISSUER.into(),
        audiences: vec!["gateway".into(), "second".into()],
        leeway: Duration::from_secs(10),
        max_lifetime: None,
        types: vec!["JWT".into(), "at+jwt".into()],
        require_type: false,
    }
}

fn good() -> Value {
    let now = NOW.seconds();
    json!({"iss": ISSUER, "sub": "alice", "aud": "gateway", "iat": now, "exp": now + 300, "jti": "id-1"})
}

/// [`good`] with some members replaced, or removed where the new value is the string `"-"`.
#[expect(clippy::needless_pass_by_value, reason = "literals read better at the calls")]
fn with(changes: Value) -> Value {
    let mut claims = good();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value == "-" {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn check(signer: &Signer, token: &str, rules: &ClaimRules) -> Result<VerifiedClaims, TokenFault> {
    verify(RawToken::parse(token, LIMIT)?, &signer.key(), rules, NOW)
}

/// The fault of a well-signed token with these claims, `None` where it is accepted.
fn fault_of(claims: &Value, rules: &ClaimRules) -> Option<TokenFault> {
    let signer = Signer::new(Algorithm::EdDSA);
    check(&signer, &signer.token(claims), rules).err()
}
