//! What a token says, for a person who looks at it; nothing of it is verified.

use serde_json::{Map, Value};

use super::raw::{Parts, decode};
use super::{TokenFault, json};

/// Far above any issuer's limit: whoever looks at a token may want to know why it is too large.
const MAX_BYTES: usize = 1024 * 1024;

/// The header and the claims of `text`, unverified and unjudged: an unknown `alg` or a missing `iss` is shown.
///
/// # Errors
/// A fault of the structure: parts, encoding, JSON.
pub fn inspect(text: &str) -> Result<(Value, Value), TokenFault> {
    let parts = Parts::of(text, MAX_BYTES)?;
    let header = members(parts.header, TokenFault::BadHeader)?;
    let claims = members(parts.claims, TokenFault::BadClaims)?;
    decode(parts.signature, &mut Vec::new())?;
    Ok((header.into(), claims.into()))
}

fn members(part: &[u8], malformed: TokenFault) -> Result<Map<String, Value>, TokenFault> {
    json::object(decode(part, &mut Vec::new())?).map_err(|fault| fault.in_token(malformed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_would_never_be_accepted() {
        // {"alg":"none"} . {"sub":"a"} .
        let (header, claims) = inspect("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.").unwrap();
        assert_eq!(header, serde_json::json!({"alg": "none"}));
        assert_eq!(claims, serde_json::json!({"sub": "a"}));
    }

    #[test]
    fn refuses_what_has_no_single_reading() {
        assert_eq!(inspect("a.b"), Err(TokenFault::NotCompact));
        assert_eq!(inspect("a.b.c.d.e"), Err(TokenFault::Encrypted));
        assert_eq!(inspect("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.="), Err(TokenFault::BadEncoding));
        assert_eq!(inspect("bnVsbA.eyJzdWIiOiJhIn0."), Err(TokenFault::BadHeader));
    }
}
