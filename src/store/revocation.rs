//! Entries of the append-only log of revocations, which every gateway on the store follows.

use uuid::Uuid;

use crate::clock::Timestamp;

/// What a revocation is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A token by `jti`, or everything refreshed from the refresh token of this id, and all that was derived from it.
    Token(String),
    /// A session (`sid`) and everything derived from it.
    Session(String),
    /// A user (`sub`).
    User(String),
    /// A user in one application (`sub`, `aud`).
    UserInApplication(String, String),
    /// An application (`aud`).
    Application(String),
    /// Every token of the issuer.
    Everything,
}

/// Which instant of a token is compared with the revocation's; tokens of another issuer are always compared by `iat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The sign-in: nothing exchanged or refreshed from an older sign-in escapes.
    SignIn,
    /// The issue: a role was lost, and the session goes on with fewer.
    Issue,
}

/// A record that ends tokens early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The `iss` whose tokens it ends.
    pub issuer: String,
    /// Which of them.
    pub scope: Scope,
    /// Tokens whose instant is not later than this are revoked; of no account for token and session entries.
    pub instant: Timestamp,
    /// Which instant of theirs.
    pub basis: Basis,
    /// When no token it could concern can be alive any more.
    pub ends: Timestamp,
    /// Whose token or session it is, where known and where every token it could end stems from a sign-in that is not
    /// later than `instant`: a full table may then put an entry for the user in its place. `None` for other scopes, and
    /// for tokens of an issuer that might go on issuing under the same session.
    pub user: Option<String>,
}

impl Revocation {
    /// The same, of an instant no earlier than `sign_in` where it compares sign-ins.
    #[must_use]
    pub fn reaching(mut self, sign_in: Option<Timestamp>) -> Self {
        let compares = self.basis == Basis::SignIn && !matches!(self.scope, Scope::Token(_) | Scope::Session(_));
        if let Some(sign_in) = sign_in.filter(|sign_in| compares && *sign_in > self.instant) {
            self.ends = self.ends.plus(sign_in.since(self.instant));
            self.instant = sign_in;
        }
        self
    }
}

/// A revocation with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Grows with every entry.
    pub number: u64,
    /// The entry.
    pub revocation: Revocation,
}

/// The kind of a [`Scope`], without its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScopeKind {
    /// [`Scope::Token`].
    Token,
    /// [`Scope::Session`].
    Session,
    /// [`Scope::User`].
    User,
    /// [`Scope::UserInApplication`].
    UserInApplication,
    /// [`Scope::Application`].
    Application,
    /// [`Scope::Everything`].
    Everything,
}

impl ScopeKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Token, Self::Session, Self::User, Self::UserInApplication, Self::Application, Self::Everything];

    /// The stable word: metric label and log field.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::User => "user",
            Self::UserInApplication => "user_in_application",
            Self::Application => "application",
            Self::Everything => "everything",
        }
    }
}

impl Scope {
    /// Its kind.
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::Token(_) => ScopeKind::Token,
            Self::Session(_) => ScopeKind::Session,
            Self::User(_) => ScopeKind::User,
            Self::UserInApplication(..) => ScopeKind::UserInApplication,
            Self::Application(_) => ScopeKind::Application,
            Self::Everything => ScopeKind::Everything,
        }
    }

    /// The stable word: metric label and log field.
    pub const fn word(&self) -> &'static str {
        self.kind().word()
    }

    /// The user and application whose closing instant a [`super::Change::Revoke`] of this scope moves, as ids of the
    /// authority: `(None, None)` for what has none.
    pub fn closes(&self) -> (Option<Uuid>, Option<Uuid>) {
        let id = |text: &String| text.parse().ok();
        match self {
            Self::User(user) => (id(user), None),
            Self::Application(application) => (None, id(application)),
            Self::UserInApplication(user, application) => (id(user), id(application)),
            Self::Token(_) | Self::Session(_) | Self::Everything => (None, None),
        }
    }
}
