//! Signing: claims to a token in compact serialization (RFC 7515 section 7.1), and the public half that verifies it.
//!
//! The other direction of [`verify`](super::verify()). A key is parsed once and signs any number of tokens; who is told
//! what in them, and for how long, is for its caller to decide.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::write::EncoderStringWriter;
use serde::Serialize;
use serde_json::{Value, json};

use super::key::hmac_key;
use super::{Algorithm, PublicHalf, secret_key_id};
use crate::secret::Secret;

/// The header of nearly every token.
const USUAL_TYPE: &str = "JWT";
/// Room for claims and signature, so that a usual token is written without moving.
const USUAL_BYTES: usize = 1024;

/// A private key or shared secret with the id that its tokens name. `Debug` shows no key material.
pub struct SigningKey {
    id: Box<str>,
    algorithm: Algorithm,
    pair: Pair,
    public: Option<PublicHalf>,
    /// The encoded header of [`USUAL_TYPE`], with its dot.
    usual_header: Box<str>,
    random: SystemRandom,
}

enum Pair {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
    Shared(Box<hmac::Key>),
}

/// How keys of an algorithm are made and used.
enum Kind {
    Rsa(&'static dyn RsaEncoding),
    Ec(&'static EcdsaSigningAlgorithm),
    Ed,
    Shared,
}

/// Why there is no key or no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// The bytes are not a private key or secret for this algorithm.
    #[error("it is not a private key in PKCS #8, or a secret of enough bytes, for this algorithm")]
    NotAKey,
    /// The cryptography library could not make a key or a signature, which takes random numbers.
    #[error("the cryptography library failed")]
    Failed,
}

impl SigningKey {
    /// A new key pair for `algorithm`, named by its thumbprint (RFC 7638). RSA keys take a while to make.
    ///
    /// # Errors
    /// [`SigningFault::NotAKey`] for a shared secret's algorithm, else [`SigningFault::Failed`].
    pub fn new(algorithm: Algorithm) -> Result<Self, SigningFault> {
        Self::of(None, algorithm, Pair::generate(algorithm)?)
    }

    /// As [`SigningKey::new`], of this name.
    ///
    /// # Errors
    /// As [`SigningKey::new`].
    pub fn generate(id: &str, algorithm: Algorithm) -> Result<Self, SigningFault> {
        Self::of(Some(id), algorithm, Pair::generate(algorithm)?)
    }

    /// The key pair of these DER bytes (RFC 5208).
    ///
    /// # Errors
    /// [`SigningFault::NotAKey`], also for a pair of another type or curve than the algorithm's.
    pub fn from_pkcs8(id: &str, algorithm: Algorithm, der: &Secret) -> Result<Self, SigningFault> {
        Self::of(Some(id), algorithm, Pair::parse(algorithm, der.expose())?)
    }

    /// A shared secret; where there is no `id`, it is [`secret_key_id`]'s.
    ///
    /// # Errors
    /// [`SigningFault::NotAKey`] where it is shorter than the algorithm's hash, or a PEM text.
    pub fn from_secret(id: Option<&str>, algorithm: Algorithm, secret: &Secret) -> Result<Self, SigningFault> {
        let key = hmac_key(secret, algorithm).map_err(|_| SigningFault::NotAKey)?;
        let own = secret_key_id(secret);
        Self::of(Some(id.unwrap_or(&own)), algorithm, Pair::Shared(Box::new(key)))
    }

    fn of(id: Option<&str>, algorithm: Algorithm, pair: Pair) -> Result<Self, SigningFault> {
        let public = pair.public_der()?.map(|der| PublicHalf::from_der(&der)).transpose();
        let public = public.map_err(|_| SigningFault::NotAKey)?;
        let id: Box<str> = match (id, &public) {
            (Some(id), _) => id.into(),
            (None, Some(public)) => public.thumbprint().into(),
            (None, None) => return Err(SigningFault::NotAKey),
        };
        let usual_header = header(&id, algorithm, USUAL_TYPE).into();
        Ok(Self { id, algorithm, pair, public, usual_header, random: SystemRandom::new() })
    }

    /// The private key in PKCS #8, to be stored sealed.
    ///
    /// # Errors
    /// [`SigningFault::NotAKey`] for a shared secret, which is its configuration's to keep.
    pub fn pkcs8(&self) -> Result<Secret, SigningFault> {
        match &self.pair {
            Pair::Rsa(pair, _) => {
                AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'static>>::as_der(&**pair).map(|der| secret(der.as_ref()))
            }
            Pair::Ec(pair) => pair.to_pkcs8v1().map(|der| secret(der.as_ref())),
            Pair::Ed(pair) => pair.to_pkcs8v1().map(|der| secret(der.as_ref())),
            Pair::Shared(_) => return Err(SigningFault::NotAKey),
        }
        .map_err(|_| SigningFault::Failed)
    }

