//! `[[listener]]`: a bound address with its TLS and limits.

use serde::Deserialize;

use crate::config::schema::Key;
use crate::config::units::{Count, Size, Span};

/// One `[[listener]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct ListenerFile {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) tls: Option<ListenerTlsFile>,
    #[serde(default)]
    pub(crate) certificate: Vec<CertificateFile>,
    pub(crate) http2: Option<bool>,
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<String>,
    #[serde(default)]
    pub(crate) insecure_plain_http: bool,
    #[serde(default)]
    pub(crate) limits: LimitsFile,
    #[serde(default)]
    pub(crate) deadlines: DeadlinesFile,
}

pub(super) const KEYS: &[Key] = &[
    Key::text("name"),
    Key::text("address"),
    Key::table("tls", TLS_KEYS),
    Key::blocks("certificate", CERTIFICATE_KEYS),
    Key::flag("http2"),
    Key::list("trusted_proxies"),
    Key::flag("insecure_plain_http"),
    Key::table("limits", LIMITS_KEYS),
    Key::table("deadlines", DEADLINES_KEYS),
];

/// `tls = { ... }` of a listener.
#[derive(Debug, Deserialize)]
pub(crate) struct ListenerTlsFile {
    pub(crate) certificate: Option<String>,
    pub(crate) private_key: Option<String>,
    pub(crate) client_auth: Option<String>,
    pub(crate) client_ca: Option<String>,
}

pub(super) const TLS_KEYS: &[Key] =
    &[Key::text("certificate"), Key::text("private_key"), Key::text("client_auth"), Key::text("client_ca")];

/// One `[[listener.certificate]]`.
#[derive(Debug, Deserialize)]
pub(crate) struct CertificateFile {
    pub(crate) certificate: String,
    pub(crate) private_key: String,
    #[serde(default)]
    pub(crate) names: Vec<String>,
}

pub(super) const CERTIFICATE_KEYS: &[Key] = &[Key::text("certificate"), Key::text("private_key"), Key::list("names")];

/// `limits = { ... }`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct LimitsFile {
    pub(crate) connections: Option<Count<1, 10_000_000>>,
    pub(crate) handshakes: Option<Count<1, 1_000_000>>,
    pub(crate) header_count: Option<Count<1, 10_000>>,
    pub(crate) header_bytes: Option<Size>,
    pub(crate) target_bytes: Option<Size>,
    pub(crate) http2_streams: Option<Count<1, 100_000>>,
}

pub(super) const LIMITS_KEYS: &[Key] = &[
    Key::number("connections"),
    Key::number("handshakes"),
    Key::number("header_count"),
    Key::text("header_bytes"),
    Key::text("target_bytes"),
    Key::number("http2_streams"),
];

/// `deadlines = { ... }`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DeadlinesFile {
    pub(crate) handshake: Option<Span>,
    pub(crate) headers: Option<Span>,
    pub(crate) idle: Option<Span>,
    pub(crate) drain: Option<Span>,
}

pub(super) const DEADLINES_KEYS: &[Key] = &[Key::text("handshake"), Key::text("headers"), Key::text("idle"), Key::text("drain")];
