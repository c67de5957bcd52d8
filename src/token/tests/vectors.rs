//! The published examples: RFC 7515 appendix A, RFC 7520 section 4, RFC 8037 appendix A.4.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::secret::Secret;
use crate::token::{Algorithm, KeySet, TokenFault};

fn set_of(key: &Value, algorithm: Algorithm) -> KeySet {
    match key["k"].as_str() {
        Some(secret) => KeySet::from_secret(&Secret::new(URL_SAFE_NO_PAD.decode(secret).unwrap()), &[algorithm]).unwrap(),
        None => KeySet::from_jwks(json!({"keys": [key]}).to_string().as_bytes(), &[algorithm]).unwrap().set,
    }
}

#[test]
fn published_signatures_verify_and_no_other_does() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../tests/data/rfc_signatures.json")).unwrap();
    assert_eq!(vectors.len(), 9);
    for vector in &vectors {
        let algorithm = Algorithm::from_name(vector["algorithm"].as_str().unwrap()).unwrap();
        let set = set_of(&vector["key"], algorithm);
        let key = set.keys().next().unwrap();
        let (signed, signature) = vector["token"].as_str().unwrap().rsplit_once('.').unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(key.check_signature(algorithm, signed.as_bytes(), &signature), Ok(()), "{}", vector["name"]);

        let other = if algorithm == Algorithm::RS256 { Algorithm::PS256 } else { Algorithm::RS256 };
        assert_eq!(key.check_signature(other, signed.as_bytes(), &signature), Err(TokenFault::WrongAlgorithm));
        let tampered = [signed, "A"].concat();
        assert_eq!(key.check_signature(algorithm, tampered.as_bytes(), &signature), Err(TokenFault::BadSignature));
        signature[7] ^= 1;
        assert_eq!(key.check_signature(algorithm, signed.as_bytes(), &signature), Err(TokenFault::BadSignature));
    }
}
