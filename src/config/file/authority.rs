//! `[authority]`: the token authority, here or another server.

use serde::Deserialize;

use crate::config::file::events::{self, EventsFile};
use crate::config::file::issuer::{KeysFile, REFRESH_KEYS};
use crate::config::schema::Key;
use crate::config::units::{Count, Span, SpanOrNever};

/// `[authority]`.
#[derive(Debug, Deserialize)]
pub(crate) struct AuthorityFile {
    pub(crate) issuer: String,
    pub(crate) host: Option<String>,
    pub(crate) signing_algorithm: Option<String>,
    pub(crate) signing_key_rotation: Option<SpanOrNever>,
    pub(crate) access_token_lifetime: Option<Span>,
    pub(crate) refresh_token_lifetime: Option<Span>,
    pub(crate) vend_max_lifetime: Option<Span>,
    pub(crate) cookie_domain: Option<String>,
    #[serde(default)]
    pub(crate) own_list_shows_tokens: bool,
    pub(crate) tenant_id: Option<String>,
    pub(crate) password_min_length: Option<Count<8, 256>>,
    pub(crate) password_hashes_at_once: Option<Count<1, 1024>>,
    pub(crate) login_attempts: Option<Count<1, 1_000_000>>,
    pub(crate) login_attempts_window: Option<Span>,
    pub(crate) remote_url: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) timeout: Option<Span>,
    pub(crate) max_lifetime: Option<Span>,
    pub(crate) algorithms: Option<Vec<String>>,
    pub(crate) keys: Option<KeysFile>,
    pub(crate) events: Option<EventsFile>,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("issuer"),
    Key::text("host"),
    Key::text("signing_algorithm"),
    Key::text("signing_key_rotation"),
    Key::text("access_token_lifetime"),
    Key::text("refresh_token_lifetime"),
    Key::text("vend_max_lifetime"),
    Key::text("cookie_domain"),
    Key::flag("own_list_shows_tokens"),
    Key::text("tenant_id"),
    Key::number("password_min_length"),
    Key::number("password_hashes_at_once"),
    Key::number("login_attempts"),
    Key::text("login_attempts_window"),
    Key::text("remote_url"),
    Key::text("ca_file"),
    Key::text("timeout"),
    Key::text("max_lifetime"),
    Key::list("algorithms"),
    Key::table("keys", REFRESH_KEYS),
    Key::table("events", events::KEYS),
];
