//! Which keys a document gives, and which of them a token means.

use std::sync::Arc;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::PUBLIC;
use crate::secret::Secret;
use crate::token::tests::signer::{Signer, pem_of};
use crate::token::{Algorithm, Key, KeySet, KeySetError, Loaded, NoKey, SkippedKey, Unusable};

fn load(keys: &[Value], allowed: &[Algorithm]) -> Result<Loaded, KeySetError> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes(), allowed)
}

fn set(keys: &[Value]) -> KeySet {
    load(keys, &PUBLIC).unwrap().set
}

/// `jwk` with some members added or replaced.
#[expect(clippy::needless_pass_by_value, reason = "literals read better at the calls")]
fn and(mut jwk: Value, more: Value) -> Value {
    jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    jwk
}

/// Why `jwk` is left out of a set that has another, good key.
fn why(jwk: Value) -> Option<Unusable> {
    let good = Signer::new(Algorithm::EdDSA).jwk("good");
    let loaded = load(&[good, jwk], &PUBLIC).unwrap();
    loaded.skipped.first().map(|key| key.why)
}

fn skipped(id: Option<&str>, why: Unusable) -> SkippedKey {
    SkippedKey { key_id: id.map(Into::into), why }
}

#[test]
fn a_jwk_set_of_every_type_and_curve_is_read() {
    for algorithm in PUBLIC {
        let signer = Signer::new(algorithm);
        let stated = and(signer.jwk("k"), json!({"alg": algorithm.name(), "use": "sig", "key_ops": ["verify"], "x5t": "abc"}));
        for jwk in [signer.jwk("k"), stated] {
            let loaded = load(&[jwk], &[algorithm]).unwrap();
            assert_eq!(loaded.skipped, []);
            let key = loaded.set.find(Some("k"), algorithm).unwrap();
            assert_eq!(key.check_signature(algorithm, b"message", &signer.sign(b"message")), Ok(()), "{algorithm}");
            assert_eq!((key.key_id(), key.algorithm()), (Some("k"), algorithm));
        }
    }
}

#[test]
fn a_key_without_alg_takes_the_first_allowed_one_of_its_type_and_curve() {
    let (rsa, p384) = (Signer::new(Algorithm::RS256), Signer::new(Algorithm::ES384));
    let algorithm_of = |signer: &Signer, allowed: &[Algorithm]| {
        load(&[signer.jwk("k")], allowed).map(|loaded| loaded.set.keys().next().unwrap().algorithm())
    };
    assert_eq!(algorithm_of(&rsa, &[Algorithm::ES256, Algorithm::PS512, Algorithm::RS256]), Ok(Algorithm::PS512));
    assert_eq!(algorithm_of(&p384, &[Algorithm::ES256, Algorithm::ES384]), Ok(Algorithm::ES384));
    let refused = KeySetError::NoUsableKey(vec![skipped(Some("k"), Unusable::AlgorithmNotAllowed)]);
    assert_eq!(algorithm_of(&p384, &[Algorithm::ES256, Algorithm::RS256]), Err(refused));
}

#[test]
fn a_stated_alg_must_be_known_fit_the_key_and_be_allowed() {
    let rsa = Signer::new(Algorithm::RS256).jwk("k");
    let p256 = Signer::new(Algorithm::ES256).jwk("k");
    assert_eq!(why(and(rsa.clone(), json!({"alg": "RSA-OAEP"}))), Some(Unusable::UnknownAlgorithm));
    assert_eq!(why(and(rsa.clone(), json!({"alg": "rs256"}))), Some(Unusable::UnknownAlgorithm));
    assert_eq!(why(and(rsa.clone(), json!({"alg": "none"}))), Some(Unusable::UnknownAlgorithm));
    assert_eq!(why(and(rsa.clone(), json!({"alg": 1}))), Some(Unusable::NotAJwk));
    assert_eq!(why(and(rsa.clone(), json!({"alg": "HS256"}))), Some(Unusable::AlgorithmMismatch));
    assert_eq!(why(and(rsa.clone(), json!({"alg": "ES256"}))), Some(Unusable::AlgorithmMismatch));
    assert_eq!(why(and(p256, json!({"alg": "ES384"}))), Some(Unusable::AlgorithmMismatch));
    let loaded =
        load(&[and(rsa, json!({"alg": "PS256"})), Signer::new(Algorithm::EdDSA).jwk("e")], &[Algorithm::RS256, Algorithm::EdDSA]);
    assert_eq!(loaded.unwrap().skipped, [skipped(Some("k"), Unusable::AlgorithmNotAllowed)]);
}

