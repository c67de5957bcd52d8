//! What an attacker, a crash or bad luck does to the token authority: over real sockets, on a store of its own.

mod bounds;
mod clock_steps;
mod cookies;
mod durable;
mod events;
mod exchange;
mod expiry;
mod flood;
mod hosts;
mod kill;
mod kinds;
mod listing;
mod oauth_revoke;
mod one_time;
mod permissions;
mod reconcile;
mod restore;
mod revocation;
mod secrets;
mod streams;
mod unwritable;
mod users;
