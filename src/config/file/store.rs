//! `[store]`: where what happens is kept.

use serde::Deserialize;

use crate::config::schema::{Key, Kind};

/// `[store]`.
#[derive(Debug, Deserialize)]
pub(crate) struct StoreFile {
    pub(crate) url: String,
    pub(crate) encryption_key: Option<String>,
    pub(crate) encryption_key_file: Option<String>,
}

pub(super) const KEYS: &[Key] =
    &[Key::text("url"), Key { name: "encryption_key", kind: Kind::Secret }, Key::text("encryption_key_file")];
