//! The pipeline of one request: sanitize, match, authenticate, authorize, inject, forward, respond.

mod hop_by_hop;
mod managed;
pub mod sanitize;

pub use managed::{Managed, ManagedHeaders};
pub use sanitize::{SanitizeFault, Sanitized, sanitize, sanitize_response, sanitize_trailers};
