//! `[[upstream]]`: a named set of servers.

use serde::Deserialize;

use crate::config::schema::Key;
use crate::config::units::{Count, Span};

/// One `[[upstream]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct UpstreamFile {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) servers: Vec<String>,
    pub(crate) tls: Option<UpstreamTlsFile>,
    pub(crate) connect_timeout: Option<Span>,
    pub(crate) response_timeout: Option<Span>,
    pub(crate) idle_timeout: Option<Span>,
    pub(crate) max_connections: Option<Count<1, 1_000_000>>,
    pub(crate) max_idle: Option<Count<0, 1_000_000>>,
    pub(crate) host: Option<String>,
    #[serde(default)]
    pub(crate) title_case_headers: bool,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("name"),
    Key::list("servers"),
    Key::table("tls", TLS_KEYS),
    Key::text("connect_timeout"),
    Key::text("response_timeout"),
    Key::text("idle_timeout"),
    Key::number("max_connections"),
    Key::number("max_idle"),
    Key::text("host"),
    Key::flag("title_case_headers"),
];

/// `tls = { ... }` of an upstream.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct UpstreamTlsFile {
    pub(crate) ca_file: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) private_key: Option<String>,
}

pub(super) const TLS_KEYS: &[Key] =
    &[Key::text("ca_file"), Key::text("server_name"), Key::text("certificate"), Key::text("private_key")];
