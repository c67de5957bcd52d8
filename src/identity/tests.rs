//! Identities for tests, proved the only way there is: by a verified token.

use std::time::Duration;

use serde_json::Value;

use super::Identity;
use crate::clock::Timestamp;
use crate::token::tests::signer::Signer;
use crate::token::{Algorithm, ClaimRules, RawToken, verify};

/// An identity with these claims besides the necessary ones, and these roles and scopes.
pub(crate) fn identity(claims: &Value, roles: &[&str], scopes: &[&str]) -> Identity {
    let now = Timestamp::from_seconds(1_700_000_000);
    let mut document =
        serde_json::json!({"iss": "https://issuer.example", "aud": "gateway", "iat": now.seconds(), "exp": now.seconds() + 300});
    document.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let signer = Signer::new(Algorithm::HS256);
    let token = signer.token(&document);
    let rules = ClaimRules {
        issuer: "https://issuer.example".into(),
        audiences: vec!["gateway".into()],
        leeway: Duration::ZERO,
        max_lifetime: None,
        types: vec!["JWT".into()],
        require_type: false,
    };
    let claims = verify(RawToken::parse(&token, 65_536).unwrap(), &signer.key(), &rules, now).unwrap();
    let words = |words: &[&str]| words.iter().map(|&word| word.into()).collect();
    Identity { issuer_name: "corp".into(), roles: words(roles), scopes: words(scopes), registered: false, claims }
}
