//! `GET` and `POST /oauth2/userinfo` (OpenID Connect Core section 5.3, jwt-api.md section 2.12).

use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::refusal::Refusal;
use crate::store::User;

pub(super) async fn userinfo(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let refused = |reason, description| Refusal::OAuth(StatusCode::UNAUTHORIZED, "invalid_token", reason, description);
    if !call.headers.contains_key(AUTHORIZATION) {
        return Err(refused("missing_token", "The Authorization header with the access token is missing."));
    }
    let token = match api.user_in_header(call).await {
        Ok(Some(token)) => token,
        // A header without a token of ours is no reason to look at the cookie: it was not meant to be the credential.
        Ok(None) | Err(Refusal::Unauthorized) => {
            return Err(refused("access_token_malformed", "The access token is not valid."));
        }
        Err(refusal) => return Err(refusal),
    };
    let user = api.authority.user(token.user).await?;
    let user = user.ok_or_else(|| refused("user_not_found", "The access token's user is not there any more."))?;
    let mut claims = claims(&user);
    if let Some(registration) = token.application.and_then(|id| user.registration(id)) {
        claims.insert("applicationId".into(), json!(registration.application));
        claims.insert("roles".into(), json!(registration.roles));
    }
    Ok(Answer::json(StatusCode::OK, &Value::Object(claims)))
}

/// The standard claims (OpenID Connect Core section 5.1) that the user's record has.
fn claims(user: &User) -> Map<String, Value> {
    let mut claims = Map::from_iter([("sub".to_owned(), json!(user.id))]);
    if let Some(email) = &user.email {
        claims.insert("email".into(), json!(email));
        claims.insert("email_verified".into(), json!(user.verified));
    }
    if let Some(username) = &user.username {
        claims.insert("preferred_username".into(), json!(username));
    }
    let members = [
        ("given_name", "firstName"),
        ("middle_name", "middleName"),
        ("family_name", "lastName"),
        ("name", "fullName"),
        ("birthdate", "birthDate"),
        ("phone_number", "mobilePhone"),
        ("picture", "imageUrl"),
        ("zoneinfo", "timezone"),
    ];
    for (claim, member) in members {
        if let Some(value) = user.profile.get(member) {
            claims.insert(claim.into(), value.clone());
        }
    }
    claims
}
