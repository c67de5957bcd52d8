//! Changes of sessions and refresh tokens, but for their end.

use rusqlite::{Connection, params};

use super::apply::{change_one, execute, raised};
use super::columns::{integer, json, millis};
use crate::clock::Timestamp;
use crate::store::{RefreshToken, Session, StoreError};

pub(super) fn add_session(db: &Connection, session: &Session) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO session (id, user, application, authentication_type, signed_in) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            session.id.as_bytes(),
            session.user.as_bytes(),
            session.application.as_ref().map(uuid::Uuid::as_bytes),
            session.authentication_type,
            millis(session.signed_in),
        ],
    )
    .map(drop)
}

pub(super) fn add(db: &Connection, token: &RefreshToken) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO refresh_token
             (id, session, user, application, parent, digest, sealed, start, inserted, device, meta_data, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            token.id.as_bytes(),
            token.session.as_bytes(),
            token.user.as_bytes(),
            token.application.as_bytes(),
            token.parent.as_ref().map(uuid::Uuid::as_bytes),
            token.digest.0,
            token.sealed,
            millis(token.start),
            millis(token.inserted),
            token.device,
            json(&token.meta_data)?,
            integer(token.version),
        ],
    )
    .map(drop)
}

/// The current value has been used: the one before it is none to come back to any more.
pub(super) fn note_use(db: &Connection, token: &RefreshToken) -> Result<(), StoreError> {
    change_one(
        db,
        "UPDATE refresh_token SET session = ?3, user = ?4, application = ?5, parent = ?6, start = ?7, inserted = ?8,
             device = ?9, meta_data = ?10, version = ?11, previous = NULL
         WHERE id = ?1 AND version = ?2",
        params![
            token.id.as_bytes(),
            integer(token.version),
            token.session.as_bytes(),
            token.user.as_bytes(),
            token.application.as_bytes(),
            token.parent.as_ref().map(uuid::Uuid::as_bytes),
            millis(token.start),
            millis(token.inserted),
            token.device,
            json(&token.meta_data)?,
            raised(token.version),
        ],
    )
}

pub(super) fn rotate(db: &Connection, token: &RefreshToken, at: Timestamp) -> Result<(), StoreError> {
    change_one(
        db,
        "INSERT INTO replaced_value (digest, refresh_token, replaced)
         SELECT digest, id, ?3 FROM refresh_token WHERE id = ?1 AND version = ?2",
        params![token.id.as_bytes(), integer(token.version), millis(at)],
    )?;
    change_one(
        db,
        "UPDATE refresh_token SET session = ?3, user = ?4, application = ?5, parent = ?6, start = ?7, inserted = ?8,
             device = ?9, meta_data = ?10, version = ?11, previous = digest, digest = ?12, sealed = ?13
         WHERE id = ?1 AND version = ?2",
        params![
            token.id.as_bytes(),
            integer(token.version),
            token.session.as_bytes(),
            token.user.as_bytes(),
            token.application.as_bytes(),
            token.parent.as_ref().map(uuid::Uuid::as_bytes),
            millis(token.start),
            millis(token.inserted),
            token.device,
            json(&token.meta_data)?,
            raised(token.version),
            token.digest.0,
            token.sealed,
        ],
    )
}
