//! How issuers stand, for the status page and the readiness check of `admin`.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::token::SkippedKey;

/// One issuer's line of the status page.
#[derive(Clone, Debug)]
pub struct IssuerStatus {
    /// The configured name.
    pub name: Arc<str>,
    /// Its `iss`.
    pub issuer: Arc<str>,
    /// How its keys stand.
    pub keys: KeysStatus,
}

/// How an issuer's keys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysState {
    /// There is a set, and it is believed.
    Ready,
    /// No set was ever loaded.
    Cold,
    /// The issuer has withdrawn all its keys, and that is believed.
    Empty,
    /// The last set is older than the operator allows.
    Stale,
}

impl KeysState {
    /// The word of the status page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Cold => "cold",
            Self::Empty => "empty",
            Self::Stale => "stale",
        }
    }
}

/// Where an issuer's keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    /// They were read with the configuration.
    Configuration,
    /// They are fetched.
    Issuer,
    /// This gateway signs with them itself.
    Authority,
}

impl KeysFrom {
    /// The word of the status page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Issuer => "issuer",
            Self::Authority => "authority",
        }
    }
}

/// How an issuer's keys stand, in full.
#[derive(Clone, Debug)]
pub struct KeysStatus {
    /// Where they come from.
    pub from: KeysFrom,
    /// The state in a word.
    pub state: KeysState,
    /// Ids of the keys, those without one left out.
    pub key_ids: Vec<String>,
    /// Number of keys.
    pub count: usize,
    /// Keys of the same documents that cannot be used, with the reasons.
    pub skipped: Vec<SkippedKey>,
    /// How long ago the set was fetched; absent for sets that are never fetched.
    pub age: Option<Duration>,
    /// Fetches that have ended, well or not.
    pub fetches: u64,
    /// The word of the last fetch's failure; absent after a good one.
    pub last_error: Option<&'static str>,
    /// When the next fetch is due; absent for sets that are never fetched.
    pub next_fetch: Option<Timestamp>,
}
