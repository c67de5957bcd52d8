//! Where the authority's records live, in the words of the domain: users and registrations, sessions and refresh
//! tokens, revocations, signing keys, saved key sets, events that wait for webhooks.
//!
//! [`Store`] is all that the rest of the program knows. Reads see what was committed; every write is one list of
//! [`Change`]s, done whole or not at all, and durable when it is answered. Which change is right is decided by
//! `authority` on what it read: a change names the version it was decided on, and one that is no longer current is
//! refused as [`StoreError::Conflict`], whereupon the caller reads and decides again. So two uses of one refresh token
//! are one rotation, whatever database is below and however many gateways share it.

mod change;
mod digest;
mod event;
mod folding;
mod key;
mod revocation;
mod session;
mod settings;
pub mod sqlite;
mod user;

use std::fmt::Debug;
use std::pin::Pin;

use uuid::Uuid;

pub use change::{Change, Committed, Ended, Entries, Expired, Known};
pub use digest::Digest;
pub use event::{Ending, Event, QueuedEvent, Room};
pub(crate) use folding::folded;
pub use key::{KeyDocument, KeyPurpose, KeyState, SigningKeyRecord};
pub use revocation::{Basis, Logged, Revocation, Scope, ScopeKind};
pub use session::{Ancestor, FoundRefreshToken, Match, RefreshToken, Session, SessionsOf};
pub use settings::{EncryptionKey, Location, StoreSettings};
pub use user::{Link, Registration, Standing, User};

use crate::clock::Timestamp;

/// What a store answers, later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store did not do what was asked. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot answer now: disk full, file locked, queue full, server gone. The text is for the log.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What a change was decided on has changed since, or is gone; read again and decide again.
    #[error("the record has changed since it was read")]
    Conflict,
    /// Another user has this name already, or an id is taken.
    #[error("another record has this {0}")]
    Taken(Unique),
}

/// What no two records share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// A user's email address, compared without case.
    Email,
    /// A user's name, compared without case.
    Username,
    /// A record's id, or a user's second registration with one application.
    Id,
}

impl std::fmt::Display for Unique {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::Username => "username",
            Self::Id => "id",
        })
    }
}

/// How a user is looked up by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginName<'a> {
    /// An email address, compared without case.
    Email(&'a str),
    /// A username, compared without case.
    Username(&'a str),
    /// Either; where one user's username is another's email address, the address counts.
    Either(&'a str),
}

/// What a store is and was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Made with the store; a backup has it too.
    pub id: Uuid,
    /// A known text sealed with the encryption key, by which a wrong key is told. `None`: no key was ever used.
    pub key_check: Option<Vec<u8>>,
    /// Sessions and tokens whose sign-in is not later than this are refused: the store was restored then.
    pub not_before: Option<Timestamp>,
}

/// Where the authority's records live.
///
/// Every implementation passes `tests/it/store/contract.rs`. A future that is dropped may or may not have been done.
pub trait Store: Debug + Send + Sync + 'static {
    /// What the store is.
    fn identity(&self) -> Pending<'_, StoreIdentity>;
    /// Whether the store answers and would take a write.
    fn check(&self) -> Pending<'_, ()>;
    /// The user with all registrations.
    fn user(&self, id: Uuid) -> Pending<'_, Option<User>>;
    /// The user of a name, with all registrations.
    fn user_by_name<'a>(&'a self, name: LoginName<'a>) -> Pending<'a, Option<User>>;
    /// The user that `subject` of an identity provider is linked to.
    fn linked_user<'a>(&'a self, provider: Uuid, subject: &'a str) -> Pending<'a, Option<User>>;
    /// A user and an application, as far as a token for both is concerned.
    fn standing(&self, user: Uuid, application: Uuid) -> Pending<'_, Standing>;
    /// A session that has not ended.
    fn session(&self, id: Uuid) -> Pending<'_, Option<Session>>;
    /// Sessions that have not ended, newest first, at most `most`.
    fn sessions(&self, of: SessionsOf, most: usize) -> Pending<'_, Vec<Session>>;
    /// The refresh token that this value is or was, with its session.
    fn refresh_token_by_value(&self, value: Digest) -> Pending<'_, Option<FoundRefreshToken>>;
    /// As [`Store::refresh_token_by_value`], with its user and application: all that a refresh decides on, at one moment.
    fn renewal(&self, value: Digest) -> Pending<'_, Option<(FoundRefreshToken, Standing)>>;
    /// A session that has not ended, with a user and an application: all that an exchange decides on, at one moment.
    fn standing_in(&self, session: Uuid, user: Uuid, application: Uuid) -> Pending<'_, (Option<Session>, Standing)>;
    /// A refresh token by id, with its session; matched as [`Match::Current`].
    fn refresh_token(&self, id: Uuid) -> Pending<'_, Option<FoundRefreshToken>>;
    /// A user's refresh tokens, newest first, at most `most`.
    fn refresh_tokens_of(&self, user: Uuid, most: usize) -> Pending<'_, Vec<RefreshToken>>;
    /// How many refresh tokens there are.
    fn count_refresh_tokens(&self) -> Pending<'_, u64>;
    /// What of refresh tokens `ended` would end: the applications of all, and at most `most` of the tokens, none of them for
    /// `but_for`.
    fn ending(&self, ended: Ended, but_for: Option<Uuid>, most: usize) -> Pending<'_, Ending>;
    /// Events for this webhook that are due at `now`, of each ordering only the first, longest due first, at most `most`.
    fn due_events<'a>(&'a self, webhook: &'a str, now: Timestamp, most: usize) -> Pending<'a, Vec<QueuedEvent>>;
    /// How many events wait for this webhook.
    fn count_events<'a>(&'a self, webhook: &'a str) -> Pending<'a, u64>;
    /// Every signing key that was not deleted, oldest first.
    fn signing_keys(&self) -> Pending<'_, Vec<SigningKeyRecord>>;
    /// A number that differs whenever a signing key has changed since; cheap to ask often.
    fn signing_key_generation(&self) -> Pending<'_, u64>;
    /// Entries of the revocation log after number `after` that have not ended at `now`, in order, at most `most`.
    fn revocations_after(&self, after: u64, now: Timestamp, most: usize) -> Pending<'_, Vec<Logged>>;
    /// The saved key set of this issuer.
    fn key_document<'a>(&'a self, issuer: &'a str) -> Pending<'a, Option<KeyDocument>>;
    /// Does all of `changes` in order, or none.
    fn commit(&self, changes: Vec<Change>) -> Pending<'_, Committed>;
}

#[cfg(test)]
pub(crate) mod memory;
