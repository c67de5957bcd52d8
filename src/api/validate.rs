//! `GET /api/jwt/validate` (jwt-api.md section 2.7): any token that is good somewhere here, revoked ones not.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::credentials::presented;
use super::refusal::Refusal;
use crate::issuer::Verified;

#[derive(Serialize)]
struct Valid<'a> {
    jwt: &'a Map<String, Value>,
}

pub(super) async fn validate(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let presented = presented(call).map_err(|fault| api.faulty(call, fault))?.ok_or(Refusal::Unauthorized)?;
    let mut refused = Refusal::Unauthorized;
    for token in presented.tokens() {
        match api.judge(token).await {
            Ok(holding) => return Ok(Answer::json(StatusCode::OK, &Valid { jwt: holding.claims() })),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

/// A token that holds.
enum Holding {
    /// The authority's own access token, or another configured issuer's token.
    Verified(Arc<Verified>),
    /// A vended one, by its claims.
    Vended(Map<String, Value>),
}

impl Holding {
    fn claims(&self) -> &Map<String, Value> {
        match self {
            Self::Verified(verified) => verified.identity.claims.document(),
            Self::Vended(claims) => claims,
        }
    }
}

impl Shared {
    async fn judge(&self, token: &str) -> Result<Holding, Refusal> {
        let verified = match self.verified(token).await {
            Ok(verified) => verified,
            // A vended token need name neither issuer nor audience.
            Err(refused) => return self.authority.vended_claims(token).map(Holding::Vended).ok_or(refused),
        };
        self.check_standing(&verified)?;
        Ok(Holding::Verified(verified))
    }
}
