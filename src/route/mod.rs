//! Which route a request belongs to: host and path patterns, the table that finds the longest match, and the judgement
//! of request-targets by their readings.
//!
//! Pure: bytes in, values out; fuzzers and property tests point here. It does not know upstreams, tokens or hyper.

mod conflict;
mod host;
mod origin;
mod pattern;
mod prefixes;
mod readings;
mod settings;
mod table;
mod target;

pub use crate::identity::TokenFrom;
pub use conflict::{Conflict, Pattern, conflict};
pub use host::{HostFault, canonical_host, host_and_port, request_host};
pub use origin::{is_same_origin, scheme_name};
pub use pattern::{HostPattern, PathPrefix};
pub use settings::{Access, Authorization, Origin, RETURN_TO, RouteSettings};
pub use table::{Entry, Match, RouteTable};
pub use target::TargetFault;
