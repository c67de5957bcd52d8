//! The store and the key that seals what is in it, opened: for a gateway, which makes what is missing, and for commands
//! beside it, which do not.

use std::sync::Arc;

use super::authority::{EstateError, authority_beside};
use crate::authority::{Authority, AuthoritySettings, Sealer};
use crate::clock::Clock;
use crate::store::sqlite::{Opened, SqliteStore};
use crate::store::{Location, Store, StoreIdentity, StoreSettings};

/// An open store with its key.
#[derive(Clone, Debug)]
pub struct OpenedStore {
    /// The records.
    pub store: Arc<dyn Store>,
    /// Seals what is in them.
    pub sealer: Arc<Sealer>,
    pub(super) identity: StoreIdentity,
}

impl OpenedStore {
    /// Opens the store, and makes or migrates it where that is needed.
    ///
    /// # Errors
    /// Where the store or its key cannot be opened or made.
    pub async fn open_or_make(settings: &StoreSettings, clock: &Clock) -> Result<Self, EstateError> {
        let Location::Sqlite(path) = &settings.location;
        let Opened { store, is_new } = SqliteStore::open(path, clock)?;
        let identity = store.identity().await?;
        // A store that was made and not yet given a key, because the process ended in between, is as good as new.
        let sealer = Sealer::load_or_make(&settings.encryption_key, is_new || identity.key_check.is_none())?;
        Self::checked(Arc::new(store), sealer, identity).await
    }

    /// Opens a store that a gateway has used, as that is; makes and migrates nothing.
    ///
    /// # Errors
    /// Where there is none, it has another version, or its key is missing or another one.
    pub async fn open_existing(settings: &StoreSettings, clock: &Clock) -> Result<Self, EstateError> {
        let Location::Sqlite(path) = &settings.location;
        let store = SqliteStore::open_existing(path, clock)?;
        let identity = store.identity().await?;
        if identity.key_check.is_none() {
            return Err(EstateError::Unused(path.clone()));
        }
        let sealer = Sealer::load_or_make(&settings.encryption_key, false)?;
        Self::checked(Arc::new(store), sealer, identity).await
    }

    async fn checked(store: Arc<dyn Store>, sealer: Sealer, identity: StoreIdentity) -> Result<Self, EstateError> {
        sealer.check(&*store).await?;
        Ok(Self { store, sealer: Arc::new(sealer), identity })
    }

    /// The authority of `settings` on this store, for one operation beside the gateways. What it counts nobody scrapes.
    ///
    /// # Errors
    /// Where the signing keys cannot be used, or the store does not answer.
    pub async fn authority(&self, settings: AuthoritySettings, clock: &Clock) -> Result<Authority, EstateError> {
        authority_beside(self, settings, clock).await
    }
}
