//! How the file is made, and how connections to it are set up.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault;

/// Prepared statements that a connection keeps; there are fewer.
const STATEMENTS: usize = 128;
/// What a write-ahead log that was longer is cut to.
const LOG_SIZE_LIMIT: i64 = 64 * 1024 * 1024;
/// Between two attempts at what SQLite does not wait for by itself.
const RETRY: Duration = Duration::from_millis(20);

/// The path as SQLite may have it: none of the names, such as `:memory:`, that are no file to it.
pub(super) fn plain(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// Makes the file if it is missing, readable by its owner alone. SQLite gives its companions (`-wal`, `-shm`) the same
/// mode.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => sync_folder(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the file's name durable, not only its content.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// A connection that may write to a file that there is. It has changed nothing yet.
pub(super) fn open(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(busy_timeout)?;
    keep_statements(&db)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}

/// A connection that cannot write.
pub(super) fn open_to_read(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(busy_timeout)?;
    keep_statements(&db)?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(db)
}

/// Statements are prepared once. Without the guarantee SQLite would plan some anew for each value that is bound to them,
/// which costs as much as executing them.
fn keep_statements(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Makes commits durable when they return, and lets others read meanwhile. False where the file system cannot.
pub(super) fn make_durable(db: &Connection, busy_timeout: Duration) -> rusqlite::Result<bool> {
    let mode = log_ahead(db, Instant::now() + busy_timeout)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update_and_check(None, "journal_size_limit", LOG_SIZE_LIMIT, |_| Ok(()))?;
    Ok(mode == "wal")
}

/// Turns the write-ahead log on, for which SQLite does not wait for others. The mode that there is then.
fn log_ahead(db: &Connection, until: Instant) -> rusqlite::Result<String> {
    loop {
        match db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Err(error) if fault::is_busy(&error) && Instant::now() < until => thread::sleep(RETRY),
            answer => return answer,
        }
    }
}
