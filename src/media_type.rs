//! What a message says its body is (RFC 9110 section 8.3).

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// The type and subtype in `Content-Type`, without its parameters; empty where that is no text. In any case of letters.
pub fn named(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?;
    Some(value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim())
}

/// Whether it says that it is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    named(headers).is_some_and(|named| named.eq_ignore_ascii_case("application/json"))
}
