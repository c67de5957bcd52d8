//! An issuer's keys at one moment, and which of them a token means.
//!
//! Built whole by the issuer's task, read by every request, never changed: the next set succeeds it. Keys that stay
//! keep their identity, so that what they verified stays remembered; keys that are gone are retired with it.

use std::sync::Arc;

use serde_json::Value;

use super::{Algorithm, Key, OwnKey, SkippedKey, Unusable, json, jwk, pem};
use crate::secret::Secret;

/// More keys than any issuer rotates through.
const MAX_KEYS: usize = 100;

/// Keys, sorted by id. Empty only where an issuer has withdrawn all of them.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Arc<Key>>,
}

/// A set, and what its document had besides.
#[derive(Debug)]
pub struct Loaded {
    /// The usable keys.
    pub set: KeySet,
    /// The others, each with the reason.
    pub skipped: Vec<SkippedKey>,
}

/// Why there is no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not one JSON object with an array `keys` (RFC 7517 section 5), or with a member named twice.
    #[error("it is not a JSON Web Key Set")]
    NotAKeySet,
    /// More keys than are taken.
    #[error("it has more than 100 keys")]
    TooManyKeys,
    /// Every key was skipped, or there was none.
    #[error("it has no usable key{}", list(.0))]
    NoUsableKey(Vec<SkippedKey>),
    /// A file that should hold a public key holds a private one.
    #[error("it holds a PRIVATE key; give the public key or certificate, and replace the key if others could read it")]
    PrivateKey,
    /// A shared secret takes exactly one algorithm.
    #[error("a shared secret needs exactly one algorithm, one of HS256, HS384 and HS512")]
    NotSymmetric,
    /// The secret is shorter than the hash output (RFC 7518 section 3.2); this many bytes are needed.
    #[error("the shared secret is too short: {0} bytes are needed")]
    ShortSecret(usize),
    /// The secret is a PEM text: a key that may be public must not be a secret (RFC 8725 section 2.1).
    #[error("the shared secret is a PEM key or certificate")]
    SecretIsPem,
}

/// Why no key answers to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum NoKey {
    /// No living key has this id; the issuer may have a newer set.
    UnknownId,
    /// The token has no `kid`, and not exactly one key fits its algorithm.
    Ambiguous,
    /// The key of this id has another algorithm.
    WrongAlgorithm,
}

impl NoKey {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::UnknownId, Self::Ambiguous, Self::WrongAlgorithm];

    /// The stable word: metric label, log field, documentation entry.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::UnknownId => "unknown_key",
            Self::Ambiguous => "ambiguous_key",
            Self::WrongAlgorithm => "wrong_algorithm",
        }
    }
}

impl KeySet {
    /// The keys of a JWK Set (RFC 7517 section 5) that verify one of `allowed`.
    ///
    /// # Errors
    /// Where the document is no key set, has over 100 keys, or none that is usable.
    pub fn from_jwks(json: &[u8], allowed: &[Algorithm]) -> Result<Loaded, KeySetError> {
        let document = json::object(json).map_err(|_| KeySetError::NotAKeySet)?;
        let Some(Value::Array(jwks)) = document.get("keys") else { return Err(KeySetError::NotAKeySet) };
        bounded(jwks.len())?;
        assemble(jwks.iter().map(|value| jwk::key(value, allowed)).collect())
    }

    /// As [`KeySet::from_jwks`] of what an issuer publishes now, where a set without any key is news and no mistake: the
    /// issuer has withdrawn them all. One whose keys all cannot be used stays an error.
    ///
    /// # Errors
    /// As [`KeySet::from_jwks`].
    pub fn from_published(json: &[u8], allowed: &[Algorithm]) -> Result<Loaded, KeySetError> {
        match Self::from_jwks(json, allowed) {
            Err(KeySetError::NoUsableKey(skipped)) if skipped.is_empty() => Ok(Loaded { set: Self::withdrawn(), skipped }),
            loaded => loaded,
        }
    }

    /// The set of an issuer that has withdrawn all its keys.
    pub fn withdrawn() -> Self {
        Self { keys: Vec::new() }
    }

