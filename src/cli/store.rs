//! `tollgate store`: an operator's work on the store's file.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{Outcome, Streams, write_json};
use crate::clock::Clock;
use crate::store::sqlite::{Existing, SqliteStore};

/// Migrate, back up and restore the store.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = "Example:\n  tollgate store backup --store tollgate.db tollgate.backup")]
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

/// Bring a store to the schema of this Tollgate. A gateway does the same when it starts.
///
/// An older Tollgate does not open the store afterwards: make a backup first. Exit code 0: migrated, or nothing was to
/// be done; 1: failed, and the store is as it was.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate store migrate --store tollgate.db")]
struct Migrate {
    /// The store.
    #[arg(long, value_name = "PATH")]
    store: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Copy the store, which may be in use, to a new file.
///
/// The encryption key is not in it and must be kept elsewhere: without it a backup is of no use. Exit code 0: copied; 1:
/// failed, or there is such a file already.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate store backup --store tollgate.db tollgate.backup")]
struct Backup {
    /// The store.
    #[arg(long, value_name = "PATH")]
    store: PathBuf,
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
#[command(after_help = "Example:\n  tollgate store restore --store tollgate.db tollgate.backup")]
struct Restore {
    /// The store to make.
    #[arg(long, value_name = "PATH")]
    store: PathBuf,
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
        let clock = Clock::system();
        match self.command {
            StoreCommand::Migrate(command) => migrate(&command.store, command.json, &clock, streams),
            StoreCommand::Backup(command) => backup(&command.store, &command.destination, command.json, streams),
            StoreCommand::Restore(command) => {
                let existing = if command.force { Existing::MoveAside } else { Existing::Refuse };
                restore(&command.store, &command.backup, existing, command.json, &clock, streams)
            }
        }
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

fn failed(error: &dyn Display, streams: &mut Streams<'_>) -> io::Result<Outcome> {
    writeln!(streams.err, "tollgate: {error}")?;
    Ok(Outcome::Failed)
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
        assert!(err.ends_with("it is not overwritten\n"), "{err}");

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
        assert_eq!((outcome, &document["from"], &document["to"]), (Outcome::Good, &json!(1), &json!(1)));
    }
}
