//! One key, parsed once, with exactly one algorithm (RFC 8725 section 3.1).
//!
//! Made by [`KeySet`](super::KeySet); kept alive as long as its set has it. The signature check is here and nowhere
//! else.

use std::cmp::Ordering;

use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::{digest, hmac};
use serde_json::Value;

use super::key_set::KeySetError;
use super::public_key::PublicKey;
use super::{Algorithm, Liveness, TokenFault, Unusable};
use crate::secret::Secret;

/// A key that verifies signatures. `Debug` shows no key material.
#[derive(Debug)]
pub struct Key {
    id: Option<Box<str>>,
    algorithm: Algorithm,
    stated: bool,
    fingerprint: [u8; 32],
    material: Material,
    only_audience: Option<Box<str>>,
    liveness: Liveness,
}

enum Material {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl Key {
    /// A public key for the algorithm that `stated` names, else for the first of `allowed` that fits it.
    pub(super) fn public(
        id: Option<Box<str>>,
        key: &PublicKey<'_>,
        stated: Option<&str>,
        allowed: &[Algorithm],
    ) -> Result<Self, Unusable> {
        let algorithm = choose(key.algorithms(), stated, allowed)?;
        let parsed = key.parse(algorithm)?;
        let fingerprint = sha256(&key.identity());
        Ok(Self::new(id, algorithm, stated.is_some(), fingerprint, Material::Public(parsed)))
    }

    /// A shared secret, for one algorithm.
    pub(super) fn shared(id: Option<Box<str>>, secret: &Secret, algorithm: Algorithm) -> Result<Self, KeySetError> {
        let material = Material::Shared(Box::new(hmac_key(secret, algorithm)?));
        Ok(Self::new(id, algorithm, true, sha256(secret.expose()), material))
    }

    fn new(id: Option<Box<str>>, algorithm: Algorithm, stated: bool, fingerprint: [u8; 32], material: Material) -> Self {
        Self { id, algorithm, stated, fingerprint, material, only_audience: None, liveness: Liveness::new() }
    }

    /// This key, believed only in tokens whose `aud` is exactly this string.
    pub(super) fn only_for(self, audience: Option<Box<str>>) -> Self {
        Self { only_audience: audience, ..self }
    }

    /// The `kid` it answers to; a key without one answers only tokens without one.
    pub fn key_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether its set still has it.
    pub fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    /// Whether both are the same key material, whatever they are called and used for.
    pub(super) fn same_material(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// Whether a token that one verified would be verified by the other, found by the same id.
    pub(super) fn is_identical(&self, other: &Self) -> bool {
        self.id == other.id
            && self.algorithm == other.algorithm
            && self.only_audience == other.only_audience
            && self.same_material(other)
    }

    /// Whether the algorithm was said with the key, not chosen for it.
    pub(super) fn is_stated(&self) -> bool {
        self.stated
    }

    /// The order of a set: keys without an id first.
    pub(super) fn by_id(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }

    /// Whether `signature` is this key's over `message`, for a token that says `algorithm`.
    ///
    /// # Errors
    /// [`TokenFault::WrongAlgorithm`], else [`TokenFault::BadSignature`].
    pub(crate) fn check_signature(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), TokenFault> {
        if algorithm != self.algorithm {
            return Err(TokenFault::WrongAlgorithm);
        }
        let checked = match &self.material {
            Material::Public(key) => key.verify_sig(message, signature),
            Material::Shared(key) => hmac::verify(key, message, signature),
        };
        checked.map_err(|_| TokenFault::BadSignature)
    }

    /// Whether this key may speak to the audience of a token. One that belongs to one audience is not believed in a token
    /// that names another beside it: whoever holds a shared secret could add any.
    pub(super) fn check_audience(&self, audience: Option<&Value>) -> Result<(), TokenFault> {
        match &self.only_audience {
            Some(only) if audience.and_then(Value::as_str) != Some(only) => Err(TokenFault::KeyOfOtherAudience),
            _ => Ok(()),
        }
    }
}

/// The key of a shared secret at least as long as the output of the hash (RFC 7518 section 3.2).
pub(super) fn hmac_key(secret: &Secret, algorithm: Algorithm) -> Result<hmac::Key, KeySetError> {
    let (hmac, shortest) = match algorithm {
        Algorithm::HS256 => (hmac::HMAC_SHA256, 32),
        Algorithm::HS384 => (hmac::HMAC_SHA384, 48),
        Algorithm::HS512 => (hmac::HMAC_SHA512, 64),
        _ => return Err(KeySetError::NotSymmetric),
    };
    if memchr::memmem::find(secret.expose(), b"-----BEGIN ").is_some() {
        return Err(KeySetError::SecretIsPem);
    }
    if secret.expose().len() < shortest {
        return Err(KeySetError::ShortSecret(shortest));
    }
    Ok(hmac::Key::new(hmac, secret.expose()))
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public(_) => "Public",
            Self::Shared(_) => "Shared",
        })
    }
}

/// The algorithm of a key of a type and curve that `fitting` belong to.
fn choose(fitting: &[Algorithm], stated: Option<&str>, allowed: &[Algorithm]) -> Result<Algorithm, Unusable> {
    let Some(name) = stated else {
        return allowed.iter().copied().find(|algorithm| fitting.contains(algorithm)).ok_or(Unusable::AlgorithmNotAllowed);
    };
    let algorithm = Algorithm::from_name(name).ok_or(Unusable::UnknownAlgorithm)?;
    match (fitting.contains(&algorithm), allowed.contains(&algorithm)) {
        (false, _) => Err(Unusable::AlgorithmMismatch),
        (true, false) => Err(Unusable::AlgorithmNotAllowed),
        (true, true) => Ok(algorithm),
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}
