//! The end of sessions and refresh tokens, and what has expired.
//!
//! Refresh tokens are removed before their sessions, although these would take them along: they are counted.

use rusqlite::{Connection, OptionalExtension as _, Params, params};
use uuid::Uuid;

use super::apply::{change_one, execute};
use super::columns::millis;
use super::{outbox, sign};
use crate::clock::Timestamp;
use crate::store::{Committed, Ended, Expired, StoreError};

/// Those of the refresh token and of all that were made from it, and from these.
const REFRESH_TOKEN_WITH_DESCENDANTS: &str = "WITH RECURSIVE ending (id) AS (
         VALUES (?1) UNION SELECT refresh_token.id FROM refresh_token JOIN ending ON refresh_token.parent = ending.id
     )
     DELETE FROM refresh_token WHERE id IN (SELECT id FROM ending)";

/// Removes records and counts them.
struct Remover<'a> {
    db: &'a Connection,
    committed: &'a mut Committed,
}

impl Remover<'_> {
    fn refresh_tokens(&mut self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        self.committed.refresh_tokens_ended += execute(self.db, sql, values)? as u64;
        Ok(())
    }

    fn sessions(&mut self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        self.committed.sessions_ended += execute(self.db, sql, values)? as u64;
        Ok(())
    }

    fn session(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.refresh_tokens("DELETE FROM refresh_token WHERE session = ?1", [id.as_bytes()])?;
        self.sessions("DELETE FROM session WHERE id = ?1", [id.as_bytes()])
    }

    fn sessions_of(&mut self, user: Uuid) -> Result<(), StoreError> {
        self.refresh_tokens(
            "DELETE FROM refresh_token WHERE session IN (SELECT id FROM session WHERE user = ?1)",
            [user.as_bytes()],
        )?;
        self.sessions("DELETE FROM session WHERE user = ?1", [user.as_bytes()])
    }

    fn other_sessions_of(&mut self, user: Uuid, session: Uuid) -> Result<(), StoreError> {
        self.refresh_tokens(
            "DELETE FROM refresh_token WHERE session IN (SELECT id FROM session WHERE user = ?1 AND id <> ?2)",
            params![user.as_bytes(), session.as_bytes()],
        )?;
        self.sessions("DELETE FROM session WHERE user = ?1 AND id <> ?2", params![user.as_bytes(), session.as_bytes()])
    }

    fn sessions_of_application(&mut self, application: Uuid) -> Result<(), StoreError> {
        self.refresh_tokens(
            "DELETE FROM refresh_token
             WHERE application = ?1 OR session IN (SELECT id FROM session WHERE application = ?1)",
            [application.as_bytes()],
        )?;
        self.sessions("DELETE FROM session WHERE application = ?1", [application.as_bytes()])
    }

    fn sessions_of_user_in_application(&mut self, user: Uuid, application: Uuid) -> Result<(), StoreError> {
        let both = params![user.as_bytes(), application.as_bytes()];
        // The `+` leaves one index to use: a user has few refresh tokens, an application may have all.
        self.refresh_tokens(
            "DELETE FROM refresh_token
             WHERE (user = ?1 AND +application = ?2)
                 OR session IN (SELECT id FROM session WHERE user = ?1 AND application = ?2)",
            both,
        )?;
        self.sessions("DELETE FROM session WHERE user = ?1 AND application = ?2", both)
    }

    fn expired_refresh_tokens(&mut self, of: Uuid, start: Timestamp, made: Option<Timestamp>) -> Result<(), StoreError> {
        self.refresh_tokens(
            "DELETE FROM refresh_token WHERE application = ?1 AND start < ?2",
            params![of.as_bytes(), millis(start)],
        )?;
        let Some(made) = made else { return Ok(()) };
        self.refresh_tokens(
            "DELETE FROM refresh_token WHERE application = ?1 AND inserted < ?2",
            params![of.as_bytes(), millis(made)],
        )
    }

    /// Steps from one application to the next along the index, which is short where the tokens are many.
    fn refresh_tokens_of_others(&mut self, known: &[Uuid]) -> Result<(), StoreError> {
        let mut last: Vec<u8> = Vec::new();
        while let Some(application) = application_after(self.db, &last)? {
            if !known.contains(&application) {
                self.refresh_tokens("DELETE FROM refresh_token WHERE application = ?1", [application.as_bytes()])?;
            }
            last = application.as_bytes().to_vec();
        }
        Ok(())
    }
}

fn application_after(db: &Connection, last: &[u8]) -> Result<Option<Uuid>, StoreError> {
    let sql = "SELECT application FROM refresh_token WHERE application > ?1 ORDER BY application LIMIT 1";
    let next = db.prepare_cached(sql)?.query_row([last], |row| row.get(0)).optional()?;
    Ok(next.map(Uuid::from_bytes))
}

/// Removes a user; the registrations and links go along.
pub(super) fn user(db: &Connection, id: Uuid, committed: &mut Committed) -> Result<(), StoreError> {
    Remover { db, committed }.sessions_of(id)?;
    change_one(db, "DELETE FROM user WHERE id = ?1", [id.as_bytes()])
}

pub(super) fn end(db: &Connection, ended: &Ended, committed: &mut Committed) -> Result<(), StoreError> {
    let mut remover = Remover { db, committed };
    match ended {
        Ended::Session(session) => remover.session(*session),
        Ended::SessionsOf(user) => remover.sessions_of(*user),
        Ended::OtherSessionsOf(user, session) => remover.other_sessions_of(*user, *session),
        Ended::SessionsOfApplication(application) => remover.sessions_of_application(*application),
        Ended::SessionsOfUserInApplication(user, application) => remover.sessions_of_user_in_application(*user, *application),
        Ended::RefreshToken(token) => remover.refresh_tokens(REFRESH_TOKEN_WITH_DESCENDANTS, [token.as_bytes()]),
    }
}

pub(super) fn sweep(db: &Connection, expired: &Expired, committed: &mut Committed) -> Result<(), StoreError> {
    let mut remover = Remover { db, committed };
    match expired {
        Expired::RefreshTokens(application, start, made) => remover.expired_refresh_tokens(*application, *start, *made),
        Expired::RefreshTokensOfOthers(known) => remover.refresh_tokens_of_others(known),
        Expired::Sessions(before) => remover.sessions(
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
