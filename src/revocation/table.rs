//! The table of revocations.
//!
//! Readers take no lock but where the [filter](super::filter) says that an entry may be there, and then one shard's
//! for one look. Writers take turns behind one lock that no reader takes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::entry::Entry;
use super::filter::Filter;
use super::fingerprint::{BuildThrough, Fingerprint, Fingerprints, Key};
use super::hashes::{Hashes, OfApplication};
use super::lineage::Lineage;
use crate::clock::Timestamp;
use crate::store::{Logged, Revocation, ScopeKind};

/// Entries before users' entries take the place of their tokens'.
pub const DEFAULT_CAPACITY: usize = 1_000_000;

/// Entries in a shard at capacity: as many as a hash table of 16,384 places takes without growing, less four standard
/// deviations of an even spread.
const SHARD_ENTRIES: usize = 13_900;

pub(super) type Shard = HashMap<Fingerprint, Entry, BuildThrough>;

/// Every revocation in force.
#[derive(Debug)]
pub struct Revocations {
    /// One bit to each kind of scope that may have entries; 0 means that there is none at all.
    present: AtomicU8,
    filter: Filter,
    pub(super) hashes: Fingerprints,
    shards: Box<[RwLock<Shard>]>,
    entries: AtomicUsize,
    pub(super) folded: AtomicU64,
    pub(super) capacity: usize,
    writer: Mutex<Writer>,
}

/// What only the writer whose turn it is knows.
#[derive(Debug)]
pub(super) struct Writer {
    /// More entries than this are folded.
    pub(super) fold_above: usize,
    /// Entries removed that the filter still knows.
    pub(super) stale: usize,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}

