//! Signing: claims to a token in compact serialization (RFC 7515 section 7.1), and the public half that verifies it.
//!
//! The other direction of [`verify`](super::verify()). A key is parsed once and signs any number of tokens; who is told
//! what in them, and for how long, is for its caller to decide.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::Algorithm;
use crate::secret::Secret;

/// A private key with the id that its tokens name. `Debug` shows no key material.
pub struct SigningKey {
    id: Box<str>,
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// Why there is no key or no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// The bytes are not a private key of this kind.
    #[error("it is not a P-256 private key in PKCS #8")]
    NotAKey,
    /// The cryptography library could not make a key or a signature, which takes random numbers.
    #[error("the cryptography library failed")]
    Failed,
}

impl SigningKey {
    /// A new key for ES256.
    ///
    /// # Errors
    /// [`SigningFault::Failed`].
    pub fn generate(id: &str) -> Result<Self, SigningFault> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SigningFault::Failed)?;
        Ok(Self { id: id.into(), pair, random: SystemRandom::new() })
    }

    /// The ES256 key of these DER bytes (RFC 5208), which name its curve.
    ///
    /// # Errors
    /// [`SigningFault::NotAKey`].
    pub fn from_pkcs8(id: &str, der: &Secret) -> Result<Self, SigningFault> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.expose());
        Ok(Self { id: id.into(), pair: pair.map_err(|_| SigningFault::NotAKey)?, random: SystemRandom::new() })
    }

    /// The `kid` of its tokens and of its public half.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }

    /// A token of type `token_type` (`JWT`, `at+jwt`) with exactly these claims.
    ///
    /// # Errors
    /// [`SigningFault::Failed`].
    pub fn sign(&self, token_type: &str, claims: &Map<String, Value>) -> Result<String, SigningFault> {
        let header = json!({ "alg": self.algorithm().name(), "kid": &*self.id, "typ": token_type });
        let claims = serde_json::to_vec(claims).map_err(|_| SigningFault::Failed)?;
        let mut token = encoded(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&self.random, token.as_bytes()).map_err(|_| SigningFault::Failed)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The public half as a JSON Web Key (RFC 7517 section 4, RFC 7518 section 6.2).
    pub fn jwk(&self) -> Value {
        // An uncompressed point: a tag, then two coordinates of one length.
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.split_at(1 + point.len() / 2);
        let x = x.get(1..).unwrap_or_default();
        let (x, y) = (encoded(x), encoded(y));
        json!({
            "kty": "EC", "crv": "P-256", "x": x, "y": y,
            "kid": &*self.id, "alg": self.algorithm().name(), "use": "sig",
        })
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
