//! The JOSE header of a token (RFC 7515 section 4): the three members that are used, and those that refuse it.
//!
//! `jku`, `jwk`, `x5u`, `x5c` and every other member have no effect whatever they hold: where keys come from is
//! configured, never said by a token (RFC 8725 section 3.10).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::json::{self, JsonFault, Strict};
use super::{Algorithm, TokenFault};

/// What a token says about its own signature; nothing of it is proved until the signature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`, an exact lookup key within the issuer's own set and nothing else.
    pub key_id: Option<Box<str>>,
    /// `typ`, as it stands.
    pub token_type: TokenType,
}

/// The `typ` member. It is judged after the signature, so a wrong kind of value is kept until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// There is none.
    Absent,
    /// A string.
    Named(Box<str>),
    /// Something else than a string; never accepted.
    NotText,
}

impl Header {
    /// Reads the decoded header.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenFault> {
        let fault = Cell::new(JsonFault::Malformed);
        let members = json::whole(bytes, MemberReader(Strict::outermost(&fault)));
        members.map_err(|()| fault.get().in_token(TokenFault::BadHeader))?.judge()
    }
}

/// The members of a header that mean something here.
#[derive(Default)]
struct Members {
    algorithm: Option<Value>,
    key_id: Option<Value>,
    token_type: Option<Value>,
    critical: bool,
}

impl Members {
    fn judge(self) -> Result<Header, TokenFault> {
        if self.critical {
            return Err(TokenFault::CriticalHeader);
        }
        let algorithm = self.algorithm.as_ref().and_then(Value::as_str).and_then(Algorithm::from_name);
        let key_id = match self.key_id {
            None => None,
            Some(Value::String(id)) => Some(id.into_boxed_str()),
            Some(_) => return Err(TokenFault::BadKeyId),
        };
        let token_type = match self.token_type {
            None => TokenType::Absent,
            Some(Value::String(name)) => TokenType::Named(name.into_boxed_str()),
            Some(_) => TokenType::NotText,
        };
        Ok(Header { algorithm: algorithm.ok_or(TokenFault::UnknownAlgorithm)?, key_id, token_type })
    }

    /// Where the value of `name` is kept; `None` for a member without meaning here.
    fn place(&mut self, name: &str) -> Option<&mut Option<Value>> {
        match name {
            "alg" => Some(&mut self.algorithm),
            "kid" => Some(&mut self.key_id),
            "typ" => Some(&mut self.token_type),
            _ => None,
        }
    }
}

struct MemberReader<'f>(Strict<'f>);

impl<'de> DeserializeSeed<'de> for MemberReader<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Members, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MemberReader<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
        let inner = self.0.inner()?;
        let mut members = Members::default();
        let mut others = BTreeSet::new();
        while let Some(name) = access.next_key_seed(Name)? {
            let value = access.next_value_seed(inner)?;
            let seen = match members.place(&name) {
                Some(place) => place.replace(value).is_some(),
                None => {
                    members.critical |= matches!(&*name, "crit" | "b64");
                    !others.insert(name)
                }
            };
            if seen {
                return Err(self.0.refuse(JsonFault::Duplicate));
            }
        }
        Ok(members)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, TokenFault> {
        Header::parse(text.as_bytes())
    }

    #[test]
    fn reads_the_three_members_and_ignores_the_rest() {
        let header = parse(
            r#"{"\u0061lg":"ES256","kid":"k1","typ":"at+jwt","jku":"https://evil.example","jwk":{"kty":"oct"},"x5u":1,"x5c":[]}"#,
        );
        let expected =
            Header { algorithm: Algorithm::ES256, key_id: Some("k1".into()), token_type: TokenType::Named("at+jwt".into()) };
        assert_eq!(header, Ok(expected));
    }

    #[test]
    fn alg_is_an_exact_name_of_the_list() {
        for alg in [
            r#""none""#,
            r#""None""#,
            r#""nOnE""#,
            r#""NONE""#,
            r#""""#,
            r#""rs256""#,
            r#""RS256 ""#,
            r#"" RS256""#,
            r#""RS256\u0000""#,
            r#""RS1""#,
            r#""ES256K""#,
            r#""RSA-OAEP""#,
            "null",
            "1",
            r#"["RS256"]"#,
            r#"{"RS256":1}"#,
            "true",
        ] {
            assert_eq!(parse(&format!(r#"{{"alg":{alg}}}"#)), Err(TokenFault::UnknownAlgorithm), "{alg}");
        }
        assert_eq!(parse("{}"), Err(TokenFault::UnknownAlgorithm));
        assert_eq!(parse(r#"{"ALG":"RS256"}"#), Err(TokenFault::UnknownAlgorithm));
    }

    #[test]
    fn authlib_cve_2025_59420_crit_and_b64_are_refused_in_any_form() {
        for member in [
            r#""crit":["exp"]"#,
            r#""crit":[]"#,
            r#""crit":null"#,
            r#""crit":"b64""#,
            r#""crit":{}"#,
            r#""b64":false"#,
            r#""b64":true"#,
            r#""crit":["b64"],"b64":false"#,
            r#""cr\u0069t":[]"#,
        ] {
            assert_eq!(parse(&format!(r#"{{"alg":"RS256",{member}}}"#)), Err(TokenFault::CriticalHeader), "{member}");
        }
    }

    #[test]
    fn kid_is_a_string_if_it_is_there() {
        for kid in ["1", "null", "[]", r#"["k"]"#, "{}", "true"] {
            assert_eq!(parse(&format!(r#"{{"alg":"RS256","kid":{kid}}}"#)), Err(TokenFault::BadKeyId), "{kid}");
        }
        assert_eq!(parse(r#"{"alg":"RS256","kid":""}"#).unwrap().key_id, Some("".into()));
    }

    #[test]
    fn duplicate_members_are_refused() {
        for text in [
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":"a","kid":"b"}"#,
            r#"{"alg":"RS256","x":1,"x":1}"#,
            r#"{"alg":"RS256","x":{"y":1,"y":1}}"#,
            r#"{"alg":"RS256","a\u006cg":"HS256"}"#,
        ] {
            assert_eq!(parse(text), Err(TokenFault::DuplicateMember), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for text in ["", "[]", "null", "\"RS256\"", "{\"alg\":\"RS256\"}x", "\u{feff}{\"alg\":\"RS256\"}"] {
            assert_eq!(parse(text), Err(TokenFault::BadHeader), "{text}");
        }
        assert_eq!(parse(&format!(r#"{{"alg":"RS256","x":{}"#, "[".repeat(5000))), Err(TokenFault::TooDeep));
    }
}
