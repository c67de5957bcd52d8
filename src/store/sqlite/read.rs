//! What is read, each within one snapshot of the database.

use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use uuid::Uuid;

use super::columns::{Columns, integer, limit, millis, number};
use super::words;
use crate::clock::Timestamp;
use crate::store::folding::folded;
use crate::store::{
    Ancestor, Digest, FoundRefreshToken, KeyDocument, Logged, Match, RefreshToken, Registration, Revocation, Session, SessionsOf,
    SigningKeyRecord, Standing, StoreError, StoreIdentity, User,
};

/// More generations than any refresh token has: a circle, which only a damaged file can have, ends here.
const MOST_ANCESTORS: usize = 64;

type Read<T> = Result<T, StoreError>;

/// Users with their closing instant; a condition follows.
macro_rules! users {
    ($condition:literal) => {
        concat!(
            "SELECT user.id, email, username, verified, active, password, password_change_required,
                 password_last_update, expiry, profile, inserted, updated, last_login, closing.instant, version
             FROM user LEFT JOIN closing ON closing.user = user.id AND closing.application = x'' WHERE ",
            $condition
        )
    };
}

macro_rules! registrations {
    ($condition:literal) => {
        concat!(
            "SELECT id, application, roles, username, profile, inserted, updated, last_login, version
             FROM registration WHERE ",
            $condition
        )
    };
}

macro_rules! sessions {
    ($condition:expr) => {
        concat!("SELECT id, user, application, authentication_type, signed_in FROM session WHERE ", $condition)
    };
}

macro_rules! newest_sessions {
    ($condition:literal, $most:literal) => {
        concat!(
            "SELECT id, user, application, authentication_type, signed_in FROM session WHERE ",
            $condition,
            " ORDER BY signed_in DESC, id DESC LIMIT ",
            $most
        )
    };
}

macro_rules! refresh_tokens {
    ($condition:literal) => {
        concat!(
            "SELECT id, session, user, application, parent, digest, sealed, start, inserted, device, meta_data, version
             FROM refresh_token WHERE ",
            $condition
        )
    };
}
pub(super) use refresh_tokens;

pub(super) fn identity(db: &Connection) -> Read<StoreIdentity> {
    let found = one(db, "SELECT id, key_check, not_before FROM store", [], |row| {
        let mut columns = Columns::of(row);
        Ok(StoreIdentity { id: columns.id()?, key_check: columns.value()?, not_before: columns.optional_instant()? })
    })?;
    found.ok_or_else(|| StoreError::Unavailable("the database has lost its identity".to_owned()))
}

pub(super) fn user(db: &Connection, id: Uuid) -> Read<Option<User>> {
    with_registrations(db, one(db, users!("user.id = ?1"), [id.as_bytes()], to_user)?)
}

pub(super) fn user_by_email(db: &Connection, email: &str) -> Read<Option<User>> {
    with_registrations(db, one(db, users!("folded_email = ?1"), [folded(email)], to_user)?)
}

pub(super) fn user_by_username(db: &Connection, username: &str) -> Read<Option<User>> {
    with_registrations(db, one(db, users!("folded_username = ?1"), [folded(username)], to_user)?)
}

pub(super) fn user_by_either(db: &Connection, name: &str) -> Read<Option<User>> {
    match user_by_email(db, name)? {
        Some(user) => Ok(Some(user)),
        None => user_by_username(db, name),
    }
}

pub(super) fn linked_user(db: &Connection, provider: Uuid, subject: &str) -> Read<Option<User>> {
    let sql = users!("user.id = (SELECT user FROM link WHERE provider = ?1 AND subject = ?2)");
    with_registrations(db, one(db, sql, params![provider.as_bytes(), subject], to_user)?)
}

pub(super) fn standing(db: &Connection, user: Uuid, application: Uuid) -> Read<Standing> {
    let both = params![user.as_bytes(), application.as_bytes()];
    let mut found = one(db, users!("user.id = ?1"), [user.as_bytes()], to_user)?;
    if let Some(found) = &mut found {
        found.registrations = list(db, registrations!("user = ?1 AND application = ?2"), both, to_registration)?;
    }
    Ok(Standing {
        user: found,
        application_closed: closing(db, &[], application.as_bytes())?,
        registration_closed: closing(db, user.as_bytes(), application.as_bytes())?,
    })
}

fn closing(db: &Connection, user: &[u8], application: &[u8]) -> Read<Option<Timestamp>> {
    let sql = "SELECT instant FROM closing WHERE user = ?1 AND application = ?2";
    one(db, sql, [user, application], |row| Columns::of(row).instant())
}

pub(super) fn session(db: &Connection, id: Uuid) -> Read<Option<Session>> {
    one(db, sessions!("id = ?1"), [id.as_bytes()], to_session)
}

