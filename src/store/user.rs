//! Users, their registrations with applications, their links to identity providers.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::clock::Timestamp;

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id; `sub` of its tokens.
    pub id: Uuid,
    /// As it was given, in lower case. Unique.
    pub email: Option<String>,
    /// As it was given. Unique without case.
    pub username: Option<String>,
    /// Whether the email address is known to be the user's.
    pub verified: bool,
    /// Whether the user may sign in, refresh and exchange.
    pub active: bool,
    /// The password's hash in PHC string format; absent: no password signs in.
    pub password: Option<String>,
    /// Whether the password must be changed at the next sign-in.
    pub password_change_required: bool,
    /// When the password was last set.
    pub password_last_update: Option<Timestamp>,
    /// When the account ends.
    pub expiry: Option<Timestamp>,
    /// The other documented members of a user (`firstName`, `data`, ...), as they were given.
    pub profile: Map<String, Value>,
    /// When it was made.
    pub inserted: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// When it last signed in.
    pub last_login: Option<Timestamp>,
    /// Sessions whose sign-in is not later than this are over, however long a session may live. Set by
    /// [`Change::Revoke`](super::Change::Revoke) alone.
    pub closed: Option<Timestamp>,
    /// Raised by every change but `last_login` and `closed`, those of its registrations included.
    pub version: u64,
    /// By application.
    pub registrations: Vec<Registration>,
}

impl User {
    /// The registration with `application`.
    pub fn registration(&self, application: Uuid) -> Option<&Registration> {
        self.registrations.iter().find(|registration| registration.application == application)
    }
}

/// A user's membership in an application.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Its id.
    pub id: Uuid,
    /// The application.
    pub application: Uuid,
    /// Role names, those that the configuration no longer has included.
    pub roles: Vec<String>,
    /// A username for this application alone.
    pub username: Option<String>,
    /// The other documented members (`data`, `timezone`, ...), as they were given.
    pub profile: Map<String, Value>,
    /// When it was made.
    pub inserted: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// When the user last signed in to the application.
    pub last_login: Option<Timestamp>,
    /// Raised by every change but `last_login`.
    pub version: u64,
}

/// A user and an application, as far as a token for both is concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The user, with the registration in the application alone if there is one.
    pub user: Option<User>,
    /// Sessions whose sign-in is not later than this do not reach the application.
    pub application_closed: Option<Timestamp>,
    /// As `application_closed`, for this user alone; outlives a registration that was removed.
    pub registration_closed: Option<Timestamp>,
}

/// A user is the local side of an identity provider's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The provider.
    pub provider: Uuid,
    /// The provider's name for the user: the value of its unique claim.
    pub subject: String,
    /// The local user.
    pub user: Uuid,
    /// When it was made.
    pub inserted: Timestamp,
}