impl Revocations {
    /// An empty table that begins to fold at `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        let shards = capacity.div_ceil(SHARD_ENTRIES).clamp(16, 1 << 16);
        Self {
            present: AtomicU8::new(0),
            filter: Filter::new(capacity),
            hashes: Fingerprints::default(),
            shards: (0..shards).map(|_| RwLock::default()).collect(),
            entries: AtomicUsize::new(0),
            folded: AtomicU64::new(0),
            capacity,
            writer: Mutex::new(Writer { fold_above: capacity, stale: 0 }),
        }
    }

    /// How many entries there are, ended ones included until they are swept.
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that gave way to a user's entry since the start.
    pub fn folded(&self) -> u64 {
        self.folded.load(Ordering::Relaxed)
    }

    /// Takes an entry of the log; every check that begins later meets it. The same entry twice is harmless.
    pub fn apply(&self, logged: &Logged) {
        self.apply_all(std::slice::from_ref(logged));
    }

    /// Takes entries of the log.
    pub fn apply_all(&self, logged: &[Logged]) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for Logged { revocation, .. } in logged {
            self.insert(revocation);
            if self.len() > writer.fold_above {
                self.fold(&mut writer);
            }
        }
    }

    /// Whether a token of this descent stands at `now`.
    ///
    /// # Errors
    /// The kind of entry that ends it.
    pub fn check(&self, lineage: &Lineage<'_>, now: Timestamp) -> Result<(), ScopeKind> {
        if self.present.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let made;
        let hashes = match lineage.hashes {
            Some(known) => known,
            None => {
                made = Hashes::of(lineage);
                &made
            }
        };
        let asked = Asked { table: self, lineage, hashes, now };
        // Tokens and sessions first: a fold adds the user's entry before it removes theirs, so that a check beside it
        // finds one or the other.
        let found =
            asked.by_token().or_else(|| asked.by_session()).or_else(|| asked.by_user()).or_else(|| asked.by_application());
        found.or_else(|| asked.by_issuer()).map_or(Ok(()), Err)
    }

    /// The latest instant of issue that is covered by an entry about tokens of `user` at `application`; none where no role was
    /// lost. What is issued later, on what is read after this was asked, has nothing that was lost.
    pub fn last_issue(&self, issuer: &str, user: &str, application: Option<&str>, now: Timestamp) -> Option<Timestamp> {
        if self.present.load(Ordering::Acquire) == 0 {
            return None;
        }
        let lineage = Lineage { application, ..Lineage::foreign(issuer, user, 0) };
        let hashes = Hashes::of(&lineage);
        let asked = Asked { table: self, lineage: &lineage, hashes: &hashes, now };
        let of_user = asked.find(ScopeKind::User, hashes.user, || Some(Key::new(ScopeKind::User, user)));
        let in_application = |within| Key { kind: ScopeKind::UserInApplication, name: user, within };
        let of_application = hashes.application.as_ref();
        let of_application =
            of_application.and_then(|of| asked.find(ScopeKind::UserInApplication, of.user, || application.map(in_application)));
        of_user.into_iter().chain(of_application).filter_map(|entry| entry.last_issue()).max()
    }

    /// Forgets what has ended at `now`.
    pub fn sweep(&self, now: Timestamp) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = self.remove_if(|entry| entry.ends().is_over(now));
        self.tidy_after(&mut writer, removed);
        if self.len() <= self.capacity {
            writer.fold_above = self.capacity;
        }
    }

    fn insert(&self, revocation: &Revocation) {
        let owner = revocation.user.as_deref().map(|user| Key::new(ScopeKind::User, user));
        let owner = owner.map(|key| self.hashes.fingerprint(&revocation.issuer, key));
        let name = self.hashes.fingerprint(&revocation.issuer, Key::of(&revocation.scope));
        self.put(name, revocation.scope.kind(), Entry::new(revocation, owner));
    }

    /// Adds to what is known of a name. Only for the writer whose turn it is.
    pub(super) fn put(&self, name: Fingerprint, kind: ScopeKind, entry: Entry) {
        if let Some(mut shard) = self.shard(name.first).map(write) {
            let before = shard.len();
            shard.entry(name).and_modify(|known| *known = known.merged(entry)).or_insert(entry);
            self.entries.fetch_add(shard.len() - before, Ordering::Relaxed);
        }
        self.filter.add(name.first);
        self.present.fetch_or(bit(kind), Ordering::Release);
    }

    /// Removes entries and says how many. Only for the writer whose turn it is.
    pub(super) fn remove_if(&self, mut gone: impl FnMut(&Entry) -> bool) -> usize {
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = write(shard);
            let before = shard.len();
            shard.retain(|_, entry| !gone(entry));
            removed += before - shard.len();
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                let room = shard.len() * 2;
                shard.shrink_to(room);
            }
        }
        self.entries.fetch_sub(removed, Ordering::Relaxed);
        removed
    }

    /// Makes the filter forget, once a quarter of what it knows is gone.
    pub(super) fn tidy_after(&self, writer: &mut Writer, removed: usize) {
        writer.stale += removed;
        if writer.stale > self.len() / 4 {
            let names = self.shards.iter().flat_map(|shard| read(shard).keys().map(|name| name.first).collect::<Vec<_>>());
            self.filter.rebuild(names);
            writer.stale = 0;
        }
        if self.is_empty() {
            self.present.store(0, Ordering::Release);
        }
    }

    /// Shows each shard's entries to `look`.
    pub(super) fn each_shard(&self, mut look: impl FnMut(&Shard)) {
        self.shards.iter().for_each(|shard| look(&read(shard)));
    }

    /// The entry of this name.
    pub(super) fn get(&self, name: Fingerprint) -> Option<Entry> {
        read(self.shard(name.first)?).get(&name).copied()
    }

    /// The upper half of the hash chooses, in even shares of any number of shards.
    fn shard(&self, hash: u64) -> Option<&RwLock<Shard>> {
        let place = ((hash >> 32) * u64::try_from(self.shards.len()).ok()?) >> 32;
        self.shards.get(usize::try_from(place).ok()?)
    }
}

fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

const fn bit(kind: ScopeKind) -> u8 {
    1 << kind as u8
}

/// One token, asked by its names in turn.
struct Asked<'a> {
    table: &'a Revocations,
    lineage: &'a Lineage<'a>,
    hashes: &'a Hashes,
    now: Timestamp,
}

