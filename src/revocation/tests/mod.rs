//! The rules of the table, its model, its bound, and how it follows the log.

mod bound;
mod following;
mod model;
mod rules;

use super::{Ids, Lineage};
use crate::clock::Timestamp;
use crate::store::{Basis, Logged, Revocation, Scope};

pub(super) const ISSUER: &str = "acme.com";
/// The instant of the revocations in the tables of tests.
pub(super) const THEN: u64 = 1_700_000_000_500;
pub(super) const NOW: Timestamp = Timestamp::from_millis(THEN + 10_000);

pub(super) const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn revocation(scope: Scope) -> Revocation {
    let (instant, ends) = (at(THEN), at(THEN + 3_600_000));
    Revocation { issuer: ISSUER.into(), scope, instant, basis: Basis::SignIn, ends, user: None }
}

pub(super) fn logged(number: u64, revocation: Revocation) -> Logged {
    Logged { number, revocation }
}

/// A token of alice for orders, signed in to and issued at [`THEN`].
pub(super) fn token() -> Lineage<'static> {
    Lineage {
        issuer: ISSUER,
        token_id: Some("jti-1"),
        derived_from: Ids::NONE,
        session: Some("sid-1"),
        user: "alice",
        application: Some("orders"),
        through: Ids::NONE,
        signed_in: at(THEN),
        issued: at(THEN),
        whole_seconds: false,
        hashes: None,
    }
}
