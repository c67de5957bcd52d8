//! The composition root: builds the parts in dependency order, runs the workers, reloads, shuts down.
//!
//! Only this folder knows all the others. A configuration is built whole before anything of it is used
//! ([`build`]); what is running is replaced by one pointer swap.

mod authority;
mod build;
mod control;
mod events;
mod files;
mod follow;
mod listeners;
mod metrics;
mod opened_store;
mod options;
mod reload;
mod remote;
mod revocations;
mod running;
mod saved_keys;
mod status;
mod workers;

pub use authority::EstateError;
pub use build::{BuildError, rehearse};
pub use control::{Gateway, StartError};
pub use opened_store::OpenedStore;
pub use options::Options;
pub use reload::ReloadError;
