//! Loading: the file's text, its tree, the environment over it, the settings; every problem in one pass.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::clock::{Clock, Timestamp};
use crate::config::compile::{self, Context};
use crate::config::diagnostic::{Diagnostic, Diagnostics, Problems, Severity};
use crate::config::document;
use crate::config::environment;
use crate::config::file::ROOT;
use crate::config::files::Files;
use crate::config::key_path::KeyPath;
use crate::config::settings::Settings;
use crate::config::source::{Source, syntax_diagnostic};
use crate::config::walk;

/// A configuration is written by hand; a larger file is a mistake.
const LARGEST: u64 = 4 << 20;

/// Reads the configuration at `path` with what `environment` (such as [`std::env::vars_os`]) overrides, and every file
/// it refers to.
///
/// # Errors
/// Everything that is wrong, warnings too, in the order of their places. Of a configuration that is used, the warnings
/// are in [`Settings::warnings`].
pub fn load(path: &Path, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Settings, Diagnostics> {
    load_at(path, environment, Clock::system().now())
}

/// As [`load`], with certificates judged at the instant `now`.
///
/// # Errors
/// As [`load`].
pub fn load_at(
    path: &Path,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    now: Timestamp,
) -> Result<Settings, Diagnostics> {
    let text = read(path).map_err(|error| unreadable(path, &error))?;
    load_text(path, &text, environment, now)
}

/// As [`load_at`], the file's text being `text`.
pub(crate) fn load_text(
    path: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    now: Timestamp,
) -> Result<Settings, Diagnostics> {
    let file = path.to_string_lossy().into_owned();
    let document = match document::parse(text) {
        Ok(document) => document,
        Err(error) => return Err(Diagnostics(vec![syntax_diagnostic(&file, text, &error)])),
    };
    let mut problems = Problems::default();
    walk::unknown_keys(&document, ROOT, &KeyPath::default(), &mut problems);
    let overrides = environment::overrides(environment, &document, &mut problems);
    let secrets = walk::secret_spans(&document, ROOT);
    let source = Source { file, text: text.to_owned(), document, overrides, secrets };
    let settings = compile::compile(&source, Context { files: Files::beside(path), problems: &mut problems, now });
    let diagnostics = source.locate(problems.as_slice());
    match settings {
        Some(settings) => Ok(Settings { warnings: diagnostics, ..settings }),
        None => Err(Diagnostics(diagnostics)),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if length as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 4 MiB"));
    }
    Ok(text)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        severity: Severity::Error,
        origin: path.to_string_lossy().into_owned(),
        position: None,
        key: String::new(),
        message: format!("cannot be read ({error})"),
        excerpt: None,
    }])
}
