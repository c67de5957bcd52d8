//! The Errors object: what is wrong with a request, by field and in general (jwt-api.md section 1.5).

use serde_json::{Map, Value, json};

/// What is wrong with a request. Both members are always there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Errors {
    fields: Map<String, Value>,
    general: Vec<Value>,
}

impl Errors {
    /// One error of one field: code `[rule]field`, message `Invalid [field] property. reason`.
    pub(super) fn field(rule: &str, field: &str, reason: &str) -> Self {
        let mut errors = Self::default();
        errors.add(rule, field, reason);
        errors
    }

    /// One error of the whole request.
    pub(super) fn general(code: &str, message: &str) -> Self {
        Self { fields: Map::new(), general: vec![json!({ "code": code, "message": message })] }
    }

    /// One error more.
    pub(super) fn add(&mut self, rule: &str, field: &str, reason: &str) {
        let error = json!({ "code": format!("[{rule}]{field}"), "message": format!("Invalid [{field}] property. {reason}") });
        let list = self.fields.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(error);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.general.is_empty()
    }

    /// The document.
    pub(super) fn document(&self) -> Value {
        json!({ "fieldErrors": self.fields, "generalErrors": self.general })
    }
}
