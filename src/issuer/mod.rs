//! The parties whose tokens are accepted: their keys, kept fresh by one task each, and the verifier that turns a raw
//! token into an identity, remembering what it verified.
//!
//! Called by `proxy::authenticate` and built by `gateway`. It never decides what an identity may do, and never takes
//! an address from a token.

mod archive;
mod archived;
mod demand;
mod discovery;
mod examine;
mod exchanged;
mod fusionauth;
mod keys;
mod lookup;
mod metrics;
mod own_keys;
mod party;
mod refresher;
mod refusal;
mod registry;
mod remembered;
mod schedule;
mod settings;
mod signatory;
mod source;
mod status;
mod tally;
mod verifier;

pub use archive::{Answering, Archive, ArchiveError, KeyArchive, Saved};
pub use examine::{Outcome, Step};
pub use exchanged::Exchanged;
pub use keys::Keys;
pub use lookup::KeyLookupError;
pub use metrics::IssuerMetrics;
pub use own_keys::OwnKeys;
pub use party::{Party, PartySettings};
pub use refusal::{Refusal, VerifyError};
pub use registry::{Issuer, Registry, RegistryError, RegistryProblem};
pub use remembered::{Remembered, RememberedStats, Verified};
pub use settings::{IssuerSettings, KeyFile, KeySource, RefreshSettings, Remote};
pub use signatory::Signatory;
pub use source::SourceError;
pub use status::{IssuerStatus, KeysFrom, KeysState, KeysStatus};
pub use verifier::Verifier;

/// Bounds of the verified-token cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Tokens remembered; 0 remembers none.
    pub capacity: usize,
    /// Bytes of tokens and claims remembered, estimated.
    pub bytes: u64,
}

#[cfg(test)]
mod tests;
