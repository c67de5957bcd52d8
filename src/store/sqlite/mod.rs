//! The store in a SQLite file, for one machine.
//!
//! One thread writes, and puts whatever waits into one transaction; two read. A commit is on the disk when it is
//! answered. Several processes may have the file open: SQLite's locks keep them apart.

mod apply;
mod columns;
mod connection;
mod copy;
mod end;
mod ending;
mod fault;
mod outbox;
mod person;
mod read;
mod readers;
mod schema;
mod sign;
mod token;
mod words;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use uuid::Uuid;

pub use copy::{CopyError, Existing, Restored};
pub use schema::{Migrated, OpenError};

use super::{
    Change, Committed, Digest, Ended, Ending, FoundRefreshToken, KeyDocument, Logged, LoginName, Pending, QueuedEvent,
    RefreshToken, Session, SessionsOf, SigningKeyRecord, Standing, Store, StoreError, StoreIdentity, User,
};
use crate::clock::{Clock, Timestamp};
use readers::Read;
use writer::{Work, Write};

/// Threads that read.
const READERS: usize = 2;

/// Bounds of a store; the defaults are meant for use, others for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long to wait for another process that has the file locked.
    pub busy_timeout: Duration,
    /// Commits that wait, and reads that wait; one more is refused.
    pub queue: usize,
    /// Pages of 4 KiB that the file may grow to.
    pub pages: Option<u32>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), queue: 4096, pages: None }
    }
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: SqliteStore,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// The store in a SQLite file. Dropping it closes the file, after what is queued was written.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    // In the order in which they must go: the threads end when nobody can send, and the writer closes last.
    writes: SyncSender<Write>,
    reads: SyncSender<Read>,
    readers: Vec<Joined<()>>,
    _writer: Joined<Connection>,
}

impl SqliteStore {
    /// Opens the store, and makes or migrates it where that is needed.
    pub fn open(path: &Path, clock: &Clock) -> Result<Opened, OpenError> {
        Self::open_within(path, clock, Bounds::default())
    }

    /// Opens a store that there is, as it is: nothing is made and nothing migrated.
    pub fn open_existing(path: &Path, clock: &Clock) -> Result<Self, OpenError> {
        let path = connection::plain(path).map_err(|error| OpenError::system(path, &error))?;
        if !path.exists() {
            return Err(OpenError::Missing(path));
        }
        let refused = |error: rusqlite::Error| OpenError::database(&path, &error);
        let db = connection::open_to_read(&path, Bounds::default().busy_timeout).map_err(refused)?;
        schema::require_newest(&db, &path)?;
        drop(db);
        Ok(Self::open(&path, clock)?.store)
    }

    /// As [`SqliteStore::open`], within these bounds.
    pub fn open_within(path: &Path, clock: &Clock, bounds: Bounds) -> Result<Opened, OpenError> {
        let path = connection::plain(path).map_err(|error| OpenError::system(path, &error))?;
        connection::create_private(&path).map_err(|error| OpenError::system(&path, &error))?;
        let (db, migrated) = prepare(&path, clock, bounds)?;
        let readers = open_readers(&path, bounds).map_err(|error| OpenError::database(&path, &error))?;
        let store = Self::start(path.clone(), db, readers, bounds.queue);
        let store = store.map_err(|error| OpenError::system(&path, &error))?;
        Ok(Opened { store, is_new: migrated.from == 0 })
    }

    /// Brings the schema of a store that there is to the newest version. Opening does the same.
    pub fn migrate(path: &Path, clock: &Clock) -> Result<Migrated, OpenError> {
        let path = connection::plain(path).map_err(|error| OpenError::system(path, &error))?;
        if !path.exists() {
            return Err(OpenError::Missing(path));
        }
        prepare(&path, clock, Bounds::default()).map(|(_, migrated)| migrated)
    }

    /// Copies a store, which may be in use, to a file that is not there yet. The encryption key is not in it.
    pub fn backup(store: &Path, destination: &Path) -> Result<(), CopyError> {
        copy::backup(store, destination)
    }

