//! Which route a request belongs to: host and path patterns, the table that finds the longest match, and the judgement
//! of request-targets by their readings.
//!
//! Pure: bytes in, values out; fuzzers and property tests point here. It does not know upstreams, tokens or hyper.

mod pattern;
mod prefixes;
mod readings;
mod settings;
mod table;
mod target;

pub use pattern::{HostPattern, PathPrefix};
pub use settings::{Access, Authorization, Origin, RouteSettings, TokenFrom};
pub use table::{Entry, Match, RouteTable};
pub use target::TargetFault;