impl<'a> Asked<'a> {
    fn by_token(&self) -> Option<ScopeKind> {
        if !self.may_have(ScopeKind::Token) {
            return None;
        }
        let mut hashes = self.hashes.ids.iter().enumerate();
        hashes.find_map(|(nth, hash)| {
            let key = || self.lineage.ids().nth(nth).map(|id| Key::new(ScopeKind::Token, id));
            self.in_force(*hash, key).map(|_| ScopeKind::Token)
        })
    }

    fn by_session(&self) -> Option<ScopeKind> {
        let key = || self.lineage.session.map(|session| Key::new(ScopeKind::Session, session));
        self.find(ScopeKind::Session, self.hashes.session?, key).map(|_| ScopeKind::Session)
    }

    fn by_user(&self) -> Option<ScopeKind> {
        let user = self.lineage.user;
        let in_application = |within| Key { kind: ScopeKind::UserInApplication, name: user, within };
        let of_user = self.dated(ScopeKind::User, self.hashes.user, || Some(Key::new(ScopeKind::User, user)));
        of_user.or_else(|| self.by_applications(ScopeKind::UserInApplication, |of| of.user, in_application))
    }

    fn by_application(&self) -> Option<ScopeKind> {
        let key = |application| Key::new(ScopeKind::Application, application);
        self.by_applications(ScopeKind::Application, |of| of.application, key)
    }

    /// Its own application, by both instants. Those that it came through, by the sign-in alone: a role that was lost there is
    /// none that this token says.
    fn by_applications(
        &self,
        kind: ScopeKind,
        hash: impl Fn(&OfApplication) -> u64,
        key: impl Fn(&'a str) -> Key<'a>,
    ) -> Option<ScopeKind> {
        let own = self.hashes.application.as_ref();
        let own = own.and_then(|of| self.dated(kind, hash(of), || self.lineage.application.map(&key)));
        own.or_else(|| {
            let mut through = self.hashes.through.iter().enumerate();
            through.find_map(|(nth, of)| {
                let key = || self.lineage.through.iter().nth(nth).map(&key);
                self.signed_in_before(kind, hash(of), key)
            })
        })
    }

    fn by_issuer(&self) -> Option<ScopeKind> {
        self.dated(ScopeKind::Everything, self.hashes.everything, || Some(Key::new(ScopeKind::Everything, "")))
    }

    /// Asked anew for each kind: a fold may have made users' entries since the last.
    fn may_have(&self, kind: ScopeKind) -> bool {
        self.table.present.load(Ordering::Acquire) & bit(kind) != 0
    }

    fn dated<'k>(&self, kind: ScopeKind, hash: u64, key: impl FnOnce() -> Option<Key<'k>>) -> Option<ScopeKind> {
        let Lineage { signed_in, issued, whole_seconds, .. } = *self.lineage;
        let refuses = match self.find(kind, hash, key)? {
            Entry::Dated { sign_in, issue, .. } => {
                sign_in.covers(signed_in, whole_seconds) || issue.covers(issued, whole_seconds)
            }
            Entry::Named { .. } | Entry::Owned { .. } => true,
        };
        refuses.then_some(kind)
    }

    fn signed_in_before<'k>(&self, kind: ScopeKind, hash: u64, key: impl FnOnce() -> Option<Key<'k>>) -> Option<ScopeKind> {
        let refuses = match self.find(kind, hash, key)? {
            Entry::Dated { sign_in, .. } => sign_in.covers(self.lineage.signed_in, self.lineage.whole_seconds),
            Entry::Named { .. } | Entry::Owned { .. } => true,
        };
        refuses.then_some(kind)
    }

    /// The entry in force of a name of this kind and hash. The name is asked for only where the filter knows the hash.
    fn find<'k>(&self, kind: ScopeKind, hash: u64, key: impl FnOnce() -> Option<Key<'k>>) -> Option<Entry> {
        if !self.may_have(kind) {
            return None;
        }
        self.in_force(hash, key)
    }

    fn in_force<'k>(&self, hash: u64, key: impl FnOnce() -> Option<Key<'k>>) -> Option<Entry> {
        if !self.table.filter.may_hold(hash) {
            return None;
        }
        let name = self.table.hashes.complete(hash, self.lineage.issuer, key()?);
        self.table.get(name).filter(|entry| !entry.ends().is_over(self.now))
    }
}
