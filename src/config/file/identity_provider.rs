//! `[[identity_provider]]`: a party whose tokens are reconciled to users.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::config::file::issuer::{KeysFile, REFRESH_KEYS};
use crate::config::schema::Key;

/// One `[[identity_provider]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct IdentityProviderFile {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) issuer: String,
    #[serde(default)]
    pub(crate) audiences: Vec<String>,
    #[serde(default)]
    pub(crate) insecure_any_audience: bool,
    pub(crate) algorithms: Option<Vec<String>>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) discovery_url: Option<String>,
    pub(crate) jwks_file: Option<String>,
    /// From key id to file; the key id `""` is the only key of a provider whose key has no id.
    pub(crate) public_key_files: Option<BTreeMap<String, String>>,
    pub(crate) ca_file: Option<String>,
    #[serde(default)]
    pub(crate) insecure_http_keys: bool,
    #[serde(default)]
    pub(crate) keys: KeysFile,
    pub(crate) header_key_parameter: Option<String>,
    pub(crate) default_key: Option<String>,
    pub(crate) unique_identity_claim: Option<String>,
    pub(crate) email_claim: Option<String>,
    pub(crate) email_verified_claim: Option<String>,
    pub(crate) username_claim: Option<String>,
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    #[serde(default)]
    pub(crate) trust_email: bool,
    pub(crate) linking: Option<String>,
    #[serde(default)]
    pub(crate) claim_map: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) applications: Vec<ProviderApplicationFile>,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("id"),
    Key::text("name"),
    Key::text("issuer"),
    Key::list("audiences"),
    Key::flag("insecure_any_audience"),
    Key::list("algorithms"),
    Key::text("jwks_url"),
    Key::text("discovery_url"),
    Key::text("jwks_file"),
    Key::map("public_key_files"),
    Key::text("ca_file"),
    Key::flag("insecure_http_keys"),
    Key::table("keys", REFRESH_KEYS),
    Key::text("header_key_parameter"),
    Key::text("default_key"),
    Key::text("unique_identity_claim"),
    Key::text("email_claim"),
    Key::text("email_verified_claim"),
    Key::text("username_claim"),
    Key::list("domains"),
    Key::flag("trust_email"),
    Key::text("linking"),
    Key::map("claim_map"),
    Key::blocks("applications", PROVIDER_APPLICATION_KEYS),
];

/// One of a provider's `applications`: a name, or `{ name = "...", create_registration = false }`.
#[derive(Debug)]
pub(crate) struct ProviderApplicationFile {
    pub(crate) name: String,
    pub(crate) create_registration: bool,
}

pub(super) const PROVIDER_APPLICATION_KEYS: &[Key] = &[Key::text("name"), Key::flag("create_registration")];

impl<'de> Deserialize<'de> for ProviderApplicationFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NameOrTable)
    }
}

/// The written-out form.
#[derive(Deserialize)]
pub(crate) struct ProviderApplicationTable {
    name: String,
    create_registration: Option<bool>,
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = ProviderApplicationFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an application's name, or a table with `name` and `create_registration`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<ProviderApplicationFile, E> {
        Ok(ProviderApplicationFile { name: name.to_owned(), create_registration: true })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<ProviderApplicationFile, A::Error> {
        let table = ProviderApplicationTable::deserialize(MapAccessDeserializer::new(table))?;
        let create_registration = table.create_registration.unwrap_or(true);
        Ok(ProviderApplicationFile { name: table.name, create_registration })
    }
}
