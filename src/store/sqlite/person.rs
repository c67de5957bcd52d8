//! Changes of users, registrations and links.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::apply::{change_one, execute, raised};
use super::columns::{integer, json, millis};
use crate::clock::Timestamp;
use crate::store::folding::folded;
use crate::store::{Link, Registration, StoreError, User};

pub(super) fn add(db: &Connection, user: &User) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO user (id, email, folded_email, username, folded_username, verified, active, password,
             password_change_required, password_last_update, expiry, profile, inserted, updated, last_login, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            user.id.as_bytes(),
            user.email,
            user.email.as_deref().map(folded),
            user.username,
            user.username.as_deref().map(folded),
            user.verified,
            user.active,
            user.password,
            user.password_change_required,
            user.password_last_update.map(millis),
            user.expiry.map(millis),
            json(&user.profile)?,
            millis(user.inserted),
            millis(user.updated),
            user.last_login.map(millis),
            integer(user.version),
        ],
    )?;
    user.registrations.iter().try_for_each(|registration| register(db, user.id, registration))
}

pub(super) fn replace(db: &Connection, user: &User) -> Result<(), StoreError> {
    change_one(
        db,
        "UPDATE user SET email = ?3, folded_email = ?4, username = ?5, folded_username = ?6, verified = ?7, active = ?8,
             password = ?9, password_change_required = ?10, password_last_update = ?11, expiry = ?12, profile = ?13,
             inserted = ?14, updated = ?15, version = ?16
         WHERE id = ?1 AND version = ?2",
        params![
            user.id.as_bytes(),
            integer(user.version),
            user.email,
            user.email.as_deref().map(folded),
            user.username,
            user.username.as_deref().map(folded),
            user.verified,
            user.active,
            user.password,
            user.password_change_required,
            user.password_last_update.map(millis),
            user.expiry.map(millis),
            json(&user.profile)?,
            millis(user.inserted),
            millis(user.updated),
            raised(user.version),
        ],
    )
}

pub(super) fn register(db: &Connection, user: Uuid, registration: &Registration) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO registration (id, user, application, roles, username, profile, inserted, updated, last_login, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            registration.id.as_bytes(),
            user.as_bytes(),
            registration.application.as_bytes(),
            json(&registration.roles)?,
            registration.username,
            json(&registration.profile)?,
            millis(registration.inserted),
            millis(registration.updated),
            registration.last_login.map(millis),
            integer(registration.version),
        ],
    )
    .map(drop)
}

pub(super) fn replace_registration(db: &Connection, user: Uuid, registration: &Registration) -> Result<(), StoreError> {
    change_one(
        db,
        "UPDATE registration SET application = ?4, roles = ?5, username = ?6, profile = ?7, inserted = ?8, updated = ?9,
             version = ?10
         WHERE id = ?1 AND user = ?2 AND version = ?3",
        params![
            registration.id.as_bytes(),
            user.as_bytes(),
            integer(registration.version),
            registration.application.as_bytes(),
            json(&registration.roles)?,
            registration.username,
            json(&registration.profile)?,
            millis(registration.inserted),
            millis(registration.updated),
            raised(registration.version),
        ],
    )
}

pub(super) fn deregister(db: &Connection, user: Uuid, application: Uuid) -> Result<(), StoreError> {
    change_one(
        db,
        "DELETE FROM registration WHERE user = ?1 AND application = ?2",
        params![user.as_bytes(), application.as_bytes()],
    )
}

/// The user is another one now: whoever read the registrations with it decides anew.
pub(super) fn raise(db: &Connection, user: Uuid) -> Result<(), StoreError> {
    change_one(db, "UPDATE user SET version = version + 1 WHERE id = ?1", [user.as_bytes()])
}

pub(super) fn is_still(db: &Connection, user: Uuid, version: u64) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("SELECT 1 FROM user WHERE id = ?1 AND version = ?2")?;
    if statement.exists(params![user.as_bytes(), integer(version)])? { Ok(()) } else { Err(StoreError::Conflict) }
}

/// A sign-in that another gateway noted first does not move the instant back.
pub(super) fn note_sign_in(db: &Connection, user: Uuid, application: Option<Uuid>, at: Timestamp) -> Result<(), StoreError> {
    change_one(
        db,
        "UPDATE user SET last_login = max(ifnull(last_login, 0), ?2) WHERE id = ?1",
        params![user.as_bytes(), millis(at)],
    )?;
    let Some(application) = application else { return Ok(()) };
    execute(
        db,
        "UPDATE registration SET last_login = max(ifnull(last_login, 0), ?3) WHERE user = ?1 AND application = ?2",
        params![user.as_bytes(), application.as_bytes(), millis(at)],
    )
    .map(drop)
}

pub(super) fn link(db: &Connection, link: &Link) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO link (provider, subject, user, inserted) VALUES (?1, ?2, ?3, ?4)",
        params![link.provider.as_bytes(), link.subject, link.user.as_bytes(), millis(link.inserted)],
    )
    .map(drop)
}
