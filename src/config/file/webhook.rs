//! `[[webhook]]`: an address that is told what happens.

use serde::Deserialize;

use crate::config::schema::Key;
use crate::config::units::Span;

/// One `[[webhook]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct WebhookFile {
    pub(crate) name: Option<String>,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) events: Vec<String>,
    #[serde(default)]
    pub(crate) include_tokens: bool,
    pub(crate) ca_file: Option<String>,
    pub(crate) timeout: Option<Span>,
    #[serde(default)]
    pub(crate) insecure_plain_http: bool,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("name"),
    Key::text("url"),
    Key::list("events"),
    Key::flag("include_tokens"),
    Key::text("ca_file"),
    Key::text("timeout"),
    Key::flag("insecure_plain_http"),
];
