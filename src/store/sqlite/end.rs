//! The end of sessions and refresh tokens, and what has expired.
//!
//! Refresh tokens are removed before their sessions, although these would take them along: they are counted.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Params, params, params_from_iter};
use uuid::Uuid;

use super::apply::{change_one, execute, log};
use super::columns::{Columns, limit, millis};
use super::ending::{self, Condition};
use super::{outbox, sign};
use crate::clock::Timestamp;
use crate::store::{Committed, Ended, Entries, Expired, Scope, StoreError};

const COUNT_EXCHANGED: &str = "SELECT count(*) FROM refresh_token WHERE user = ?1 AND parent IS NOT NULL";

/// A session or refresh token that has just ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gone {
    id: Uuid,
    user: Uuid,
    signed_in: Timestamp,
    session: Uuid,
}

/// What has just ended.
#[derive(Debug, Default)]
pub(super) struct AllGone {
    sessions: Vec<Gone>,
    refresh_tokens: Vec<Gone>,
}

/// Removes records and counts them.
struct Remover<'a> {
    db: &'a Connection,
    committed: &'a mut Committed,
    gone: AllGone,
}

impl<'a> Remover<'a> {
    fn new(db: &'a Connection, committed: &'a mut Committed) -> Self {
        Self { db, committed, gone: AllGone::default() }
    }

    /// Those that are meant, refresh tokens first.
    fn end(&mut self, ended: &Ended) -> Result<(), StoreError> {
        self.end_refresh_tokens(ending::refresh_tokens(ended))?;
        ending::sessions(ended).map_or(Ok(()), |condition| self.end_sessions(condition))
    }

    fn end_refresh_tokens(&mut self, (condition, values): Condition) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM refresh_token WHERE {condition}
             RETURNING id, user, (SELECT signed_in FROM session WHERE session.id = refresh_token.session), session"
        );
        let ended = gone(self.db, &sql, values)?;
        self.committed.refresh_tokens_ended += ended.len() as u64;
        self.gone.refresh_tokens.extend(ended);
        Ok(())
    }

    fn end_sessions(&mut self, (condition, values): Condition) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM session WHERE {condition} RETURNING id, user, signed_in, id");
        let ended = gone(self.db, &sql, values)?;
        self.committed.sessions_ended += ended.len() as u64;
        let last = ended.iter().map(|session| session.signed_in).max();
        self.committed.last_sign_in_ended = self.committed.last_sign_in_ended.max(last);
        self.gone.sessions.extend(ended);
        Ok(())
    }

    fn expire_refresh_tokens(&mut self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        self.committed.refresh_tokens_ended += execute(self.db, sql, values)? as u64;
        Ok(())
    }

    fn expire_sessions(&mut self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        self.committed.sessions_ended += execute(self.db, sql, values)? as u64;
        Ok(())
    }

    /// Counted first, by an index alone: mostly there is nothing to do.
    fn oldest_sessions_of(&mut self, user: Uuid, kept: usize) -> Result<(), StoreError> {
        let excess = count(self.db, "SELECT count(*) FROM session WHERE user = ?1", user)? - limit(kept);
        let ended = if excess > 0 { oldest(self.db, user, excess)? } else { Vec::new() };
        ended.into_iter().try_for_each(|session| self.end(&Ended::Session(session)))
    }

    fn oldest_exchanged_of(&mut self, user: Uuid, kept: usize) -> Result<(), StoreError> {
        // All of them first: that asks an index alone.
        for sql in ["SELECT count(*) FROM refresh_token WHERE user = ?1", COUNT_EXCHANGED] {
            if count(self.db, sql, user)? <= limit(kept) {
                return Ok(());
            }
        }
        self.end(&Ended::OldestExchangedOf(user, kept))
    }

    fn expired_refresh_tokens(&mut self, of: Uuid, start: Timestamp, made: Option<Timestamp>) -> Result<(), StoreError> {
        self.expire_refresh_tokens(
            "DELETE FROM refresh_token WHERE application = ?1 AND start < ?2",
            params![of.as_bytes(), millis(start)],
        )?;
        let Some(made) = made else { return Ok(()) };
        self.expire_refresh_tokens(
            "DELETE FROM refresh_token WHERE application = ?1 AND inserted < ?2",
            params![of.as_bytes(), millis(made)],
        )
    }

    /// Steps from one application to the next along the index, which is short where the tokens are many.
    fn refresh_tokens_of_others(&mut self, known: &[Uuid]) -> Result<(), StoreError> {
        let mut last: Vec<u8> = Vec::new();
        while let Some(application) = application_after(self.db, &last)? {
            if !known.contains(&application) {
                self.expire_refresh_tokens("DELETE FROM refresh_token WHERE application = ?1", [application.as_bytes()])?;
            }
            last = application.as_bytes().to_vec();
        }
        Ok(())
    }
}

