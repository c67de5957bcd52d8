//! Events that wait for webhooks.
//!
//! Triggers of the schema keep the sizes, and mark the next of an ordering as its first when the first is gone.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::apply::{change_one, execute, raised};
use super::columns::{Columns, integer, limit, millis, number};
use crate::clock::Timestamp;
use crate::store::{Committed, Event, QueuedEvent, Room, StoreError};

/// Rows that one sweep removes at most: others wait for the writer meanwhile.
const MOST_SWEPT: i64 = 5000;

pub(super) fn add(db: &Connection, event: &Event, room: Room, committed: &mut Committed) -> Result<(), StoreError> {
    let (events, bytes) = size(db, &event.webhook)?;
    if events >= room.events || bytes.saturating_add(event.body.len() as u64) > room.bytes {
        committed.events.push(None);
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO outbox (webhook, ordering, id, body, created, attempts, due, version, first)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?5, 0,
             NOT EXISTS (SELECT 1 FROM outbox WHERE webhook = ?1 AND ordering = ?2))",
        params![event.webhook, event.ordering.as_bytes(), event.id.as_bytes(), event.body, millis(event.created)],
    )?;
    committed.events.push(Some(number(db.last_insert_rowid())));
    Ok(())
}

pub(super) fn defer(db: &Connection, event: u64, version: u64, attempts: u64, due: Timestamp) -> Result<(), StoreError> {
    change_one(
        db,
        "UPDATE outbox SET attempts = ?3, due = ?4, version = ?5 WHERE number = ?1 AND version = ?2",
        params![integer(event), integer(version), integer(attempts), millis(due), raised(version)],
    )
}

pub(super) fn remove(db: &Connection, event: u64) -> Result<(), StoreError> {
    execute(db, "DELETE FROM outbox WHERE number = ?1", [integer(event)]).map(drop)
}

pub(super) fn sweep(db: &Connection, webhook: &str, before: Timestamp, committed: &mut Committed) -> Result<(), StoreError> {
    let swept = execute(
        db,
        "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox WHERE webhook = ?1 AND created < ?2 LIMIT ?3)",
        params![webhook, millis(before), MOST_SWEPT],
    )?;
    committed.events_swept += swept as u64;
    Ok(())
}

pub(super) fn sweep_others(db: &Connection, known: &[String], committed: &mut Committed) -> Result<(), StoreError> {
    let webhooks = db
        .prepare_cached("SELECT webhook FROM outbox_size")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    for webhook in webhooks.iter().filter(|webhook| !known.contains(webhook)) {
        let swept = execute(
            db,
            "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox WHERE webhook = ?1 LIMIT ?2)",
            params![webhook, MOST_SWEPT],
        )?;
        committed.events_swept += swept as u64;
    }
    Ok(())
}

pub(super) fn due(db: &Connection, webhook: &str, now: Timestamp, most: usize) -> Result<Vec<QueuedEvent>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT number, webhook, ordering, id, body, created, attempts, due, version FROM outbox
         WHERE webhook = ?1 AND due <= ?2 AND first = 1 ORDER BY due, number LIMIT ?3",
    )?;
    let found = statement.query_map(params![webhook, millis(now), limit(most)], queued)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn count(db: &Connection, webhook: &str) -> Result<u64, StoreError> {
    size(db, webhook).map(|(events, _)| events)
}

/// Events and bytes.
fn size(db: &Connection, webhook: &str) -> Result<(u64, u64), StoreError> {
    let read = |row: &Row<'_>| Ok((number(row.get(0)?), number(row.get(1)?)));
    let sql = "SELECT events, bytes FROM outbox_size WHERE webhook = ?1";
    Ok(db.prepare_cached(sql)?.query_row([webhook], read).optional()?.unwrap_or_default())
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedEvent> {
    let mut columns = Columns::of(row);
    Ok(QueuedEvent {
        number: columns.number()?,
        event: Event {
            webhook: columns.value()?,
            ordering: columns.id()?,
            id: columns.id()?,
            body: columns.value()?,
            created: columns.instant()?,
        },
        attempts: columns.number()?,
        due: columns.instant()?,
        version: columns.number()?,
    })
}