#[test]
fn wycheproof_jwk_8_and_9_weak_rsa_keys_are_refused() {
    let rsa = |bits: usize, first: u8, last: u8, e: &[u8]| {
        let mut n = vec![0xa5; bits / 8];
        (n[0], n[bits / 8 - 1]) = (first, last);
        why(json!({"kty": "RSA", "kid": "k", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)}))
    };
    let common: &[u8] = &[1, 0, 1];
    assert_eq!(rsa(2048, 0x80, 1, common), None);
    assert_eq!(rsa(8192, 0x80, 1, &[3]), None);
    assert_eq!(rsa(2048, 0x7f, 1, common), Some(Unusable::WeakRsa));
    assert_eq!(rsa(1024, 0x80, 1, common), Some(Unusable::WeakRsa));
    assert_eq!(rsa(8200, 0x01, 1, common), Some(Unusable::WeakRsa));
    assert_eq!(rsa(2048, 0x80, 2, common), Some(Unusable::BadKey));
    for e in [&[1][..], &[0, 1], &[2], &[0], &[], &[1, 0, 0], &[1, 0, 0, 0, 0, 1]] {
        assert_eq!(rsa(2048, 0x80, 1, e), Some(Unusable::BadExponent), "{e:?}");
    }
    let small = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa3072).unwrap();
    let pem = pem_of("RSA PUBLIC KEY", small.public_key().as_ref());
    assert!(KeySet::from_pems(&[(None, pem.as_bytes())], &PUBLIC).is_ok());
}

#[test]
fn points_that_are_not_on_their_curve_are_refused() {
    let p256 = Signer::new(Algorithm::ES256).jwk("k");
    let p384 = Signer::new(Algorithm::ES384).jwk("k");
    let ed = Signer::new(Algorithm::EdDSA).jwk("k");
    assert_eq!(why(and(p256.clone(), json!({"y": p256["x"]}))), Some(Unusable::BadKey));
    assert_eq!(why(and(p256.clone(), json!({"x": p384["x"], "y": p384["y"]}))), Some(Unusable::BadKey));
    assert_eq!(why(and(p384, json!({"crv": "P-256"}))), Some(Unusable::BadKey));
    assert_eq!(why(and(p256.clone(), json!({"x": "AA"}))), Some(Unusable::BadKey));
    assert_eq!(why(and(p256.clone(), json!({"x": "====", "y": "++++"}))), Some(Unusable::BadKey));
    assert_eq!(why(and(p256.clone(), json!({"crv": "secp256k1"}))), Some(Unusable::UnsupportedType));
    assert_eq!(why(and(p256, json!({"crv": "Ed25519"}))), Some(Unusable::UnsupportedType));
    assert_eq!(why(and(ed.clone(), json!({"x": "AAAA"}))), Some(Unusable::BadKey));
    for curve in ["X25519", "Ed448", "P-256"] {
        assert_eq!(why(and(ed.clone(), json!({"crv": curve}))), Some(Unusable::UnsupportedType), "{curve}");
    }
}

#[test]
fn what_is_secret_is_never_used_and_says_so() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let jwk = Signer::new(algorithm).jwk("k");
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            assert_eq!(why(and(jwk.clone(), json!({member: "AQ"}))), Some(Unusable::PrivateMembers), "{member}");
        }
        assert_eq!(why(and(jwk, json!({"k": "AQ"}))), Some(Unusable::SharedSecret));
    }
    assert_eq!(why(Signer::new(Algorithm::HS256).jwk("k")), Some(Unusable::SharedSecret));
    assert!(Unusable::SharedSecret.is_exposure() && Unusable::PrivateMembers.is_exposure() && !Unusable::BadKey.is_exposure());
    let allowed = [Algorithm::HS256, Algorithm::RS256];
    assert!(matches!(load(&[Signer::new(Algorithm::HS256).jwk("k")], &allowed), Err(KeySetError::NoUsableKey(_))));
}

