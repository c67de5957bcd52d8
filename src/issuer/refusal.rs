//! Why a token does not become an identity, each with its stable word: metric label, log field, documentation entry.
//!
//! `proxy::rejection` turns these into answers; a client is told only `invalid_token`, or to come back later.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::UNAVAILABLE;
use crate::token::{NoKey, TokenFault};

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Refusal {
    /// The token itself.
    Token(TokenFault),
    /// Its `iss` is none that is configured.
    UnknownIssuer,
    /// No key of its issuer answers to it.
    Key(NoKey),
}

impl From<TokenFault> for Refusal {
    fn from(fault: TokenFault) -> Self {
        Self::Token(fault)
    }
}

impl Refusal {
    /// The stable word.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Token(fault) => fault.reason(),
            Self::UnknownIssuer => "unknown_issuer",
            Self::Key(fault) => fault.reason(),
        }
    }
}

/// Every word a refusal can have; `wrong_algorithm` is both a fault's and a missing key's.
pub(super) const REASONS: [&str; TokenFault::ALL.len() + NoKey::ALL.len() + 1] = {
    let mut words = [Refusal::UnknownIssuer.reason(); TokenFault::ALL.len() + NoKey::ALL.len() + 1];
    let mut at = 0;
    while at < TokenFault::ALL.len() {
        words[at] = TokenFault::ALL[at].reason();
        at += 1;
    }
    while at < TokenFault::ALL.len() + NoKey::ALL.len() {
        words[at] = NoKey::ALL[at - TokenFault::ALL.len()].reason();
        at += 1;
    }
    words
};

/// Why there is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The token is not to be accepted.
    #[error("token refused: {refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// The configured name of its issuer, where it names one; unproved.
        issuer: Option<Arc<str>>,
    },
    /// Whether the token is good cannot be said now.
    #[error("the keys of issuer {issuer} are unavailable")]
    KeysUnavailable {
        /// The configured name of the issuer.
        issuer: Arc<str>,
        /// When asking again may help; at least a second.
        retry_after: Duration,
    },
}

impl VerifyError {
    /// The stable word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.reason(),
            Self::KeysUnavailable { .. } => UNAVAILABLE,
        }
    }

    /// The configured name of the issuer that the token names, if it does.
    pub fn issuer(&self) -> Option<&Arc<str>> {
        match self {
            Self::Refused { issuer, .. } => issuer.as_ref(),
            Self::KeysUnavailable { issuer, .. } => Some(issuer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_counted_word() {
        let keys = NoKey::ALL.map(Refusal::Key);
        let faults = TokenFault::ALL.map(Refusal::Token);
        let all = faults.iter().chain(&keys).chain([&Refusal::UnknownIssuer]);
        assert!(all.clone().all(|refusal| REASONS.contains(&refusal.reason())));
        assert_eq!(all.count(), REASONS.len());
    }
}
