//! The parties whose tokens are accepted: their keys, kept fresh by one task each, and the verifier that turns a raw
//! token into an identity, remembering what it verified.
//!
//! Called by `proxy::authenticate` and built by `gateway`. It never decides what an identity may do, and never takes
//! an address from a token.

mod demand;
mod schedule;
mod settings;

pub use settings::{IssuerSettings, KeyFile, KeySource, RefreshSettings, Remote};

/// Bounds of the verified-token cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Tokens remembered; 0 remembers none.
    pub capacity: usize,
    /// Bytes of tokens and claims remembered, estimated.
    pub bytes: u64,
}
