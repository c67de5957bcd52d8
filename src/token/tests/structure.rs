//! Compact form, encoding, JSON, and what flips and truncations do.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use super::{LIMIT, NOW, check, good, rules};
use crate::token::tests::signer::{Signer, pem_of};
use crate::token::{Algorithm, Header, RawToken, TokenFault, inspect, verify};

fn parse_fault(text: &str) -> Option<TokenFault> {
    RawToken::parse(text, LIMIT).err()
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn only_three_parts_are_a_token_and_five_are_an_encrypted_one() {
    let token = Signer::new(Algorithm::ES256).token(&good());
    assert_eq!(parse_fault(&token), None);
    for text in ["", "a", ".", "a.b", "a.b.c.d", "a.b.c.d.e.f"] {
        assert_eq!(parse_fault(text), Some(TokenFault::NotCompact), "{text}");
    }
    assert_eq!(parse_fault(&format!("{token}.")), Some(TokenFault::NotCompact));
    assert_eq!(parse_fault("a.b.c.d.e"), Some(TokenFault::Encrypted));
    assert_eq!(parse_fault("...."), Some(TokenFault::Encrypted));
    assert_eq!(parse_fault(".."), Some(TokenFault::BadHeader));
}

#[test]
fn rfc8725bis_json_serialization_is_not_a_token() {
    let token = Signer::new(Algorithm::ES256).token(&good());
    let parts: Vec<&str> = token.split('.').collect();
    let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    assert_eq!(parse_fault(&flattened), Some(TokenFault::NotCompact));
    assert_eq!(parse_fault(&format!("{{\"a\":\"{token}\"}}")), Some(TokenFault::BadEncoding));
}

#[test]
fn golang_jwt_cve_2025_30204_a_megabyte_of_dots_is_refused_by_size_and_by_shape() {
    let dots = ".".repeat(1024 * 1024);
    assert_eq!(parse_fault(&dots), Some(TokenFault::TooLarge));
    assert_eq!(RawToken::parse(&dots, usize::MAX).err(), Some(TokenFault::NotCompact));
    assert_eq!(inspect(&dots), Err(TokenFault::NotCompact));
}

#[test]
fn the_limit_is_exact_and_comes_before_any_decoding() {
    let token = Signer::new(Algorithm::ES256).token(&good());
    assert!(RawToken::parse(&token, token.len()).is_ok());
    assert_eq!(RawToken::parse(&token, token.len() - 1).err(), Some(TokenFault::TooLarge));
    assert_eq!(RawToken::parse("!!!", 2).err(), Some(TokenFault::TooLarge));
}

#[test]
fn bytes_outside_the_alphabet_are_refused_in_every_part() {
    let token = Signer::new(Algorithm::RS256).token(&good());
    let places = [1, token.find('.').unwrap() + 2, token.rfind('.').unwrap() + 2];
    for (place, bad) in places.into_iter().flat_map(|place| "=+/ \t\r\n\0,;%\"{}~é\u{feff}".chars().map(move |c| (place, c))) {
        let mut text = token.clone();
        text.replace_range(place..place + 1, &bad.to_string());
        assert_eq!(parse_fault(&text), Some(TokenFault::BadEncoding), "{bad:?} at {place}");
    }
    for text in [format!(" {token}"), format!("{token} "), format!("{token}\n"), format!("{token}="), format!("\u{feff}{token}")]
    {
        assert_eq!(parse_fault(&text), Some(TokenFault::BadEncoding), "{text:?}");
    }
}

#[test]
fn base64url_must_be_canonical() {
    let (header, claims) = (encode(r#"{"alg":"ES256"}"#), encode(r#"{"iss":"i"}"#));
    // A last character that carries four spare bits: any but zero ones would be a second spelling of one signature.
    for (signature, fault) in [
        ("AA", None),
        ("AB", Some(TokenFault::BadEncoding)),
        ("AAA", None),
        ("AAB", Some(TokenFault::BadEncoding)),
        ("A", Some(TokenFault::BadEncoding)),
        ("AA==", Some(TokenFault::BadEncoding)),
        ("AAAAA", Some(TokenFault::BadEncoding)),
    ] {
        assert_eq!(parse_fault(&format!("{header}.{claims}.{signature}")), fault, "{signature}");
    }
}

#[test]
fn header_and_claims_are_unambiguous_utf8_json_objects() {
    let signer = Signer::new(Algorithm::EdDSA);
    let header = r#"{"alg":"EdDSA"}"#;
    let fault = |header: &str, claims: &str| parse_fault(&signer.token_of(header, claims));
    for claims in ["", "null", "[]", "{", r#"{"iss":"i"}{}"#, r#"{"iss":"i"}x"#, "{\"iss\":\"i\"}\0", "\u{feff}{\"iss\":\"i\"}"] {
        assert_eq!(fault(header, claims), Some(TokenFault::BadClaims), "{claims}");
    }
    assert_eq!(fault(header, r#"{"iss":"i","exp":1,"exp":2}"#), Some(TokenFault::DuplicateMember));
    assert_eq!(fault(header, r#"{"iss":"i","a":{"b":[{"c":1,"c":2}]}}"#), Some(TokenFault::DuplicateMember));
    assert_eq!(fault(r#"{"alg":"EdDSA","alg":"EdDSA"}"#, r#"{"iss":"i"}"#), Some(TokenFault::DuplicateMember));
    assert_eq!(fault("[]", r#"{"iss":"i"}"#), Some(TokenFault::BadHeader));
    let invalid = format!("{}.{}.AA", encode(header), encode(b"{\"iss\":\"\xff\"}"));
    assert_eq!(parse_fault(&invalid), Some(TokenFault::BadClaims));
}

#[test]
fn envoy_cve_2026_48042_deep_json_is_refused_and_does_not_overflow_the_stack() {
    let deep = format!(r#"{{"iss":"i","a":{}{}}}"#, "[".repeat(2500), "]".repeat(2500));
    let signer = Signer::new(Algorithm::EdDSA);
    assert_eq!(parse_fault(&signer.token_of(r#"{"alg":"EdDSA"}"#, &deep)), Some(TokenFault::TooDeep));
}

#[test]
fn iss_is_a_string() {
    let signer = Signer::new(Algorithm::EdDSA);
    for claims in [r#"{"sub":"a"}"#, r#"{"iss":1}"#, r#"{"iss":null}"#, r#"{"iss":["https://issuer.example"]}"#, r#"{"iss":{}}"#]
    {
        assert_eq!(parse_fault(&signer.token_of(r#"{"alg":"EdDSA"}"#, claims)), Some(TokenFault::BadIssuer), "{claims}");
    }
}

#[test]
fn unsecured_tokens_are_refused_however_none_is_spelled() {
    for name in ["none", "None", "nOnE", "NONE", ""] {
        let text = format!("{}.{}.", encode(format!(r#"{{"alg":"{name}"}}"#)), encode(good().to_string()));
        assert_eq!(parse_fault(&text), Some(TokenFault::UnknownAlgorithm), "{name}");
    }
}

#[test]
fn apisix_cve_2026_39999_hs256_keyed_with_the_public_key_in_any_form_is_refused() {
    let signer = Signer::new(Algorithm::RS256);
    let jwk = signer.jwk("k").to_string();
    let forms = [signer.pem().into_bytes(), signer.public_bytes(), jwk.into_bytes(), signer.pem().trim().as_bytes().to_vec()];
    for (form, name) in forms.iter().flat_map(|form| ["HS256", "RS256"].map(|name| (form, name))) {
        let signed = format!("{}.{}", encode(format!(r#"{{"alg":"{name}","kid":"k"}}"#)), encode(good().to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, form), signed.as_bytes());
        let fault = check(&signer, &format!("{signed}.{}", encode(tag)), &rules()).err();
        let expected = if name == "HS256" { TokenFault::WrongAlgorithm } else { TokenFault::BadSignature };
        assert_eq!(fault, Some(expected));
    }
}

#[test]
fn a_key_verifies_its_one_algorithm_even_for_a_right_signature_of_its_family() {
    let (rs256, ps256) = (Signer::new(Algorithm::RS256), Signer::new(Algorithm::PS256));
    let token = ps256.token(&good());
    let raw = RawToken::parse(&token, LIMIT).unwrap();
    assert_eq!(verify(raw, &rs256.key(), &rules(), NOW).err(), Some(TokenFault::WrongAlgorithm));
    let es256_says_rs256 = Signer::new(Algorithm::ES256).token_of(r#"{"alg":"RS256","kid":"k"}"#, &good().to_string());
    assert_eq!(check(&rs256, &es256_says_rs256, &rules()).err(), Some(TokenFault::BadSignature));
}

#[test]
fn jku_x5u_jwk_and_x5c_of_a_token_choose_nothing() {
    let (owner, attacker) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let header = json!({"alg": "ES256", "kid": "k", "jwk": attacker.jwk("k"), "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/cert.pem", "x5c": [encode(attacker.public_bytes())]});
    let forged = attacker.token_of(&header.to_string(), &good().to_string());
    assert_eq!(check(&owner, &forged, &rules()).err(), Some(TokenFault::BadSignature));
    let honest = owner.token_of(&header.to_string(), &good().to_string());
    assert!(check(&owner, &honest, &rules()).is_ok());
}

#[test]
fn ecdsa_signatures_are_fixed_width_and_never_der_or_zero() {
    let signer = Signer::new(Algorithm::ES256);
    let (signed, signature) = signer.token(&good()).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let integer = |half: &[u8]| [&[2, 33, 0], half].concat();
    let der = [&[0x30, 70], integer(&raw[..32]).as_slice(), &integer(&raw[32..])].concat();
    let zero = vec![0; 64];
    let zero_r = [&zero[..32], &raw[32..]].concat();
    let order_s = [&raw[..32], &[0xff; 32]].concat();
    let padded = [&[0], &raw[..32], &[0], &raw[32..]].concat();
    for bad in [der, zero, zero_r, order_s, padded, raw[..63].to_vec(), vec![]] {
        assert_eq!(check(&signer, &format!("{signed}.{}", encode(&bad)), &rules()).err(), Some(TokenFault::BadSignature));
    }
}

#[test]
fn ed25519_signatures_have_one_spelling() {
    // Adding the group's order to S gives another number that satisfies the equation (RFC 8032 section 5.1.7).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let signer = Signer::new(Algorithm::EdDSA);
    let token = signer.token(&good());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut carry = 0u16;
    for (byte, add) in raw[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    assert_eq!(check(&signer, &format!("{signed}.{}", encode(&raw)), &rules()).err(), Some(TokenFault::BadSignature));
}

#[test]
fn apisix_cve_2026_49230_each_bit_flipped_is_refused() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA, Algorithm::HS256] {
        let signer = Signer::new(algorithm);
        let (key, token) = (signer.key(), signer.token(&good()));
        for (place, bit) in (0..token.len()).flat_map(|place| (0..7).map(move |bit| (place, bit))) {
            let mut bytes = token.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let text = String::from_utf8(bytes).unwrap();
            let result = RawToken::parse(&text, LIMIT).and_then(|raw| verify(raw, &key, &rules(), NOW));
            assert!(result.is_err(), "{algorithm}: bit {bit} of byte {place}");
        }
    }
}

#[test]
fn every_prefix_of_a_token_is_refused() {
    let signer = Signer::new(Algorithm::EdDSA);
    let token = signer.token(&good());
    (0..token.len()).for_each(|end| assert!(check(&signer, &token[..end], &rules()).is_err(), "{end}"));
}

#[test]
fn header_and_issuer_are_readable_before_the_proof() {
    let token = Signer::new(Algorithm::ES384).token(&good());
    let raw = RawToken::parse(&token, LIMIT).unwrap();
    let Header { algorithm, key_id, .. } = raw.header().clone();
    assert_eq!((raw.issuer(), algorithm, key_id.as_deref()), (super::ISSUER, Algorithm::ES384, Some("k")));
    let pem = pem_of("X", &[1, 2, 3]);
    assert_eq!(parse_fault(&pem), Some(TokenFault::NotCompact));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics(text in "\\PC{0,300}") {
        let _ = (RawToken::parse(&text, LIMIT), inspect(&text));
    }

    #[test]
    fn no_parts_panic(header in prop::collection::vec(any::<u8>(), 0..80), claims in prop::collection::vec(any::<u8>(), 0..80),
        signature in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = format!("{}.{}.{}", encode(header), encode(claims), encode(signature));
        let _ = (RawToken::parse(&text, LIMIT), inspect(&text));
    }

    #[test]
    fn no_signature_of_any_length_panics_or_passes(signature in prop::collection::vec(any::<u8>(), 0..1200), which in 0..13usize) {
        let signer = Signer::new(Algorithm::ALL[which]);
        let token = signer.token(&good());
        let (signed, _) = token.rsplit_once('.').unwrap();
        let text = format!("{signed}.{}", encode(signature));
        prop_assert_eq!(check(&signer, &text, &rules()).err(), Some(TokenFault::BadSignature));
    }
}
