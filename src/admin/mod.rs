//! The admin listener: metrics, health and status, on an address of its own and never on a public listener.
//!
//! It reads and changes nothing itself. What it shows comes through [`Source`], which `gateway` implements, and so does what
//! answers at other paths and tells callers apart by itself. It has no authentication; its default address is on loopback.

mod serve;

use std::sync::Arc;

use serde_json::Value;

use crate::proxy::Endpoints;

pub use serve::serve;

/// What the admin listener shows.
pub trait Source: Send + Sync + 'static {
    /// Metrics in Prometheus' text format.
    fn metrics(&self) -> String;

    /// Whether traffic should be sent here.
    fn readiness(&self) -> Readiness;

    /// Everything worth knowing about the running gateway; no secret.
    fn status(&self) -> Value;

    /// What answers requests of any method for exactly this path, where the admin listener has nothing of its own.
    fn endpoints(&self, path: &str) -> Option<Arc<dyn Endpoints>>;
}

/// Whether traffic should be sent here, and what each issuer is able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The gateway is shutting down.
    pub draining: bool,
    /// Each issuer's name with the word for its keys: `ready`, `cold`, `empty` or `stale`.
    pub issuers: Vec<(String, &'static str)>,
}

impl Readiness {
    /// Ready while not draining and while at least one issuer's tokens can be checked (or none is configured): one
    /// issuer that is down must not take the others' callers away. That an issuer has withdrawn all its keys is known as
    /// well: its tokens are refused as they should be, and nobody else's requests.
    pub fn is_ready(&self) -> bool {
        !self.draining && (self.issuers.is_empty() || self.issuers.iter().any(|(_, state)| matches!(*state, "ready" | "empty")))
    }
}
