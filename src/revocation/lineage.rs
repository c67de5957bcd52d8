//! What a verified token says of its descent.

use serde_json::Value;

use crate::clock::Timestamp;

/// What a verified token says of its descent. Borrowed from the claims, so that asking allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Lineage<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `jti`.
    pub token_id: Option<&'a str>,
    /// Ids of the tokens and refresh tokens that it came from.
    pub derived_from: Ids<'a>,
    /// `sid`.
    pub session: Option<&'a str>,
    /// `sub`.
    pub user: &'a str,
    /// `aud`.
    pub application: Option<&'a str>,
    /// Applications that it came through: the one that its user signed in to, and those of the tokens that it came from.
    pub through: Ids<'a>,
    /// When its user signed in.
    pub signed_in: Timestamp,
    /// When it was issued.
    pub issued: Timestamp,
    /// Whether its instants are known to the second only, so that the second of a revocation counts as before.
    pub whole_seconds: bool,
}

impl<'a> Lineage<'a> {
    /// The lineage of a token of another issuer, which says no more of its sign-in than its `iat`.
    ///
    /// A token without `iat` is given the epoch, so that every entry for its user or application ends it.
    pub const fn foreign(issuer: &'a str, user: &'a str, issued_seconds: u64) -> Self {
        let issued = Timestamp::from_seconds(issued_seconds);
        Self {
            issuer,
            token_id: None,
            derived_from: Ids::NONE,
            session: None,
            user,
            application: None,
            through: Ids::NONE,
            signed_in: issued,
            issued,
            whole_seconds: true,
        }
    }
}

/// A list of ids, where it lies.
#[derive(Clone, Copy, Debug)]
pub enum Ids<'a> {
    /// These.
    Listed(&'a [&'a str]),
    /// Those that a claim holds: a string, or a list of which only strings count.
    Claim(&'a Value),
}

impl<'a> Ids<'a> {
    /// No id.
    pub const NONE: Self = Self::Listed(&[]);

    /// Each id.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (listed, claimed) = match self {
            Self::Listed(ids) => (ids, &[][..]),
            Self::Claim(Value::Array(ids)) => (&[][..], ids.as_slice()),
            Self::Claim(one) => (&[][..], std::slice::from_ref(one)),
        };
        listed.iter().copied().chain(claimed.iter().filter_map(Value::as_str))
    }
}
