//! The pipeline of one request: sanitize, match, authenticate, authorize, inject, forward, respond.

pub mod cross_site;
mod forwarded;
mod hop_by_hop;
mod managed;
mod sanitize;

pub use forwarded::{ClientView, Heard, PeerView};
pub use managed::{Managed, ManagedHeaders};
pub use sanitize::{SanitizeFault, Sanitized, sanitize, sanitize_response, sanitize_trailers};
