//! Tokens that we sign: our verifier and another library accept them, and nobody else's key made them.

use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value, json};

use super::{ISSUER, LIMIT, NOW, PUBLIC, good, rules, with};
use crate::secret::Secret;
use crate::token::sign::{SigningFault, SigningKey};
use crate::token::{
    Algorithm, KeySet, OwnKey, OwnMaterial, PublicHalf, RawToken, TokenFault, TokenType, VerifiedClaims, examine, secret_key_id,
    verify,
};

const SECRET: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

fn claims() -> Map<String, Value> {
    good().as_object().unwrap().clone()
}

fn generate(id: &str) -> SigningKey {
    SigningKey::generate(id, Algorithm::ES256).unwrap()
}

/// What our verifier makes of `token` with the keys of `set`.
fn in_set(set: &KeySet, token: &str) -> Result<VerifiedClaims, TokenFault> {
    let raw = RawToken::parse(token, LIMIT)?;
    let found = set.find(raw.header().key_id.as_deref(), raw.header().algorithm).unwrap();
    verify(raw, found, &rules(), NOW)
}

/// What our verifier makes of `token` with the published half of `key`.
fn ours(key: &SigningKey, token: &str) -> Result<VerifiedClaims, TokenFault> {
    let document = json!({ "keys": [key.jwk()] }).to_string();
    in_set(&KeySet::from_jwks(document.as_bytes(), &[key.algorithm()]).unwrap().set, token)
}

fn own(key: &SigningKey, only_audience: Option<&str>) -> OwnKey {
    OwnKey {
        id: key.key_id().into(),
        algorithm: key.algorithm(),
        material: OwnMaterial::Public(key.public().unwrap().der().into()),
        only_audience: only_audience.map(Into::into),
    }
}

fn own_secret(secret: &Secret, algorithm: Algorithm, audience: Option<&str>) -> OwnKey {
    let id = secret_key_id(secret).into();
    OwnKey { id, algorithm, material: OwnMaterial::Shared(secret.clone()), only_audience: audience.map(Into::into) }
}

/// What another library reads with `key`; it has no ES512, where there is nothing to compare.
fn by_another_library(token: &str, algorithm: Algorithm, key: &DecodingKey) -> Option<Value> {
    let mut validation = Validation::new(algorithm.name().parse().unwrap());
    validation.set_audience(&["gateway"]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    let read = jsonwebtoken::decode::<Value>(token, key, &validation).ok()?;
    assert_eq!(read.header.typ.as_deref(), Some("JWT"));
    Some(read.claims)
}

#[test]
fn our_verifier_accepts_it_with_the_same_claims() {
    let key = generate("first");
    for token_type in ["JWT", "at+jwt"] {
        let token = key.sign(token_type, &claims()).unwrap();
        assert_eq!(ours(&key, &token).unwrap().document(), &claims());
        let header = RawToken::parse(&token, LIMIT).unwrap().header().clone();
        assert_eq!((header.algorithm, header.key_id.as_deref()), (key.algorithm(), Some("first")));
        assert_eq!(header.token_type, TokenType::Named(token_type.into()));
    }
}

#[test]
fn every_algorithm_is_accepted_by_both_libraries_in_every_published_form() {
    for algorithm in PUBLIC {
        let made = SigningKey::new(algorithm).unwrap();
        let key = SigningKey::from_pkcs8(made.key_id(), algorithm, &made.pkcs8().unwrap()).unwrap();
        assert_eq!((key.jwk(), key.public()), (made.jwk(), made.public()), "{algorithm}: stored and read again");
        let token = key.sign("JWT", &claims()).unwrap();
        assert_eq!(ours(&made, &token).unwrap().document(), &claims(), "{algorithm}");

        let pem = key.public().unwrap().pem();
        let by_pem = KeySet::from_pems(&[(Some(key.key_id()), pem.as_bytes())], &[algorithm]).unwrap().set;
        assert!(in_set(&by_pem, &token).is_ok(), "{algorithm}: {pem}");
        assert!(in_set(&KeySet::of_own(&[own(&key, None)]).set, &token).is_ok(), "{algorithm}");

        if algorithm != Algorithm::ES512 {
            let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.jwk().unwrap()).unwrap();
            let key = DecodingKey::from_jwk(&jwk).unwrap();
            assert_eq!(by_another_library(&token, algorithm, &key), Some(good()), "{algorithm}");
        }
    }
}

