//! Sessions and the refresh tokens that renew them.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Digest;
use crate::clock::Timestamp;

/// One sign-in and everything derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// A UUIDv7 whose instant is the sign-in; `sid` of its tokens.
    pub id: Uuid,
    /// Who signed in.
    pub user: Uuid,
    /// The application that was signed in to, where one was named.
    pub application: Option<Uuid>,
    /// How: `PASSWORD`, `FEDERATED_JWT`, ... (jwt-api.md section 4.1).
    pub authentication_type: String,
    /// When it signed in.
    pub signed_in: Timestamp,
}

/// Whose sessions are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsOf {
    /// Everybody's.
    All,
    /// A user's.
    User(Uuid),
    /// Those that were signed in to an application, or have a refresh token for it.
    Application(Uuid),
    /// As [`SessionsOf::Application`], of one user.
    UserInApplication(Uuid, Uuid),
}

/// The secret that renews a session, as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct RefreshToken {
    /// Its id, which stays through rotations: the session's where it was made at the sign-in.
    pub id: Uuid,
    /// The session it renews, and ends with.
    pub session: Uuid,
    /// Whose.
    pub user: Uuid,
    /// The application it is for.
    pub application: Uuid,
    /// The refresh token that was presented when this one was made at an exchange; absent: made at the sign-in.
    pub parent: Option<Uuid>,
    /// Digest of the current value.
    pub digest: Digest,
    /// The current value, sealed.
    pub sealed: Vec<u8>,
    /// Where its lifetime counts from: the sign-in, the parent's, or the latest use under a sliding policy.
    pub start: Timestamp,
    /// When it was made.
    pub inserted: Timestamp,
    /// The device name that a reconcile gave (seed 2).
    pub device: Option<String>,
    /// `metaData` as the API shows it, the device's last access included.
    pub meta_data: Map<String, Value>,
    /// Raised by every change.
    pub version: u64,
}

/// Which value of a refresh token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The one in force.
    Current,
    /// The one before it, replaced at this instant; the current one has not been used.
    Previous {
        /// When it was replaced.
        replaced: Timestamp,
    },
    /// One from earlier, replaced at this instant.
    Spent {
        /// When it was replaced.
        replaced: Timestamp,
    },
}

/// A refresh token that another one was made from, at an exchange or at several in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its id.
    pub id: Uuid,
    /// The application it is for.
    pub application: Uuid,
}

/// A refresh token, found by a value.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRefreshToken {
    /// The token.
    pub token: RefreshToken,
    /// Its session.
    pub session: Session,
    /// Which of its values was presented.
    pub matched: Match,
    /// What it was made from, nearest first.
    pub ancestors: Vec<Ancestor>,
}
