//! Backup and restore.
//!
//! Both write a file beside the destination and give it the destination's name when it is whole and on the disk, never
//! in place of another.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use tempfile::NamedTempFile;

use super::connection::{self, folder, plain, sync_folder};
use super::schema::{self, OpenError};
use super::{Bounds, fault};
use crate::clock::Clock;

/// How long a gateway that is just closing the destination is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why a store was not copied. Nothing was replaced.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// What is to be copied cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The destination is there already, or what belonged to one.
    #[error("{}: there is such a file already, and it is not overwritten (`restore --force` moves it aside)", .0.display())]
    Exists(PathBuf),
    /// A process has the destination open.
    #[error("{}: the store is in use; stop every gateway on it first", .0.display())]
    InUse(PathBuf),
    /// The backup is damaged.
    #[error("{}: the backup is damaged ({reason}); use another", .path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system or the database refuses.
    #[error("{}: {reason}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}

/// What a restore does with a store that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuses.
    Refuse,
    /// Gives it another name.
    MoveAside,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the store that was there before is now.
    pub moved_to: Option<PathBuf>,
}

pub(super) fn backup(store: &Path, destination: &Path) -> Result<(), CopyError> {
    let (store, destination) = (absolute(store)?, absolute(destination)?);
    refuse_existing(&destination)?;
    let copy = copy(&store, &destination)?;
    alone(copy.path()).map_err(|error| database(copy.path(), &error))?;
    publish(copy, &destination)
}

pub(super) fn restore(backup: &Path, destination: &Path, clock: &Clock, existing: Existing) -> Result<Restored, CopyError> {
    let (backup, destination) = (absolute(backup)?, absolute(destination)?);
    if existing == Existing::Refuse {
        refuse_existing(&destination)?;
    }
    let copy = copy(&backup, &destination)?;
    renew(copy.path(), &backup, clock)?;
    let aside = Aside::of(&destination, clock);
    // Held until the new store has the name, so that no gateway starts on the former one meanwhile.
    let lock = lock(&destination)?;
    let moved_to = aside.move_all(&destination)?;
    publish(copy, &destination)?;
    drop(lock);
    Ok(Restored { moved_to })
}

fn absolute(path: &Path) -> Result<PathBuf, CopyError> {
    plain(path).map_err(|error| system(path, &error))
}

fn system(path: &Path, error: &io::Error) -> CopyError {
    CopyError::Failed { path: path.to_owned(), reason: error.to_string() }
}

fn database(path: &Path, error: &rusqlite::Error) -> CopyError {
    CopyError::Failed { path: path.to_owned(), reason: fault::reason(error) }
}

/// `path` with `ending` after its whole name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// A log left behind by a store that is gone would be taken for that of the new one.
fn refuse_existing(destination: &Path) -> Result<(), CopyError> {
    let companions = COMPANIONS.iter().map(|ending| beside(destination, ending));
    match std::iter::once(destination.to_owned()).chain(companions).find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(CopyError::Exists(path)),
        None => Ok(()),
    }
}

/// A copy of the store beside `destination`, as it is at one instant, with the mode 0600.
fn copy(store: &Path, destination: &Path) -> Result<NamedTempFile, CopyError> {
    if !store.exists() {
        return Err(OpenError::Missing(store.to_owned()).into());
    }
    let unreadable = |error: rusqlite::Error| CopyError::from(OpenError::database(store, &error));
    let source = open_source(store).map_err(unreadable)?;
    if schema::version(&source, store)? == 0 {
        return Err(OpenError::Foreign(store.to_owned()).into());
    }
    let folder = folder(destination);
    let file = NamedTempFile::new_in(folder).map_err(|error| system(folder, &error))?;
    let mut target = connection::open(file.path(), PATIENCE).map_err(|error| database(file.path(), &error))?;
    copy_pages(&source, &mut target).map_err(|error| database(destination, &error))?;
    Ok(file)
}

/// For writing where that is allowed: then SQLite also removes the log that it must make to read it.
fn open_source(store: &Path) -> rusqlite::Result<Connection> {
    let patience = Bounds::default().busy_timeout;
    connection::open(store, patience).or_else(|_| connection::open_to_read(store, patience))
}

/// In one step: commits that others make between two would start it again.
fn copy_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    while backup.step(-1)? != StepResult::Done {
        std::thread::sleep(PATIENCE / 50);
    }
    Ok(())
}

/// Makes a copy a single file that can be read where nothing can be written.
fn alone(copy: &Path) -> rusqlite::Result<()> {
    let db = connection::open(copy, PATIENCE)?;
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
}

/// Checks a copy of `backup` and makes it a store to go on with.
fn renew(copy: &Path, backup: &Path, clock: &Clock) -> Result<(), CopyError> {
    let failed = |error: rusqlite::Error| database(backup, &error);
    let db = connection::open(copy, PATIENCE).map_err(failed)?;
    let said: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if said != "ok" {
        return Err(CopyError::Damaged { path: backup.to_owned(), reason: "its pages do not fit together".to_owned() });
    }
    schema::migrate(&db, backup, clock)?;
    schema::forget_sign_ins(&db, clock.now()).map_err(failed)?;
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(failed)
}

/// Gives `copy` its name, which nobody may have taken meanwhile.
fn publish(copy: NamedTempFile, destination: &Path) -> Result<(), CopyError> {
    copy.as_file().sync_all().map_err(|error| system(copy.path(), &error))?;
    copy.persist_noclobber(destination).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => CopyError::Exists(destination.to_owned()),
        _ => system(destination, &error.error),
    })?;
    sync_folder(destination).map_err(|error| system(destination, &error))
}

/// Keeps everyone else off the store at `path`, if there is one: every open connection has a lock that this one's
/// excludes. What is no database any more cannot be locked, nor used.
fn lock(path: &Path) -> Result<Option<Connection>, CopyError> {
    if !path.exists() {
        return Ok(None);
    }
    match lock_store(path) {
        Ok(db) => Ok(Some(db)),
        Err(error) if fault::is_busy(&error) => Err(CopyError::InUse(path.to_owned())),
        Err(error) => {
            tracing::warn!(reason = fault::reason(&error), "the former store is damaged");
            Ok(None)
        }
    }
}

fn lock_store(path: &Path) -> rusqlite::Result<Connection> {
    let db = connection::open(path, PATIENCE)?;
    db.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    // With its log merged, the file alone is the whole store and can be moved.
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    db.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(db)
}

/// Where the former store goes.
struct Aside(String);

impl Aside {
    fn of(destination: &Path, clock: &Clock) -> Self {
        let first = format!(".replaced-{}", clock.now().millis());
        let taken = |ending: &String| beside(destination, ending).symlink_metadata().is_ok();
        let others = (2_u32..).map(|number| format!("{first}-{number}"));
        Self(std::iter::once(first.clone()).chain(others).find(|ending| !taken(ending)).unwrap_or(first))
    }

    /// Moves the store and what is left of its log. Where it is now, if there was one.
    fn move_all(&self, destination: &Path) -> Result<Option<PathBuf>, CopyError> {
        let mut moved_to = None;
        for ending in [""].into_iter().chain(COMPANIONS) {
            let former = beside(destination, ending);
            if former.symlink_metadata().is_ok() {
                let aside = beside(&beside(destination, &self.0), ending);
                std::fs::rename(&former, &aside).map_err(|error| system(&former, &error))?;
                moved_to.get_or_insert(aside);
            }
        }
        Ok(moved_to)
    }
}
