//! `tollgate store`: an operator's work on the store's file.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::opened_store::{self, Stopped, failed};
use crate::cli::{Outcome, Streams, write_json};
use crate::clock::Clock;
use crate::store::sqlite::{Existing, SqliteStore};

/// Migrate, back up and restore the store.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = "Example:\n  tollgate store backup --config tollgate.toml tollgate.backup")]
pub(super) struct Store {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Migrate(Migrate),
    Backup(Backup),
    Restore(Restore),
}

/// Which store is meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// The configuration file whose store is meant.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store's own file.
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

impl Place {
    fn path(self, streams: &mut Streams<'_>) -> Result<PathBuf, Stopped> {
        match (self.store, self.config) {
            (Some(path), _) => Ok(path),
            (None, Some(file)) => opened_store::location(&file, streams),
            (None, None) => Err(opened_store::refused(&"name the store with --config or --store", streams)),
        }
    }
}

/// Bring a store to the schema of this Tollgate. A gateway does the same when it starts.
///
/// An older Tollgate does not open the store afterwards: make a backup first. Exit code 0: migrated, or nothing was to
/// be done; 1: failed, and the store is as it was.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate store migrate --config tollgate.toml")]
struct Migrate {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Copy the store, which may be in use, to a new file.
///
/// The encryption key is not in it and must be kept elsewhere: without it a backup is of no use. Exit code 0: copied; 1:
/// failed, or there is such a file already.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate store backup --config tollgate.toml tollgate.backup")]
struct Backup {
    #[command(flatten)]
    place: Place,
    /// The file to make.
    destination: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Make a store of a backup.
///
/// Users, registrations and keys are as they were. Every session and refresh token is gone, and every sign-in before the
/// restore is refused: one that was ended after the backup would live again. Stop every gateway on the store first. Exit
/// code 0: restored; 1: failed, or there is a store already.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate store restore --config tollgate.toml tollgate.backup")]
struct Restore {
    #[command(flatten)]
    place: Place,
    /// The backup.
    backup: PathBuf,
    /// Give a store that is there already another name.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const KEY_IS_ELSEWHERE: &str = "The encryption key is not in the backup. Keep it elsewhere: without it the backup is of no use.";

impl Store {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        self.command.run(&Clock::system(), streams).unwrap_or_else(|stopped| stopped)
    }
}

impl StoreCommand {
    fn run(self, clock: &Clock, streams: &mut Streams<'_>) -> Result<io::Result<Outcome>, Stopped> {
        Ok(match self {
            Self::Migrate(Migrate { place, json }) => migrate(&place.path(streams)?, json, clock, streams),
            Self::Backup(Backup { place, destination, json }) => backup(&place.path(streams)?, &destination, json, streams),
            Self::Restore(Restore { place, backup, force, json }) => {
                let existing = if force { Existing::MoveAside } else { Existing::Refuse };
                restore(&place.path(streams)?, &backup, existing, json, clock, streams)
            }
        })
    }
}

fn migrate(store: &Path, json: bool, clock: &Clock, streams: &mut Streams<'_>) -> io::Result<Outcome> {
    let migrated = match SqliteStore::migrate(store, clock) {
        Ok(migrated) => migrated,
        Err(error) => return failed(&error, streams),
    };
    let (from, to) = (migrated.from, migrated.to);
    if json {
        write_json(streams.out, &json!({ "store": store, "from": from, "to": to }))?;
    } else if from == to {
        writeln!(streams.out, "{}: has version {to} already", store.display())?;
    } else {
        writeln!(streams.out, "{}: migrated from version {from} to {to}", store.display())?;
    }
    Ok(Outcome::Good)
}

fn backup(store: &Path, destination: &Path, json: bool, streams: &mut Streams<'_>) -> io::Result<Outcome> {
    if let Err(error) = SqliteStore::backup(store, destination) {
        return failed(&error, streams);
    }
    if json {
        write_json(streams.out, &json!({ "backup": destination, "has_encryption_key": false }))?;
    } else {
        writeln!(streams.out, "{}: made\n{KEY_IS_ELSEWHERE}", destination.display())?;
    }
    Ok(Outcome::Good)
}

fn restore(
    store: &Path,
    backup: &Path,
    existing: Existing,
    json: bool,
    clock: &Clock,
    streams: &mut Streams<'_>,
) -> io::Result<Outcome> {
    let now = clock.now();
    let restored = match SqliteStore::restore(backup, store, now, existing) {
        Ok(restored) => restored,
        Err(error) => return failed(&error, streams),
    };
    if json {
        let document = json!({ "store": store, "moved_to": restored.moved_to, "not_before": now.millis() });
        write_json(streams.out, &document)?;
        return Ok(Outcome::Good);
    }
    if let Some(former) = restored.moved_to {
        writeln!(streams.out, "{}: the store that was there before", former.display())?;
    }
    writeln!(streams.out, "{}: restored. Sign-ins until {now} are refused; users sign in again.", store.display())?;
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Timestamp;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    fn run(command: impl FnOnce(&mut Streams<'_>) -> io::Result<Outcome>) -> (Outcome, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = command(&mut Streams { out: &mut out, err: &mut err }).unwrap();
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_store_is_backed_up_and_restored_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (store, copy) = (folder.path().join("tollgate.db"), folder.path().join("backup"));
        let clock = Clock::manual(NOW);
        drop(SqliteStore::open(&store, &clock).unwrap());

        let (outcome, out, _) = run(|streams| backup(&store, &copy, false, streams));
        assert_eq!(outcome, Outcome::Good);
        assert!(out.ends_with(&format!("backup: made\n{KEY_IS_ELSEWHERE}\n")), "{out}");
        let (outcome, _, err) = run(|streams| backup(&store, &copy, false, streams));
        assert_eq!(outcome, Outcome::Failed);
        assert!(err.ends_with("moves it aside)\n"), "{err}");

        let (outcome, _, _) = run(|streams| restore(&store, &copy, Existing::Refuse, false, &clock, streams));
        assert_eq!(outcome, Outcome::Failed);
        clock.advance(Duration::from_secs(1));
        let (outcome, out, _) = run(|streams| restore(&store, &copy, Existing::MoveAside, false, &clock, streams));
        assert_eq!(outcome, Outcome::Good);
        assert!(out.contains("tollgate.db.replaced-1767225601000: the store that was there before\n"), "{out}");
        assert!(out.contains("Sign-ins until Thu, 01 Jan 2026 00:00:01 GMT are refused"), "{out}");
    }

    #[test]
    fn a_store_is_migrated_but_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = (folder.path().join("tollgate.db"), Clock::manual(NOW));
        let (outcome, _, err) = run(|streams| migrate(&store, false, &clock, streams));
        assert_eq!((outcome, store.exists()), (Outcome::Failed, false));
        assert!(err.ends_with("there is no store; check the path\n"), "{err}");
        drop(SqliteStore::open(&store, &clock).unwrap());
        let (outcome, out, _) = run(|streams| migrate(&store, true, &clock, streams));
        let document: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((outcome, &document["from"], &document["to"]), (Outcome::Good, &json!(2), &json!(2)));
    }
}
