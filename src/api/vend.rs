//! `POST /api/jwt/vend` (jwt-api.md section 2.8): a token with any claims, of a kind that is no credential here.

use http::{Method, StatusCode};
use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::refusal::Refusal;

pub(super) async fn vend(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    api.api_key(&call, "/api/jwt/vend", &Method::POST)?;
    let mut fields = call.json().await?;
    let (claims, key) = (fields.object("claims").unwrap_or_default(), fields.text("keyId"));
    let lifetime = fields.lifetime("timeToLiveInSeconds");
    fields.check()?;
    let token = api.authority.vend(claims, key.as_deref(), lifetime)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "token": token })))
}
