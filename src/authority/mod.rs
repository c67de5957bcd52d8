//! The part that issues tokens: sign-in, exchange, refresh, revocation, reconciliation, users, signing keys.
//!
//! Called by `api` with parsed requests, by `proxy` (through a trait of its own) and by operators' commands. It knows
//! neither HTTP nor SQL: it takes values, decides, and writes one list of changes to the [`store`](crate::store).

mod attempts;
mod passwords;
mod settings;

pub use attempts::{Attempts, RetryAfter};
pub use passwords::{Busy, MAX_PASSWORD_BYTES, Passwords, Unhashed};
pub use settings::{
    ApiKey, Application, AuthoritySettings, Expiration, IdentityProvider, Linking, PasswordSettings, Permissions,
    ProviderApplication, Role, Signing, SingleSignOn, Usage,
};
