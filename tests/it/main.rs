//! The integration binary: one program, so that the crate is linked once for all of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and its helpers are part of it"
)]

mod access_log;
mod anonymous;
mod assertion;
mod authentication;
mod authority;
mod authorization;
mod browsers;
mod commands;
mod documents;
mod events;
mod explained;
mod faults;
mod forwarding;
mod keys;
mod open_files;
mod peers;
mod pipeline;
mod reload;
mod remote;
mod responses;
mod sso;
mod store;
mod support;
mod tidy;
mod tls;
mod wire;