#[test]
fn every_shared_secret_is_accepted_by_both_libraries() {
    for algorithm in SECRET {
        let secret = Secret::new(vec![7; 64]);
        let key = SigningKey::from_secret(None, algorithm, &secret).unwrap();
        let token = key.sign("JWT", &claims()).unwrap();
        assert!(in_set(&KeySet::of_own(&[own_secret(&secret, algorithm, Some("gateway"))]).set, &token).is_ok());
        let oracle = DecodingKey::from_secret(secret.expose());
        assert_eq!(by_another_library(&token, algorithm, &oracle), Some(good()), "{algorithm}");
        assert_eq!((key.jwk(), key.public(), key.pkcs8().unwrap_err()), (None, None, SigningFault::NotAKey));
    }
}

#[test]
fn only_public_members_are_published() {
    for algorithm in PUBLIC {
        let jwk = SigningKey::new(algorithm).unwrap().jwk().unwrap();
        let names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: &[&str] = match jwk["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(names, expected);
    }
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    // Section 3.1, whose modulus is written into a SubjectPublicKeyInfo here.
    use base64::Engine as _;
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
             tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n9\
             1CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let n = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(n).unwrap();
    let mut der = vec![0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    der.extend([0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00]);
    der.extend(n);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    assert_eq!(PublicHalf::from_der(&der).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_pem_has_lines_of_64_characters_and_ends_with_one() {
    let key = SigningKey::new(Algorithm::RS256).unwrap();
    let pem = key.public().unwrap().pem();
    let lines: Vec<_> = pem.strip_suffix('\n').unwrap().lines().collect();
    assert_eq!((lines[0], *lines.last().unwrap()), ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"));
    let body = &lines[1..lines.len() - 1];
    assert!(body[..body.len() - 1].iter().all(|line| line.len() == 64), "{pem}");
    assert_eq!(pem, super::signer::pem_of("PUBLIC KEY", key.public().unwrap().der()));
}

#[test]
fn every_point_has_whole_coordinates() {
    // One coordinate in 256 begins with a zero byte, which must stay (RFC 7518 section 6.2.1.2).
    for _ in 0..600 {
        let jwk = generate("k").jwk().unwrap();
        assert!(["x", "y"].iter().all(|name| jwk[*name].as_str().unwrap().len() == 43), "{jwk}");
    }
}

#[test]
fn a_key_of_the_same_id_did_not_sign_it() {
    let (one, other) = (generate("k"), generate("k"));
    assert_eq!(ours(&one, &other.sign("JWT", &claims()).unwrap()).unwrap_err(), TokenFault::BadSignature);
}

#[test]
fn a_key_that_another_program_stored_signs_as_before() {
    let stored = rcgen::KeyPair::generate().unwrap().serialize_der();
    let read = || SigningKey::from_pkcs8("stored", Algorithm::ES256, &Secret::new(stored.clone())).unwrap();
    let key = read();
    assert!(ours(&key, &key.sign("JWT", &claims()).unwrap()).is_ok());
    assert_eq!(read().jwk(), key.jwk());
}

#[test]
fn what_is_no_key_of_the_algorithm_is_refused() {
    let other_curve = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_der();
    for der in [Vec::new(), b"-----BEGIN PRIVATE KEY-----".to_vec(), other_curve] {
        for algorithm in [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA, Algorithm::HS256] {
            let refused = SigningKey::from_pkcs8("k", algorithm, &Secret::new(der.clone()));
            assert_eq!(refused.unwrap_err(), SigningFault::NotAKey, "{algorithm}");
        }
    }
    assert_eq!(SigningKey::new(Algorithm::HS256).unwrap_err(), SigningFault::NotAKey);
    let pem = generate("k").public().unwrap().pem();
    for (secret, algorithm) in
        [(&[1; 31][..], Algorithm::HS256), (&[1; 64], Algorithm::ES256), (pem.as_bytes(), Algorithm::HS256)]
    {
        assert!(SigningKey::from_secret(None, algorithm, &Secret::new(secret.to_vec())).is_err());
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", generate("k")), r#"SigningKey { id: "k", algorithm: ES256, .. }"#);
}

/// A forger who knows the secret of `second`, in a gateway that also accepts `gateway`.
#[test]
fn an_application_that_knows_its_secret_forges_no_token_for_another() {
    let secret = Secret::new(vec![9; 32]);
    let set = KeySet::of_own(&[own(&generate("k"), None), own_secret(&secret, Algorithm::HS256, Some("second"))]).set;
    let forger = SigningKey::from_secret(None, Algorithm::HS256, &secret).unwrap();
    let forged = |aud: Value| forger.sign("JWT", &with(json!({ "aud": aud }))).unwrap();
    assert!(in_set(&set, &forged(json!("second"))).is_ok(), "its own tokens are its to make");
    for aud in [json!("gateway"), json!(["gateway", "second"]), json!(["second", "gateway"]), json!(["second"])] {
        let token = forged(aud.clone());
        assert_eq!(in_set(&set, &token).unwrap_err(), TokenFault::KeyOfOtherAudience, "{aud}");
        let raw = RawToken::parse(&token, LIMIT).unwrap();
        let key = set.find(Some(forger.key_id()), Algorithm::HS256).unwrap();
        let faults: Vec<_> = examine(&raw, Some(key), &rules(), NOW).into_iter().filter_map(|check| check.fault).collect();
        assert_eq!(faults, [TokenFault::KeyOfOtherAudience]);
    }
    // Under the name of the key of all, or without a name, it has no better luck.
    let as_other = SigningKey::from_secret(Some("k"), Algorithm::HS256, &secret).unwrap();
    let token = as_other.sign("JWT", &with(json!({ "aud": "gateway" }))).unwrap();
    let raw = RawToken::parse(&token, LIMIT).unwrap();
    assert!(set.find(raw.header().key_id.as_deref(), raw.header().algorithm).is_err());
}

#[test]
fn the_key_pair_of_one_application_signs_for_no_other() {
    let key = generate("k");
    let set = KeySet::of_own(&[own(&key, Some("second"))]).set;
    assert!(in_set(&set, &key.sign("JWT", &with(json!({ "aud": "second" }))).unwrap()).is_ok());
    assert_eq!(in_set(&set, &key.sign("JWT", &claims()).unwrap()).unwrap_err(), TokenFault::KeyOfOtherAudience);
}

#[test]
fn an_own_key_that_cannot_be_told_or_confined_is_left_out() {
    let (one, other) = (generate("same"), generate("same"));
    let secret = Secret::new(vec![9; 32]);
    let shared = |audience| own_secret(&secret, Algorithm::HS256, Some(audience));
    for keys in [
        vec![own(&one, None), own(&other, None)],
        vec![own(&one, None), own(&one, Some("second"))],
        vec![shared("gateway"), shared("second")],
        vec![own_secret(&secret, Algorithm::HS256, None)],
        vec![own_secret(&secret, Algorithm::HS512, Some("gateway"))],
        vec![OwnKey { algorithm: Algorithm::ES384, ..own(&one, None) }],
    ] {
        let loaded = KeySet::of_own(&keys);
        assert!(loaded.set.is_empty() && loaded.skipped.len() == 1, "{loaded:?}");
    }
    let twice = KeySet::of_own(&[own(&one, None), own(&one, None), own(&generate("third"), None)]);
    assert_eq!((twice.set.len(), twice.skipped), (2, vec![]));
}

#[test]
fn a_key_that_changes_its_audience_is_another_key() {
    let key = generate("k");
    let before = KeySet::of_own(&[own(&key, None)]).set;
    let after = KeySet::of_own(&[own(&key, Some("second"))]).set.succeed(&before);
    assert!(!before.keys().next().unwrap().liveness().is_alive());
    assert!(after.keys().next().unwrap().liveness().is_alive());
}

#[test]
fn the_id_of_a_secret_tells_secrets_apart() {
    let id = secret_key_id(&Secret::new(vec![1; 32]));
    assert!(id.len() == 19 && id.starts_with("hs-"), "{id}");
    assert_ne!(id, secret_key_id(&Secret::new(vec![2; 32])));
}
