//! The one thread that writes: many commits, one write to the disk.
//!
//! Whatever is queued when it is free goes into one transaction, each commit within a savepoint, so that one which is
//! refused takes no other along. Nobody is answered before the transaction is on the disk.

use std::sync::mpsc::Receiver;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::apply::{apply, execute};
use crate::store::{Change, Committed, StoreError};

/// Commits in one transaction, so that the first of a long queue need not wait for the last.
const MOST_TOGETHER: usize = 1024;

type Answer = Result<Committed, StoreError>;

/// One commit that waits for its answer.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Answer>,
}

#[derive(Debug)]
pub(super) enum Work {
    /// These changes.
    Changes(Vec<Change>),
    /// A write that changes nothing, to see that writes work.
    Probe,
}

/// Commits what `queue` brings until nobody can send any more. Gives the connection back, to be closed last.
pub(super) fn run(connection: Connection, queue: &Receiver<Write>) -> Connection {
    let mut works = true;
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(MOST_TOGETHER - 1));
        let answers = commit(&connection, &batch);
        note(&mut works, answers.as_ref().err());
        answer(batch, answers);
    }
    connection
}

/// All of `batch` in one transaction, durable when this returns; an error means that none of it was done.
fn commit(db: &Connection, batch: &[Write]) -> Result<Vec<Answer>, StoreError> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let answers = batch.iter().map(|write| one(db, &write.work)).collect::<Result<Vec<_>, _>>()?;
    transaction.commit()?;
    Ok(answers)
}

/// One commit within the transaction; an error means that the transaction is lost.
fn one(db: &Connection, work: &Work) -> Result<Answer, StoreError> {
    execute(db, "SAVEPOINT one", [])?;
    let answer = match work {
        Work::Changes(changes) => apply(db, changes),
        Work::Probe => execute(db, "UPDATE store SET id = id", []).map(|_| Committed::default()),
    };
    if let Err(error) = &answer {
        // A full disk or a failed read makes SQLite give up the whole transaction.
        if db.is_autocommit() {
            return Err(error.clone());
        }
        if matches!(error, StoreError::Unavailable(_)) {
            tracing::warn!(%error, "the store did not write a change");
        }
        execute(db, "ROLLBACK TO one", [])?;
    }
    execute(db, "RELEASE one", [])?;
    Ok(answer)
}

fn answer(batch: Vec<Write>, answers: Result<Vec<Answer>, StoreError>) {
    let replies = batch.into_iter().map(|write| write.reply);
    // Whoever has stopped waiting is owed nothing.
    match answers {
        Ok(answers) => replies.zip(answers).for_each(|(reply, answer)| drop(reply.send(answer))),
        Err(error) => replies.for_each(|reply| drop(reply.send(Err(error.clone())))),
    }
}

/// Logs the first of a row of failures, and their end.
fn note(works: &mut bool, error: Option<&StoreError>) {
    match (*works, error) {
        (true, Some(error)) => tracing::warn!(%error, "the store does not write"),
        (false, None) => tracing::info!("the store writes again"),
        _ => {}
    }
    *works = error.is_none();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{connection, schema};
    use super::*;
    use crate::clock::{Clock, Timestamp};

    fn check() -> Work {
        Work::Changes(vec![Change::SetKeyCheck(vec![1])])
    }

    #[test]
    fn nothing_is_acknowledged_that_was_not_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        connection::create_private(&path).unwrap();
        // Without a log ahead, one who reads is in the way of a commit, and of nothing before it.
        let db = connection::open(&path, Duration::ZERO).unwrap();
        schema::migrate(&db, &path, &Clock::manual(Timestamp::from_seconds(1))).unwrap();
        let reader = connection::open_to_read(&path, Duration::ZERO).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM store;").unwrap();
        let (reply, mut answered) = oneshot::channel();
        let batch = vec![Write { work: check(), reply }];
        let answers = commit(&db, &batch);
        assert!(matches!(answers, Err(StoreError::Unavailable(_))), "{answers:?}");
        answer(batch, answers);
        assert!(matches!(answered.try_recv(), Ok(Err(StoreError::Unavailable(_)))));
        reader.execute_batch("COMMIT").unwrap();
        let (reply, _) = oneshot::channel();
        let answers = commit(&db, &[Write { work: check(), reply }]).unwrap();
        assert_eq!(answers, [Ok(Committed::default())], "the first was undone, and the connection works");
    }
}
