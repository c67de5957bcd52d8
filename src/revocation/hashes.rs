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
    /// Of the user in the application, and of the application.
    pub(super) application: Option<(u64, u64)>,
    pub(super) everything: u64,
}

impl Hashes {
    /// Those of `lineage`.
    pub fn of(lineage: &Lineage<'_>) -> Self {
        let first = FirstHalves::of_issuer(lineage.issuer);
        let in_application = |application| {
            let user = Key { kind: ScopeKind::UserInApplication, name: lineage.user, within: application };
            (first.of(user), first.of(Key::new(ScopeKind::Application, application)))
        };
        Self {
            ids: lineage.ids().map(|id| first.of(Key::new(ScopeKind::Token, id))).collect(),
            session: lineage.session.map(|session| first.of(Key::new(ScopeKind::Session, session))),
            user: first.of(Key::new(ScopeKind::User, lineage.user)),
            application: lineage.application.map(in_application),
            everything: first.of(Key::new(ScopeKind::Everything, "")),
        }
    }

    /// Bytes beside its own.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.ids)
    }
}
