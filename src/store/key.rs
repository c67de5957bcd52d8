//! Signing keys, and the key sets of other issuers that are saved for a start without them.

use uuid::Uuid;

use crate::clock::Timestamp;

/// What a key signs; one key has one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// Access tokens.
    Access,
    /// Vended tokens.
    Vend,
    /// Assertions for backends.
    Assertion,
    /// Webhook bodies.
    Webhook,
}

/// Where a signing key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, signs nothing yet.
    Next,
    /// Signs.
    Active,
    /// Published until its last token has expired, signs nothing more.
    Retired,
    /// Dead at once: not published, verifies nothing.
    Revoked,
}

/// A signing key, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// `kid` of its tokens.
    pub id: String,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// The application whose tokens alone it signs; absent: those of all that have no key of their own.
    pub application: Option<Uuid>,
    /// Its one algorithm, by registered name.
    pub algorithm: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// The private key in PKCS #8, sealed.
    pub sealed: Vec<u8>,
    /// The public key as SubjectPublicKeyInfo in DER.
    pub public: Vec<u8>,
    /// When it was made, and so published.
    pub created: Timestamp,
    /// When it began to sign.
    pub activated: Option<Timestamp>,
    /// When it stopped.
    pub retired: Option<Timestamp>,
    /// When its last token has expired; known once it is retired. While it signs: as late after it began as any of its
    /// tokens lives, so that a shorter lifetime set later does not cut theirs.
    pub ends: Option<Timestamp>,
    /// Raised by every change.
    pub version: u64,
}

/// An issuer's key set as it was fetched, so that a restart needs no issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDocument {
    /// The issuer, by its configured name and what kind of party it is.
    pub issuer: String,
    /// Where it came from, and what decides how it is read; another source's document is of no use.
    pub source: String,
    /// When.
    pub fetched: Timestamp,
    /// The documents as fetched, sealed.
    pub body: Vec<u8>,
}
