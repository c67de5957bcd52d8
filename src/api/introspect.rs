//! `POST /oauth2/introspect` (RFC 7662, jwt-api.md section 2.11): possession of the token suffices.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::refusal::Refusal;

pub(super) async fn introspect(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let form = call.form().await?;
    let missing = || {
        let description = "The request is missing a required parameter: token";
        Refusal::OAuth(StatusCode::BAD_REQUEST, "invalid_request", "missing_token", description)
    };
    let token = form.text("token").ok_or_else(missing)?;
    let claims = match api.own_claims(token).await {
        Ok(claims) => claims,
        Err(Refusal::Unauthorized) => return Ok(Answer::json(StatusCode::OK, &json!({ "active": false }))),
        Err(refusal) => return Err(refusal),
    };
    if let Some(client) = form.text("client_id")
        && claims.get("aud").and_then(Value::as_str) != Some(client)
    {
        let description = "The access token was not issued to this client_id.";
        return Err(Refusal::OAuth(StatusCode::UNAUTHORIZED, "invalid_client", "client_id_mismatch", description));
    }
    let mut answer = Map::from_iter([("active".to_owned(), Value::Bool(true))]);
    answer.extend(claims);
    Ok(Answer::json(StatusCode::OK, &Value::Object(answer)))
}

impl Shared {
    /// The claims of an access token of the authority that holds.
    async fn own_claims(&self, token: &str) -> Result<Map<String, Value>, Refusal> {
        let verified = self.verified(token).await?;
        // A token by a shared secret is good at its application and at validate alone.
        let own = self.own(&verified).filter(|_| !verified.is_by_shared_secret()).ok_or(Refusal::Unauthorized)?;
        self.authority.check_revocation(&verified.identity.claims, &own)?;
        Ok(verified.identity.claims.document().clone())
    }
}
