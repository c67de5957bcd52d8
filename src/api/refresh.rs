//! `POST /api/jwt/refresh` (jwt-api.md section 2.4).

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::cookies;
use super::errors::Errors;
use super::refusal::Refusal;
use crate::authority::{Denial, Refreshed};
use crate::identity::credential::REFRESH_TOKEN;

pub(super) async fn refresh(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let mut fields = call.json_alone().await?;
    let in_body = fields.text("refreshToken");
    let lifetime = fields.number("timeToLiveInSeconds");
    if lifetime.is_some_and(|seconds| seconds <= 0) {
        fields.refuse("invalid", "timeToLiveInSeconds", "It must be more than 0.");
    }
    fields.check()?;
    let lifetime = lifetime.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let refreshed = use_refresh_token(api, &call, in_body.as_deref(), lifetime).await?;
    let settings = api.authority.settings();
    let token = &refreshed.refresh_token;
    let body = json!({ "refreshToken": token.value, "refreshTokenId": token.id, "token": refreshed.token.token });
    let answer = Answer::json(StatusCode::OK, &body);
    if !call.cookies_count() {
        return Ok(answer);
    }
    let access = cookies::access_token(&refreshed.token.token, settings, &call.client);
    let refresh = cookies::refresh_token(&token.value, token.lifetime, settings, &call.client);
    Ok(answer.with_cookies(access.into_iter().chain(refresh)))
}

/// The cookie, before the body. Of several cookies those that are no refresh token here are ignored; where two are, of
/// different users, somebody planted one.
async fn use_refresh_token(
    api: &Shared,
    call: &Call,
    in_body: Option<&str>,
    lifetime: Option<Duration>,
) -> Result<Refreshed, Refusal> {
    let values: Vec<&str> = match call.cookies(REFRESH_TOKEN) {
        Ok(Some(cookies)) => cookies.tokens().collect(),
        Ok(None) => in_body.into_iter().collect(),
        Err(_) => return Err(invalid()),
    };
    let value = match values.as_slice() {
        [] => return Err(Refusal::field("missing", "refreshToken", "It is required, in the body or as a cookie.")),
        [value] => value,
        several => api.authority.only_good_refresh_token(several).await?.ok_or_else(invalid)?,
    };
    let refreshed = api.authority.refresh(value, lifetime, Some(call.address())).await;
    refreshed.map_err(|denial| if denial == Denial::RefreshToken { invalid() } else { denial.into() })
}

/// 401: the seed's status, with newer servers' body.
fn invalid() -> Refusal {
    Refusal::Invalid(Errors::field("invalid", "refreshToken", "The refresh token was not found or has expired."))
}
