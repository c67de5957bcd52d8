//! What commands on a store have in common: the configuration that names it, and the store opened as it is.
//!
//! Gateways may run on it meanwhile. A store that does not exist is not made.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::authority::AuthoritySettings;
use crate::cli::{Outcome, Streams};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::gateway::OpenedStore;
use crate::store::{Location, StoreSettings};

/// What every one of these commands is told.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The configuration file, which has an authority and a store.
    #[arg(long, short, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A configuration with an authority, and its store.
pub(super) struct Opened {
    pub(super) settings: Settings,
    pub(super) authority: AuthoritySettings,
    pub(super) store: OpenedStore,
}

/// Why there is none; it has been said.
pub(super) type Stopped = io::Result<Outcome>;

/// Opens the store of the configuration `file`, for a command on what the authority has in it.
pub(super) async fn open(file: &Path, clock: &Clock, streams: &mut Streams<'_>) -> Result<Opened, Stopped> {
    let settings = settings(file, streams)?;
    if settings.remote.is_some() {
        let problem = format!("{}: its [authority] is a remote one, which keeps all this itself", file.display());
        return Err(refused(&problem, streams));
    }
    let (Some(store), Some(authority)) = (&settings.store, settings.authority.clone()) else {
        return Err(refused(&format!("{}: it has no [authority]", file.display()), streams));
    };
    match OpenedStore::open_existing(store, clock).await {
        Ok(store) => Ok(Opened { settings, authority, store }),
        Err(error) => Err(failed(&error, streams)),
    }
}

/// The file of the configuration's store, which need not exist.
pub(super) fn location(file: &Path, streams: &mut Streams<'_>) -> Result<PathBuf, Stopped> {
    match settings(file, streams)?.store {
        Some(StoreSettings { location: Location::Sqlite(path), .. }) => Ok(path),
        None => Err(refused(&format!("{}: it has no [store]", file.display()), streams)),
    }
}

fn settings(file: &Path, streams: &mut Streams<'_>) -> Result<Settings, Stopped> {
    config::load(file, std::env::vars_os()).map_err(|problems| said(&problems, Outcome::Refused, streams))
}

pub(super) fn refused(problem: &dyn Display, streams: &mut Streams<'_>) -> Stopped {
    said(&format_args!("tollgate: {problem}"), Outcome::Refused, streams)
}

pub(super) fn failed(problem: &dyn Display, streams: &mut Streams<'_>) -> Stopped {
    said(&format_args!("tollgate: {problem}"), Outcome::Failed, streams)
}

fn said(problem: &dyn Display, outcome: Outcome, streams: &mut Streams<'_>) -> Stopped {
    writeln!(streams.err, "{problem}")?;
    Ok(outcome)
}

/// Runs a command that waits for the store.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

/// An authority on a new store in `folder`.
#[cfg(test)]
pub(super) async fn example(folder: &Path, settings: AuthoritySettings, clock: &Clock) -> crate::authority::Authority {
    let key = crate::secret::Secret::new(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="[..].into());
    let encryption_key = crate::store::EncryptionKey::Given(key);
    let store = StoreSettings { location: Location::Sqlite(folder.join("store")), encryption_key };
    OpenedStore::open_or_make(&store, clock).await.unwrap().authority(settings, clock).await.unwrap()
}
