//! A store in memory with signing keys and its identity, for tests of what keeps only those.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{
    Change, Committed, Digest, Ended, Ending, Expired, FoundRefreshToken, KeyDocument, KeyState, Logged, LoginName, Pending,
    QueuedEvent, RefreshToken, Session, SessionsOf, SigningKeyRecord, Standing, Store, StoreError, StoreIdentity, User,
};
use crate::clock::Timestamp;

/// Signing keys and an identity; everything else is unavailable.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    content: Mutex<Content>,
}

#[derive(Clone, Debug)]
struct Content {
    identity: StoreIdentity,
    keys: BTreeMap<String, SigningKeyRecord>,
    generation: u64,
    commits: u64,
    is_down: bool,
}

impl MemoryStore {
    pub(crate) fn new() -> Self {
        let identity = StoreIdentity { id: Uuid::from_u128(7), key_check: None, not_before: None };
        let content = Content { identity, keys: BTreeMap::new(), generation: 0, commits: 0, is_down: false };
        Self { content: Mutex::new(content) }
    }

    /// Lists of changes that were done.
    pub(crate) fn commits(&self) -> u64 {
        self.content().commits
    }

    /// Whether it answers from now on.
    pub(crate) fn be_down(&self, is_down: bool) {
        self.content().is_down = is_down;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asked only when it is awaited, after others had their turn: so that races are races.
    fn answer<'a, T: Send + 'a>(&'a self, ask: impl FnOnce(&mut Content) -> Result<T, StoreError> + Send + 'a) -> Pending<'a, T> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut content = self.content();
            if content.is_down { Err(StoreError::Unavailable("it is down".to_owned())) } else { ask(&mut content) }
        })
    }

    fn other<T: Send + 'static>(&self) -> Pending<'_, T> {
        Box::pin(async { Err(StoreError::Unavailable("this store has signing keys alone".to_owned())) })
    }
}

impl Content {
    fn apply(&mut self, change: Change) -> Result<(), StoreError> {
        self.generation += 1;
        match change {
            Change::AddSigningKey(key) if self.keys.contains_key(&key.id) => {
                drop(key);
                return Err(StoreError::Taken(super::Unique::Id));
            }
            Change::AddSigningKey(key) => drop(self.keys.insert(key.id.clone(), key)),
            Change::ReplaceSigningKey(mut key) => {
                let current = self.keys.get_mut(&key.id).filter(|current| current.version == key.version);
                let current = current.ok_or(StoreError::Conflict)?;
                key.version += 1;
                *current = key;
            }
            Change::RemoveSigningKey(id) => drop(self.keys.remove(&id).ok_or(StoreError::Conflict)?),
            Change::SetKeyCheck(_) if self.identity.key_check.is_some() => return Err(StoreError::Conflict),
            Change::SetKeyCheck(check) => self.identity.key_check = Some(check),
            Change::Sweep(Expired::SigningKeys(before)) => {
                let has_ended = |key: &SigningKeyRecord| {
                    matches!(key.state, KeyState::Retired | KeyState::Revoked) && key.ends.is_some_and(|ends| ends < before)
                };
                self.keys.retain(|_, key| !has_ended(key));
            }
            _ => return Err(StoreError::Unavailable("this store has signing keys alone".to_owned())),
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn identity(&self) -> Pending<'_, StoreIdentity> {
        self.answer(|content| Ok(content.identity.clone()))
    }

    fn check(&self) -> Pending<'_, ()> {
        self.answer(|_| Ok(()))
    }

    fn user(&self, _: Uuid) -> Pending<'_, Option<User>> {
        self.other()
    }

    fn user_by_name<'a>(&'a self, _: LoginName<'a>) -> Pending<'a, Option<User>> {
        self.other()
    }

    fn linked_user<'a>(&'a self, _: Uuid, _: &'a str) -> Pending<'a, Option<User>> {
        self.other()
    }

    fn standing(&self, _: Uuid, _: Uuid) -> Pending<'_, Standing> {
        self.other()
    }

    fn session(&self, _: Uuid) -> Pending<'_, Option<Session>> {
        self.other()
    }

    fn renewal(&self, _: Digest) -> Pending<'_, Option<(FoundRefreshToken, Standing)>> {
        self.other()
    }

    fn standing_in(&self, _: Uuid, _: Uuid, _: Uuid) -> Pending<'_, (Option<Session>, Standing)> {
        self.other()
    }

    fn sessions(&self, _: SessionsOf, _: usize) -> Pending<'_, Vec<Session>> {
        self.other()
    }

    fn refresh_token_by_value(&self, _: Digest) -> Pending<'_, Option<FoundRefreshToken>> {
        self.other()
    }

    fn refresh_token(&self, _: Uuid) -> Pending<'_, Option<FoundRefreshToken>> {
        self.other()
    }

    fn refresh_tokens_of(&self, _: Uuid, _: usize) -> Pending<'_, Vec<RefreshToken>> {
        self.other()
    }

    fn count_refresh_tokens(&self) -> Pending<'_, u64> {
        self.other()
    }

    fn ending(&self, _: Ended, _: Option<Uuid>, _: usize) -> Pending<'_, Ending> {
        self.other()
    }

    fn due_events<'a>(&'a self, _: &'a str, _: Timestamp, _: usize) -> Pending<'a, Vec<QueuedEvent>> {
        self.other()
    }

    fn count_events<'a>(&'a self, _: &'a str) -> Pending<'a, u64> {
        self.other()
    }

    fn signing_keys(&self) -> Pending<'_, Vec<SigningKeyRecord>> {
        self.answer(|content| {
            let mut keys: Vec<_> = content.keys.values().cloned().collect();
            keys.sort_by_key(|key| key.created);
            Ok(keys)
        })
    }

    fn signing_key_generation(&self) -> Pending<'_, u64> {
        self.answer(|content| Ok(content.generation))
    }

    fn revocations_after(&self, _: u64, _: Timestamp, _: usize) -> Pending<'_, Vec<Logged>> {
        self.other()
    }

    fn key_document<'a>(&'a self, _: &'a str) -> Pending<'a, Option<KeyDocument>> {
        self.other()
    }

    fn commit(&self, changes: Vec<Change>) -> Pending<'_, Committed> {
        self.answer(|content| {
            let mut changed = content.clone();
            changes.into_iter().try_for_each(|change| changed.apply(change))?;
            changed.commits += 1;
            *content = changed;
            Ok(Committed::default())
        })
    }
}