pub(super) fn sessions(db: &Connection, of: SessionsOf, most: usize) -> Read<Vec<Session>> {
    let most = limit(most);
    match of {
        SessionsOf::All => list(db, newest_sessions!("true", "?1"), [most], to_session),
        SessionsOf::User(user) => list(db, newest_sessions!("user = ?1", "?2"), params![user.as_bytes(), most], to_session),
        SessionsOf::Application(application) => {
            let sql =
                newest_sessions!("application = ?1 OR id IN (SELECT session FROM refresh_token WHERE application = ?1)", "?2");
            list(db, sql, params![application.as_bytes(), most], to_session)
        }
        SessionsOf::UserInApplication(user, application) => {
            let sql = newest_sessions!(
                "user = ?1 AND (application = ?2
                     OR id IN (SELECT session FROM refresh_token WHERE user = ?1 AND +application = ?2))",
                "?3"
            );
            list(db, sql, params![user.as_bytes(), application.as_bytes(), most], to_session)
        }
    }
}

pub(super) fn refresh_token(db: &Connection, id: Uuid) -> Read<Option<FoundRefreshToken>> {
    let token = one(db, refresh_tokens!("id = ?1"), [id.as_bytes()], to_refresh_token)?;
    with_session(db, token, Match::Current)
}

pub(super) fn refresh_token_by_value(db: &Connection, value: Digest) -> Read<Option<FoundRefreshToken>> {
    let current = one(db, refresh_tokens!("digest = ?1"), [value.0], to_refresh_token)?;
    if current.is_some() {
        return with_session(db, current, Match::Current);
    }
    let sql = "SELECT refresh_token, replaced, refresh_token.previous IS replaced_value.digest
         FROM replaced_value JOIN refresh_token ON refresh_token.id = replaced_value.refresh_token
         WHERE replaced_value.digest = ?1";
    let former = one(db, sql, [value.0], |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, columns.instant()?, columns.value::<bool>()?))
    })?;
    let Some((id, replaced, is_previous)) = former else { return Ok(None) };
    let matched = if is_previous { Match::Previous { replaced } } else { Match::Spent { replaced } };
    Ok(refresh_token(db, id)?.map(|found| FoundRefreshToken { matched, ..found }))
}

pub(super) fn renewal(db: &Connection, value: Digest) -> Read<Option<(FoundRefreshToken, Standing)>> {
    let Some(found) = refresh_token_by_value(db, value)? else { return Ok(None) };
    let standing = standing(db, found.token.user, found.token.application)?;
    Ok(Some((found, standing)))
}

fn with_session(db: &Connection, token: Option<RefreshToken>, matched: Match) -> Read<Option<FoundRefreshToken>> {
    let Some(token) = token else { return Ok(None) };
    let session = session(db, token.session)?;
    let ancestors = token.parent.map(|parent| ancestors(db, parent)).transpose()?.unwrap_or_default();
    Ok(session.map(|session| FoundRefreshToken { token, session, matched, ancestors }))
}

/// The refresh token of this id and those that it was made from, nearest first.
fn ancestors(db: &Connection, id: Uuid) -> Read<Vec<Ancestor>> {
    let sql = "WITH RECURSIVE line (id, application, parent, distance) AS (
             SELECT id, application, parent, 1 FROM refresh_token WHERE id = ?1
             UNION ALL
             SELECT refresh_token.id, refresh_token.application, refresh_token.parent, distance + 1
             FROM refresh_token JOIN line ON refresh_token.id = line.parent
             LIMIT ?2
         )
         SELECT id, application FROM line ORDER BY distance";
    list(db, sql, params![id.as_bytes(), limit(MOST_ANCESTORS)], |row| {
        let mut columns = Columns::of(row);
        Ok(Ancestor { id: columns.id()?, application: columns.id()? })
    })
}

pub(super) fn refresh_tokens_of(db: &Connection, user: Uuid, most: usize) -> Read<Vec<RefreshToken>> {
    let sql = refresh_tokens!("user = ?1 ORDER BY inserted DESC, id DESC LIMIT ?2");
    list(db, sql, params![user.as_bytes(), limit(most)], to_refresh_token)
}

pub(super) fn count_refresh_tokens(db: &Connection) -> Read<u64> {
    let count = one(db, "SELECT count(*) FROM refresh_token", [], |row| Columns::of(row).number())?;
    Ok(count.unwrap_or_default())
}