    /// The keys of PEM texts (`PUBLIC KEY`, `RSA PUBLIC KEY`, or `CERTIFICATE`, whose chain and dates are not looked
    /// at: it was configured), each with the id it answers to. One without an id answers only tokens without `kid`,
    /// even where it is the only key: the rule is exact.
    ///
    /// # Errors
    /// As [`KeySet::from_jwks`], and [`KeySetError::PrivateKey`] where any of them holds one.
    pub fn from_pems(pems: &[(Option<&str>, &[u8])], allowed: &[Algorithm]) -> Result<Loaded, KeySetError> {
        bounded(pems.len())?;
        if pems.iter().any(|(_, text)| pem::has_private_key(text)) {
            return Err(KeySetError::PrivateKey);
        }
        assemble(pems.iter().map(|(id, text)| pem::key(*id, text, allowed)).collect())
    }

    /// A shared secret alone, for the one algorithm of `allowed`. It has no id.
    ///
    /// # Errors
    /// Where `allowed` is not exactly one HS algorithm, or the secret is short or a PEM text.
    pub fn from_secret(secret: &Secret, allowed: &[Algorithm]) -> Result<Self, KeySetError> {
        let &[algorithm] = allowed else { return Err(KeySetError::NotSymmetric) };
        Ok(Self { keys: vec![Arc::new(Key::shared(None, secret, algorithm)?)] })
    }

    /// Keys that we sign with ourselves, any number of them. Shared secrets may be among public keys here and nowhere
    /// else: every key is found by its id, has the one algorithm that we gave it, and a secret the one audience that knows it.
    pub fn of_own(keys: &[OwnKey]) -> Loaded {
        let (mut usable, mut skipped) = (Vec::with_capacity(keys.len()), Vec::new());
        for key in keys {
            match key.to_key() {
                Ok(made) => usable.push(Arc::new(made)),
                Err(why) => skipped.push(SkippedKey { key_id: Some(key.id.clone()), why }),
            }
        }
        usable.sort_by(|a, b| a.by_id(b));
        let mut set = Vec::with_capacity(usable.len());
        for group in usable.chunk_by(|a, b| a.key_id() == b.key_id()) {
            match distinct(group).as_slice() {
                [key] => set.push(Arc::clone(key)),
                _ => skipped.push(SkippedKey {
                    key_id: group.first().and_then(|key| key.key_id()).map(Into::into),
                    why: Unusable::AmbiguousId,
                }),
            }
        }
        Loaded { set: Self { keys: set }, skipped }
    }

    /// One set of several documents of one issuer. A key that is in more than one is one key; where only one document
    /// states its algorithm, that one is right. An id that is ambiguous in one document is so in all.
    ///
    /// # Errors
    /// As [`KeySet::from_jwks`].
    pub fn merge(parts: Vec<Loaded>) -> Result<Loaded, KeySetError> {
        let (keys, skipped): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.set.keys, part.skipped)).unzip();
        let skipped: Vec<SkippedKey> = skipped.into_iter().flatten().collect();
        let is_ambiguous = |key: &Arc<Key>| {
            skipped.iter().any(|other| other.why == Unusable::AmbiguousId && other.key_id.as_deref() == key.key_id())
        };
        let keys = keys.into_iter().flatten().filter(|key| !is_ambiguous(key)).collect();
        finish(keys, skipped)
    }

    /// This set in the place of `previous`: a key that both have stays the same [`Arc`]; a key that only `previous`
    /// has is retired.
    #[must_use]
    pub fn succeed(mut self, previous: &Self) -> Self {
        for key in &mut self.keys {
            let stays = |old: &&Arc<Key>| old.liveness().is_alive() && old.is_identical(key);
            if let Some(old) = previous.keys.iter().find(stays) {
                *key = Arc::clone(old);
            }
        }
        let gone = previous.keys.iter().filter(|old| !self.keys.iter().any(|key| Arc::ptr_eq(key, old)));
        gone.for_each(|old| old.liveness().end());
        self
    }

    /// The key that a token with this `kid` and `alg` means.
    ///
    /// # Errors
    /// [`NoKey`]; other keys are never tried.
    pub fn find(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<&Arc<Key>, NoKey> {
        let key = match key_id {
            Some(_) => self.by_id(key_id).ok_or(NoKey::UnknownId)?,
            None => self.only_fitting(algorithm).ok_or(NoKey::Ambiguous)?,
        };
        if key.algorithm() == algorithm { Ok(key) } else { Err(NoKey::WrongAlgorithm) }
    }

    fn by_id(&self, key_id: Option<&str>) -> Option<&Arc<Key>> {
        let place = self.keys.binary_search_by(|key| key.key_id().cmp(&key_id)).ok()?;
        self.keys.get(place).filter(|key| key.liveness().is_alive())
    }

    fn only_fitting(&self, algorithm: Algorithm) -> Option<&Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm() == algorithm && key.liveness().is_alive());
        let first = fitting.next()?;
        fitting.all(|other| other.same_material(first)).then_some(first)
    }

    /// Whether it is one key that has no id, as a shared secret is: whoever signs with it may call it anything.
    pub fn is_one_without_id(&self) -> bool {
        matches!(self.keys.as_slice(), [key] if key.key_id().is_none())
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter()
    }

    /// The ids, sorted; a key without one has none here.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.key_id())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none: all were withdrawn.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Retires every key: what they verified is forgotten, and they are found no more.
    pub fn retire_all(&self) {
        self.keys.iter().for_each(|key| key.liveness().end());
    }
}

