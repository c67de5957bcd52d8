//! What of refresh tokens would end, looked at before it does. The contract compares it with what then ends.

use rusqlite::{Connection, ToSql, params_from_iter};
use uuid::Uuid;

use super::columns::limit;
use super::read::to_refresh_token;
use crate::store::{Ended, Ending, Known, StoreError};

/// The condition on `refresh_token`, its values `?1` and `?2`.
fn condition(ended: &Ended) -> (&'static str, Vec<Uuid>) {
    match *ended {
        Ended::Session(session) => ("session = ?1", vec![session]),
        Ended::SessionsOf(user) => ("session IN (SELECT id FROM session WHERE user = ?1)", vec![user]),
        Ended::OtherSessionsOf(user, session) => {
            ("session IN (SELECT id FROM session WHERE user = ?1 AND id <> ?2)", vec![user, session])
        }
        Ended::SessionsOfApplication(application) => {
            ("(application = ?1 OR session IN (SELECT id FROM session WHERE application = ?1))", vec![application])
        }
        Ended::SessionsOfUserInApplication(user, application) => (
            "((user = ?1 AND +application = ?2)
                 OR session IN (SELECT id FROM session WHERE user = ?1 AND application = ?2))",
            vec![user, application],
        ),
        Ended::RefreshToken(token) => (
            "id IN (WITH RECURSIVE ending (id) AS (
                 VALUES (?1)
                 UNION SELECT refresh_token.id FROM refresh_token JOIN ending ON refresh_token.parent = ending.id
             ) SELECT id FROM ending)",
            vec![token],
        ),
    }
}

pub(super) fn read(db: &Connection, ended: &Ended, but_for: Option<Uuid>, most: usize) -> Result<Ending, StoreError> {
    let (condition, ids) = condition(ended);
    let mut values: Vec<Box<dyn ToSql>> = ids.iter().map(|id| Box::new(*id.as_bytes()) as Box<dyn ToSql>).collect();
    let sql = format!("SELECT DISTINCT application FROM refresh_token WHERE {condition} ORDER BY application");
    let mut statement = db.prepare_cached(&sql)?;
    let applications = statement.query_map(params_from_iter(&values), |row| row.get(0).map(Uuid::from_bytes))?;
    let applications = applications.collect::<Result<_, _>>()?;
    values.push(Box::new(but_for.map_or(Vec::new(), |id| id.as_bytes().to_vec())));
    values.push(Box::new(limit(most)));
    let (but_for, most) = (ids.len() + 1, ids.len() + 2);
    let sql = format!(
        "SELECT id, session, user, application, parent, digest, sealed, start, inserted, device, meta_data, version
         FROM refresh_token WHERE {condition} AND +application <> ?{but_for} ORDER BY inserted, id LIMIT ?{most}"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let tokens = statement.query_map(params_from_iter(&values), to_refresh_token)?;
    Ok(Ending { applications, tokens: tokens.collect::<Result<_, _>>()? })
}

pub(super) fn check(db: &Connection, ended: &Ended, known: &Known) -> Result<(), StoreError> {
    let (condition, ids) = condition(ended);
    let mut statement = db.prepare_cached(&format!("SELECT id, application FROM refresh_token WHERE {condition}"))?;
    let mut rows = statement.query(params_from_iter(ids.iter().map(Uuid::as_bytes)))?;
    while let Some(row) = rows.next()? {
        let (id, application) = (Uuid::from_bytes(row.get(0)?), Uuid::from_bytes(row.get(1)?));
        if !known.applications.contains(&application) && !known.tokens.contains(&id) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}
