//! The hashes that one token is asked by: made once, when it is verified, so that a request neither hashes nor reads a name
//! unless the filter knows it.

use super::fingerprint::{FirstHalves, Key};
use super::lineage::Lineage;
use crate::store::ScopeKind;

/// The first halves of the fingerprints of a token's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Of its own id and those it came from, in the order of [`Lineage::ids`].
    pub(super) ids: Box<[u64]>,
    pub(super) session: Option<u64>,
    pub(super) user: u64,
    /// Of its own application.
    pub(super) application: Option<OfApplication>,
    /// Of those that it came through, in their order.
    pub(super) through: Box<[OfApplication]>,
    pub(super) everything: u64,
}

/// Those of one application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfApplication {
    /// Of the user in it.
    pub(super) user: u64,
    /// Of the application itself.
    pub(super) application: u64,
}

impl Hashes {
    /// Those of `lineage`.
    pub fn of(lineage: &Lineage<'_>) -> Self {
        let first = FirstHalves::of_issuer(lineage.issuer);
        let of_application = |application| {
            let user = Key { kind: ScopeKind::UserInApplication, name: lineage.user, within: application };
            OfApplication { user: first.of(user), application: first.of(Key::new(ScopeKind::Application, application)) }
        };
        Self {
            ids: lineage.ids().map(|id| first.of(Key::new(ScopeKind::Token, id))).collect(),
            session: lineage.session.map(|session| first.of(Key::new(ScopeKind::Session, session))),
            user: first.of(Key::new(ScopeKind::User, lineage.user)),
            application: lineage.application.map(of_application),
            through: lineage.through.iter().map(of_application).collect(),
            everything: first.of(Key::new(ScopeKind::Everything, "")),
        }
    }

    /// Bytes beside its own.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.ids) + size_of_val(&*self.through)
    }
}
