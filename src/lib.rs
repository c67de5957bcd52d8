//! Tollgate: a reverse-proxy authentication gateway.
//!
//! The modules below are declared in the order in which a reader meets them when following one request, outermost
//! first; each may use only what is declared after it (the `tidy` test holds the list of refused edges).
//!
//! A client's bytes arrive at a [`listener`], whose connection hands each request to the pipeline in [`proxy`]:
//! sanitize, match, authenticate, authorize, inject, forward, respond. Authentication asks the [`issuer`] registry,
//! authorization the [`policy`] of the matched [`route`], forwarding an [`upstream`]'s pool. [`gateway`] builds all of
//! it from [`config`] and swaps it on reload; [`admin`] shows what it does.

pub mod cli;
pub mod config;
pub mod gateway;

pub mod admin;
pub mod api;
pub mod events;
pub mod listener;

pub mod proxy;

pub mod authority;
pub mod issuer;
pub mod upstream;

pub mod revocation;
pub mod store;

pub mod identity;
pub mod policy;
pub mod route;
pub mod token;

pub mod fetch;
pub mod telemetry;

pub mod clock;
pub mod gather;
pub mod media_type;
pub mod peer;
pub mod secret;