    /// The `kid` of its tokens and of its public half.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What verifies its tokens; a shared secret has no such half.
    pub fn public(&self) -> Option<&PublicHalf> {
        self.public.as_ref()
    }

    /// The public half as a JSON Web Key (RFC 7517 section 4); `None` for a shared secret.
    pub fn jwk(&self) -> Option<Value> {
        self.public.as_ref().map(|public| public.jwk(&self.id, self.algorithm))
    }

    /// A token of type `token_type` (`JWT`, `at+jwt`) with exactly these claims.
    ///
    /// # Errors
    /// [`SigningFault::Failed`], also for claims that cannot be written as JSON; that they are an object is the caller's to see to.
    pub fn sign(&self, token_type: &str, claims: &impl Serialize) -> Result<String, SigningFault> {
        let mut token = String::with_capacity(USUAL_BYTES);
        match token_type {
            USUAL_TYPE => token.push_str(&self.usual_header),
            _ => token.push_str(&header(&self.id, self.algorithm, token_type)),
        }
        let mut encoder = EncoderStringWriter::from_consumer(&mut token, &URL_SAFE_NO_PAD);
        serde_json::to_writer(&mut encoder, claims).map_err(|_| SigningFault::Failed)?;
        encoder.into_inner();
        let signature = self.pair.sign(&self.random, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl Kind {
    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RS256 => Self::Rsa(&signature::RSA_PKCS1_SHA256),
            Algorithm::RS384 => Self::Rsa(&signature::RSA_PKCS1_SHA384),
            Algorithm::RS512 => Self::Rsa(&signature::RSA_PKCS1_SHA512),
            Algorithm::PS256 => Self::Rsa(&signature::RSA_PSS_SHA256),
            Algorithm::PS384 => Self::Rsa(&signature::RSA_PSS_SHA384),
            Algorithm::PS512 => Self::Rsa(&signature::RSA_PSS_SHA512),
            Algorithm::ES256 => Self::Ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => Self::Ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => Self::Ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => Self::Ed,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Self::Shared,
        }
    }
}

impl Pair {
    fn generate(algorithm: Algorithm) -> Result<Self, SigningFault> {
        let made = match Kind::of(algorithm) {
            Kind::Rsa(encoding) => RsaKeyPair::generate(KeySize::Rsa2048).map(|pair| Self::Rsa(Box::new(pair), encoding)),
            Kind::Ec(curve) => EcdsaKeyPair::generate(curve).map(|pair| Self::Ec(Box::new(pair))),
            Kind::Ed => Ed25519KeyPair::generate().map(|pair| Self::Ed(Box::new(pair))),
            Kind::Shared => return Err(SigningFault::NotAKey),
        };
        made.map_err(|_| SigningFault::Failed)
    }

    fn parse(algorithm: Algorithm, der: &[u8]) -> Result<Self, SigningFault> {
        let parsed = match Kind::of(algorithm) {
            Kind::Rsa(encoding) => RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(Box::new(pair), encoding)),
            Kind::Ec(curve) => EcdsaKeyPair::from_pkcs8(curve, der).map(|pair| Self::Ec(Box::new(pair))),
            Kind::Ed => Ed25519KeyPair::from_pkcs8(der).map(|pair| Self::Ed(Box::new(pair))),
            Kind::Shared => return Err(SigningFault::NotAKey),
        };
        parsed.map_err(|_| SigningFault::NotAKey)
    }

    fn public_der(&self) -> Result<Option<Vec<u8>>, SigningFault> {
        let der = match self {
            Self::Rsa(pair, _) => pair.public_key().as_der(),
            Self::Ec(pair) => pair.public_key().as_der(),
            Self::Ed(pair) => pair.public_key().as_der(),
            Self::Shared(_) => return Ok(None),
        };
        der.map(|der| Some(der.as_ref().to_vec())).map_err(|_| SigningFault::Failed)
    }

    fn sign(&self, random: &SystemRandom, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        let signed = match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, random, message, &mut signature).map(|()| signature)
            }
            Self::Ec(pair) => pair.sign(random, message).map(|signature| signature.as_ref().to_vec()),
            Self::Ed(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Self::Shared(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        };
        signed.map_err(|_| SigningFault::Failed)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The encoded header, with its dot.
fn header(id: &str, algorithm: Algorithm, token_type: &str) -> String {
    let header = json!({ "alg": algorithm.name(), "kid": id, "typ": token_type });
    let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
    text.push('.');
    text
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec())
}
