//! `require` of a route: a rule over roles, scopes and claims.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::config::schema::Key;

/// A table whose keys must all hold.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RuleFile {
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) claims: Option<BTreeMap<String, WantedFile>>,
    pub(crate) registered: Option<bool>,
    pub(crate) any: Option<Vec<RuleFile>>,
    pub(crate) all: Option<Vec<RuleFile>>,
    pub(crate) not: Option<Box<RuleFile>>,
}

/// A claim's wanted value, or a list of which any will do.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct WantedFile(pub(crate) Value);

/// Refers to itself, because rules nest.
pub(super) static RULE_KEYS: [Key; 7] = [
    Key::list("roles"),
    Key::list("scopes"),
    Key::map("claims"),
    Key::flag("registered"),
    Key::blocks("any", &RULE_KEYS),
    Key::blocks("all", &RULE_KEYS),
    Key::table("not", &RULE_KEYS),
];
