//! Keys that this process itself signs with, handed to the issuer that verifies their tokens: nothing is fetched, and what
//! is replaced is replaced for every request before the call returns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::lookup::Shared;
use crate::token::{Algorithm, KeySet, KeySetError, Loaded, OwnKey, SkippedKey};

/// The keys that one issuer verifies with, whoever holds a handle; clones are the same keys. Equal is what is the same
/// handle, so that a reload keeps an issuer whose keys are these.
#[derive(Clone)]
pub struct OwnKeys(Arc<Mutex<Content>>);

struct Content {
    /// `None`: nobody has said yet which they are.
    latest: Option<Arc<KeySet>>,
    skipped: Vec<SkippedKey>,
    followers: Vec<Weak<Shared>>,
}

impl OwnKeys {
    /// Keys of which it is not known which they are, for whoever looks at tokens without the store.
    pub fn unknown() -> Self {
        Self::of(None)
    }

    /// The keys of a JWK Set that was published, for whoever looks at tokens without the store.
    ///
    /// # Errors
    /// Where it is none, or has no usable key.
    pub fn of_published(jwks: &[u8], allowed: &[Algorithm]) -> Result<Self, KeySetError> {
        Ok(Self::of(Some(Arc::new(KeySet::from_jwks(jwks, allowed)?.set))))
    }

    fn of(latest: Option<Arc<KeySet>>) -> Self {
        Self(Arc::new(Mutex::new(Content { latest, skipped: Vec::new(), followers: Vec::new() })))
    }

    /// The keys from now on. One that stays is the same key to what was verified by it; one that goes is dead at once, with
    /// all that is remembered on its word.
    pub fn replace(&self, keys: &[OwnKey]) {
        let Loaded { set, skipped } = KeySet::of_own(keys);
        let mut content = self.content();
        let latest = Arc::new(match &content.latest {
            Some(former) => set.succeed(former),
            None => set,
        });
        content.latest = Some(Arc::clone(&latest));
        content.skipped = skipped;
        let Content { skipped, followers, .. } = &mut *content;
        followers.retain(|follower| {
            let follower = follower.upgrade();
            follower.inspect(|shared| shared.hold(Arc::clone(&latest), skipped.clone())).is_some()
        });
    }

    /// The keys now.
    pub fn latest(&self) -> Arc<KeySet> {
        self.content().latest.clone().unwrap_or_else(|| Arc::new(KeySet::withdrawn()))
    }

    /// Has `shared` hold these keys, now and whenever they are replaced.
    pub(super) fn attach(&self, shared: &Arc<Shared>) {
        let mut content = self.content();
        if let Some(latest) = &content.latest {
            shared.hold(Arc::clone(latest), content.skipped.clone());
        }
        content.followers.push(Arc::downgrade(shared));
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for OwnKeys {
    fn default() -> Self {
        Self::of(Some(Arc::new(KeySet::withdrawn())))
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
        f.debug_list().entries(self.latest().key_ids()).finish()
    }
}