#[test]
fn wycheproof_jws_17_to_20_keys_for_another_purpose_are_left_out() {
    let jwk = Signer::new(Algorithm::ES256).jwk("k");
    for purpose in [
        json!({"use": "enc"}),
        json!({"use": "SIG"}),
        json!({"use": ""}),
        json!({"key_ops": []}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": ["encrypt", "wrapKey"]}),
        json!({"use": "enc", "key_ops": ["verify"]}),
        json!({"use": "sig", "key_ops": ["sign"]}),
    ] {
        assert_eq!(why(and(jwk.clone(), purpose.clone())), Some(Unusable::NotForVerifying), "{purpose}");
    }
    for purpose in [json!({"use": "sig"}), json!({"key_ops": ["verify"]}), json!({"key_ops": ["sign", "verify"]})] {
        assert_eq!(why(and(jwk.clone(), purpose.clone())), None, "{purpose}");
    }
    for purpose in [json!({"use": 1}), json!({"key_ops": "verify"}), json!({"key_ops": [1]})] {
        assert_eq!(why(and(jwk.clone(), purpose.clone())), Some(Unusable::NotAJwk), "{purpose}");
    }
}

#[test]
fn unknown_types_and_things_that_are_no_key_are_skipped_and_the_rest_stays() {
    for (jwk, expected) in [
        (json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}), Unusable::UnsupportedType),
        (json!({"kty": "rsa", "n": "AA", "e": "AQAB"}), Unusable::UnsupportedType),
        (json!({}), Unusable::UnsupportedType),
        (json!([]), Unusable::NotAJwk),
        (json!(null), Unusable::NotAJwk),
        (json!("key"), Unusable::NotAJwk),
        (and(Signer::new(Algorithm::ES256).jwk("k"), json!({"kid": 5})), Unusable::NotAJwk),
    ] {
        assert_eq!(why(jwk.clone()), Some(expected), "{jwk}");
    }
}

