//! The stage that tells the backend who is calling: identity headers, and what it finds in `Authorization`.
//!
//! It only sets: [`super::sanitize`](mod@super::sanitize) has removed every name it could set and their aliases, so an
//! absent claim leaves no header (Caddy CVE-2026-30851). A claim that a header cannot say exactly is refused, never encoded or shortened.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use thiserror::Error;

use crate::identity::credential::strip_authorization;
use crate::identity::{ClaimSource, Identity};

/// A claim cannot be said in a header: a control character, a list element with the delimiter, an object, outer
/// spaces, which the backend would not see, or too long. 403 `claim_unusable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a claim cannot be said in a header")]
pub(super) struct ClaimUnusable;

/// The identity headers of one caller on one route, ready to be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IdentityHeaders(Vec<(HeaderName, HeaderValue)>);

impl IdentityHeaders {
    /// What `wanted` says of `identity`.
    ///
    /// # Errors
    /// [`ClaimUnusable`].
    pub(super) fn of(identity: &Identity, wanted: &[(HeaderName, ClaimSource)]) -> Result<Self, ClaimUnusable> {
        let mut headers = Vec::with_capacity(wanted.len());
        let mut bytes = 0;
        for (name, source) in wanted {
            let Some(text) = say(identity, source)? else { continue };
            bytes += text.len();
            headers.push((name.clone(), HeaderValue::from_bytes(text.as_bytes()).map_err(|_| ClaimUnusable)?));
        }
        if bytes > MOST_BYTES { Err(ClaimUnusable) } else { Ok(Self(headers)) }
    }

    /// Sets them on a sanitized request.
    pub(super) fn set(self, headers: &mut HeaderMap) {
        for (name, value) in self.0 {
            headers.insert(name, value);
        }
    }
}

/// Sets `Authorization` on an authenticated request: to the token that its route says, if any.
pub(super) fn set_authorization(headers: &mut HeaderMap, token: Option<&str>) {
    headers.remove(AUTHORIZATION);
    if let Some(token) = token
        && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}

/// Removes our credentials from `Authorization` on a request without identity; another scheme passes, it is the
/// backend's own.
pub(super) fn clear_authorization(headers: &mut HeaderMap) {
    strip_authorization(headers);
}

fn say<'c>(identity: &'c Identity, source: &ClaimSource) -> Result<Option<Cow<'c, str>>, ClaimUnusable> {
    match source {
        ClaimSource::Subject => said(identity.subject().map(plain)),
        ClaimSource::Issuer => said(Some(plain(identity.issuer()))),
        ClaimSource::Roles => join(identity.roles.iter().map(AsRef::as_ref), ','),
        ClaimSource::Scopes => join(identity.scopes.iter().map(AsRef::as_ref), ' '),
        ClaimSource::Claim(place) => place.find(identity.claims.document()).map_or(Ok(None), say_value),
    }
}

fn said(text: Option<Result<&str, ClaimUnusable>>) -> Result<Option<Cow<'_, str>>, ClaimUnusable> {
    text.transpose().map(|text| text.map(Cow::Borrowed))
}

fn say_value(value: &Value) -> Result<Option<Cow<'_, str>>, ClaimUnusable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => said(Some(plain(text))),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string().into())),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(say_item).collect::<Result<_, _>>()?;
            join(texts.iter().map(String::as_str), ',')
        }
        Value::Object(_) => Err(ClaimUnusable),
    }
}

