//! What an operator decides about logging.

use crate::secret::Secret;

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// The shape of a line.
    pub format: LogFormat,
    /// A `tracing` filter: `error`, `warn`, `info`, `debug`, `trace`, or directives (`info,tollgate::issuer=debug`).
    pub level: String,
    /// Whether each request gets a line.
    pub access: bool,
    /// Key of the subject hash in access lines; absent: a new one at every start.
    pub subject_key: Option<Secret>,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}
