//! `POST /oauth2/introspect` (RFC 7662, jwt-api.md section 2.11): possession of the token suffices.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::oauth_client;
use super::refusal::Refusal;

/// What is said of a token; of one that does not hold, nothing more.
#[derive(Serialize)]
struct Introspection<'a> {
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    claims: Option<&'a Map<String, Value>>,
}

pub(super) async fn introspect(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let form = call.form().await?;
    let verified = match api.own_access_token(oauth_client::token(&form)?).await {
        Ok((verified, _)) => verified,
        Err(Refusal::Unauthorized) => return Ok(answer(None)),
        Err(refusal) => return Err(refusal),
    };
    let claims = verified.identity.claims.document();
    oauth_client::check(&call, &form, claims.get("aud").and_then(Value::as_str))?;
    Ok(answer(Some(claims)))
}

fn answer(claims: Option<&Map<String, Value>>) -> Answer {
    Answer::json(StatusCode::OK, &Introspection { active: claims.is_some(), claims })
}
