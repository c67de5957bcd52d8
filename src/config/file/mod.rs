//! The shape of the file: one serde struct and one list of known keys for each section.
//!
//! Shapes hold what the operator wrote, unchecked but for kind and range; `compile` makes settings of them. Every
//! default that is not obvious is in the settings' own `Default` or in `compile`, never twice.

mod api_key;
mod application;
mod authority;
mod events;
mod identity_provider;
mod issuer;
mod listener;
mod process;
mod route;
mod rule;
mod store;
mod upstream;

pub(crate) use api_key::{ApiKeyFile, PermissionsFile};
pub(crate) use application::{ApplicationFile, SingleSignOnFile};
pub(crate) use authority::AuthorityFile;
pub(crate) use events::EventsFile;
pub(crate) use identity_provider::IdentityProviderFile;
pub(crate) use issuer::{IssuerFile, KeysFile};
pub(crate) use listener::{CertificateFile, DeadlinesFile, LimitsFile, ListenerFile, ListenerTlsFile};
pub(crate) use process::{AdminFile, LogFile, RuntimeFile, TokenCacheFile};
pub(crate) use route::{AnonymousFile, RouteFile};
pub(crate) use rule::{RuleFile, WantedFile};
pub(crate) use store::StoreFile;
pub(crate) use upstream::{UpstreamFile, UpstreamTlsFile};
#[cfg(test)]
pub(crate) use {application::RoleFile, identity_provider::ProviderApplicationTable};

use crate::config::schema::Key;

/// Every key that a configuration may have.
pub(crate) static ROOT: &[Key] = &[
    Key::blocks("listener", listener::KEYS),
    Key::table("admin", process::ADMIN_KEYS),
    Key::table("runtime", process::RUNTIME_KEYS),
    Key::table("token_cache", process::TOKEN_CACHE_KEYS),
    Key::table("log", process::LOG_KEYS),
    Key::table("store", store::KEYS),
    Key::blocks("issuer", issuer::KEYS),
    Key::table("authority", authority::KEYS),
    Key::blocks("application", application::KEYS),
    Key::blocks("identity_provider", identity_provider::KEYS),
    Key::blocks("api_key", api_key::KEYS),
    Key::blocks("upstream", upstream::KEYS),
    Key::blocks("route", route::KEYS),
];
