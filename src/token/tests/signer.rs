//! Keys made at run time, and tokens signed with them, for tests: everything a token can say, said on purpose.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{encoding::AsDer as _, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::RSAPublicKey;

use crate::secret::Secret;
use crate::token::{Algorithm, Key, KeySet};

/// Both halves of a key.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(Arc<RsaKeyPair>, &'static dyn signature::RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Shared(Vec<u8>),
}

impl Signer {
    /// A new key; RSA keys are slow to make, so all RSA signers of a process share one.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        static RSA: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
        let rsa = |encoding| {
            let pair = RSA.get_or_init(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
            Pair::Rsa(Arc::clone(pair), encoding)
        };
        let ec = |curve| Pair::Ec(EcdsaKeyPair::generate(curve).unwrap());
        let pair = match algorithm {
            Algorithm::RS256 => rsa(&signature::RSA_PKCS1_SHA256),
            Algorithm::RS384 => rsa(&signature::RSA_PKCS1_SHA384),
            Algorithm::RS512 => rsa(&signature::RSA_PKCS1_SHA512),
            Algorithm::PS256 => rsa(&signature::RSA_PSS_SHA256),
            Algorithm::PS384 => rsa(&signature::RSA_PSS_SHA384),
            Algorithm::PS512 => rsa(&signature::RSA_PSS_SHA512),
            Algorithm::ES256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                let mut secret = vec![0; 64];
                aws_lc_rs::rand::fill(&mut secret).unwrap();
                Pair::Shared(secret)
            }
        };
        Self { algorithm, pair }
    }

    /// Signs any bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Shared(secret) => hmac::sign(&hmac::Key::new(self.hmac(), secret), message).as_ref().to_vec(),
        }
    }

    fn hmac(&self) -> hmac::Algorithm {
        match self.algorithm {
            Algorithm::HS384 => hmac::HMAC_SHA384,
            Algorithm::HS512 => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        }
    }

    /// A token of exactly these texts.
    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A token with this key's algorithm and the id `k`.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "kid": "k", "typ": "JWT"});
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// The public half: PKCS#1, uncompressed point, 32 bytes, or the secret itself.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair, _) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Shared(secret) => secret.clone(),
        }
    }

    /// The public half as a JSON Web Key without `alg`.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        let bytes = self.public_bytes();
        let text = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        match &self.pair {
            Pair::Rsa(..) => {
                let (_, key) = RSAPublicKey::from_der(&bytes).unwrap();
                json!({"kty": "RSA", "kid": id, "n": text(&key.modulus[1..]), "e": text(key.exponent)})
            }
            Pair::Ec(_) => {
                let (x, y) = bytes[1..].split_at(bytes.len() / 2);
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "kid": id, "crv": curve, "x": text(x), "y": text(y)})
            }
            Pair::Ed(_) => json!({"kty": "OKP", "kid": id, "crv": "Ed25519", "x": text(&bytes)}),
            Pair::Shared(_) => json!({"kty": "oct", "kid": id, "k": text(&bytes)}),
        }
    }

    /// The public half as PEM `PUBLIC KEY`.
    pub(crate) fn pem(&self) -> String {
        let der = match &self.pair {
            Pair::Rsa(pair, _) => pair.public_key().as_der().unwrap(),
            Pair::Ec(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ed(pair) => pair.public_key().as_der().unwrap(),
            Pair::Shared(_) => unreachable!("a secret has no public half"),
        };
        pem_of("PUBLIC KEY", der.as_ref())
    }

    /// The key that verifies, alone in its set under the id `k` (a shared secret: without id).
    pub(crate) fn key_set(&self) -> KeySet {
        let allowed = [self.algorithm];
        match &self.pair {
            Pair::Shared(secret) => KeySet::from_secret(&Secret::new(secret.clone()), &allowed).unwrap(),
            _ => KeySet::from_jwks(json!({"keys": [self.jwk("k")]}).to_string().as_bytes(), &allowed).unwrap().set,
        }
    }

    /// The key that verifies.
    pub(crate) fn key(&self) -> Arc<Key> {
        Arc::clone(self.key_set().keys().next().unwrap())
    }
}

/// A PEM text of `der`.
pub(crate) fn pem_of(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
