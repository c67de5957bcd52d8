//! JSON objects without ambiguity: a member named twice, at any depth, is refused, and so is deep nesting.
//!
//! Two parsers that meet `{"sub":"a","sub":"b"}` may each keep another one; a signature over it proves nothing
//! (RFC 8725 section 2.4, RFC 7519 section 4). Called for headers, claims and key sets; one pass, no second look.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::TokenFault;

/// Objects and arrays within one another; no known issuer comes near it, and the stack holds it easily.
const MAX_DEPTH: u8 = 32;

/// Why bytes are not one unambiguous JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonFault {
    /// Not UTF-8, not JSON, not an object, or followed by more.
    Malformed,
    /// A member is named twice.
    Duplicate,
    /// Nested too deep.
    TooDeep,
}

impl JsonFault {
    /// The token's fault, where a malformed document is `malformed`.
    pub(super) fn in_token(self, malformed: TokenFault) -> TokenFault {
        match self {
            Self::Malformed => malformed,
            Self::Duplicate => TokenFault::DuplicateMember,
            Self::TooDeep => TokenFault::TooDeep,
        }
    }
}

/// The members of the one JSON object that `bytes` is (RFC 8259; white space around it is part of the grammar).
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    let fault = Cell::new(JsonFault::Malformed);
    whole(bytes, Members(Strict::outermost(&fault))).map_err(|()| fault.get())
}

/// As [`object`], for documents that are no part of a token; the text says what is wrong.
///
/// # Errors
/// The reason, in words for whoever sent it.
pub fn unambiguous_object(bytes: &[u8]) -> Result<Map<String, Value>, &'static str> {
    object(bytes).map_err(|fault| match fault {
        JsonFault::Malformed => "it is not one JSON object in UTF-8",
        JsonFault::Duplicate => "a member is named twice in one object",
        JsonFault::TooDeep => "it is nested too deep",
    })
}

/// What `seed` makes of `bytes`, all of them.
pub(super) fn whole<'a, S: DeserializeSeed<'a>>(bytes: &'a [u8], seed: S) -> Result<S::Value, ()> {
    let mut input = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut input).map_err(drop)?;
    input.end().map_err(drop)?;
    Ok(value)
}

/// Reads one JSON value, keeping the reason of a refusal that is ours and not the parser's.
#[derive(Clone, Copy)]
pub(super) struct Strict<'f> {
    depth: u8,
    fault: &'f Cell<JsonFault>,
}

impl<'f> Strict<'f> {
    pub(super) fn outermost(fault: &'f Cell<JsonFault>) -> Self {
        Self { depth: 0, fault }
    }

    /// The reader of what is directly inside.
    pub(super) fn inner<E: Error>(self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH.. => Err(self.refuse(JsonFault::TooDeep)),
            depth => Ok(Self { depth: depth + 1, fault: self.fault }),
        }
    }

    /// Notes the reason and ends the parse.
    pub(super) fn refuse<E: Error>(self, fault: JsonFault) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }

    fn members<'de, A: MapAccess<'de>>(self, mut access: A) -> Result<Map<String, Value>, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.insert(name, access.next_value_seed(inner)?).is_some() {
                return Err(self.refuse(JsonFault::Duplicate));
            }
        }
        Ok(members)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        self.members(access).map(Value::Object)
    }
}

/// Reads an object and nothing else.
struct Members<'f>(Strict<'f>);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        self.0.members(access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<JsonFault> {
        object(text.as_bytes()).err()
    }

    #[test]
    fn a_member_named_twice_is_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":[{"c":1,"c":1}]}]}"#, r#"{"a":1,"\u0061":1}"#] {
            assert_eq!(fault(text), Some(JsonFault::Duplicate), "{text}");
        }
        assert_eq!(fault(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#), None);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert_eq!(fault(&nested(32)), None);
        assert_eq!(fault(&nested(33)), Some(JsonFault::TooDeep));
        assert_eq!(fault(&nested(10_000)), Some(JsonFault::TooDeep));
        assert_eq!(fault(&format!("{{\"a\":{}", "[".repeat(10_000))), Some(JsonFault::TooDeep));
    }

    #[test]
    fn what_is_not_one_utf8_object_is_malformed() {
        let texts =
            ["", "null", "[]", "1", "\"a\"", "{", "{}{}", "{} x", "{}\0", "\u{feff}{}", "{\"a\":1e400}", "{'a':1}", "{a:1}"];
        for text in texts.into_iter().chain([r#"{"a":"\ud800"}"#, r#"{"a":01}"#, r#"{"a":NaN}"#, r#"{"a":1,}"#]) {
            assert_eq!(fault(text), Some(JsonFault::Malformed), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(JsonFault::Malformed));
        let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(object(&utf16), Err(JsonFault::Malformed));
    }
}
