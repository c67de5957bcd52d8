//! Which sessions and refresh tokens end, as conditions: for ending them, and for looking at what would end before it does.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::columns::limit;
use super::read::{self, to_refresh_token};
use crate::store::{Ended, Ending, Known, StoreError};

/// A condition, with the values of its `?1` and `?2`.
pub(super) type Condition = (String, Vec<Value>);

/// The condition on `session`; none where no session ends, or where they end one by one.
pub(super) fn sessions(ended: &Ended) -> Option<Condition> {
    let (condition, values) = match *ended {
        Ended::Session(session) => ("id = ?1", vec![id(session)]),
        Ended::SessionsOf(user) => ("user = ?1", vec![id(user)]),
        Ended::OtherSessionsOf(user, session) => ("user = ?1 AND id <> ?2", vec![id(user), id(session)]),
        Ended::SessionsOfApplication(application) => ("application = ?1", vec![id(application)]),
        Ended::SessionsOfUserInApplication(user, application) => {
            ("user = ?1 AND application = ?2", vec![id(user), id(application)])
        }
        Ended::OldestSessionsOf(..) | Ended::OldestExchangedOf(..) | Ended::RefreshToken(_) => return None,
    };
    Some((condition.to_owned(), values))
}

/// The condition on `refresh_token`; what was made from such ones ends with them.
pub(super) fn refresh_tokens(ended: &Ended) -> Condition {
    let (condition, values) = match *ended {
        Ended::Session(session) => ("session = ?1", vec![id(session)]),
        Ended::SessionsOf(user) => ("session IN (SELECT id FROM session WHERE user = ?1)", vec![id(user)]),
        Ended::OtherSessionsOf(user, session) => {
            ("session IN (SELECT id FROM session WHERE user = ?1 AND id <> ?2)", vec![id(user), id(session)])
        }
        Ended::OldestSessionsOf(user, most) => (
            "session IN (SELECT id FROM session AS one WHERE user = ?1
                 ORDER BY EXISTS (SELECT 1 FROM refresh_token AS its WHERE its.session = one.id) DESC, signed_in DESC, id DESC
                 LIMIT -1 OFFSET ?2)",
            vec![id(user), Value::Integer(limit(most))],
        ),
        Ended::OldestExchangedOf(user, most) => (
            "id IN (SELECT id FROM refresh_token WHERE user = ?1 AND parent IS NOT NULL
                 ORDER BY inserted DESC, id DESC LIMIT -1 OFFSET ?2)",
            vec![id(user), Value::Integer(limit(most))],
        ),
        Ended::SessionsOfApplication(application) => {
            ("application = ?1 OR session IN (SELECT id FROM session WHERE application = ?1)", vec![id(application)])
        }
        // The `+` leaves one index to use: a user has few refresh tokens, an application may have all.
        Ended::SessionsOfUserInApplication(user, application) => (
            "(user = ?1 AND +application = ?2)
                 OR session IN (SELECT id FROM session WHERE user = ?1 AND application = ?2)",
            vec![id(user), id(application)],
        ),
        Ended::RefreshToken(token) => ("id = ?1", vec![id(token)]),
    };
    let with_descendants = format!(
        "id IN (WITH RECURSIVE ending (id) AS (
             SELECT id FROM refresh_token WHERE {condition}
             UNION SELECT refresh_token.id FROM refresh_token JOIN ending ON refresh_token.parent = ending.id
         ) SELECT id FROM ending)"
    );
    (with_descendants, values)
}

fn id(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

pub(super) fn read(db: &Connection, ended: &Ended, but_for: Option<Uuid>, most: usize) -> Result<Ending, StoreError> {
    let (condition, mut values) = refresh_tokens(ended);
    let (but_for_at, most_at) = (values.len() + 1, values.len() + 2);
    let sql = format!("SELECT DISTINCT application FROM refresh_token WHERE {condition} ORDER BY application");
    let mut statement = db.prepare_cached(&sql)?;
    let applications = statement.query_map(params_from_iter(&values), |row| row.get(0).map(Uuid::from_bytes))?;
    let applications = applications.collect::<Result<_, _>>()?;
    values.push(Value::Blob(but_for.map_or(Vec::new(), |id| id.as_bytes().to_vec())));
    values.push(Value::Integer(limit(most)));
    let all = read::refresh_tokens!("");
    let sql = format!("{all}{condition} AND +application <> ?{but_for_at} ORDER BY inserted, id LIMIT ?{most_at}");
    let mut statement = db.prepare_cached(&sql)?;
    let tokens = statement.query_map(params_from_iter(&values), to_refresh_token)?;
    Ok(Ending { applications, tokens: tokens.collect::<Result<_, _>>()? })
}

pub(super) fn check(db: &Connection, ended: &Ended, known: &Known) -> Result<(), StoreError> {
    let (condition, values) = refresh_tokens(ended);
    let mut statement = db.prepare_cached(&format!("SELECT id, application FROM refresh_token WHERE {condition}"))?;
    let mut rows = statement.query(params_from_iter(&values))?;
    while let Some(row) = rows.next()? {
        let (id, application) = (Uuid::from_bytes(row.get(0)?), Uuid::from_bytes(row.get(1)?));
        if !known.applications.contains(&application) && !known.tokens.contains(&id) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}
