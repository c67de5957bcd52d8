//! Why the authority did not do what was asked. `api` turns it into an answer; the words are jwt-api.md's.

use std::time::Duration;

use super::sealing::SealingError;
use crate::store::StoreError;
use crate::token::SigningFault;

/// Why the authority did not do what was asked; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The presented token is none that may do this: not ours, not an access token, revoked, its user gone.
    #[error("the credential is not good for this")]
    Unauthorized,
    /// The refresh token is unknown, expired, revoked, replaced, or its application takes none.
    #[error("the refresh token was not found or has expired")]
    RefreshToken,
    /// There is no such user, token or id, or none that the caller may know of.
    #[error("not found")]
    NotFound,
    /// The account has ended.
    #[error("the account has expired")]
    AccountExpired,
    /// Something of the request cannot be: the rule, the field, and the reason in words.
    #[error("{1}: {2}")]
    Field(&'static str, &'static str, String),
    /// Too many failed attempts.
    #[error("too many failed attempts")]
    TooMany(Duration),
    /// More password hashes are wanted than are computed at once, and waited for.
    #[error("too many passwords are being checked")]
    Busy,
    /// The keys of an identity provider are out of reach.
    #[error("the identity provider's keys are out of reach")]
    KeysUnavailable(Duration),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The remote authority gave no answer, or none that can be used.
    #[error("the remote authority gave no answer")]
    Remote,
    /// Something that cannot happen did.
    #[error("{0}")]
    Defect(&'static str),
}

impl From<SigningFault> for Denial {
    fn from(_: SigningFault) -> Self {
        Self::Defect("no token could be signed")
    }
}

impl From<SealingError> for Denial {
    fn from(_: SealingError) -> Self {
        Self::Defect("a sealed value could not be read or made")
    }
}