fn bounded(count: usize) -> Result<(), KeySetError> {
    if count > MAX_KEYS { Err(KeySetError::TooManyKeys) } else { Ok(()) }
}

fn assemble(found: Vec<Result<Key, SkippedKey>>) -> Result<Loaded, KeySetError> {
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for result in found {
        match result {
            Ok(key) => keys.push(Arc::new(key)),
            Err(why) => skipped.push(why),
        }
    }
    finish(keys, skipped)
}

/// Sorts the keys, makes one of those that are the same, and drops those that share an id and are not.
fn finish(mut keys: Vec<Arc<Key>>, mut skipped: Vec<SkippedKey>) -> Result<Loaded, KeySetError> {
    keys.sort_by(|a, b| a.by_id(b));
    let mut set = Vec::with_capacity(keys.len());
    for group in keys.chunk_by(|a, b| a.key_id() == b.key_id()) {
        match (group.first().and_then(|key| key.key_id()), one_of(group)) {
            (None, _) => set.extend(distinct(group)),
            (Some(_), Some(key)) => set.push(Arc::clone(key)),
            (Some(id), None) => skipped.push(SkippedKey { key_id: Some(id.into()), why: Unusable::AmbiguousId }),
        }
    }
    bounded(set.len())?;
    if set.is_empty() {
        return Err(KeySetError::NoUsableKey(skipped));
    }
    Ok(Loaded { set: KeySet { keys: set }, skipped })
}

/// The one key that all of `group`, which share an id, are: the same material, with one stated algorithm or one chosen.
fn one_of(group: &[Arc<Key>]) -> Option<&Arc<Key>> {
    let best = group.iter().find(|key| key.is_stated()).or_else(|| group.first())?;
    let agrees = |key: &Arc<Key>| {
        key.same_material(best) && (key.algorithm() == best.algorithm() || (best.is_stated() && !key.is_stated()))
    };
    group.iter().all(agrees).then_some(best)
}

/// Those of `group`, which share an id or have none, that differ.
fn distinct(group: &[Arc<Key>]) -> Vec<Arc<Key>> {
    let mut kept: Vec<Arc<Key>> = Vec::with_capacity(group.len());
    for key in group {
        if !kept.iter().any(|other| other.is_identical(key)) {
            kept.push(Arc::clone(key));
        }
    }
    kept
}

/// The reasons for a message, ids escaped; at most five of them.
fn list(skipped: &[SkippedKey]) -> String {
    let shown = skipped.iter().take(5).map(|key| match &key.key_id {
        Some(id) => format!("; key {id:?}: {}", key.why),
        None => format!("; a key without id: {}", key.why),
    });
    shown.collect()
}