fn say_item(item: &Value) -> Result<String, ClaimUnusable> {
    match item {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(item.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(ClaimUnusable),
    }
}

/// A list of nothing is no header.
fn join<'c, 'i>(items: impl Iterator<Item = &'i str>, delimiter: char) -> Result<Option<Cow<'c, str>>, ClaimUnusable> {
    let mut joined = String::new();
    for item in items {
        if item.is_empty() || item.contains(delimiter) {
            return Err(ClaimUnusable);
        }
        if !joined.is_empty() {
            joined.push(delimiter);
        }
        joined.push_str(plain(item)?);
    }
    Ok((!joined.is_empty()).then(|| joined.into()))
}

/// `text` where a header says exactly it (Envoy CVE-2023-27493: a claim with CR LF made a second request). Outer spaces
/// are no part of a header's value: the subject ` alice` would become `alice`.
fn plain(text: &str) -> Result<&str, ClaimUnusable> {
    let exact = if text.is_ascii() {
        // Most claims; without an early end the processor looks at many bytes at once.
        text.bytes().fold(true, |good, byte| good & !byte.is_ascii_control()) && !text.starts_with(' ') && !text.ends_with(' ')
    } else {
        text.trim_matches(char::is_whitespace).len() == text.len() && !text.chars().any(char::is_control)
    };
    if exact { Ok(text) } else { Err(ClaimUnusable) }
}

/// All values of one request together.
const MOST_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::identity::Pointer;
    use crate::identity::tests::identity;

    fn said(value: &Value) -> Result<Option<String>, ClaimUnusable> {
        let wanted = [(HeaderName::from_static("x-c"), ClaimSource::Claim(Pointer::parse("c").unwrap()))];
        let headers = IdentityHeaders::of(&identity(&json!({ "c": value }), &[], &[]), &wanted)?;
        Ok(headers.0.first().map(|(_, value)| String::from_utf8(value.as_bytes().to_vec()).unwrap()))
    }

    #[test]
    fn values_are_said_as_they_are() {
        let cases = [
            (json!("Zoë ☃"), Some("Zoë ☃")),
            (json!("a, b"), Some("a, b")),
            (json!(5), Some("5")),
            (json!(-1.5), Some("-1.5")),
            (json!(true), Some("true")),
            (json!(["a", "b c", 3]), Some("a,b c,3")),
            (json!([]), None),
            (json!(null), None),
            (json!(""), Some("")),
        ];
        for (value, text) in cases {
            assert_eq!(said(&value), Ok(text.map(str::to_owned)), "{value}");
        }
    }

    #[test]
    fn envoy_cve_2023_27493_what_a_header_cannot_say_is_refused() {
        let cases = [
            json!("a\r\nX-Admin: 1"),
            json!("a\0"),
            json!("a\tb"),
            json!("\u{7f}"),
            json!("\u{85}"),
            json!(" alice"),
            json!("alice "),
            json!("alice\u{a0}"),
            json!(["a,b"]),
            json!(["a", ""]),
            json!(["a", " b"]),
            json!([["a"]]),
            json!([null]),
            json!({"a": 1}),
            json!("x".repeat(8193)),
        ];
        for value in cases {
            assert_eq!(said(&value), Err(ClaimUnusable), "{value}");
        }
        assert!(said(&json!("x".repeat(8192))).is_ok());
    }

    #[test]
    fn every_source_has_its_header_and_its_delimiter() {
        let caller = identity(&json!({"sub": "alice"}), &["admin", "user"], &["read", "write"]);
        let sources = [ClaimSource::Subject, ClaimSource::Issuer, ClaimSource::Roles, ClaimSource::Scopes];
        let names = ["x-sub", "x-iss", "x-roles", "x-scopes"].map(HeaderName::from_static);
        let wanted: Vec<_> = names.iter().cloned().zip(sources).collect();
        let mut headers = HeaderMap::new();
        IdentityHeaders::of(&caller, &wanted).unwrap().set(&mut headers);
        let values: Vec<_> = names.iter().map(|name| headers.get(name).unwrap().to_str().unwrap()).collect();
        assert_eq!(values, ["alice", "https://issuer.example", "admin,user", "read write"]);
    }

    #[test]
    fn a_role_that_would_read_as_two_is_refused() {
        let wanted = [(HeaderName::from_static("x-roles"), ClaimSource::Roles)];
        assert_eq!(IdentityHeaders::of(&identity(&json!({}), &["user,admin"], &[]), &wanted), Err(ClaimUnusable));
    }

    #[test]
    fn caddy_cve_2026_30851_an_absent_claim_leaves_no_header() {
        let wanted = [(HeaderName::from_static("x-email"), ClaimSource::Claim(Pointer::parse("email").unwrap()))];
        let caller = identity(&json!({}), &[], &[]);
        assert_eq!(IdentityHeaders::of(&caller, &wanted), Ok(IdentityHeaders::default()));
        let roles =
            [(HeaderName::from_static("x-roles"), ClaimSource::Roles), (HeaderName::from_static("x-sub"), ClaimSource::Subject)];
        assert_eq!(IdentityHeaders::of(&caller, &roles), Ok(IdentityHeaders::default()));
    }

    #[test]
    fn authorization_is_what_the_route_says() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("JWT a.b.c"));
        set_authorization(&mut headers, Some("a.b.c"));
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "Bearer a.b.c");
        assert!(headers.get(AUTHORIZATION).unwrap().is_sensitive());
        set_authorization(&mut headers, None);
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_said_is_what_the_claim_is(text in "\\PC{0,12}|[ -~\r\n\t]{0,6}") {
            if let Ok(Some(said)) = said(&json!(text)) {
                prop_assert_eq!(said, text);
            }
        }
    }
}
