//! `[admin]`, `[runtime]`, `[token_cache]` and `[log]`: what concerns the whole process.

use serde::Deserialize;

use crate::config::schema::Key;
use crate::config::units::{Count, Size};

/// `[admin]`: where metrics, health and status answer.
#[derive(Debug, Deserialize)]
pub(crate) struct AdminFile {
    pub(crate) address: Option<String>,
}

pub(super) const ADMIN_KEYS: &[Key] = &[Key::text("address")];

/// `[runtime]`.
#[derive(Debug, Deserialize)]
pub(crate) struct RuntimeFile {
    pub(crate) workers: Option<Count<0, 1024>>,
}

pub(super) const RUNTIME_KEYS: &[Key] = &[Key::number("workers")];

/// `[token_cache]`.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenCacheFile {
    pub(crate) capacity: Option<Count<0, 100_000_000>>,
    pub(crate) bytes: Option<Size>,
}

pub(super) const TOKEN_CACHE_KEYS: &[Key] = &[Key::number("capacity"), Key::text("bytes")];

/// `[log]`.
#[derive(Debug, Deserialize)]
pub(crate) struct LogFile {
    pub(crate) format: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) access: Option<bool>,
    pub(crate) subject_key_file: Option<String>,
}

pub(super) const LOG_KEYS: &[Key] =
    &[Key::text("format"), Key::text("level"), Key::flag("access"), Key::text("subject_key_file")];
