//! The authority's signing keys: made, published before they sign, rotated, retired until their last token has expired,
//! revoked at once.
//!
//! The store decides; every gateway on it reads the same keys within about a second ([`SigningKeys::follow`]), and what it
//! changes itself it obeys before it says so. A key of a changed algorithm signs at once, without having been published:
//! routes verify here, and backends that verify for themselves fetch a key set again for an unknown `kid`.

mod plan;
mod ring;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use uuid::Uuid;

use self::plan::{Plan, Planner};
pub use ring::{KeyRing, PublishedKey};
#[cfg(test)]
use settings::ApplicationSecret;
use settings::Slot;
pub use settings::{Place, SigningKeySettings};

use super::{Sealer, SealingError};
use crate::clock::{Clock, Timestamp};
use crate::issuer::OwnKeys;
use crate::store::{Change, Expired, KeyState, SigningKeyRecord, Store, StoreError};
use crate::token::{SigningFault, SigningKey};

/// The purpose that private keys are sealed for; their context is the key's id.
const SEALED_AS: &str = "signing key";
/// How often a decision is made anew that others overtook.
const TRIES: usize = 8;
/// How often the store is asked for news.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked at what is due.
const TEND: Duration = Duration::from_secs(60);

/// Why keys cannot be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The store did not answer, or others changed it all the time.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A new key could not be sealed.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// A new key could not be made.
    #[error("a signing key could not be made: {0}")]
    Making(#[from] SigningFault),
    /// A stored key is none, or cannot be opened with the encryption key.
    #[error("the stored signing key {0} cannot be used: it was damaged, or sealed with another encryption key")]
    Unusable(String),
    /// The secret of this application is too short for its algorithm, or a public key.
    #[error("the secret of application {0} cannot sign: it is too short for its algorithm, or a PEM text")]
    Secret(Uuid),
    /// Two applications have the same secret.
    #[error("application {0} has the same secret as another: each could make the other's tokens")]
    SharedSecret(Uuid),
    /// No key pair signs there.
    #[error("no key signs there; `tollgate keys list` shows the places")]
    NoSuchPlace,
    /// There is no such stored key.
    #[error("there is no stored key {0:?}; a secret is changed in the configuration")]
    NoSuchKey(String),
    /// The next key has not been published long enough.
    #[error("the next key, {id}, is too new: those who verify may not know it before {usable_from}")]
    TooYoung {
        /// The key.
        id: String,
        /// From when on it may sign.
        usable_from: Timestamp,
    },
}

/// The authority's signing keys over a store.
#[derive(Debug)]
pub struct SigningKeys {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    clock: Clock,
    settings: ArcSwap<SigningKeySettings>,
    ring: ArcSwap<KeyRing>,
    access: OwnKeys,
    vend: OwnKeys,
    /// Held from reading the store to publishing what was read, so that older news never follows newer.
    turn: tokio::sync::Mutex<()>,
    /// What [`Store::signing_key_generation`] said before the last reading.
    seen: Mutex<Option<u64>>,
}

impl SigningKeys {
    /// The keys of `store`, those that are missing made.
    ///
    /// # Errors
    /// Where the store fails, or one of its keys or of the secrets cannot be used.
    pub async fn open(
        store: Arc<dyn Store>,
        sealer: Arc<Sealer>,
        clock: Clock,
        settings: SigningKeySettings,
    ) -> Result<Arc<Self>, SigningKeysError> {
        let keys = Arc::new(Self {
            store,
            sealer,
            clock,
            settings: ArcSwap::from_pointee(settings),
            ring: ArcSwap::default(),
            access: OwnKeys::default(),
            vend: OwnKeys::default(),
            turn: tokio::sync::Mutex::new(()),
            seen: Mutex::new(None),
        });
        keys.tend().await?;
        Ok(keys)
    }

