//! What an access token of the authority says, read once from its verified claims.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::revocation::DERIVED_FROM;
use crate::token::VerifiedClaims;

/// An access token of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnToken {
    /// `jti`.
    pub id: Uuid,
    /// `sub`.
    pub user: Uuid,
    /// `applicationId`, where the user is registered there.
    pub application: Option<Uuid>,
    /// `sid`.
    pub session: Uuid,
    /// The sign-in, to the millisecond: the instant of `sid`.
    pub signed_in: Timestamp,
    /// The issue, to the millisecond: the instant of `jti`.
    pub issued: Timestamp,
    /// `exp`.
    pub expires: Timestamp,
    /// `authenticationType`.
    pub authentication_type: String,
    /// The ids that it came from, oldest first: tokens by exchange, refresh tokens by refresh.
    pub derived_from: Vec<String>,
    /// It was made for a backend.
    pub for_backend: bool,
}

/// The claim that marks a token made for a backend.
pub(super) const USE: &str = "use";

impl OwnToken {
    /// What `claims`, verified as the authority's, say; `None` where they are no access token's.
    pub fn of(claims: &VerifiedClaims) -> Option<Self> {
        let document = claims.document();
        let (id, session) = (own_id(document, "jti")?, own_id(document, "sid")?);
        Some(Self {
            id,
            user: own_id(document, "sub")?,
            application: own_id(document, "applicationId"),
            session,
            signed_in: Timestamp::of_id(session)?,
            issued: Timestamp::of_id(id)?,
            expires: claims.expires_at(),
            authentication_type: document.get("authenticationType")?.as_str()?.to_owned(),
            derived_from: derived_from(document),
            for_backend: document.contains_key(USE),
        })
    }
}

fn own_id(document: &Map<String, Value>, name: &str) -> Option<Uuid> {
    document.get(name)?.as_str()?.parse().ok()
}

fn derived_from(document: &Map<String, Value>) -> Vec<String> {
    let ids = document.get(DERIVED_FROM).and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
