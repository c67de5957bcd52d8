//! `POST /api/jwt/refresh` (jwt-api.md section 2.4).

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::errors::Errors;
use super::refusal::Refusal;
use crate::authority::{Denial, Owned, Refreshed};
use crate::identity::credential::{ACCESS_TOKEN, Presented, REFRESH_TOKEN};
use crate::proxy::cookies;

pub(super) async fn refresh(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let mut fields = call.json_alone().await?;
    let in_body = fields.text("refreshToken");
    let lifetime = fields.lifetime("timeToLiveInSeconds");
    let beside = fields.text("token");
    fields.check()?;
    let refreshed = use_refresh_token(api, &call, (in_body.as_deref(), beside.as_deref()), lifetime).await?;
    let token = &refreshed.refresh_token;
    let body = json!({ "refreshToken": token.value, "refreshTokenId": token.id, "token": refreshed.token.token });
    let answer = Answer::json(StatusCode::OK, &body);
    if !call.cookies_count() {
        return Ok(answer);
    }
    let access = cookies::access_token(&refreshed.token.token, api.cookie_domain(), &call.client);
    let refresh = cookies::refresh_token(&token.value, token.lifetime, api.cookie_domain(), &call.client);
    Ok(answer.with_cookies(api.metrics.cookies_to_set([access, refresh])))
}

/// The cookie, before the body.
async fn use_refresh_token(
    api: &Shared,
    call: &Call,
    (in_body, beside): (Option<&str>, Option<&str>),
    lifetime: Option<Duration>,
) -> Result<Refreshed, Refusal> {
    let value = match (call.cookies(REFRESH_TOKEN).map_err(|fault| api.faulty(call, fault))?, in_body) {
        (Some(cookies), _) => only_good(api, call, cookies).await?,
        (None, Some(value)) => value,
        (None, None) => return Err(Refusal::field("missing", "refreshToken", "It is required, in the body or as a cookie.")),
    };
    let beside = beside_of(api, call, beside).await;
    let refreshed = api.authority.refresh_beside(value, lifetime, Some(call.address()), &beside).await;
    refreshed.map_err(|denial| if denial == Denial::RefreshToken { invalid() } else { denial.into() })
}

/// The access tokens that were sent along, those that are good; looked at only where somebody is told of them.
async fn beside_of<'c>(api: &Shared, call: &'c Call, in_body: Option<&'c str>) -> Vec<(Uuid, &'c str)> {
    if !api.authority.tells_tokens_of_refreshes() {
        return Vec::new();
    }
    let cookies = call.cookies(ACCESS_TOKEN).ok().flatten();
    let mut good = Vec::new();
    for token in cookies.iter().flat_map(Presented::tokens).chain(in_body) {
        if let Ok(own) = api.own_token(token).await {
            good.push((own.user, token));
        }
    }
    good
}

/// Of several cookies those that are no refresh token here are ignored. Where two are, of different users, or the access
/// token beside them is another user's, somebody planted one, and nobody can say which.
async fn only_good<'c>(api: &Shared, call: &'c Call, cookies: Presented<'c>) -> Result<&'c str, Refusal> {
    let values: Vec<&str> = cookies.tokens().collect();
    let (user, value) = match api.authority.only_good_refresh_token(&values, &[]).await? {
        Owned::By(owner) => (owner.user, owner.value),
        Owned::ByNobody => return Err(invalid()),
        Owned::BySeveral => return Err(api.conflicting_cookies(call)),
    };
    let beside = call.cookies(ACCESS_TOKEN).map_err(|fault| api.faulty(call, fault))?;
    for token in beside.iter().flat_map(Presented::tokens) {
        // One that has expired, or is no good for another reason, says nothing: to replace it is what refreshing is for.
        if api.own_token(token).await.is_ok_and(|own| own.user != user) {
            return Err(api.conflicting_cookies(call));
        }
    }
    Ok(value)
}

/// 401: the seed's status, with newer servers' body.
fn invalid() -> Refusal {
    Refusal::Invalid(Errors::field("invalid", "refreshToken", "The refresh token was not found or has expired."))
}
