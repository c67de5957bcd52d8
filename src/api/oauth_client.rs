//! What the OAuth endpoints on tokens (RFC 7009, RFC 7662) have in common: the token that a form names, and the client.
//!
//! Possession of the token suffices. A client that is named all the same must be the one that the token is for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::StatusCode;
use http::header::AUTHORIZATION;

use super::call::Call;
use super::parameters::Parameters;
use super::refusal::Refusal;

/// The token that the form names.
///
/// # Errors
/// 400 where there is none.
pub(super) fn token(form: &Parameters) -> Result<&str, Refusal> {
    let missing = || {
        let description = "The request is missing a required parameter: token";
        Refusal::OAuth(StatusCode::BAD_REQUEST, "invalid_request", "missing_token", description)
    };
    form.text("token").ok_or_else(missing)
}

/// Refuses a client that the form or else the header names and that is not `audience`.
///
/// # Errors
/// 401.
pub(super) fn check(call: &Call, form: &Parameters, audience: Option<&str>) -> Result<(), Refusal> {
    let of_header = of_basic(&call.headers);
    let named = form.text("client_id").or(of_header.as_deref());
    if named.is_none_or(|client| audience == Some(client)) {
        return Ok(());
    }
    let description = "The token was not issued to this client_id.";
    Err(Refusal::OAuth(StatusCode::UNAUTHORIZED, "invalid_client", "client_id_mismatch", description))
}

/// The client of `Authorization: Basic` (RFC 6749 section 2.3.1); its secret is no credential here.
fn of_basic(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, encoded) = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(client, _)| client.to_owned()).filter(|client| !client.is_empty())
}
