//! The threads that read, each with a connection that cannot write.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::StoreError;

/// Something to read, which answers by itself.
pub(super) type Read = Box<dyn FnOnce(&Connection) + Send>;

/// Reads what `queue` brings until nobody can send any more.
pub(super) fn run(connection: &Connection, queue: &Mutex<Receiver<Read>>) {
    // The lock is held while waiting, not while reading.
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(read) = next() {
        read(connection);
    }
}

/// Reads within one snapshot, so that what several statements find belongs together.
pub(super) fn in_snapshot<T>(db: &Connection, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let snapshot = Transaction::new_unchecked(db, TransactionBehavior::Deferred)?;
    let found = read(db);
    if let Err(error) = &found {
        tracing::warn!(%error, "the store does not read");
    }
    snapshot.finish()?;
    found
}
