//! `POST /api/jwt/vend` (jwt-api.md section 2.8): a token with any claims, of a kind that is no credential here.

use std::time::Duration;

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
    let lifetime = fields.number("timeToLiveInSeconds");
    if lifetime.is_some_and(|seconds| seconds <= 0) {
        fields.refuse("invalid", "timeToLiveInSeconds", "It must be more than 0.");
    }
    fields.check()?;
    let lifetime = lifetime.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let token = api.authority.vend(claims, key.as_deref(), lifetime)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "token": token })))
}
