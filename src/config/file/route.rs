//! `[[route]]`: what is served, to whom, and where it goes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use crate::config::file::rule::{RULE_KEYS, RuleFile};
use crate::config::schema::{Key, Kind};
use crate::config::units::{SizeOrUnlimited, Span};

/// One `[[route]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct RouteFile {
    pub(crate) name: String,
    pub(crate) host: Option<String>,
    pub(crate) path: String,
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) upstream: String,
    pub(crate) application: Option<String>,
    pub(crate) issuers: Option<Vec<String>>,
    pub(crate) reconcile: Option<String>,
    pub(crate) require: Option<RuleFile>,
    #[serde(default)]
    pub(crate) anonymous: AnonymousFile,
    pub(crate) token_from: Option<Vec<String>>,
    pub(crate) identity_headers: Option<BTreeMap<String, String>>,
    pub(crate) authorization: Option<String>,
    pub(crate) assertion: Option<bool>,
    #[serde(default)]
    pub(crate) origins: Vec<String>,
    pub(crate) sign_in_url: Option<String>,
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    pub(crate) max_body: Option<SizeOrUnlimited>,
    pub(crate) upgrades: Option<Vec<String>>,
    pub(crate) response_timeout: Option<Span>,
    pub(crate) end_streams_at_expiry: Option<bool>,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("name"),
    Key::text("host"),
    Key::text("path"),
    Key::list("methods"),
    Key::text("upstream"),
    Key::text("application"),
    Key::list("issuers"),
    Key::text("reconcile"),
    Key::table("require", &RULE_KEYS),
    Key { name: "anonymous", kind: Kind::FlagOrText },
    Key::list("token_from"),
    Key::map("identity_headers"),
    Key::text("authorization"),
    Key::flag("assertion"),
    Key::list("origins"),
    Key::text("sign_in_url"),
    Key::list("allow"),
    Key::text("max_body"),
    Key::list("upgrades"),
    Key::text("response_timeout"),
    Key::flag("end_streams_at_expiry"),
];

/// `anonymous = true`, `false` or `"optional"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AnonymousFile {
    #[default]
    No,
    Optional,
    Yes,
}

impl<'de> Deserialize<'de> for AnonymousFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnonymousWords)
    }
}

struct AnonymousWords;

impl Visitor<'_> for AnonymousWords {
    type Value = AnonymousFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"true, false or "optional""#)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<AnonymousFile, E> {
        Ok(if flag { AnonymousFile::Yes } else { AnonymousFile::No })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<AnonymousFile, E> {
        if text == "optional" { Ok(AnonymousFile::Optional) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }
}
