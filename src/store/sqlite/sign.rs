//! Changes of signing keys.

use rusqlite::{Connection, params};

use super::apply::{change_one, execute, raised};
use super::columns::{integer, millis};
use super::words;
use crate::clock::Timestamp;
use crate::store::{SigningKeyRecord, StoreError};

pub(super) fn add(db: &Connection, key: &SigningKeyRecord) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO signing_key
             (id, purpose, application, algorithm, state, sealed, public, created, activated, retired, ends, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            key.id,
            words::purpose(key.purpose),
            key.application.as_ref().map(uuid::Uuid::as_bytes),
            key.algorithm,
            words::state(key.state),
            key.sealed,
            key.public,
            millis(key.created),
            key.activated.map(millis),
            key.retired.map(millis),
            key.ends.map(millis),
            integer(key.version),
        ],
    )?;
    changed(db)
}

pub(super) fn replace(db: &Connection, key: &SigningKeyRecord) -> Result<(), StoreError> {
    change_one(
        db,
        "UPDATE signing_key SET purpose = ?3, application = ?4, algorithm = ?5, state = ?6, sealed = ?7, public = ?8,
             created = ?9, activated = ?10, retired = ?11, ends = ?12, version = ?13
         WHERE id = ?1 AND version = ?2",
        params![
            key.id,
            integer(key.version),
            words::purpose(key.purpose),
            key.application.as_ref().map(uuid::Uuid::as_bytes),
            key.algorithm,
            words::state(key.state),
            key.sealed,
            key.public,
            millis(key.created),
            key.activated.map(millis),
            key.retired.map(millis),
            key.ends.map(millis),
            raised(key.version),
        ],
    )?;
    changed(db)
}

pub(super) fn remove(db: &Connection, id: &str) -> Result<(), StoreError> {
    change_one(db, "DELETE FROM signing_key WHERE id = ?1", [id])?;
    changed(db)
}

pub(super) fn sweep(db: &Connection, ended_before: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM signing_key WHERE state IN ('retired', 'revoked') AND ends < ?1";
    match execute(db, sql, [millis(ended_before)])? {
        0 => Ok(()),
        _ => changed(db),
    }
}

fn changed(db: &Connection) -> Result<(), StoreError> {
    execute(db, "UPDATE store SET signing_key_generation = signing_key_generation + 1", []).map(drop)
}
