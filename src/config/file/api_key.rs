//! `[[api_key]]`: a program that may call the API.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};

use crate::config::schema::{Key, Kind};

/// One `[[api_key]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeyFile {
    pub(crate) name: String,
    pub(crate) sha256: Option<String>,
    pub(crate) key_file: Option<String>,
    #[serde(default)]
    pub(crate) permissions: PermissionsFile,
    #[serde(default)]
    pub(crate) show_refresh_tokens: bool,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("name"),
    Key { name: "sha256", kind: Kind::Hash },
    Key::text("key_file"),
    Key::map("permissions"),
    Key::flag("show_refresh_tokens"),
];

/// `permissions = "all"`, or methods by path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PermissionsFile {
    All,
    Only(BTreeMap<String, Vec<String>>),
}

impl Default for PermissionsFile {
    fn default() -> Self {
        Self::Only(BTreeMap::new())
    }
}

impl<'de> Deserialize<'de> for PermissionsFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PermissionForms)
    }
}

struct PermissionForms;

impl<'de> Visitor<'de> for PermissionForms {
    type Value = PermissionsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#""all", or methods by path such as { "/api/jwt/refresh" = ["GET", "DELETE"] }"#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PermissionsFile, E> {
        if text == "all" { Ok(PermissionsFile::All) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, paths: A) -> Result<PermissionsFile, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(paths)).map(PermissionsFile::Only)
    }
}
