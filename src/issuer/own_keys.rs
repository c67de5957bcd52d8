//! Keys that this process itself signs with, handed to the issuer that verifies their tokens: nothing is fetched, and what
//! is replaced is replaced for every request before the call returns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::lookup::Shared;
use crate::token::{KeySet, Loaded, OwnKey, SkippedKey};

/// The keys that one issuer verifies with, whoever holds a handle; clones are the same keys. Equal is what is the same
/// handle, so that a reload keeps an issuer whose keys are these.
#[derive(Clone)]
pub struct OwnKeys(Arc<Mutex<Content>>);

struct Content {
    latest: Arc<KeySet>,
    skipped: Vec<SkippedKey>,
    followers: Vec<Weak<Shared>>,
}

impl OwnKeys {
    /// The keys from now on. One that stays is the same key to what was verified by it; one that goes is dead at once, with
    /// all that is remembered on its word.
    pub fn replace(&self, keys: &[OwnKey]) {
        let Loaded { set, skipped } = KeySet::of_own(keys);
        let mut content = self.content();
        content.latest = Arc::new(set.succeed(&content.latest));
        content.skipped = skipped;
        let Content { latest, skipped, followers } = &mut *content;
        followers.retain(|follower| {
            let follower = follower.upgrade();
            follower.inspect(|shared| shared.hold(Arc::clone(latest), skipped.clone())).is_some()
        });
    }

    /// The keys now.
    pub fn latest(&self) -> Arc<KeySet> {
        Arc::clone(&self.content().latest)
    }

    /// Has `shared` hold these keys, now and whenever they are replaced.
    pub(super) fn attach(&self, shared: &Arc<Shared>) {
        let mut content = self.content();
        shared.hold(Arc::clone(&content.latest), content.skipped.clone());
        content.followers.push(Arc::downgrade(shared));
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for OwnKeys {
    fn default() -> Self {
        let latest = Arc::new(KeySet::withdrawn());
        Self(Arc::new(Mutex::new(Content { latest, skipped: Vec::new(), followers: Vec::new() })))
    }
}

impl PartialEq for OwnKeys {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OwnKeys {}

impl std::fmt::Debug for OwnKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.content().latest.key_ids()).finish()
    }
}
