//! Keys from PEM texts: public keys and certificates, and everything that is neither.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::PUBLIC;
use crate::token::tests::signer::{Signer, pem_of};
use crate::token::{Algorithm, KeySet, KeySetError, NoKey, Unusable};

#[test]
fn a_pem_key_without_id_answers_only_tokens_without_kid() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = KeySet::from_pems(&[(None, signer.pem().as_bytes())], &PUBLIC).unwrap().set;
    assert!(keys.find(None, Algorithm::ES256).is_ok());
    assert_eq!(keys.find(Some("any"), Algorithm::ES256).err(), Some(NoKey::UnknownId));
    assert_eq!(keys.find(Some(""), Algorithm::ES256).err(), Some(NoKey::UnknownId));
}

#[test]
fn pem_public_keys_of_every_kind_are_read() {
    for algorithm in PUBLIC {
        let signer = Signer::new(algorithm);
        let text = format!("a comment\r\n{}", signer.pem().replace('\n', "\r\n"));
        let keys = KeySet::from_pems(&[(Some("k"), text.as_bytes())], &[algorithm]).unwrap().set;
        let key = keys.find(Some("k"), algorithm).unwrap();
        assert_eq!(key.check_signature(algorithm, b"m", &signer.sign(b"m")), Ok(()), "{algorithm}");
    }
    let signer = Signer::new(Algorithm::PS384);
    let pkcs1 = pem_of("RSA PUBLIC KEY", &signer.public_bytes());
    let keys = KeySet::from_pems(&[(None, pkcs1.as_bytes())], &[Algorithm::PS384]).unwrap().set;
    assert!(keys.keys().all(|key| key.check_signature(Algorithm::PS384, b"m", &signer.sign(b"m")).is_ok()));
}

#[test]
fn the_key_of_a_certificate_is_read_and_its_chain_is_not() {
    for (algorithm, kind) in [(Algorithm::ES256, &rcgen::PKCS_ECDSA_P256_SHA256), (Algorithm::EdDSA, &rcgen::PKCS_ED25519)] {
        let certificate = || {
            let pair = rcgen::KeyPair::generate_for(kind).unwrap();
            let certificate = rcgen::CertificateParams::new(vec!["issuer.example".into()]).unwrap().self_signed(&pair).unwrap();
            (certificate.pem(), pair)
        };
        let ((leaf, pair), (chain, _)) = (certificate(), certificate());
        let both = format!("{leaf}{chain}");
        let of_certificate = KeySet::from_pems(&[(Some("k"), both.as_bytes())], &[algorithm]).unwrap().set;
        let of_key = KeySet::from_pems(&[(Some("k"), pair.public_key_pem().as_bytes())], &[algorithm]).unwrap().set;
        let only = |set: &KeySet| Arc::clone(set.keys().next().unwrap());
        assert!(only(&of_certificate).is_identical(&only(&of_key)));
    }
}

#[test]
fn private_keys_are_refused_loudly_even_beside_public_ones() {
    let public = Signer::new(Algorithm::ES256).pem();
    let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let mixed = format!("{public}{private}");
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        let text = pem_of(label, b"secret");
        assert_eq!(KeySet::from_pems(&[(None, text.as_bytes())], &PUBLIC).err(), Some(KeySetError::PrivateKey), "{label}");
    }
    for text in [&private, &mixed] {
        let pems = [(Some("a"), public.as_bytes()), (Some("b"), text.as_bytes())];
        assert_eq!(KeySet::from_pems(&pems, &PUBLIC).err(), Some(KeySetError::PrivateKey));
    }
}

#[test]
fn what_is_no_single_public_key_is_skipped() {
    let (a, b) = (Signer::new(Algorithm::ES256).pem(), Signer::new(Algorithm::EdDSA).pem());
    let why = |text: &str| {
        let pems = [(Some("good"), a.as_bytes()), (Some("bad"), text.as_bytes())];
        KeySet::from_pems(&pems, &PUBLIC).unwrap().skipped.first().map(|key| key.why)
    };
    assert_eq!(why(&format!("{a}{b}")), Some(Unusable::SeveralKeys));
    let der = [0x30, 3, 2, 1, 1];
    let damaged = [
        String::new(),
        "text".into(),
        a.replace("-----END", ""),
        a.replace("MF", "!!"),
        pem_of("PUBLIC KEY", &der),
        pem_of("CERTIFICATE", &der),
        pem_of("RSA PUBLIC KEY", b""),
        pem_of("CERTIFICATE REQUEST", &der),
        pem_of("X509 CRL", &der),
    ];
    for text in damaged {
        assert_eq!(why(&text), Some(Unusable::NotAPem), "{text}");
    }
}

proptest! {
    #[test]
    fn a_damaged_public_key_never_panics(place in 0..91usize, byte in any::<u8>()) {
        let mut der = URL_SAFE_NO_PAD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3-257rn0s2ldbqkLJK2KRiMohYjlrQ").unwrap();
        der[place] = byte;
        let _ = KeySet::from_pems(&[(None, pem_of("PUBLIC KEY", &der).as_bytes())], &PUBLIC);
    }
}
