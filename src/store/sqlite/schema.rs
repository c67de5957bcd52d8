//! The versions of the schema, and what may be opened at all.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use uuid::{Builder, Uuid};

use super::columns::millis;
use super::fault;
use crate::clock::{Clock, Timestamp};

/// Marks a file as a store: `TOLL` in ASCII.
const APPLICATION_ID: i64 = 0x544f_4c4c;
/// The script at index n makes version n + 1 of version n.
const SCRIPTS: [&str; 2] = [include_str!("schema/0001.sql"), include_str!("schema/0002.sql")];

/// Why a store cannot be opened. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no file.
    #[error("{}: there is no store; check the path", .0.display())]
    Missing(PathBuf),
    /// The file is another program's, or no database.
    #[error("{}: this is not a store of Tollgate; name another file", .0.display())]
    Foreign(PathBuf),
    /// A newer Tollgate has migrated the store.
    #[error(
        "{}: the store's schema has version {found}, and this Tollgate knows versions up to {known}; \
         run the newer Tollgate, or restore a backup from before its migration", .path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// The version that it has.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// An older Tollgate has made the store.
    #[error("{}: the store's schema has version {found}, older than this Tollgate's; run `tollgate store migrate` first", .path.display())]
    Older {
        /// The store.
        path: PathBuf,
        /// The version that it has.
        found: i64,
    },
    /// The system or the database refuses.
    #[error("{}: the store cannot be opened: {reason}", .path.display())]
    Unusable {
        /// The store.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn system(path: &Path, error: &io::Error) -> Self {
        Self::Unusable { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn not_durable(path: &Path) -> Self {
        let reason = "its file system takes no write-ahead log; put it on a disk of this machine".to_owned();
        Self::Unusable { path: path.to_owned(), reason }
    }

    pub(super) fn database(path: &Path, error: &rusqlite::Error) -> Self {
        match fault::is_foreign(error) {
            true => Self::Foreign(path.to_owned()),
            false => Self::Unusable { path: path.to_owned(), reason: fault::reason(error) },
        }
    }
}

/// What a migration did. Equal versions: nothing was to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version that was found; 0 is an empty file.
    pub from: i64,
    /// The version now.
    pub to: i64,
}

/// The version of the schema in `db`, 0 where nothing is in it yet.
pub(super) fn version(db: &Connection, path: &Path) -> Result<i64, OpenError> {
    let known = newest();
    match marks(db).map_err(|error| OpenError::database(path, &error))? {
        Marks { application: 0, version: 0, tables: 0 } => Ok(0),
        Marks { application: APPLICATION_ID, version: found, .. } if found > known => {
            Err(OpenError::Newer { path: path.to_owned(), found, known })
        }
        Marks { application: APPLICATION_ID, version, .. } if version > 0 => Ok(version),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

/// Refuses a store that would have to be made or migrated.
pub(super) fn require_newest(db: &Connection, path: &Path) -> Result<(), OpenError> {
    match version(db, path)? {
        0 => Err(OpenError::Missing(path.to_owned())),
        found if found < newest() => Err(OpenError::Older { path: path.to_owned(), found }),
        _ => Ok(()),
    }
}

struct Marks {
    application: i64,
    version: i64,
    tables: i64,
}

/// All of one moment: another process may be making the store.
fn marks(db: &Connection) -> rusqlite::Result<Marks> {
    let reading = if db.is_autocommit() { Some(db.unchecked_transaction()?) } else { None };
    let marks = Marks {
        tables: db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
        application: db.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: db.pragma_query_value(None, "user_version", |row| row.get(0))?,
    };
    reading.map_or(Ok(()), Transaction::rollback)?;
    Ok(marks)
}

fn newest() -> i64 {
    i64::try_from(SCRIPTS.len()).unwrap_or(i64::MAX)
}

/// Brings the schema to the newest version, whole or not at all. Of several that make a store at once, one finds it new.
pub(super) fn migrate(db: &Connection, path: &Path, clock: &Clock) -> Result<Migrated, OpenError> {
    let refused = |error: rusqlite::Error| OpenError::database(path, &error);
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate).map_err(refused)?;
    let from = version(db, path)?;
    let to = newest();
    if from < to {
        let missing = usize::try_from(from).unwrap_or(SCRIPTS.len());
        let scripts = SCRIPTS.iter().skip(missing);
        scripts.copied().try_for_each(|script| db.execute_batch(script)).map_err(refused)?;
        if from == 0 {
            mark(db, new_id(clock.now()).ok_or_else(|| no_random(path))?).map_err(refused)?;
        }
        db.pragma_update(None, "user_version", to).map_err(refused)?;
    }
    transaction.commit().map_err(refused)?;
    Ok(Migrated { from, to })
}

/// Makes an empty schema a store.
fn mark(db: &Connection, id: Uuid) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.execute("INSERT INTO store (only, id, signing_key_generation) VALUES (1, ?1, 0)", [id.as_bytes()]).map(drop)
}

fn new_id(now: Timestamp) -> Option<Uuid> {
    let mut random = [0; 10];
    rand::fill(&mut random).ok()?;
    Some(Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid())
}

fn no_random(path: &Path) -> OpenError {
    OpenError::Unusable { path: path.to_owned(), reason: "the system gives no random bytes".to_owned() }
}

/// Makes the store refuse what it was a witness of: sign-ins until `now`, of which some may have ended since it was
/// copied.
pub(super) fn forget_sign_ins(db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    db.execute("UPDATE store SET not_before = max(ifnull(not_before, 0), ?1)", [millis(now)])?;
    db.execute("DELETE FROM session", [])?;
    transaction.commit()
}
