//! What the table keeps in place of names: 128 bits of two hash functions, each with its own random key.
//!
//! A token is refused in error where its name and that of one of `n` entries agree in all 128 bits. Nobody outside knows the keys or
//! sees a hash, so for each name asked the chance is `n / 2^128`, with a million entries `3e-33`; at a million names a
//! second that is one error in `1e19` years. No collision lets a revoked token pass: entries that collide are merged into one
//! that refuses what either refuses.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::LazyLock;

use crate::store::{Scope, ScopeKind};

/// A name in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint {
    /// Chooses the place in the filter and the shard.
    pub(super) first: u64,
    /// Chooses the place within the shard.
    second: u64,
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.second);
    }
}

/// Hands the hash through that a [`Fingerprint`] is.
#[derive(Clone, Debug, Default)]
pub(super) struct Through(u64);

impl Hasher for Through {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(super) type BuildThrough = BuildHasherDefault<Through>;

/// What an entry is about, within one issuer.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Key<'a> {
    pub(super) kind: ScopeKind,
    pub(super) name: &'a str,
    /// The application of a user in one; else empty.
    pub(super) within: &'a str,
}

impl<'a> Key<'a> {
    pub(super) const fn new(kind: ScopeKind, name: &'a str) -> Self {
        Self { kind, name, within: "" }
    }

    pub(super) fn of(scope: &'a Scope) -> Self {
        let kind = scope.kind();
        match scope {
            Scope::Token(name) | Scope::Session(name) | Scope::User(name) | Scope::Application(name) => Self::new(kind, name),
            Scope::UserInApplication(name, within) => Self { kind, name, within },
            Scope::Everything => Self::new(kind, ""),
        }
    }
}

/// The fast one of the two hash functions. Its key is the process's, so that a token's names are hashed once, when it is
/// verified, and not each time that it is asked about.
static FIRST: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);

/// The first halves for names of one issuer.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstHalves(u64);

impl FirstHalves {
    pub(super) fn of_issuer(issuer: &str) -> Self {
        Self(FIRST.hash_one(issuer))
    }

    pub(super) fn of(self, key: Key<'_>) -> u64 {
        FIRST.hash_one((self.0, key))
    }
}

/// The other hash function, SipHash: asked only where the filter knows the first half.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprints {
    second: std::hash::RandomState,
}

impl Fingerprints {
    /// The whole for a name whose first half is known.
    pub(super) fn complete(&self, first: u64, issuer: &str, key: Key<'_>) -> Fingerprint {
        Fingerprint { first, second: self.second.hash_one((issuer, key)) }
    }

    /// The whole.
    pub(super) fn fingerprint(&self, issuer: &str, key: Key<'_>) -> Fingerprint {
        self.complete(FirstHalves::of_issuer(issuer).of(key), issuer, key)
    }
}
