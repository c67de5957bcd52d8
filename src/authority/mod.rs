//! The part that issues tokens: sign-in, exchange, refresh, revocation, reconciliation, users, signing keys.
//!
//! Called by `api` with parsed requests, by `proxy` (through a trait of its own) and by operators' commands. It knows
//! neither HTTP nor SQL: it takes values, decides, and writes one list of changes to the [`store`](crate::store).

mod sealing;
mod settings;
mod signing_keys;
mod verification;

pub use sealing::{Sealer, SealingError};
pub use settings::{
    ApiKey, Application, AuthoritySettings, Expiration, IdentityProvider, Linking, PasswordSettings, Permissions,
    ProviderApplication, Role, Signing, SingleSignOn, Usage,
};
pub use signing_keys::{
    ApplicationSecret, Following, KeyRing, Place, PublishedKey, SigningKeySettings, SigningKeys, SigningKeysError, Slot,
};
pub use verification::{AUTHORITY, VEND, VEND_TYPE, issuers};

#[cfg(test)]
pub(crate) mod example;
