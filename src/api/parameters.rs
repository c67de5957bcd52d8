//! The parameters of a query or a form, read once.

use uuid::Uuid;

use super::errors::Errors;
use super::refusal::Refusal;

/// More than any operation has.
const MOST: usize = 64;

/// Decoded parameters in the order they were sent.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// 400 where there are too many, or one of them twice: two readers could take different ones.
    pub(super) fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let mut parameters = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded).take(MOST + 1) {
            if parameters.len() == MOST {
                return Err(Errors::general("[tooMany]", "The request has too many parameters.").into());
            }
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::field("duplicate", &name, "It is given more than once."));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// The value of `name`; absent where it is empty, or the literal `null` or `undefined` that a client writes for a
    /// value that it has not.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !matches!(*value, "" | "null" | "undefined"))
    }

    /// The id that `name` is.
    pub(super) fn id(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        self.text(name).map(|text| parse_id(text).ok_or_else(|| not_an_id(name))).transpose()
    }

    /// As [`Parameters::id`], where an id that is missing by mistake must not mean more than what was meant: an empty one is none.
    pub(super) fn selecting_id(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        if self.0.iter().any(|(known, value)| known == name && value.is_empty()) {
            return Err(not_an_id(name));
        }
        self.id(name)
    }

    /// Whether `name` is `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }
}

/// An id in its one form, 36 characters (RFC 9562 section 4); other forms would be second names of the same record.
pub(super) fn parse_id(text: &str) -> Option<Uuid> {
    Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok())
}

/// What is answered where an id is not one.
pub(super) fn not_an_id(name: &str) -> Refusal {
    Refusal::field("couldNotConvert", name, "An id is a UUID such as 3c219e58-ed0e-4b18-ad48-f4f92793ae32.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_literals_that_clients_write_for_nothing_are_nothing() {
        let parameters = Parameters::parse(b"token=abc&userId=null&applicationId=undefined&x=&y=a%2Bb+c").unwrap();
        assert_eq!(parameters.text("token"), Some("abc"));
        for absent in ["userId", "applicationId", "x", "none"] {
            assert_eq!(parameters.text(absent), None, "{absent}");
        }
        assert_eq!(parameters.text("y"), Some("a+b c"));
        assert!(parameters.selecting_id("x").is_err() && parameters.selecting_id("userId").is_ok_and(|id| id.is_none()));
    }

    #[test]
    fn a_parameter_twice_or_too_many_are_refused() {
        assert!(matches!(Parameters::parse(b"a=1&b=2&a=1"), Err(Refusal::Bad(_))));
        let many: Vec<String> = (0..100).map(|at| format!("p{at}=1")).collect();
        assert!(matches!(Parameters::parse(many.join("&").as_bytes()), Err(Refusal::Bad(_))));
    }

    #[test]
    fn an_id_has_one_form() {
        for text in ["3c219e58ed0e4b18ad48f4f92793ae32", "{3c219e58-ed0e-4b18-ad48-f4f92793ae32}", "bad-id", "123456789"] {
            assert_eq!(parse_id(text), None, "{text}");
        }
        assert!(parse_id("3C219E58-ED0E-4B18-AD48-F4F92793AE32").is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_parameters_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(parameters) = Parameters::parse(&bytes) {
                for (name, _) in &parameters.0 {
                    parameters.text(name);
                    prop_assert!(parameters.id(name).is_ok_and(|id| id.is_none()) || parameters.text(name).is_some());
                }
            }
        }
    }
}
