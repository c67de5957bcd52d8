//! Carries changes out, within the transaction that the writer opened.

use rusqlite::{Connection, Params, params};
use uuid::Uuid;

use super::columns::{integer, millis, number};
use super::{end, ending, outbox, person, sign, token, words};
use crate::clock::Timestamp;
use crate::store::{Change, Committed, KeyDocument, Logged, Revocation, StoreError};

/// Does all of `changes` in order, up to the first that is refused.
pub(super) fn apply(db: &Connection, changes: &[Change]) -> Result<Committed, StoreError> {
    let mut committed = Committed::default();
    for change in changes {
        one(db, change, &mut committed)?;
    }
    Ok(committed)
}

fn one(db: &Connection, change: &Change, committed: &mut Committed) -> Result<(), StoreError> {
    match change {
        Change::AddUser(user) => person::add(db, user),
        Change::ReplaceUser(user) => person::replace(db, user),
        Change::RemoveUser(user) => end::user(db, *user, committed),
        Change::AddRegistration(user, registration) => {
            person::register(db, *user, registration).and_then(|()| person::raise(db, *user))
        }
        Change::ReplaceRegistration(user, registration) => {
            person::replace_registration(db, *user, registration).and_then(|()| person::raise(db, *user))
        }
        Change::RemoveRegistration(user, application) => {
            person::deregister(db, *user, *application).and_then(|()| person::raise(db, *user))
        }
        Change::UserIsStill(user, version) => person::is_still(db, *user, *version),
        Change::NoteSignIn(user, application, at) => person::note_sign_in(db, *user, *application, *at),
        Change::AddLink(link) => person::link(db, link),
        Change::AddSession(session) => token::add_session(db, session),
        Change::AddRefreshToken(token) => token::add(db, token),
        Change::UseRefreshToken(token) => token::note_use(db, token),
        Change::RotateRefreshToken(token, at) => token::rotate(db, token, *at),
        Change::End(ended) => end::end(db, ended, committed).map(drop),
        Change::EndEach(ended, entries) => end::end_each(db, ended, entries, committed),
        Change::EndsOnly(ended, known) => ending::check(db, ended, known),
        Change::Revoke(revocation) => revoke(db, revocation, committed),
        Change::RevokeForeign(revocation) => log(db, revocation, committed),
        Change::AddSigningKey(key) => sign::add(db, key),
        Change::ReplaceSigningKey(key) => sign::replace(db, key),
        Change::RemoveSigningKey(id) => sign::remove(db, id),
        Change::SaveKeyDocument(document) => save_key_document(db, document),
        Change::SetKeyCheck(check) => set_key_check(db, check),
        Change::AddEvent(event, room) => outbox::add(db, event, *room, committed),
        Change::DeferEvent { number, version, attempts, due } => outbox::defer(db, *number, *version, *attempts, *due),
        Change::RemoveEvent(number) => outbox::remove(db, *number),
        Change::Sweep(expired) => end::sweep(db, expired, committed),
    }
}

/// Runs a statement; the number of rows that it changed.
pub(super) fn execute(db: &Connection, sql: &str, values: impl Params) -> Result<usize, StoreError> {
    Ok(db.prepare_cached(sql)?.execute(values)?)
}

/// Runs a statement that concerns one record, which must still be as it was read.
pub(super) fn change_one(db: &Connection, sql: &str, values: impl Params) -> Result<(), StoreError> {
    match execute(db, sql, values)? {
        0 => Err(StoreError::Conflict),
        _ => Ok(()),
    }
}

pub(super) fn revoke(db: &Connection, revocation: &Revocation, committed: &mut Committed) -> Result<(), StoreError> {
    let revocation = revocation.clone().reaching(committed.last_sign_in_ended);
    log(db, &revocation, committed).and_then(|()| close_what(db, &revocation))
}

pub(super) fn log(db: &Connection, revocation: &Revocation, committed: &mut Committed) -> Result<(), StoreError> {
    let (target, audience) = words::scope(&revocation.scope);
    execute(
        db,
        "INSERT INTO revocation (issuer, scope, target, audience, instant, basis, ends, user)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            revocation.issuer,
            revocation.scope.word(),
            target,
            audience,
            millis(revocation.instant),
            words::basis(revocation.basis),
            millis(revocation.ends),
            revocation.user,
        ],
    )?;
    let number = number(db.last_insert_rowid());
    committed.revocations.push(Logged { number, revocation: revocation.clone() });
    Ok(())
}

fn close_what(db: &Connection, revocation: &Revocation) -> Result<(), StoreError> {
    match (revocation.basis, revocation.scope.closes()) {
        (crate::store::Basis::Issue, _) | (_, (None, None)) => Ok(()),
        (crate::store::Basis::SignIn, (user, application)) => close(db, user, application, revocation.instant),
    }
}

fn close(db: &Connection, user: Option<Uuid>, application: Option<Uuid>, instant: Timestamp) -> Result<(), StoreError> {
    let key = |id: &Option<Uuid>| id.as_ref().map_or(Vec::new(), |id| id.as_bytes().to_vec());
    execute(
        db,
        "INSERT INTO closing (user, application, instant) VALUES (?1, ?2, ?3)
         ON CONFLICT (user, application) DO UPDATE SET instant = max(instant, excluded.instant)",
        params![key(&user), key(&application), millis(instant)],
    )
    .map(drop)
}

fn save_key_document(db: &Connection, document: &KeyDocument) -> Result<(), StoreError> {
    execute(
        db,
        "INSERT INTO key_document (issuer, source, fetched, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (issuer) DO UPDATE SET source = excluded.source, fetched = excluded.fetched, body = excluded.body",
        params![document.issuer, document.source, millis(document.fetched), document.body],
    )
    .map(drop)
}

fn set_key_check(db: &Connection, check: &[u8]) -> Result<(), StoreError> {
    change_one(db, "UPDATE store SET key_check = ?1 WHERE key_check IS NULL", [check])
}

/// The number that the record's next version has.
pub(super) fn raised(version: u64) -> i64 {
    integer(version.saturating_add(1))
}