#[test]
fn what_is_no_key_set_is_an_error_and_so_is_an_empty_one() {
    for text in
        ["", "[]", "null", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#, "<html>", "{\"keys\":[]}x"]
    {
        assert_eq!(KeySet::from_jwks(text.as_bytes(), &PUBLIC).err(), Some(KeySetError::NotAKeySet), "{text}");
    }
    let twice = r#"{"keys":[{"kty":"RSA","kid":"a","kid":"b"}]}"#;
    assert_eq!(KeySet::from_jwks(twice.as_bytes(), &PUBLIC).err(), Some(KeySetError::NotAKeySet));
    assert_eq!(load(&[], &PUBLIC).err(), Some(KeySetError::NoUsableKey(vec![])));
    assert!(KeySet::from_published(b"{\"keys\":[]}", &PUBLIC).unwrap().set.is_empty(), "what an issuer publishes may be");
    let unusable = KeySet::from_published(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, &PUBLIC);
    assert!(matches!(unusable, Err(KeySetError::NoUsableKey(skipped)) if skipped.len() == 1));
    let deep = format!(r#"{{"keys":[{}"#, r#"{"a":"#.repeat(10_000));
    assert_eq!(KeySet::from_jwks(deep.as_bytes(), &PUBLIC).err(), Some(KeySetError::NotAKeySet));
}

#[test]
fn at_most_a_hundred_keys_are_taken() {
    let keys: Vec<Value> = (0..101).map(|i| Signer::new(Algorithm::EdDSA).jwk(&i.to_string())).collect();
    assert_eq!(load(&keys[..100], &PUBLIC).unwrap().set.len(), 100);
    assert_eq!(load(&keys, &PUBLIC).err(), Some(KeySetError::TooManyKeys));
    let parts = || keys.iter().map(|key| load(std::slice::from_ref(key), &PUBLIC).unwrap()).collect();
    assert_eq!(KeySet::merge(parts()).err(), Some(KeySetError::TooManyKeys));
}

#[test]
fn wycheproof_jwk_4_one_id_for_two_keys_is_neither() {
    let (a, b, c) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let loaded = load(&[a.jwk("same"), c.jwk("other"), b.jwk("same")], &PUBLIC).unwrap();
    assert_eq!(loaded.skipped, [skipped(Some("same"), Unusable::AmbiguousId)]);
    assert_eq!(loaded.set.key_ids().collect::<Vec<_>>(), ["other"]);
    let rsa = Signer::new(Algorithm::RS256).jwk("same");
    let two_algorithms = [and(rsa.clone(), json!({"alg": "RS256"})), and(rsa, json!({"alg": "PS256"}))];
    assert!(matches!(load(&two_algorithms, &PUBLIC), Err(KeySetError::NoUsableKey(_))));
}

#[test]
fn the_same_key_twice_is_one_key_with_or_without_id() {
    let signer = Signer::new(Algorithm::ES256);
    assert_eq!(set(&[signer.jwk("k"), signer.jwk("k")]).len(), 1);
    let mut nameless = signer.jwk("k");
    nameless.as_object_mut().unwrap().remove("kid");
    assert_eq!(set(&[nameless.clone(), nameless.clone()]).len(), 1);
    let both = set(&[nameless, signer.jwk("k")]);
    assert_eq!(both.len(), 2);
    assert!(both.find(None, Algorithm::ES256).is_ok(), "one key under two names is one key");
}

#[test]
fn a_merge_keeps_the_stated_algorithm_and_every_ambiguity() {
    let (a, b, c) = (Signer::new(Algorithm::RS256), Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let allowed = [Algorithm::RS256, Algorithm::RS512, Algorithm::ES256];
    let (pem, stated) = (a.pem(), and(a.jwk("k"), json!({"alg": "RS512"})));
    for turned in [false, true] {
        let pems = KeySet::from_pems(&[(Some("k"), pem.as_bytes())], &allowed).unwrap();
        let jwks = load(&[stated.clone(), b.jwk("twice"), c.jwk("twice")], &allowed).unwrap();
        let known = load(&[b.jwk("twice"), b.jwk("b")], &allowed).unwrap();
        let parts = if turned { vec![known, jwks, pems] } else { vec![pems, jwks, known] };
        let merged = KeySet::merge(parts).unwrap();
        assert_eq!(merged.set.key_ids().collect::<Vec<_>>(), ["b", "k"]);
        assert_eq!(merged.set.find(Some("k"), Algorithm::RS512).map(|key| key.algorithm()), Ok(Algorithm::RS512));
        assert_eq!(merged.skipped, [skipped(Some("twice"), Unusable::AmbiguousId)]);
    }
}

#[test]
fn a_kid_is_an_exact_name_and_no_other_key_is_tried() {
    let (a, b) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::RS256));
    let keys = set(&[a.jwk("key-a"), b.jwk("key-b")]);
    assert_eq!(keys.find(Some("key-a"), Algorithm::ES256).unwrap().key_id(), Some("key-a"));
    for id in ["", "key", "key-", "KEY-A", "key-a ", "key-a\0", "../key-a", "key-c", ".*", "' OR 1=1 --"] {
        assert_eq!(keys.find(Some(id), Algorithm::ES256).err(), Some(NoKey::UnknownId), "{id}");
    }
    assert_eq!(keys.find(Some("key-b"), Algorithm::ES256).err(), Some(NoKey::WrongAlgorithm));
    assert_eq!(keys.find(Some("key-a"), Algorithm::HS256).err(), Some(NoKey::WrongAlgorithm));
    assert_eq!(keys.find(Some("key-b"), Algorithm::PS256).err(), Some(NoKey::WrongAlgorithm));
}

#[test]
fn a_token_without_kid_means_the_only_key_that_fits() {
    let (a, b, c) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::EdDSA), Signer::new(Algorithm::EdDSA));
    let keys = set(&[a.jwk("a"), b.jwk("b"), c.jwk("c")]);
    assert_eq!(keys.find(None, Algorithm::ES256).unwrap().key_id(), Some("a"));
    assert_eq!(keys.find(None, Algorithm::EdDSA).err(), Some(NoKey::Ambiguous));
    assert_eq!(keys.find(None, Algorithm::RS256).err(), Some(NoKey::Ambiguous));
}

#[test]
fn a_secret_is_long_enough_for_its_one_algorithm_and_no_pem() {
    let of = |bytes: &[u8], allowed: &[Algorithm]| KeySet::from_secret(&Secret::new(bytes.to_vec()), allowed).err();
    for (algorithm, shortest) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        assert_eq!(of(&vec![7; shortest], &[algorithm]), None);
        assert_eq!(of(&vec![7; shortest - 1], &[algorithm]), Some(KeySetError::ShortSecret(shortest)));
    }
    for allowed in [&[][..], &[Algorithm::HS256, Algorithm::HS512], &[Algorithm::RS256], &[Algorithm::HS256, Algorithm::RS256]] {
        assert_eq!(of(&[7; 64], allowed), Some(KeySetError::NotSymmetric), "{allowed:?}");
    }
    assert_eq!(of(Signer::new(Algorithm::RS256).pem().as_bytes(), &[Algorithm::HS256]), Some(KeySetError::SecretIsPem));
}

