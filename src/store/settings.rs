//! What an operator decides about the store, free of file formats.

use std::path::PathBuf;

use crate::secret::Secret;

/// Where the store is, and the key that seals its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// The database.
    pub location: Location,
    /// The key that seals what must not be read in a copy of the database.
    pub encryption_key: EncryptionKey,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file, made where it is missing.
    Sqlite(PathBuf),
}

/// The key that seals what must not be read in a copy of the database: 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncryptionKey {
    /// In this file, as base64; made (mode 0600) only together with a new store. Read when the store is opened.
    File(PathBuf),
    /// Given by the configuration or the environment, as base64.
    Given(Secret),
}
