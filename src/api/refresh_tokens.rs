//! `GET` and `DELETE /api/jwt/refresh`: listing and revoking refresh tokens (jwt-api.md sections 2.5 and 2.6).

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::credentials::Caller;
use super::operations::done;
use super::parameters::{Parameters, not_an_id, parse_id};
use super::refusal::Refusal;
use crate::authority::{Revoke, refresh_token_document};
use crate::store::RefreshToken;

const ENDPOINT: &str = "/api/jwt/refresh";
/// As many as FusionAuth lists.
const MOST_LISTED: usize = 1000;

/// A user's refresh tokens: of any user with an API key, of one's own with a JWT.
pub(super) async fn list(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let (user, with_values) = match api.caller(call, ENDPOINT, &Method::GET).await? {
        Caller::Key(key) => {
            let user = call.query.id("userId")?;
            let user = user.ok_or_else(|| Refusal::field("missing", "userId", "It is required with an API key."))?;
            (user, key.show_refresh_tokens)
        }
        Caller::User(token) => (token.user, api.authority.settings().own_list_shows_tokens),
    };
    let tokens = api.authority.refresh_tokens_of(user, MOST_LISTED).await?;
    let shown = tokens.iter().map(|token| document(api, token, with_values)).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::json(StatusCode::OK, &json!({ "refreshTokens": shown })))
}

/// One refresh token by id, for an API key.
pub(super) async fn one(api: &Shared, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let key = api.api_key(call, ENDPOINT, &Method::GET)?;
    let id = parse_id(id).ok_or_else(|| not_an_id("tokenId"))?;
    let token = api.authority.refresh_token(id).await?.ok_or(Refusal::NotFound)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "refreshToken": document(api, &token, key.show_refresh_tokens)? })))
}

fn document(api: &Shared, token: &RefreshToken, with_value: bool) -> Result<Value, Refusal> {
    let value = with_value.then(|| api.authority.open_value(token)).transpose()?;
    Ok(refresh_token_document(token, value.as_deref()))
}

/// What a request names; of several selectors the narrowest counts.
#[derive(Debug, Default)]
struct Selector {
    token: Option<String>,
    user: Option<Uuid>,
    application: Option<Uuid>,
}

impl Selector {
    fn of(parameters: &Parameters) -> Result<Self, Refusal> {
        Ok(Self {
            token: parameters.text("token").map(str::to_owned),
            user: parameters.selecting_id("userId")?,
            application: parameters.selecting_id("applicationId")?,
        })
    }

    fn or(self, other: Self) -> Self {
        Self {
            token: self.token.or(other.token),
            user: self.user.or(other.user),
            application: self.application.or(other.application),
        }
    }

    fn what(&self) -> Result<Revoke<'_>, Refusal> {
        match (&self.token, self.user, self.application) {
            (Some(token), _, _) => Ok(Revoke::Value(token)),
            (None, Some(user), Some(application)) => Ok(Revoke::UserInApplication(user, application)),
            (None, Some(user), None) => Ok(Revoke::User(user)),
            (None, None, Some(application)) => Ok(Revoke::Application(application)),
            // Never "all".
            (None, None, None) => {
                let reason = "One of token, userId and applicationId is required.";
                Err(Refusal::field("missing", "token", reason))
            }
        }
    }
}

/// Revokes what query, form or JSON body names.
pub(super) async fn revoke(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let caller = api.caller(&call, ENDPOINT, &Method::DELETE).await?;
    let in_query = Selector::of(&call.query)?;
    let in_body = if call.has_form() { Selector::of(&call.form().await?)? } else { in_json(&mut call).await? };
    let selector = in_query.or(in_body);
    api.authority.revoke(selector.what()?, owner(&caller)).await?;
    Ok(done())
}

async fn in_json(call: &mut Call) -> Result<Selector, Refusal> {
    let mut fields = call.json().await?;
    let selector = Selector { token: fields.text("token"), user: fields.id("userId"), application: fields.id("applicationId") };
    fields.check()?;
    Ok(selector)
}

/// Revokes one refresh token by id.
pub(super) async fn revoke_one(api: &Shared, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let caller = api.caller(call, ENDPOINT, &Method::DELETE).await?;
    let id = parse_id(id).ok_or_else(|| not_an_id("tokenId"))?;
    api.authority.revoke(Revoke::Id(id), owner(&caller)).await?;
    Ok(done())
}

fn owner(caller: &Caller) -> Option<Uuid> {
    match caller {
        Caller::Key(_) => None,
        Caller::User(token) => Some(token.user),
    }
}