#[test]
fn keys_that_stay_keep_their_identity_and_keys_that_go_are_retired() {
    let (a, b, c) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::RS256), Signer::new(Algorithm::EdDSA));
    let first = set(&[a.jwk("a"), b.jwk("b")]);
    let find = |set: &KeySet, id: &str, algorithm| Arc::clone(set.find(Some(id), algorithm).unwrap());
    let (old_a, old_b) = (find(&first, "a", Algorithm::ES256), find(&first, "b", Algorithm::RS256));
    let second = set(&[a.jwk("a"), c.jwk("c")]).succeed(&first);
    assert!(Arc::ptr_eq(&old_a, &find(&second, "a", Algorithm::ES256)));
    assert!(old_a.liveness().is_alive() && !old_b.liveness().is_alive());
    assert_eq!(first.find(Some("b"), Algorithm::RS256).err(), Some(NoKey::UnknownId));
    let third = set(&[a.jwk("a"), b.jwk("b")]).succeed(&second);
    assert!(!Arc::ptr_eq(&old_b, &find(&third, "b", Algorithm::RS256)), "a key that comes back is a new one");
}

#[test]
fn a_key_under_another_id_or_algorithm_is_another_key() {
    let rsa = Signer::new(Algorithm::RS256);
    let first = set(&[rsa.jwk("a")]);
    let old = Arc::clone(first.keys().next().unwrap());
    let renamed = set(&[rsa.jwk("b")]).succeed(&first);
    assert!(!old.liveness().is_alive());
    let old: Arc<Key> = Arc::clone(renamed.keys().next().unwrap());
    let other = set(&[and(rsa.jwk("b"), json!({"alg": "PS256"}))]).succeed(&renamed);
    assert!(!old.liveness().is_alive() && other.keys().all(|key| key.liveness().is_alive()));
}

#[test]
fn retired_keys_are_found_no_more_and_never_revived() {
    let signer = Signer::new(Algorithm::ES256);
    let first = set(&[signer.jwk("k")]);
    first.retire_all();
    assert_eq!(first.find(Some("k"), Algorithm::ES256).err(), Some(NoKey::UnknownId));
    assert_eq!(first.find(None, Algorithm::ES256).err(), Some(NoKey::Ambiguous));
    let second = set(&[signer.jwk("k")]).succeed(&first);
    assert!(second.find(Some("k"), Algorithm::ES256).is_ok());
}

#[test]
fn debug_shows_no_secret() {
    let secret = b"a very secret value of 32 bytes!";
    let keys = KeySet::from_secret(&Secret::new(secret.to_vec()), &[Algorithm::HS256]).unwrap();
    assert!(!format!("{keys:?}").contains("secret value"));
}

#[test]
fn the_error_names_what_was_skipped_and_escapes_it() {
    let jwk = and(Signer::new(Algorithm::HS256).jwk("k"), json!({"kid": "a\nb"}));
    let message = load(&[jwk], &PUBLIC).unwrap_err().to_string();
    assert_eq!(message, "it has no usable key; key \"a\\nb\": it is a shared secret, which must never be published");
}

proptest! {
    #[test]
    fn no_document_panics(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = KeySet::from_jwks(text.as_bytes(), &PUBLIC);
        let _ = KeySet::from_jwks(&bytes, &PUBLIC);
        let _ = KeySet::from_pems(&[(None, text.as_bytes()), (None, &bytes)], &PUBLIC);
        for label in ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"] {
            let _ = KeySet::from_pems(&[(None, pem_of(label, &bytes).as_bytes())], &PUBLIC);
        }
    }

    #[test]
    fn no_numbers_panic(n in prop::collection::vec(any::<u8>(), 0..600), e in prop::collection::vec(any::<u8>(), 0..9), curve in "P-256|P-384|P-521|Ed25519") {
        let text = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let _ = load(&[json!({"kty": "RSA", "n": text(&n), "e": text(&e)})], &PUBLIC);
        let _ = load(&[json!({"kty": "EC", "crv": curve, "x": text(&n), "y": text(&e)})], &PUBLIC);
        let _ = load(&[json!({"kty": "OKP", "crv": curve, "x": text(&n)})], &PUBLIC);
    }
}
