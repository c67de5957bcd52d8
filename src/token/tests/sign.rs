//! Tokens that we sign: our verifier and another library accept them, and nobody else's key made them.

use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value, json};

use super::{ISSUER, LIMIT, NOW, good, rules};
use crate::secret::Secret;
use crate::token::sign::{SigningFault, SigningKey};
use crate::token::{Algorithm, KeySet, RawToken, TokenFault, TokenType, VerifiedClaims, verify};

fn claims() -> Map<String, Value> {
    good().as_object().unwrap().clone()
}

/// What our verifier makes of `token` with the published half of `key`.
fn ours(key: &SigningKey, token: &str) -> Result<VerifiedClaims, TokenFault> {
    let set = KeySet::from_jwks(json!({ "keys": [key.jwk()] }).to_string().as_bytes(), &[Algorithm::ES256]).unwrap().set;
    let raw = RawToken::parse(token, LIMIT)?;
    let found = set.find(raw.header().key_id.as_deref(), raw.header().algorithm).unwrap();
    verify(raw, found, &rules(), NOW)
}

#[test]
fn our_verifier_accepts_it_with_the_same_claims() {
    let key = SigningKey::generate("first").unwrap();
    let token = key.sign("at+jwt", &claims()).unwrap();
    assert_eq!(ours(&key, &token).unwrap().document(), &claims());
    let header = RawToken::parse(&token, LIMIT).unwrap().header().clone();
    assert_eq!((header.algorithm, header.key_id.as_deref()), (key.algorithm(), Some(key.key_id())));
    assert_eq!(header.token_type, TokenType::Named("at+jwt".into()));
}

#[test]
fn another_library_accepts_it_by_the_published_key() {
    let key = SigningKey::generate("first").unwrap();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.jwk()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["gateway"]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    let token = key.sign("JWT", &claims()).unwrap();
    let read = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
    assert_eq!(read.claims.as_object().unwrap(), &claims());
    assert_eq!(read.header.kid.as_deref(), Some("first"));
}

#[test]
fn every_point_has_whole_coordinates() {
    // One coordinate in 256 begins with a zero byte, which must stay (RFC 7518 section 6.2.1.2).
    for _ in 0..600 {
        let jwk = SigningKey::generate("k").unwrap().jwk();
        assert!(["x", "y"].iter().all(|name| jwk[*name].as_str().unwrap().len() == 43), "{jwk}");
    }
}

#[test]
fn a_key_of_the_same_id_did_not_sign_it() {
    let (one, other) = (SigningKey::generate("k").unwrap(), SigningKey::generate("k").unwrap());
    assert_eq!(ours(&one, &other.sign("JWT", &claims()).unwrap()).unwrap_err(), TokenFault::BadSignature);
}

#[test]
fn a_stored_key_signs_as_before() {
    let stored = rcgen::KeyPair::generate().unwrap().serialize_der();
    let key = SigningKey::from_pkcs8("stored", &Secret::new(stored.clone())).unwrap();
    assert!(ours(&key, &key.sign("JWT", &claims()).unwrap()).is_ok());
    assert_eq!(SigningKey::from_pkcs8("stored", &Secret::new(stored)).unwrap().jwk(), key.jwk());
}

#[test]
fn what_is_no_p256_key_is_refused() {
    let other_curve = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_der();
    for der in [Vec::new(), b"-----BEGIN PRIVATE KEY-----".to_vec(), other_curve] {
        assert_eq!(SigningKey::from_pkcs8("k", &Secret::new(der)).unwrap_err(), SigningFault::NotAKey);
    }
}

#[test]
fn debug_shows_no_key() {
    let key = SigningKey::generate("k").unwrap();
    assert_eq!(format!("{key:?}"), r#"SigningKey { id: "k", algorithm: ES256, .. }"#);
}
