//! The pipeline of one request: sanitize, match, authenticate, authorize, inject, forward, respond.
//!
//! Called by a listener's connections through `gateway`; every refusal of any stage goes through the table of
//! [`Reason`]s. The types of the stages make their order the only one that compiles: forwarding takes an authorized
//! request, which takes a permit, which takes a decided rule.

mod access_log;
mod arriving;
mod assertion;
mod authenticate;
mod authorize;
mod authorized_request;
mod browser;
pub mod cookies;
pub mod cross_site;
mod exchange;
mod explain;
mod flights;
mod foreseen;
mod forward;
pub mod forwarded;
mod hop_by_hop;
mod in_place;
mod inbound_body;
mod inject;
mod managed;
mod matching;
mod metrics;
mod own;
mod pipeline;
mod plan;
mod record;
mod rejection;
mod renew;
mod renew_by_use;
mod respond;
pub mod sanitize;
mod sign_in;
mod silence;
mod snapshot;
mod standing;
mod tunnel;

pub use access_log::AccessLog;
pub use explain::{Answer, Explanation, Missing, Stage};
pub use in_place::InPlace;
pub use managed::{Managed, ManagedHeaders};
pub use metrics::Metrics;
pub use own::{Answering, Endpoints, OwnBody, OwnBodyFault, OwnPlan, OwnRequest};
pub use pipeline::Pipeline;
pub use plan::RoutePlan;
pub use rejection::Reason;
pub use respond::Body;
pub use sanitize::{SanitizeFault, Sanitized, sanitize, sanitize_response, sanitize_trailers};
pub use snapshot::{Snapshot, SnapshotParts};
