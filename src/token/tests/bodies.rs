//! What a signature over a body must be.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::signer::Signer;
use crate::token::{Algorithm, BodySignature, BodySignatureFault, TokenFault};

const BODY: &[u8] = br#"{"event":{"type":"jwt.refresh-token.revoke"}}"#;

fn sha256(body: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, body).as_ref().to_vec()
}

fn payload(body: &[u8]) -> Value {
    json!({ "request_body_sha256": STANDARD.encode(sha256(body)) })
}

fn verify(signer: &Signer, jws: &str, body: &[u8]) -> Result<(), BodySignatureFault> {
    BodySignature::parse(jws)?.verify(&signer.key(), body)
}

#[test]
fn a_body_is_proved_by_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::new(algorithm);
        let jws = signer.token(&payload(BODY));
        assert_eq!(verify(&signer, &jws, BODY), Ok(()), "{algorithm}");
        assert_eq!(verify(&signer, &jws, b""), Err(BodySignatureFault::OtherBody), "{algorithm}");
        let stranger = verify(&Signer::new(Algorithm::EdDSA), &jws, BODY);
        let expected = if algorithm == Algorithm::EdDSA { TokenFault::BadSignature } else { TokenFault::WrongAlgorithm };
        assert_eq!(stranger, Err(expected.into()), "{algorithm}");
    }
}

#[test]
fn a_digest_in_another_form_is_none() {
    let signer = Signer::new(Algorithm::EdDSA);
    let digest = sha256(BODY);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let texts = [
        json!(STANDARD_NO_PAD.encode(&digest)),
        json!(format!("{}\n", STANDARD.encode(&digest))),
        json!(hex),
        json!(URL_SAFE.encode(sha256(b"another"))),
        json!([STANDARD.encode(&digest)]),
        json!(null),
        json!(true),
    ];
    for text in texts {
        let jws = signer.token(&json!({ "request_body_sha256": text }));
        assert_eq!(verify(&signer, &jws, BODY), Err(BodySignatureFault::OtherBody), "{text}");
    }
    assert_eq!(verify(&signer, &signer.token(&json!({})), BODY), Err(BodySignatureFault::OtherBody));
}

#[test]
fn a_token_for_somebody_signs_no_body() {
    let signer = Signer::new(Algorithm::EdDSA);
    for claim in ["sub", "aud", "exp"] {
        let mut payload = payload(BODY);
        payload[claim] = json!(1_900_000_000);
        assert_eq!(verify(&signer, &signer.token(&payload), BODY), Err(BodySignatureFault::Token), "{claim}");
    }
    let mut later = payload(BODY);
    later["iat"] = json!(1);
    assert_eq!(verify(&signer, &signer.token(&later), BODY), Ok(()), "what a sender may add");
}

#[test]
fn nothing_is_said_of_a_payload_whose_signature_is_bad() {
    let (signer, stranger) = (Signer::new(Algorithm::EdDSA), Signer::new(Algorithm::EdDSA));
    for payload in [payload(b"another"), json!({ "sub": "x" }), json!({})] {
        assert_eq!(verify(&signer, &stranger.token(&payload), BODY), Err(TokenFault::BadSignature.into()), "{payload}");
    }
}

#[test]
fn a_malformed_signature_is_refused_before_any_key_is_looked_for() {
    let signer = Signer::new(Algorithm::EdDSA);
    let good = signer.token(&payload(BODY));
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let cases = [
        (String::new(), TokenFault::NotCompact),
        (format!("{head}.{claims}"), TokenFault::NotCompact),
        (format!("{good}.{signature}"), TokenFault::NotCompact),
        (format!("{good}.a.b"), TokenFault::Encrypted),
        (format!("{head}.{claims}.{signature}="), TokenFault::BadEncoding),
        (format!(" {good}"), TokenFault::BadEncoding),
        (format!("{head}.W10.{signature}"), TokenFault::BadClaims),
        (format!("eyJhbGciOiJub25lIn0.{claims}."), TokenFault::UnknownAlgorithm),
        (format!("{head}.{claims}.{}", "A".repeat(9000)), TokenFault::TooLarge),
    ];
    for (text, fault) in cases {
        assert_eq!(BodySignature::parse(&text).err(), Some(fault), "{text:.80}");
    }
}

proptest! {
    /// Any other body is another body, and any other text no signature.
    #[test]
    fn one_body_and_one_signature(body in proptest::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), bit in 0..8_u8) {
        let signer = Signer::new(Algorithm::HS256);
        let jws = signer.token(&payload(&body));
        prop_assert_eq!(verify(&signer, &jws, &body), Ok(()));
        let mut other = body.clone();
        if other.is_empty() { other.push(0) } else { let at = at % other.len(); other[at] ^= 1 << bit; }
        prop_assert_eq!(verify(&signer, &jws, &other), Err(BodySignatureFault::OtherBody));
        let mut bytes = jws.into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << (bit % 7);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(verify(&signer, text, &body).is_err());
        }
    }

    /// No text brings the parser down.
    #[test]
    fn any_text_is_a_signature_or_a_fault(text in "[ -~]{0,80}(\\.[ -~]{0,80}){0,4}") {
        let _ = BodySignature::parse(&text);
    }
}
