//! The token authority over real HTTP.

mod reconcile;