    /// The keys now.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.load_full()
    }

    /// What verifies access tokens: the keys of the issuer `authority`.
    pub fn access_keys(&self) -> &OwnKeys {
        &self.access
    }

    /// What verifies vended tokens: the keys of the issuer `vend`.
    pub fn vend_keys(&self) -> &OwnKeys {
        &self.vend
    }

    /// Other settings from now on.
    ///
    /// # Errors
    /// As [`SigningKeys::open`]; the former settings then stay, while keys that were made for the others stay, too, until
    /// the next reading.
    pub async fn reconfigure(&self, settings: SigningKeySettings) -> Result<(), SigningKeysError> {
        let former = self.settings.swap(Arc::new(settings));
        let tended = self.tend().await;
        if tended.is_err() {
            self.settings.store(former);
        }
        tended
    }

    /// Makes what is missing, rotates what is due, forgets what has ended.
    ///
    /// # Errors
    /// As [`SigningKeys::open`].
    pub async fn tend(&self) -> Result<(), SigningKeysError> {
        self.change(|planner| Ok(planner.tend())).await
    }

    /// The next key of a place signs from now on, and the active one no more. `despite_its_age`: also where those who verify
    /// for themselves may not have fetched it yet.
    ///
    /// # Errors
    /// [`SigningKeysError::NoSuchPlace`], [`SigningKeysError::TooYoung`], or as [`SigningKeys::open`].
    pub async fn rotate(&self, place: Place, despite_its_age: bool) -> Result<(), SigningKeysError> {
        self.tend().await?;
        if !self.settings.load().slots.iter().any(|slot| slot.place == place) {
            return Err(SigningKeysError::NoSuchPlace);
        }
        // Decided once: another's rotation that came first has done it.
        let active = self.ring().signer(place.purpose, place.application).map(|key| key.key_id().to_owned());
        self.change(|planner| match planner.active(place) == active.as_deref() {
            true => planner.rotate(place, despite_its_age),
            false => Ok(Plan::default()),
        })
        .await
    }

    /// The key of this id is dead at once: what it signed is refused, here before this returns, elsewhere within about a
    /// second. Where it signed, the next key does.
    ///
    /// # Errors
    /// [`SigningKeysError::NoSuchKey`], or as [`SigningKeys::open`].
    pub async fn revoke(&self, id: &str) -> Result<(), SigningKeysError> {
        self.change(|planner| planner.revoke(id)).await
    }

    /// Decides on what the store has, until it is done or nothing is to do; then everybody here has the result.
    async fn change(&self, decide: impl Fn(&Planner<'_>) -> Result<Plan, SigningKeysError>) -> Result<(), SigningKeysError> {
        let _turn = self.turn.lock().await;
        for _ in 0..TRIES {
            let settings = self.settings.load_full();
            // Asked before the keys, so that what changes in between is read again.
            let generation = self.store.signing_key_generation().await?;
            let records = self.store.signing_keys().await?;
            let now = self.clock.now();
            let plan = decide(&Planner { records: &records, settings: &settings, now })?;
            if plan.is_empty() {
                return self.publish(&records, &settings, generation);
            }
            let changes = self.changes(plan, &settings, now).await?;
            match self.store.commit(changes).await {
                // Looked at again either way: when all is done, nothing is left to decide.
                Ok(_) | Err(StoreError::Conflict | StoreError::Taken(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn changes(&self, plan: Plan, settings: &SigningKeySettings, now: Timestamp) -> Result<Vec<Change>, SigningKeysError> {
        let mut changes: Vec<_> = plan.replaced.into_iter().map(Change::ReplaceSigningKey).collect();
        let (sealer, longest) = (Arc::clone(&self.sealer), settings.longest_lifetime);
        let wanted = plan.made;
        let make = move || {
            let made = wanted.into_iter().map(|(slot, state)| make(&slot, state, now, longest, &sealer));
            made.collect::<Result<Vec<_>, _>>()
        };
        // RSA keys take a good part of a second.
        let made = tokio::task::spawn_blocking(make).await.map_err(|_| SigningFault::Failed)??;
        changes.extend(made.into_iter().map(Change::AddSigningKey));
        if plan.sweep {
            // A key whose end is this very instant has ended.
            changes.push(Change::Sweep(Expired::SigningKeys(now.plus(Duration::from_millis(1)))));
        }
        Ok(changes)
    }

    async fn reload(&self) -> Result<(), SigningKeysError> {
        let settings = self.settings.load_full();
        let generation = self.store.signing_key_generation().await?;
        let records = self.store.signing_keys().await?;
        self.publish(&records, &settings, generation)
    }

    /// What can be used is used, also where something cannot: a revocation must be obeyed whatever else is wrong.
    fn publish(
        &self,
        records: &[SigningKeyRecord],
        settings: &SigningKeySettings,
        generation: u64,
    ) -> Result<(), SigningKeysError> {
        let (ring, problems) = KeyRing::build(records, settings, &self.sealer, &self.ring.load(), self.clock.now());
        // Verifiers first: nothing is signed that would be refused.
        self.access.replace(&ring.access);
        self.vend.replace(&ring.vend);
        self.ring.store(Arc::new(ring));
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => {
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
                Ok(())
            }
        }
    }

    /// Reads the store where it has news.
    ///
    /// # Errors
    /// As [`SigningKeys::open`].
    pub async fn refresh(&self) -> Result<(), SigningKeysError> {
        let generation = self.store.signing_key_generation().await?;
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen == Some(generation) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        self.reload().await
    }

    /// Keeps up with the store and the calendar until the handle is dropped.
    pub fn follow(self: &Arc<Self>, runtime: &tokio::runtime::Handle) -> Following {
        Following(runtime.spawn(follow(Arc::clone(self))).abort_handle())
    }
}

/// A task that keeps up with the store; ends when this is dropped.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Following(tokio::task::AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(keys: Arc<SigningKeys>) {
    let mut said = None;
    let mut until_tended = TEND;
    loop {
        tokio::time::sleep(POLL).await;
        until_tended = until_tended.saturating_sub(POLL);
        let done = match until_tended.is_zero() {
            true => {
                until_tended = TEND;
                keys.tend().await
            }
            false => keys.refresh().await,
        };
        // Said once, not each second.
        let failure = done.err().map(|error| error.to_string());
        if let Some(error) = failure.as_ref().filter(|_| failure != said) {
            tracing::error!(error, "the signing keys cannot be followed; those there are stay in use");
        }
        said = failure;
    }
}

/// A new key, sealed.
fn make(
    slot: &Slot,
    state: KeyState,
    now: Timestamp,
    longest_lifetime: Duration,
    sealer: &Sealer,
) -> Result<SigningKeyRecord, SigningKeysError> {
    let key = SigningKey::new(slot.algorithm)?;
    let sealed = sealer.seal(SEALED_AS, key.key_id().as_bytes(), key.pkcs8()?.expose())?;
    let is_active = state == KeyState::Active;
    Ok(SigningKeyRecord {
        id: key.key_id().to_owned(),
        purpose: slot.place.purpose,
        application: slot.place.application,
        algorithm: slot.algorithm.name().to_owned(),
        state,
        sealed,
        public: key.public().map(|public| public.der().to_vec()).ok_or(SigningFault::NotAKey)?,
        created: now,
        activated: is_active.then_some(now),
        retired: None,
        ends: is_active.then(|| now.plus(longest_lifetime)),
        version: 1,
    })
}

/// Whether a retired or revoked key has nothing left to verify.
fn is_over(record: &SigningKeyRecord, now: Timestamp) -> bool {
    matches!(record.state, KeyState::Retired | KeyState::Revoked) && record.ends.is_some_and(|ends| ends <= now)
}

#[cfg(test)]
mod tests;
