//! Loading: the file's text, its tree, the environment over it, the settings; problems of all blocks in one pass.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::clock::{Clock, Timestamp};
use crate::config::compile::{self, Context};
use crate::config::diagnostic::{Diagnostic, Diagnostics, Problems, Severity};
use crate::config::document;
use crate::config::environment;
use crate::config::file::ROOT;
use crate::config::files::{self, Audience, FileFault, Files, SourceFile};
use crate::config::key_path::KeyPath;
use crate::config::schema::Kind;
use crate::config::settings::Settings;
use crate::config::source::{Source, syntax_diagnostic};
use crate::config::walk;

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
    let (text, open) = read(path).map_err(|(fault, file)| unreadable(path, &fault, file))?;
    load_text(path, &text, open, environment, now)
}

/// As [`load_at`], the file's text being `text`, and `open` its mode where others than the process can read it.
pub(crate) fn load_text(
    path: &Path,
    text: &str,
    open: Option<u32>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    now: Timestamp,
) -> Result<Settings, Diagnostics> {
    let file = path.to_string_lossy().into_owned();
    let configuration = SourceFile::new(path, Audience::Anyone, Some(text.as_bytes()));
    let document = match document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            return Err(Diagnostics { problems: vec![syntax_diagnostic(&file, text, &error)], files: vec![configuration] });
        }
    };
    let mut problems = Problems::default();
    walk::unknown_keys(&document, ROOT, &KeyPath::default(), &mut problems);
    let overrides = environment::overrides(environment, &document, &mut problems);
    let secrets = walk::of_kind(&document, ROOT, |kind| matches!(kind, Kind::Secret));
    let own = secrets.iter().map(|(path, _)| path).filter(|path| !overrides.iter().any(|set| path.is_in(&set.path)));
    let configuration = judge(own, open, configuration, &mut problems);
    let hidden = walk::of_kind(&document, ROOT, |kind| matches!(kind, Kind::Secret | Kind::Hash));
    let hidden = hidden.into_iter().map(|(_, span)| span).collect();
    let source = Source { file, text: text.to_owned(), document, overrides, hidden };
    let mut context = Context { files: Files::beside(configuration), problems: &mut problems, now };
    let settings = compile::compile(&source, &mut context);
    let files = context.files.into_seen();
    let problems = source.locate(problems.as_slice());
    match settings {
        Some(settings) => Ok(Settings { warnings: problems, files, ..settings }),
        None => Err(Diagnostics { problems, files }),
    }
}

/// A configuration with a secret of its own is held to the rule of secrets' files; one whose secrets all come from the
/// environment is not. What it is watched as: only in a file that is closed is there anything to be read.
fn judge<'a>(
    mut secrets: impl Iterator<Item = &'a KeyPath>,
    open: Option<u32>,
    configuration: SourceFile,
    problems: &mut Problems,
) -> SourceFile {
    match (secrets.next(), open) {
        (None, _) => configuration,
        (Some(_), None) => configuration.for_owner(),
        (Some(first), Some(mode)) => {
            for path in std::iter::once(first).chain(secrets) {
                let found = format_args!("a secret in a file that others than its owner can read (mode {mode:03o})");
                let key = path.steps().last().map_or("secret", |key| key);
                let allowed = format_args!("here after `chmod 600` on this file; or in a `{key}_file`, or in the environment");
                problems.refuse(path, found, allowed);
            }
            SourceFile::new(&configuration.path, Audience::OwnerOnly, None)
        }
    }
}

/// The text with the mode of an open file, or why there is none and how the file stands, for whoever waits for it to be corrected.
fn read(path: &Path) -> Result<(String, Option<u32>), (FileFault, SourceFile)> {
    let (bytes, open) =
        files::read_before_judging(path).map_err(|fault| (fault, SourceFile::new(path, Audience::Anyone, None)))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((text.to_owned(), open)),
        Err(error) => {
            let fault = io::Error::new(io::ErrorKind::InvalidData, error);
            Err((fault.into(), SourceFile::new(path, Audience::Anyone, Some(&bytes))))
        }
    }
}

fn unreadable(path: &Path, fault: &FileFault, file: SourceFile) -> Diagnostics {
    let problem = Diagnostic {
        severity: Severity::Error,
        origin: path.to_string_lossy().into_owned(),
        position: None,
        key: String::new(),
        message: fault.to_string(),
        excerpt: None,
    };
    Diagnostics { problems: vec![problem], files: vec![file] }
}