    /// Makes a store of a backup. Its users, registrations and keys are kept; sessions and refresh tokens are not, and
    /// sign-ins until `now` are refused, or one that was ended after the backup would live again.
    pub fn restore(backup: &Path, destination: &Path, now: Timestamp, existing: Existing) -> Result<Restored, CopyError> {
        copy::restore(backup, destination, &Clock::manual(now), existing)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn start(path: PathBuf, db: Connection, readers: Vec<Connection>, queue: usize) -> io::Result<Self> {
        let (writes, to_write) = mpsc::sync_channel(queue);
        let (reads, to_read) = mpsc::sync_channel(queue);
        let to_read: Arc<Mutex<Receiver<Read>>> = Arc::new(Mutex::new(to_read));
        let _writer = Joined::start("store-write", move || writer::run(db, &to_write))?;
        // Dropped as a whole where a thread cannot be started: none is waited for that could still be sent to.
        let mut store = Self { path, writes, reads, readers: Vec::new(), _writer };
        for db in readers {
            let queue = to_read.clone();
            store.readers.push(Joined::start("store-read", move || readers::run(&db, &queue))?);
        }
        Ok(store)
    }

    fn write(&self, work: Work) -> Pending<'_, Committed> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.writes.try_send(Write { work, reply }).map_err(|error| not_queued(&error))?;
            answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has ended".to_owned())))
        })
    }

    fn read<'a, T: Send + 'static>(
        &'a self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'a, T> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let job: Read = Box::new(move |db| {
                if !reply.is_closed() {
                    // Whoever has stopped waiting meanwhile is owed nothing.
                    drop(reply.send(readers::in_snapshot(db, read)));
                }
            });
            self.reads.try_send(job).map_err(|error| not_queued(&error))?;
            answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the readers have ended".to_owned())))
        })
    }
}

/// Opens the file for the writer, its schema brought to the newest version.
fn prepare(path: &Path, clock: &Clock, bounds: Bounds) -> Result<(Connection, Migrated), OpenError> {
    let refused = |error: rusqlite::Error| OpenError::database(path, &error);
    let db = connection::open(path, bounds.busy_timeout).map_err(refused)?;
    // Before anything is written: turning the log on changes the file.
    schema::version(&db, path)?;
    if !connection::make_durable(&db, bounds.busy_timeout).map_err(refused)? {
        return Err(OpenError::not_durable(path));
    }
    let migrated = schema::migrate(&db, path, clock)?;
    if let Some(pages) = bounds.pages {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(refused)?;
    }
    Ok((db, migrated))
}

fn open_readers(path: &Path, bounds: Bounds) -> rusqlite::Result<Vec<Connection>> {
    (0..READERS).map(|_| connection::open_to_read(path, bounds.busy_timeout)).collect()
}

fn not_queued<T>(error: &TrySendError<T>) -> StoreError {
    let reason = match error {
        TrySendError::Full(_) => "too many callers are waiting for it",
        TrySendError::Disconnected(_) => "its thread has ended",
    };
    StoreError::Unavailable(reason.to_owned())
}

/// A thread that is waited for when this is dropped; what it returned is dropped then.
#[derive(Debug)]
struct Joined<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> Joined<T> {
    fn start(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        Ok(Self(Some(thread::Builder::new().name(name.to_owned()).spawn(run)?)))
    }
}

impl<T> Drop for Joined<T> {
    fn drop(&mut self) {
        // A panic of the thread has been told where it happened.
        drop(self.0.take().map(JoinHandle::join));
    }
}

