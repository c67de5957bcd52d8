//! What is wrong with a configuration: collected in one pass, shown with file, line, column, key and source line.
//!
//! [`Problems`] is handed to every step of loading, which go on after a problem so that all are found; `source` turns
//! each [`Problem`] into a [`Diagnostic`] that knows its place. No message ever holds a secret's value.

use std::fmt;

use serde::Serialize;

use crate::config::files::SourceFile;
use crate::config::key_path::KeyPath;
use crate::config::user_info;

/// Whether a problem stops the configuration from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is used, but the operator should know.
    Warning,
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it refuses the configuration.
    pub severity: Severity,
    /// The file, or the environment variable, that says it.
    pub origin: String,
    /// Line and column, counted from one, columns in characters; absent for environment variables.
    pub position: Option<(usize, usize)>,
    /// The setting, such as `issuer.corp.jwks_url`; empty where it is the whole file.
    pub key: String,
    /// What was found and what is allowed.
    pub message: String,
    /// The source line with secrets masked, and how many characters from the column on are meant.
    #[serde(skip)]
    pub(crate) excerpt: Option<(String, usize)>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if self.severity == Severity::Warning {
            f.write_str(": warning")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        match (&self.excerpt, self.position) {
            (Some((text, width)), Some((line, column))) => write_excerpt(f, text, *width, line, column),
            _ => Ok(()),
        }
    }
}

fn write_excerpt(f: &mut fmt::Formatter<'_>, text: &str, width: usize, line: usize, column: usize) -> fmt::Result {
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let before = " ".repeat(column.saturating_sub(1));
    write!(f, "\n{margin} |\n{number} | {text}\n{margin} | {before}{}", "^".repeat(width.max(1)))
}

/// Every problem of one configuration, in the order of their places; at least one is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    /// The problems.
    pub problems: Vec<Diagnostic>,
    /// Every file that was read or should have been: correcting one of them may cure it.
    #[serde(skip)]
    pub files: Vec<SourceFile>,
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{diagnostic}")?;
        }
        Ok(())
    }
}

/// Which part of a setting is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The key's name.
    Key,
    /// The value; the enclosing table where there is none.
    Value,
}

/// A problem before its place is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    pub(crate) path: KeyPath,
    pub(crate) aim: Aim,
    pub(crate) message: String,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// The value at `path` is refused.
    pub(crate) fn error(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.push(Severity::Error, path, Aim::Value, message.into());
    }

    /// `found` stands at `path` where only `allowed` may.
    pub(crate) fn refuse(&mut self, path: &KeyPath, found: impl fmt::Display, allowed: impl fmt::Display) {
        self.error(path, format!("found {found}; allowed: {allowed}"));
    }

    /// The key at `path` is refused.
    pub(crate) fn bad_key(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.push(Severity::Error, path, Aim::Key, message.into());
    }

    /// The value at `path` is used, but the operator should know.
    pub(crate) fn warn(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.push(Severity::Warning, path, Aim::Value, message.into());
    }

    /// Whether anything was found at `path` or in it.
    pub(crate) fn has_in(&self, path: &KeyPath) -> bool {
        self.0.iter().any(|problem| problem.path.is_in(path))
    }

    /// Whether any problem refuses the configuration.
    pub(crate) fn has_error(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// What was found, in the order it was found.
    pub(crate) fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    fn push(&mut self, severity: Severity, path: &KeyPath, aim: Aim, message: String) {
        self.0.push(Problem { severity, path: path.clone(), aim, message });
    }
}

/// `text` in quotation marks, cut to a length that fits a message, control characters escaped, passwords in addresses masked.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let text = user_info::masked(text);
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
