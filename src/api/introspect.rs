//! `POST /oauth2/introspect` (RFC 7662, jwt-api.md section 2.11): possession of the token suffices.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
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
    let missing = || {
        let description = "The request is missing a required parameter: token";
        Refusal::OAuth(StatusCode::BAD_REQUEST, "invalid_request", "missing_token", description)
    };
    let token = form.text("token").ok_or_else(missing)?;
    let verified = match api.own_access_token(token).await {
        Ok((verified, _)) => verified,
        Err(Refusal::Unauthorized) => return Ok(answer(None)),
        Err(refusal) => return Err(refusal),
    };
    let claims = verified.identity.claims.document();
    let of_header = basic_client(&call.headers);
    if let Some(client) = form.text("client_id").or(of_header.as_deref())
        && claims.get("aud").and_then(Value::as_str) != Some(client)
    {
        let description = "The access token was not issued to this client_id.";
        return Err(Refusal::OAuth(StatusCode::UNAUTHORIZED, "invalid_client", "client_id_mismatch", description));
    }
    Ok(answer(Some(claims)))
}

/// The client of `Authorization: Basic` (RFC 6749 section 2.3.1); its secret is no credential here.
fn basic_client(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, encoded) = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(client, _)| client.to_owned()).filter(|client| !client.is_empty())
}

fn answer(claims: Option<&Map<String, Value>>) -> Answer {
    Answer::json(StatusCode::OK, &Introspection { active: claims.is_some(), claims })
}
