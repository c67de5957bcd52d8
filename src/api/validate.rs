//! `GET /api/jwt/validate` (jwt-api.md section 2.7): any token that is good somewhere here, revoked ones not.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::credentials::presented;
use super::refusal::Refusal;

pub(super) async fn validate(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let presented = presented(call).map_err(|_| Refusal::Unauthorized)?.ok_or(Refusal::Unauthorized)?;
    let mut refused = Refusal::Unauthorized;
    for token in presented.tokens() {
        match api.claims_of(token).await {
            Ok(claims) => return Ok(Answer::json(StatusCode::OK, &json!({ "jwt": claims }))),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

impl Shared {
    /// The claims of a token that holds: the authority's own, another configured issuer's, or a vended one.
    ///
    /// # Errors
    /// 401; 503 where it cannot be checked.
    pub(super) async fn claims_of(&self, token: &str) -> Result<Map<String, Value>, Refusal> {
        if let Some(claims) = self.authority.vended_claims(token) {
            return Ok(claims);
        }
        let verified = self.verified(token).await?;
        let claims = &verified.identity.claims;
        match self.own(&verified) {
            Some(own) => self.authority.check_revocation(claims, &own)?,
            None => self.authority.check_foreign(claims)?,
        }
        Ok(claims.document().clone())
    }
}
