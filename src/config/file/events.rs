//! `[issuer.events]`: where a party's signed events are taken, and whose keys sign them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::file::issuer::{KeysFile, REFRESH_KEYS};
use crate::config::schema::Key;

/// One `[issuer.events]`.
#[derive(Debug, Deserialize)]
pub(crate) struct EventsFile {
    pub(crate) path: String,
    pub(crate) listener: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) algorithms: Option<Vec<String>>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) jwks_file: Option<String>,
    /// From key id to file; the key id `""` is the only key of a party whatever it calls it.
    pub(crate) public_key_files: Option<BTreeMap<String, String>>,
    pub(crate) secret_file: Option<String>,
    pub(crate) ca_file: Option<String>,
    #[serde(default)]
    pub(crate) insecure_http_keys: bool,
    #[serde(default)]
    pub(crate) keys: KeysFile,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("path"),
    Key::text("listener"),
    Key::text("host"),
    Key::list("algorithms"),
    Key::text("jwks_url"),
    Key::text("jwks_file"),
    Key::map("public_key_files"),
    Key::text("secret_file"),
    Key::text("ca_file"),
    Key::flag("insecure_http_keys"),
    Key::table("keys", REFRESH_KEYS),
];
