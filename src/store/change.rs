//! Everything that can be changed in a store.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Basis, Event, KeyDocument, Link, Logged, RefreshToken, Registration, Revocation, Room, Scope, Session, SigningKeyRecord, User,
};
use crate::clock::Timestamp;

/// One change; a list of them is done whole or not at all. Where a change replaces a record, the record's `version` is
/// the one that it was read with, and the store raises it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new user, with its registrations.
    AddUser(User),
    /// A user as it should be, but for registrations, `last_login` and `closed`, which stay.
    ReplaceUser(User),
    /// Nothing; `Conflict` unless there is this user at this version.
    UserIsStill(Uuid, u64),
    /// Removes a user with its registrations, links, sessions and refresh tokens. `Conflict` where there is none.
    RemoveUser(Uuid),
    /// A new registration of this user.
    AddRegistration(Uuid, Registration),
    /// A registration of this user as it should be, but for `last_login`.
    ReplaceRegistration(Uuid, Registration),
    /// Removes this user's registration with this application. `Conflict` where there is none.
    RemoveRegistration(Uuid, Uuid),
    /// The user signed in, to this application if one is named.
    NoteSignIn(Uuid, Option<Uuid>, Timestamp),
    /// A new link.
    AddLink(Link),
    /// A new session.
    AddSession(Session),
    /// A new refresh token of a session that there is, else `Conflict`.
    AddRefreshToken(RefreshToken),
    /// A refresh token as it should be after a use that left its value: `digest` and `sealed` stay.
    UseRefreshToken(RefreshToken),
    /// A refresh token as it should be after a rotation at this instant; its former value is remembered as replaced.
    RotateRefreshToken(RefreshToken, Timestamp),
    /// Nothing; `Conflict` where this would end a refresh token that is neither for one of these applications nor one of these.
    EndsOnly(Ended, Known),
    /// Ends what is named: sessions with all their refresh tokens, or refresh tokens.
    End(Ended),
    /// As [`Change::End`], and appends to the log what ends the access tokens of each: an entry for every session that
    /// ends, then for every refresh token that ends while its session goes on. For what no one entry covers; only the store
    /// knows what really ends.
    EndEach(Ended, Entries),
    /// Appends to the log, with an instant that is no earlier than the sign-in of any session that a change before it in the list
    /// has ended (a clock that was set back, or another machine's, must not let its tokens live on), and moves the closing instant of the user, application or registration that its scope names
    /// to its instant, unless that is later already. [`super::Basis::Issue`] moves none.
    Revoke(Revocation),
    /// Appends to the log a revocation of tokens that the authority did not sign. It moves no closing instant: another
    /// party may name its users by the ids of ours, and ends none of their sessions.
    RevokeForeign(Revocation),
    /// A new signing key.
    AddSigningKey(SigningKeyRecord),
    /// A signing key as it should be.
    ReplaceSigningKey(SigningKeyRecord),
    /// Forgets a signing key. `Conflict` where there is none.
    RemoveSigningKey(String),
    /// Saves an issuer's key set in place of the one before.
    SaveKeyDocument(KeyDocument),
    /// Remembers the check of the encryption key, once: `Conflict` where there is one.
    SetKeyCheck(Vec<u8>),
    /// A new event, unless its webhook has no room for it.
    AddEvent(Event, Room),
    /// An event is sent, or was in vain: not to be sent before `due`. `Conflict` unless it is still at this version.
    DeferEvent {
        /// Which.
        number: u64,
        /// As it was read.
        version: u64,
        /// How often it was sent in vain.
        attempts: u64,
        /// When it may be sent again.
        due: Timestamp,
    },
    /// An event has arrived, and is forgotten; another gateway may have said so already.
    RemoveEvent(u64),
    /// Removes what has expired.
    Sweep(Expired),
}

/// Refresh tokens that a change may end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Any for these applications.
    pub applications: Vec<Uuid>,
    /// These.
    pub tokens: Vec<Uuid>,
}

/// Which sessions or refresh tokens end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// One session.
    Session(Uuid),
    /// Every session of a user.
    SessionsOf(Uuid),
    /// Every session of a user but this one.
    OtherSessionsOf(Uuid, Uuid),
    /// The oldest sessions of a user, until no more than so many are left.
    OldestSessionsOf(Uuid, usize),
    /// The oldest of a user's refresh tokens that were made at exchanges, until no more than so many are left, and those
    /// made from them.
    OldestExchangedOf(Uuid, usize),
    /// Sessions that were signed in to an application; refresh tokens for it in other sessions, with those made from them.
    SessionsOfApplication(Uuid),
    /// As [`Ended::SessionsOfApplication`], of one user.
    SessionsOfUserInApplication(Uuid, Uuid),
    /// One refresh token and those made from it; its session goes on.
    RefreshToken(Uuid),
}

impl Ended {
    /// The user whose they are, where that is all of one user's that is named.
    pub fn user(&self) -> Option<Uuid> {
        match *self {
            Self::SessionsOf(user)
            | Self::OtherSessionsOf(user, _)
            | Self::OldestSessionsOf(user, _)
            | Self::OldestExchangedOf(user, _)
            | Self::SessionsOfUserInApplication(user, _) => Some(user),
            Self::Session(_) | Self::RefreshToken(_) | Self::SessionsOfApplication(_) => None,
        }
    }
}

/// What the entries of [`Change::EndEach`] say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// The `iss` whose tokens they end.
    pub issuer: String,
    /// When.
    pub instant: Timestamp,
    /// How long the longest of those tokens lives.
    pub lifetime: Duration,
}

impl Entries {
    /// The entry for `scope`, a token or session of `user` who signed in at `signed_in`. Not older than the sign-in, which
    /// may have come after these were thought of: a user's entry could else not stand for it.
    pub fn entry(&self, scope: Scope, user: Uuid, signed_in: Timestamp) -> Revocation {
        let (issuer, instant) = (self.issuer.clone(), self.instant.max(signed_in));
        let ends = instant.plus(self.lifetime);
        Revocation { issuer, scope, instant, basis: Basis::SignIn, ends, user: Some(user.to_string()) }
    }
}

/// What has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Refresh tokens of an application whose lifetime counts from before the first instant, or, where there is a second,
    /// that were made before it.
    RefreshTokens(Uuid, Timestamp, Option<Timestamp>),
    /// Refresh tokens of applications other than these.
    RefreshTokensOfOthers(Vec<Uuid>),
    /// Sessions without a refresh token whose sign-in is before this.
    Sessions(Timestamp),
    /// Entries of the revocation log that ended before this.
    Revocations(Timestamp),
    /// Replaced values of refresh tokens, replaced before this.
    ReplacedValues(Timestamp),
    /// Signing keys, retired or revoked, that ended before this.
    SigningKeys(Timestamp),
    /// Events for this webhook from before this, a few thousand of them at a time.
    Events(String, Timestamp),
    /// Events for webhooks other than these, a few thousand of them at a time.
    EventsOfOthers(Vec<String>),
}

/// What a commit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// What was appended to the log, in its order.
    pub revocations: Vec<Logged>,
    /// Refresh tokens that ended or were swept.
    pub refresh_tokens_ended: u64,
    /// Sessions that ended or were swept.
    pub sessions_ended: u64,
    /// The latest sign-in among the sessions that ended.
    pub last_sign_in_ended: Option<Timestamp>,
    /// The numbers of the events among the changes, in their order; `None`: there was no room.
    pub events: Vec<Option<u64>>,
    /// Events that were swept.
    pub events_swept: u64,
}
