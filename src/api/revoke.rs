//! `POST /oauth2/revoke` (RFC 7009): one access token, or one refresh token, by whoever has it.
//!
//! 200 also for what is no token here, or none any more: that is what was asked for. `token_type_hint` would only say where
//! to look first; no value is both kinds.

use serde_json::Value;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::oauth_client;
use super::operations::done;
use super::parameters::Parameters;
use super::refusal::Refusal;
use crate::authority::{Denial, Revoke};

pub(super) async fn revoke(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let form = call.form().await?;
    let token = oauth_client::token(&form)?;
    let (verified, own) = match api.own_access_token(token).await {
        Ok(found) => found,
        Err(Refusal::Unauthorized) => return revoke_refresh_token(api, &call, &form, token).await,
        Err(refusal) => return Err(refusal),
    };
    oauth_client::check(&call, &form, verified.identity.claims.document().get("aud").and_then(Value::as_str))?;
    api.authority.revoke_access_token(&own).await?;
    Ok(done())
}

async fn revoke_refresh_token(api: &Shared, call: &Call, form: &Parameters, value: &str) -> Result<Answer, Refusal> {
    let Some(found) = api.authority.refresh_token_by_value(value).await? else { return Ok(done()) };
    oauth_client::check(call, form, Some(&found.application.to_string()))?;
    match api.authority.revoke(Revoke::Value(value), None).await {
        // Somebody else revoked it meanwhile.
        Ok(_) | Err(Denial::NotFound) => Ok(done()),
        Err(denial) => Err(denial.into()),
    }
}
