//! Which tokens have ended early: the in-memory view that every request meets.
//!
//! [`Revocations`] is asked for every token, remembered ones too. It is filled from the store's append-only log before
//! anything is served ([`load`]) and kept up to date by one task ([`follow()`]); what this gateway revoked itself counts
//! at once ([`Followed::apply_own`]).

mod entry;
mod filter;
mod fingerprint;
mod fold;
mod follow;
mod lineage;
mod metrics;
mod table;
mod webhook;

pub use follow::{Followed, Progress, follow, load};
pub use lineage::{DERIVED_FROM, Descent, FROM_APPLICATIONS, Ids, Lineage};
pub use metrics::{Origin, RevocationMetrics};
pub use table::{DEFAULT_CAPACITY, Revocations};
pub use webhook::{Event, EventFault, News, Reach};

#[cfg(test)]
mod tests;
