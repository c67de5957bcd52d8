//! What the remote's answers say, read strictly: whatever is not one of the documented answers is none (jwt-api.md sections 2.1,
//! 2.4 and 2.7), and nobody is signed out by it.

use http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::RemoteFault;
use crate::media_type;
use crate::token::unambiguous_object;

/// Bytes of a token at most, as the verifier takes them.
const MOST_TOKEN: usize = 16 * 1024;
/// Bytes of a refresh token at most: what a cookie can hold.
const MOST_REFRESH_TOKEN: usize = 4000;

/// What came of asking for an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Issued {
    Token(String),
    /// Not with this token, or not this user.
    Refused,
    /// The remote does not know the application, or takes the request for another reason as no such request.
    Unknown,
}

/// What came of a refresh.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// The access token, and the refresh token where another one came.
    Tokens(String, Option<String>),
    /// The refresh token is not good.
    Refused,
}

pub(super) fn issued(answer: &Response<impl AsRef<[u8]>>) -> Result<Issued, RemoteFault> {
    match answer.status() {
        StatusCode::OK | StatusCode::ACCEPTED => Ok(Issued::Token(token(&document(answer)?)?)),
        StatusCode::UNAUTHORIZED => Ok(Issued::Refused),
        StatusCode::BAD_REQUEST => Ok(Issued::Unknown),
        status => Err(unexpected(status)),
    }
}

pub(super) fn refreshed(answer: &Response<impl AsRef<[u8]>>) -> Result<Refreshed, RemoteFault> {
    match answer.status() {
        StatusCode::OK => {
            let document = document(answer)?;
            let refresh_token = document.get("refreshToken").map(|value| word(value, MOST_REFRESH_TOKEN)).transpose()?;
            Ok(Refreshed::Tokens(token(&document)?, refresh_token))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED if names_refresh_token(&document(answer)?) => Ok(Refreshed::Refused),
        status => Err(unexpected(status)),
    }
}

/// Whether a token is still good.
pub(super) fn validated(answer: &Response<impl AsRef<[u8]>>) -> Result<bool, RemoteFault> {
    match answer.status() {
        StatusCode::OK => document(answer).map(|_| true),
        StatusCode::UNAUTHORIZED => Ok(false),
        status => Err(unexpected(status)),
    }
}

fn unexpected(status: StatusCode) -> RemoteFault {
    RemoteFault::Unexpected(format!("the status {} is no answer to this", status.as_u16()))
}

fn malformed(what: &str) -> RemoteFault {
    RemoteFault::Unexpected(format!("the answer {what}"))
}

fn document(answer: &Response<impl AsRef<[u8]>>) -> Result<Map<String, Value>, RemoteFault> {
    if !media_type::is_json(answer.headers()) {
        return Err(malformed("is not application/json"));
    }
    unambiguous_object(answer.body().as_ref()).map_err(|_| malformed("is no unambiguous JSON object"))
}

fn token(document: &Map<String, Value>) -> Result<String, RemoteFault> {
    word(document.get("token").ok_or_else(|| malformed("has no token"))?, MOST_TOKEN)
}

/// A value that stands in a header or a cookie as it is.
fn word(value: &Value, most: usize) -> Result<String, RemoteFault> {
    let is_plain = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
        (1..=most).contains(&text.len()) && text.bytes().all(plain)
    };
    value.as_str().filter(is_plain).map(str::to_owned).ok_or_else(|| malformed("has a token that is none"))
}

/// Whether an Errors object says that the refresh token is not good (jwt-api.md section 1.5).
fn names_refresh_token(errors: &Map<String, Value>) -> bool {
    let of_field = errors.get("fieldErrors").and_then(|fields| fields.get("refreshToken")).and_then(Value::as_array);
    of_field.into_iter().flatten().any(|error| error.get("code").and_then(Value::as_str) == Some("[invalid]refreshToken"))
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> Response<Vec<u8>> {
        let builder = Response::builder().status(status).header(CONTENT_TYPE, "application/json;charset=UTF-8");
        builder.body(body.to_string().into_bytes()).unwrap()
    }

    fn invalid(field: &str, code: &str) -> Value {
        json!({ "fieldErrors": { field: [{ "code": code, "message": "-" }] }, "generalErrors": [] })
    }

    #[test]
    fn an_exchange_is_a_token_or_a_refusal_and_anything_else_is_no_answer() {
        for status in [200, 202] {
            assert_eq!(issued(&answer(status, &json!({ "token": "a.b.c" }))).unwrap(), Issued::Token("a.b.c".to_owned()));
        }
        assert_eq!(issued(&answer(401, &json!({}))).unwrap(), Issued::Refused);
        assert_eq!(issued(&answer(400, &json!({}))).unwrap(), Issued::Unknown);
        for status in [204, 301, 403, 404, 429, 500, 503] {
            assert!(issued(&answer(status, &json!({ "token": "a.b.c" }))).is_err(), "{status}");
        }
    }

    #[test]
    fn a_refresh_is_refused_only_in_the_words_for_it() {
        let tokens = json!({ "token": "a.b.c", "refreshToken": "r", "refreshTokenId": "-" });
        assert_eq!(refreshed(&answer(200, &tokens)).unwrap(), Refreshed::Tokens("a.b.c".to_owned(), Some("r".to_owned())));
        assert_eq!(refreshed(&answer(200, &json!({ "token": "t" }))).unwrap(), Refreshed::Tokens("t".to_owned(), None));
        for status in [400, 401] {
            let refused = refreshed(&answer(status, &invalid("refreshToken", "[invalid]refreshToken"))).unwrap();
            assert_eq!(refused, Refreshed::Refused);
        }
        let others = [
            (400, invalid("refreshToken", "[missing]refreshToken")),
            (401, invalid("applicationId", "[invalid]refreshToken")),
            (401, json!({})),
            (404, invalid("refreshToken", "[invalid]refreshToken")),
            (500, tokens.clone()),
            (202, tokens),
        ];
        for (status, body) in others {
            assert!(refreshed(&answer(status, &body)).is_err(), "{status} {body}");
        }
    }

    #[test]
    fn rubbish_is_no_answer() {
        let bodies =
            [r#"{"token":"a b"}"#, r#"{"token":""}"#, r#"{"token":1}"#, r#"{"token":"a","token":"b"}"#, "{}", "[]", "<html>"];
        for body in bodies {
            let answer = answer(200, &json!(0)).map(|_| body.as_bytes().to_vec());
            assert!(issued(&answer).is_err() && refreshed(&answer).is_err(), "{body}");
        }
        let untyped = Response::builder().status(200).body(br#"{"token":"a"}"#.to_vec()).unwrap();
        assert!(issued(&untyped).is_err() && validated(&untyped).is_err());
        for value in ["a\r\nb", "a;b", "a,b", "é", "\u{0}"] {
            assert!(refreshed(&answer(200, &json!({ "token": "t", "refreshToken": value }))).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_token_that_is_asked_about_is_good_bad_or_not_known_of() {
        assert!(validated(&answer(200, &json!({ "jwt": {} }))).unwrap());
        assert!(!validated(&answer(401, &json!({}))).unwrap());
        for status in [400, 404, 500, 503] {
            assert!(validated(&answer(status, &json!({}))).is_err(), "{status}");
        }
    }
}