impl Store for SqliteStore {
    fn identity(&self) -> Pending<'_, StoreIdentity> {
        self.read(read::identity)
    }

    fn check(&self) -> Pending<'_, ()> {
        let probe = self.write(Work::Probe);
        Box::pin(async move {
            probe.await?;
            self.read(read::identity).await.map(drop)
        })
    }

    fn user(&self, id: Uuid) -> Pending<'_, Option<User>> {
        self.read(move |db| read::user(db, id))
    }

    fn user_by_name<'a>(&'a self, name: LoginName<'a>) -> Pending<'a, Option<User>> {
        let (find, name): (fn(&Connection, &str) -> _, _) = match name {
            LoginName::Email(email) => (read::user_by_email, email.to_owned()),
            LoginName::Username(username) => (read::user_by_username, username.to_owned()),
            LoginName::Either(name) => (read::user_by_either, name.to_owned()),
        };
        self.read(move |db| find(db, &name))
    }

    fn linked_user<'a>(&'a self, provider: Uuid, subject: &'a str) -> Pending<'a, Option<User>> {
        let subject = subject.to_owned();
        self.read(move |db| read::linked_user(db, provider, &subject))
    }

    fn standing(&self, user: Uuid, application: Uuid) -> Pending<'_, Standing> {
        self.read(move |db| read::standing(db, user, application))
    }

    fn renewal(&self, value: Digest) -> Pending<'_, Option<(FoundRefreshToken, Standing)>> {
        self.read(move |db| read::renewal(db, value))
    }

    fn standing_in(&self, session: Uuid, user: Uuid, application: Uuid) -> Pending<'_, (Option<Session>, Standing)> {
        self.read(move |db| Ok((read::session(db, session)?, read::standing(db, user, application)?)))
    }

    fn sessions(&self, of: SessionsOf, most: usize) -> Pending<'_, Vec<Session>> {
        self.read(move |db| read::sessions(db, of, most))
    }

    fn session(&self, id: Uuid) -> Pending<'_, Option<Session>> {
        self.read(move |db| read::session(db, id))
    }

    fn refresh_token_by_value(&self, value: Digest) -> Pending<'_, Option<FoundRefreshToken>> {
        self.read(move |db| read::refresh_token_by_value(db, value))
    }

    fn refresh_token(&self, id: Uuid) -> Pending<'_, Option<FoundRefreshToken>> {
        self.read(move |db| read::refresh_token(db, id))
    }

    fn refresh_tokens_of(&self, user: Uuid, most: usize) -> Pending<'_, Vec<RefreshToken>> {
        self.read(move |db| read::refresh_tokens_of(db, user, most))
    }

    fn count_refresh_tokens(&self) -> Pending<'_, u64> {
        self.read(read::count_refresh_tokens)
    }

    fn ending(&self, ended: Ended, but_for: Option<Uuid>, most: usize) -> Pending<'_, Ending> {
        self.read(move |db| ending::read(db, &ended, but_for, most))
    }

    fn due_events<'a>(&'a self, webhook: &'a str, now: Timestamp, most: usize) -> Pending<'a, Vec<QueuedEvent>> {
        let webhook = webhook.to_owned();
        self.read(move |db| outbox::due(db, &webhook, now, most))
    }

    fn count_events<'a>(&'a self, webhook: &'a str) -> Pending<'a, u64> {
        let webhook = webhook.to_owned();
        self.read(move |db| outbox::count(db, &webhook))
    }

    fn signing_keys(&self) -> Pending<'_, Vec<SigningKeyRecord>> {
        self.read(read::signing_keys)
    }

    fn signing_key_generation(&self) -> Pending<'_, u64> {
        self.read(read::signing_key_generation)
    }

    fn revocations_after(&self, after: u64, now: Timestamp, most: usize) -> Pending<'_, Vec<Logged>> {
        self.read(move |db| read::revocations_after(db, after, now, most))
    }

    fn key_document<'a>(&'a self, issuer: &'a str) -> Pending<'a, Option<KeyDocument>> {
        let issuer = issuer.to_owned();
        self.read(move |db| read::key_document(db, &issuer))
    }

    fn commit(&self, changes: Vec<Change>) -> Pending<'_, Committed> {
        self.write(Work::Changes(changes))
    }
}
