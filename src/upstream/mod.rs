//! The servers we forward to: choosing one, connecting, keeping connections per worker, and one exchange on a
//! connection.
//!
//! Called by `proxy::forward`. It decides nothing about who may send what.

mod settings;

pub use settings::{ServerAddress, TrustRoots, UpstreamHost, UpstreamSettings, UpstreamTls};