pub(super) fn signing_keys(db: &Connection) -> Read<Vec<SigningKeyRecord>> {
    let sql = "SELECT id, purpose, application, algorithm, state, sealed, public, created, activated, retired, ends, version
         FROM signing_key ORDER BY created, id";
    list(db, sql, [], |row| {
        let mut columns = Columns::of(row);
        Ok(SigningKeyRecord {
            id: columns.value()?,
            purpose: columns.word(words::read_purpose)?,
            application: columns.optional_id()?,
            algorithm: columns.value()?,
            state: columns.word(words::read_state)?,
            sealed: columns.value()?,
            public: columns.value()?,
            created: columns.instant()?,
            activated: columns.optional_instant()?,
            retired: columns.optional_instant()?,
            ends: columns.optional_instant()?,
            version: columns.number()?,
        })
    })
}

pub(super) fn signing_key_generation(db: &Connection) -> Read<u64> {
    let generation = one(db, "SELECT signing_key_generation FROM store", [], |row| Columns::of(row).number())?;
    Ok(generation.unwrap_or_default())
}

pub(super) fn revocations_after(db: &Connection, after: u64, now: Timestamp, most: usize) -> Read<Vec<Logged>> {
    let sql = "SELECT number, issuer, target, audience, scope, instant, basis, ends, user
         FROM revocation WHERE number > ?1 AND ends > ?2 ORDER BY number LIMIT ?3";
    list(db, sql, params![integer(after), millis(now), limit(most)], |row| {
        let mut columns = Columns::of(row);
        let number = number(columns.value()?);
        let issuer = columns.value()?;
        let (target, audience) = (columns.value()?, columns.value()?);
        let scope = columns.word(|word| words::read_scope(word, target, audience))?;
        let instant = columns.instant()?;
        let basis = columns.word(words::read_basis)?;
        let (ends, user) = (columns.instant()?, columns.value()?);
        Ok(Logged { number, revocation: Revocation { issuer, scope, instant, basis, ends, user } })
    })
}

pub(super) fn key_document(db: &Connection, issuer: &str) -> Read<Option<KeyDocument>> {
    one(db, "SELECT issuer, source, fetched, body FROM key_document WHERE issuer = ?1", [issuer], |row| {
        let mut columns = Columns::of(row);
        Ok(KeyDocument {
            issuer: columns.value()?,
            source: columns.value()?,
            fetched: columns.instant()?,
            body: columns.value()?,
        })
    })
}

fn with_registrations(db: &Connection, user: Option<User>) -> Read<Option<User>> {
    let Some(mut user) = user else { return Ok(None) };
    user.registrations = list(db, registrations!("user = ?1 ORDER BY application"), [user.id.as_bytes()], to_registration)?;
    Ok(Some(user))
}

fn one<T>(db: &Connection, sql: &str, values: impl Params, to: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> Read<Option<T>> {
    Ok(db.prepare_cached(sql)?.query_row(values, to).optional()?)
}

fn list<T>(db: &Connection, sql: &str, values: impl Params, to: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Read<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(values, to)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn to_user(row: &Row<'_>) -> rusqlite::Result<User> {
    let mut columns = Columns::of(row);
    Ok(User {
        id: columns.id()?,
        email: columns.value()?,
        username: columns.value()?,
        verified: columns.value()?,
        active: columns.value()?,
        password: columns.value()?,
        password_change_required: columns.value()?,
        password_last_update: columns.optional_instant()?,
        expiry: columns.optional_instant()?,
        profile: columns.json()?,
        inserted: columns.instant()?,
        updated: columns.instant()?,
        last_login: columns.optional_instant()?,
        closed: columns.optional_instant()?,
        version: columns.number()?,
        registrations: Vec::new(),
    })
}

fn to_registration(row: &Row<'_>) -> rusqlite::Result<Registration> {
    let mut columns = Columns::of(row);
    Ok(Registration {
        id: columns.id()?,
        application: columns.id()?,
        roles: columns.json()?,
        username: columns.value()?,
        profile: columns.json()?,
        inserted: columns.instant()?,
        updated: columns.instant()?,
        last_login: columns.optional_instant()?,
        version: columns.number()?,
    })
}

fn to_session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let mut columns = Columns::of(row);
    Ok(Session {
        id: columns.id()?,
        user: columns.id()?,
        application: columns.optional_id()?,
        authentication_type: columns.value()?,
        signed_in: columns.instant()?,
    })
}

pub(super) fn to_refresh_token(row: &Row<'_>) -> rusqlite::Result<RefreshToken> {
    let mut columns = Columns::of(row);
    Ok(RefreshToken {
        id: columns.id()?,
        session: columns.id()?,
        user: columns.id()?,
        application: columns.id()?,
        parent: columns.optional_id()?,
        digest: columns.digest()?,
        sealed: columns.value()?,
        start: columns.instant()?,
        inserted: columns.instant()?,
        device: columns.value()?,
        meta_data: columns.json()?,
        version: columns.number()?,
    })
}
