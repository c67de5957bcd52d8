//! The rule a route applies to an identity, and the proof that it said yes.
//!
//! Pure. A [`Permit`] can be made only by [`decide`], and forwarding an authenticated request demands one, so that
//! skipping authorization does not compile.

mod explain;
mod rule;

pub use explain::{Verdict, explain};
pub use rule::{Denial, Permit, Rule, decide};
