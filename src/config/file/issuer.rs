//! `[[issuer]]`: a party whose tokens are accepted.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::file::events::{self, EventsFile};
use crate::config::schema::{Key, Kind};
use crate::config::units::{Size, Span, SpanOrZero};

/// One `[[issuer]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct IssuerFile {
    pub(crate) name: String,
    pub(crate) issuer: String,
    #[serde(default)]
    pub(crate) audiences: Vec<String>,
    #[serde(default)]
    pub(crate) algorithms: Vec<String>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) discovery_url: Option<String>,
    pub(crate) jwks_file: Option<String>,
    /// From key id to file; the key id `""` is the only key of an issuer whose key has no id.
    pub(crate) public_key_files: Option<BTreeMap<String, String>>,
    pub(crate) fusionauth_url: Option<String>,
    pub(crate) fusionauth_applications: Option<Vec<String>>,
    pub(crate) secret: Option<String>,
    pub(crate) secret_file: Option<String>,
    pub(crate) ca_file: Option<String>,
    #[serde(default)]
    pub(crate) insecure_http_keys: bool,
    pub(crate) roles_claim: Option<String>,
    pub(crate) scope_claim: Option<String>,
    pub(crate) max_lifetime: Option<Span>,
    pub(crate) leeway: Option<SpanOrZero>,
    pub(crate) types: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) require_type: bool,
    pub(crate) max_token_bytes: Option<Size>,
    #[serde(default)]
    pub(crate) keys: KeysFile,
    pub(crate) events: Option<EventsFile>,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("name"),
    Key::text("issuer"),
    Key::list("audiences"),
    Key::list("algorithms"),
    Key::text("jwks_url"),
    Key::text("discovery_url"),
    Key::text("jwks_file"),
    Key::map("public_key_files"),
    Key::text("fusionauth_url"),
    Key::list("fusionauth_applications"),
    Key { name: "secret", kind: Kind::Secret },
    Key::text("secret_file"),
    Key::text("ca_file"),
    Key::flag("insecure_http_keys"),
    Key::text("roles_claim"),
    Key::text("scope_claim"),
    Key::text("max_lifetime"),
    Key::text("leeway"),
    Key::list("types"),
    Key::flag("require_type"),
    Key::text("max_token_bytes"),
    Key::table("keys", REFRESH_KEYS),
    Key::table("events", events::KEYS),
];

/// `keys = { ... }`: when keys are fetched.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct KeysFile {
    pub(crate) min_interval: Option<Span>,
    pub(crate) max_interval: Option<Span>,
    pub(crate) max_stale: Option<Span>,
    pub(crate) unknown_key_interval: Option<Span>,
    pub(crate) timeout: Option<Span>,
    pub(crate) max_bytes: Option<Size>,
}

pub(super) const REFRESH_KEYS: &[Key] = &[
    Key::text("min_interval"),
    Key::text("max_interval"),
    Key::text("max_stale"),
    Key::text("unknown_key_interval"),
    Key::text("timeout"),
    Key::text("max_bytes"),
];
