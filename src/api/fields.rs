//! The members of a JSON body: found by name, checked by type, every mistake reported under its full name.
//!
//! A member that is `null` is absent. Members that are not asked for are let be: the documented ones that this server
//! has no use for, and whatever newer clients add.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::errors::Errors;
use super::parameters::parse_id;
use super::refusal::Refusal;
use crate::token;

/// The members of one object, and what was found wrong with them so far.
#[derive(Debug)]
pub(super) struct Fields {
    members: Map<String, Value>,
    errors: Errors,
}

impl Fields {
    /// The object that `body` is; one without members where it is empty.
    ///
    /// # Errors
    /// 400 where it is no JSON object, or has a member twice.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::of(Map::new()));
        }
        let members = token::unambiguous_object(body)
            .map_err(|why| Errors::general("[invalidJSON]", &format!("The body is not usable: {why}.")))?;
        Ok(Self::of(members))
    }

    /// These members.
    pub(super) fn of(members: Map<String, Value>) -> Self {
        Self { members, errors: Errors::default() }
    }

    /// The value at `path` (`metaData.device.name`).
    fn at(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.members.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_object()?.get(name)).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, path: &str, wanted: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.at(path)?;
        let found = read(value);
        if found.is_none() {
            let reason = format!("Found {}; {wanted} is expected.", kind(value));
            self.errors.add("couldNotConvert", path, &reason);
        }
        found
    }

    /// The string at `path`.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        self.typed(path, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// The id at `path`.
    pub(super) fn id(&mut self, path: &str) -> Option<Uuid> {
        self.typed(path, "a UUID such as 3c219e58-ed0e-4b18-ad48-f4f92793ae32", |value| parse_id(value.as_str()?))
    }

    /// The whole number at `path`.
    pub(super) fn number(&mut self, path: &str) -> Option<i64> {
        self.typed(path, "a whole number", Value::as_i64)
    }

    /// The lifetime in seconds at `path`, which is more than none.
    pub(super) fn lifetime(&mut self, path: &str) -> Option<Duration> {
        let seconds = self.number(path)?;
        let lifetime = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        if lifetime.is_none() {
            self.refuse("invalid", path, "It must be more than 0.");
        }
        lifetime.map(Duration::from_secs)
    }

    /// The flag at `path`.
    pub(super) fn flag(&mut self, path: &str) -> Option<bool> {
        self.typed(path, "true or false", Value::as_bool)
    }

    /// The object at `path`.
    pub(super) fn object(&mut self, path: &str) -> Option<Map<String, Value>> {
        self.typed(path, "an object", |value| value.as_object().cloned())
    }

    /// The list of strings at `path`.
    pub(super) fn texts(&mut self, path: &str) -> Option<Vec<String>> {
        self.typed(path, "a list of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    /// Whether there is a value at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    /// Whether there is a member at `path`, `null` too: what a merge removes.
    pub(super) fn mentions(&self, path: &str) -> bool {
        match path.rsplit_once('.') {
            Some((above, name)) => self.at(above).and_then(Value::as_object).is_some_and(|object| object.contains_key(name)),
            None => self.members.contains_key(path),
        }
    }

    /// Adds a mistake that only the operation can tell.
    pub(super) fn refuse(&mut self, rule: &str, path: &str, reason: &str) {
        self.errors.add(rule, path, reason);
    }

    /// What `found` is, or the error that it is missing.
    pub(super) fn required<T>(&mut self, path: &str, found: Option<T>) -> Option<T> {
        if found.is_none() && !self.has(path) {
            self.errors.add("missing", path, "It is required.");
        }
        found
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 with every mistake.
    pub(super) fn check(&mut self) -> Result<(), Refusal> {
        if self.errors.is_empty() { Ok(()) } else { Err(std::mem::take(&mut self.errors).into()) }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn members_are_found_by_path_and_null_is_absent() {
        let mut found = fields(r#"{"a":"x","b":{"c":{"d":7}},"e":null,"f":[1],"unknown":1}"#);
        assert_eq!(found.text("a").as_deref(), Some("x"));
        assert_eq!(found.number("b.c.d"), Some(7));
        assert_eq!(found.text("e"), None);
        assert!(found.mentions("e") && !found.has("e") && !found.mentions("g"));
        assert_eq!(found.check(), Ok(()));
    }

    #[test]
    fn every_mistake_is_reported_under_its_full_name() {
        let mut found = fields(r#"{"a":1,"b":{"c":"x"}}"#);
        assert_eq!((found.text("a"), found.flag("b.c")), (None, None));
        let missing = found.text("d");
        found.required("d", missing);
        let Err(Refusal::Bad(errors)) = found.check() else { panic!("nothing was reported") };
        let document = errors.document();
        assert_eq!(document["fieldErrors"]["a"][0]["code"], "[couldNotConvert]a");
        assert_eq!(document["fieldErrors"]["b.c"][0]["code"], "[couldNotConvert]b.c");
        assert_eq!(document["fieldErrors"]["d"][0]["code"], "[missing]d");
        assert_eq!(document["generalErrors"], json!([]));
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for body in ["[]", "1", "\"x\"", "{", "{} {}", r#"{"a":1,"a":2}"#, "{\"a\":1}x", "\u{feff}{}"] {
            assert!(matches!(Fields::parse(body.as_bytes()), Err(Refusal::Bad(_))), "{body}");
        }
        assert!(Fields::parse(b" \r\n").is_ok(), "an empty body has no members");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_object_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..200), path in "[a-z.]{0,12}") {
            if let Ok(mut fields) = Fields::parse(&bytes) {
                fields.text(&path);
                fields.number(&path);
                fields.texts(&path);
                prop_assert_eq!(fields.has(&path), fields.at(&path).is_some());
            }
        }
    }
}
