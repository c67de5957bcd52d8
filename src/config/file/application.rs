//! `[[application]]`: a relying service.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::config::schema::{Key, Kind};
use crate::config::units::{Span, SpanOrZero};

/// One `[[application]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct ApplicationFile {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) roles: Vec<RoleFile>,
    #[serde(default)]
    pub(crate) single_sign_on: SingleSignOnFile,
    pub(crate) generate_refresh_tokens: Option<bool>,
    pub(crate) allow_token_refresh: Option<bool>,
    pub(crate) login_requires_api_key: Option<bool>,
    pub(crate) refresh_token_usage: Option<String>,
    pub(crate) one_time_grace: Option<SpanOrZero>,
    pub(crate) refresh_token_expiration: Option<String>,
    pub(crate) refresh_token_maximum_lifetime: Option<Span>,
    pub(crate) access_token_lifetime: Option<Span>,
    pub(crate) refresh_token_lifetime: Option<Span>,
    pub(crate) signing_algorithm: Option<String>,
    pub(crate) signing_secret: Option<String>,
    pub(crate) signing_secret_file: Option<String>,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("id"),
    Key::text("name"),
    Key::blocks("roles", ROLE_KEYS),
    Key { name: "single_sign_on", kind: Kind::FlagOrList },
    Key::flag("generate_refresh_tokens"),
    Key::flag("allow_token_refresh"),
    Key::flag("login_requires_api_key"),
    Key::text("refresh_token_usage"),
    Key::text("one_time_grace"),
    Key::text("refresh_token_expiration"),
    Key::text("refresh_token_maximum_lifetime"),
    Key::text("access_token_lifetime"),
    Key::text("refresh_token_lifetime"),
    Key::text("signing_algorithm"),
    Key { name: "signing_secret", kind: Kind::Secret },
    Key::text("signing_secret_file"),
];

/// One of `roles = [{ ... }]`.
#[derive(Debug, Deserialize)]
pub(crate) struct RoleFile {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) default: bool,
}

pub(super) const ROLE_KEYS: &[Key] = &[Key::text("name"), Key::flag("default")];

/// `single_sign_on = true`, `false` or the applications that it may be entered from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum SingleSignOnFile {
    #[default]
    Open,
    Closed,
    From(Vec<String>),
}

impl<'de> Deserialize<'de> for SingleSignOnFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SingleSignOnForms)
    }
}

struct SingleSignOnForms;

impl<'de> Visitor<'de> for SingleSignOnForms {
    type Value = SingleSignOnFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or a list of applications' names")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<SingleSignOnFile, E> {
        Ok(if flag { SingleSignOnFile::Open } else { SingleSignOnFile::Closed })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<SingleSignOnFile, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(names)).map(SingleSignOnFile::From)
    }
}
