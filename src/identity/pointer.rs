//! JSON pointers (RFC 6901), parsed once when the configuration is compiled.

use serde_json::{Map, Value};

/// A place in a JSON document: the unescaped reference tokens of RFC 6901 section 3. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer(Box<[Box<str>]>);

impl Pointer {
    /// Parses `/a/b` (with `~0` and `~1` escapes), or a bare member name `a` meaning `/a`.
    ///
    /// # Errors
    /// The reason, where the text is empty or has a bad `~` escape.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("an empty pointer names the whole document; give a member such as `/roles`");
        }
        match text.strip_prefix('/') {
            Some(rest) => rest.split('/').map(unescape).collect::<Result<_, _>>().map(Self),
            None => Ok(Self(Box::new([text.into()]))),
        }
    }

    /// The value at this place in `document`, if there is one.
    pub fn find<'a>(&self, document: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(document.get(first.as_ref())?, |value, token| match value {
            Value::Object(members) => members.get(token.as_ref()),
            Value::Array(items) => items.get(array_index(token)?),
            _ => None,
        })
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

/// RFC 6901 section 4: digits without a leading zero.
fn array_index(token: &str) -> Option<usize> {
    let digits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok()).flatten()
}

fn unescape(token: &str) -> Result<Box<str>, &'static str> {
    let mut pieces = token.split('~');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = match piece.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return Err("`~` in a JSON pointer must be written `~0` (`/` is `~1`)"),
        };
        text.push(rest);
        text.push_str(&piece[1..]);
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(document: &str, pointer: &str) -> Option<Value> {
        let Value::Object(document) = serde_json::from_str(document).unwrap() else { panic!("not an object") };
        Pointer::parse(pointer).unwrap().find(&document).cloned()
    }

    #[test]
    fn follows_members_and_items() {
        let document = r#"{"realm_access":{"roles":["a","b"]},"a/b":{"~":1},"email":"e"}"#;
        assert_eq!(find(document, "/realm_access/roles/1"), Some("b".into()));
        assert_eq!(find(document, "/a~1b/~0"), Some(1.into()));
        assert_eq!(find(document, "email"), Some("e".into()));
        assert_eq!(find(document, "/realm_access/roles/01"), None);
        assert_eq!(find(document, "/email/x"), None);
    }

    #[test]
    fn refuses_bad_escapes_and_nothing() {
        assert!(Pointer::parse("").is_err());
        assert!(Pointer::parse("/a~2").is_err());
        assert_eq!(Pointer::parse("/a~1b/~0").unwrap().to_string(), "/a~1b/~0");
    }
}
