//! What a verified token says of its descent.

use serde_json::Value;
use uuid::Uuid;

use super::hashes::Hashes;
use crate::clock::Timestamp;
use crate::token::VerifiedClaims;

/// What of a token's descent is read once, when it is verified: its instants, and the hashes of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descent {
    signed_in: Timestamp,
    issued: Timestamp,
    whole_seconds: bool,
    hashes: Hashes,
}

impl Descent {
    /// Of a token whose `sid` and `jti` are made as an authority makes them, UUIDv7 of the sign-in and of the issue; of one
    /// that says less as [`Descent::foreign`].
    pub fn of_authority(claims: &VerifiedClaims) -> Self {
        let id = |text: Option<&str>| text.and_then(|text| Timestamp::of_id(Uuid::try_parse(text).ok()?));
        match (id(text(claims, SESSION)), id(claims.token_id())) {
            (Some(signed_in), Some(issued)) => Self { signed_in, issued, whole_seconds: false, hashes: hashes(claims) },
            _ => Self::foreign(claims),
        }
    }

    /// Of a token of another issuer, which says no more of its sign-in than its `iat`; one without is as old as can be, so
    /// that every entry for its user or application ends it.
    pub fn foreign(claims: &VerifiedClaims) -> Self {
        let issued = claims.issued_at().unwrap_or(Timestamp::from_millis(0));
        Self { signed_in: issued, issued, whole_seconds: true, hashes: hashes(claims) }
    }

    /// Bytes beside its own.
    pub(crate) fn bytes(&self) -> usize {
        self.hashes.bytes()
    }
}

fn hashes(claims: &VerifiedClaims) -> Hashes {
    Hashes::of(&Lineage::named(claims))
}

/// The claim with the session.
const SESSION: &str = "sid";
/// The claim with the ids that a token came from.
pub const DERIVED_FROM: &str = "derived_from";
/// The claim with the applications that a token came through.
pub const FROM_APPLICATIONS: &str = "from_applications";

fn text<'c>(claims: &'c VerifiedClaims, name: &str) -> Option<&'c str> {
    claims.document().get(name)?.as_str()
}

/// The applications beside its own: those that it came through, or all that another party's token says it is for.
fn through(claims: &VerifiedClaims) -> Ids<'_> {
    let document = claims.document();
    let audiences = document.get("aud").filter(|audience| audience.is_array());
    document.get(FROM_APPLICATIONS).or(audiences).map_or(Ids::NONE, Ids::Claim)
}

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
    /// The hashes of these names, where they are known; else they are made when it is asked about.
    pub hashes: Option<&'a Hashes>,
}

impl<'a> Lineage<'a> {
    /// The lineage that `claims` say, of which `descent` was read.
    pub fn of(claims: &'a VerifiedClaims, descent: &'a Descent) -> Self {
        Self {
            signed_in: descent.signed_in,
            issued: descent.issued,
            whole_seconds: descent.whole_seconds,
            hashes: Some(&descent.hashes),
            ..Self::named(claims)
        }
    }

    /// What it is asked by, without its instants.
    fn named(claims: &'a VerifiedClaims) -> Self {
        Self {
            issuer: claims.issuer(),
            token_id: claims.token_id(),
            derived_from: claims.document().get(DERIVED_FROM).map_or(Ids::NONE, Ids::Claim),
            session: text(claims, SESSION),
            user: claims.subject().unwrap_or_default(),
            application: text(claims, "applicationId").or_else(|| text(claims, "aud")),
            through: through(claims),
            ..Self::foreign(claims.issuer(), "", 0)
        }
    }

    /// Its own id and those it came from.
    pub fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.token_id.into_iter().chain(self.derived_from.iter())
    }

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
            hashes: None,
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