fn gone(db: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Gone>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        let mut columns = Columns::of(row);
        Ok(Gone { id: columns.id()?, user: columns.id()?, signed_in: columns.instant()?, session: columns.id()? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn count(db: &Connection, sql: &str, user: Uuid) -> Result<i64, StoreError> {
    Ok(db.prepare_cached(sql)?.query_row([user.as_bytes()], |row| row.get(0))?)
}

/// A user's oldest sessions, so many.
fn oldest(db: &Connection, user: Uuid, most: i64) -> Result<Vec<Uuid>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM session WHERE user = ?1
         ORDER BY EXISTS (SELECT 1 FROM refresh_token WHERE session = session.id), signed_in, id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![user.as_bytes(), most], |row| row.get(0).map(Uuid::from_bytes))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn application_after(db: &Connection, last: &[u8]) -> Result<Option<Uuid>, StoreError> {
    let sql = "SELECT application FROM refresh_token WHERE application > ?1 ORDER BY application LIMIT 1";
    let next = db.prepare_cached(sql)?.query_row([last], |row| row.get(0)).optional()?;
    Ok(next.map(Uuid::from_bytes))
}

/// Removes a user; the registrations and links go along.
pub(super) fn user(db: &Connection, id: Uuid, committed: &mut Committed) -> Result<(), StoreError> {
    Remover::new(db, committed).end(&Ended::SessionsOf(id))?;
    change_one(db, "DELETE FROM user WHERE id = ?1", [id.as_bytes()])
}

/// Ends them, and says what that was.
pub(super) fn end(db: &Connection, ended: &Ended, committed: &mut Committed) -> Result<AllGone, StoreError> {
    let mut remover = Remover::new(db, committed);
    match ended {
        Ended::OldestSessionsOf(user, kept) => remover.oldest_sessions_of(*user, *kept),
        Ended::OldestExchangedOf(user, kept) => remover.oldest_exchanged_of(*user, *kept),
        other => remover.end(other),
    }?;
    Ok(remover.gone)
}

/// Ends them, with an entry for each session and each refresh token that ends alone, both in the order of their ids.
pub(super) fn end_each(db: &Connection, ended: &Ended, entries: &Entries, committed: &mut Committed) -> Result<(), StoreError> {
    let AllGone { mut sessions, mut refresh_tokens } = end(db, ended, committed)?;
    sessions.sort_unstable();
    refresh_tokens.sort_unstable();
    for session in &sessions {
        let scope = Scope::Session(session.id.to_string());
        log(db, &entries.entry(scope, session.user, session.signed_in), committed)?;
    }
    let goes_on = |token: &&Gone| sessions.binary_search_by_key(&token.session, |session| session.id).is_err();
    for token in refresh_tokens.iter().filter(goes_on) {
        let scope = Scope::Token(token.id.to_string());
        log(db, &entries.entry(scope, token.user, token.signed_in), committed)?;
    }
    Ok(())
}

pub(super) fn sweep(db: &Connection, expired: &Expired, committed: &mut Committed) -> Result<(), StoreError> {
    let mut remover = Remover::new(db, committed);
    match expired {
        Expired::RefreshTokens(application, start, made) => remover.expired_refresh_tokens(*application, *start, *made),
        Expired::RefreshTokensOfOthers(known) => remover.refresh_tokens_of_others(known),
        Expired::Sessions(before) => remover.expire_sessions(
            "DELETE FROM session WHERE signed_in < ?1
                 AND NOT EXISTS (SELECT 1 FROM refresh_token WHERE refresh_token.session = session.id)",
            [millis(*before)],
        ),
        Expired::Revocations(before) => execute(db, "DELETE FROM revocation WHERE ends < ?1", [millis(*before)]).map(drop),
        Expired::ReplacedValues(before) => {
            execute(db, "DELETE FROM replaced_value WHERE replaced < ?1", [millis(*before)]).map(drop)
        }
        Expired::SigningKeys(before) => sign::sweep(db, *before),
        Expired::Events(webhook, before) => outbox::sweep(db, webhook, *before, committed),
        Expired::EventsOfOthers(known) => outbox::sweep_others(db, known, committed),
    }
}
