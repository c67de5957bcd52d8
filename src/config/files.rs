//! The files that a configuration refers to: read whole, bounded, remembered for the watcher.
//!
//! Relative names are relative to the configuration. A file with a secret in it, the configuration too, is refused when
//! anyone but its owner may read it, but for root's files that are lent to the process by a group (a mounted Kubernetes Secret, Debian's
//! `ssl-cert`); what is not a regular file is refused, since reading it could hang or never end.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::secret::Secret;

/// No certificate bundle, key set or secret is larger.
const LARGEST: u64 = 4 << 20;

/// A file that a configuration was read from, and what it held then; refused configurations have them too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    audience: Audience,
    /// Nothing where it could not be read.
    content: Option<Vec<u8>>,
}

impl SourceFile {
    pub(crate) fn new(path: &Path, audience: Audience, content: Option<&[u8]>) -> Self {
        let content = content.map(|content| digest::digest(&digest::SHA256, content).as_ref().to_vec());
        Self { path: path.to_owned(), audience, content }
    }

    /// The same, as a file that must be closed to others.
    pub(crate) fn for_owner(self) -> Self {
        Self { audience: Audience::OwnerOnly, ..self }
    }

    /// Whether reading it again would bring the same.
    pub fn is_unchanged(&self) -> bool {
        let content = read(&self.path, self.audience).ok();
        *self == Self::new(&self.path, self.audience, content.as_ref().map(|content| content.as_slice()))
    }
}

/// The reader of one load.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    seen: Vec<SourceFile>,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Anyone,
    OwnerOnly,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileFault {
    #[error("cannot be read ({0})")]
    Unreadable(#[from] io::Error),
    #[error("is not a regular file")]
    NotAFile,
    #[error("is larger than 4 MiB")]
    TooLarge,
    #[error("is empty")]
    Empty,
    #[error("can be read by others than its owner (mode {0:03o}); run `chmod 600` on it")]
    Open(u32),
}

impl Files {
    /// A reader for what the configuration file `configuration` refers to.
    pub(crate) fn beside(configuration: SourceFile) -> Self {
        let directory = configuration.path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        Self { directory, seen: vec![configuration] }
    }

    /// Reads the file that the setting at `path` names.
    pub(crate) fn read(&mut self, name: &str, audience: Audience, path: &KeyPath, problems: &mut Problems) -> Option<Content> {
        let file = self.locate(name);
        let read = read(&file, audience);
        self.note(SourceFile::new(&file, audience, read.as_ref().ok().map(|bytes| bytes.as_slice())));
        match read {
            Ok(bytes) => Some(Content { path: file, bytes }),
            Err(fault) => {
                problems.error(path, format!("file {} {fault}", quoted(&file.to_string_lossy())));
                None
            }
        }
    }

    /// Where the file is that a setting names.
    pub(crate) fn locate(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Reads a secret that may be made later; the inner `None`: it is not there. It is watched only where it is wrong,
    /// since whoever makes it is no reason to read the configuration again.
    #[expect(clippy::option_option, reason = "refused, absent and present are three things")]
    pub(crate) fn secret_if_there(&mut self, name: &str, path: &KeyPath, problems: &mut Problems) -> Option<Option<Secret>> {
        match read(&self.locate(name), Audience::OwnerOnly) {
            Ok(bytes) => Some(Some(Secret::new(without_line_break(&bytes).to_vec()))),
            Err(FileFault::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => Some(None),
            Err(_) => self.secret(name, path, problems).map(Some),
        }
    }

    /// Reads a file that holds one secret as text; the line break at its end is not part of it.
    pub(crate) fn secret(&mut self, name: &str, path: &KeyPath, problems: &mut Problems) -> Option<Secret> {
        let content = self.read(name, Audience::OwnerOnly, path, problems)?;
        Some(Secret::new(without_line_break(&content.bytes).to_vec()))
    }

    /// A file that is read twice is noted once, as its last reader saw it.
    fn note(&mut self, file: SourceFile) {
        match self.seen.iter_mut().find(|seen| seen.path == file.path) {
            Some(seen) => *seen = file,
            None => self.seen.push(file),
        }
    }

    /// Every file named so far, the configuration first.
    pub(crate) fn into_seen(self) -> Vec<SourceFile> {
        self.seen
    }
}

/// `kubectl create secret` and editors disagree about the last line break; a secret never means it.
fn without_line_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

pub(crate) fn read(path: &Path, audience: Audience) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    let (file, metadata) = open(path)?;
    match open_mode(&metadata) {
        Some(mode) if audience == Audience::OwnerOnly => Err(FileFault::Open(mode)),
        _ => content(file, &metadata),
    }
}

/// A file that turns out only later to have a secret in it, and its mode where it should have none.
pub(crate) fn read_before_judging(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Option<u32>), FileFault> {
    let (file, metadata) = open(path)?;
    Ok((content(file, &metadata)?, open_mode(&metadata)))
}

fn open(path: &Path) -> Result<(File, Metadata), FileFault> {
    // Before opening, because opening a pipe waits for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(FileFault::NotAFile);
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn content(file: File, metadata: &Metadata) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    // Sized beforehand, because a buffer that grows leaves copies of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(LARGEST)).unwrap_or(0) + 1));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    match bytes.len() {
        0 => Err(FileFault::Empty),
        length if length as u64 > LARGEST => Err(FileFault::TooLarge),
        _ => Ok(bytes),
    }
}

/// The mode of a file that is open to more than the process.
fn open_mode(metadata: &Metadata) -> Option<u32> {
    let mode = metadata.mode() & 0o777;
    is_open(mode, metadata.uid(), own_user()).then_some(mode)
}

/// Whether a secret's file of this mode and owner is open to more than the process, run by the user `own`.
fn is_open(mode: u32, owner: u32, own: Option<u32>) -> bool {
    let is_lent = owner == ROOT && own.is_some_and(|own| own != ROOT);
    let closed = if is_lent { 0o037 } else { 0o077 };
    mode & closed != 0
}

const ROOT: u32 = 0;

/// Who runs this process; unknown where the system does not show it.
fn own_user() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn secret_of(content: &[u8], mode: u32) -> (Option<Secret>, Problems) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let mut problems = Problems::default();
        let configuration = SourceFile::new(&directory.path().join("t.toml"), Audience::Anyone, None);
        let secret = Files::beside(configuration).secret("secret", &KeyPath::of("secret_file"), &mut problems);
        (secret, problems)
    }

    #[test]
    fn only_the_last_line_break_is_cut() {
        for (content, secret) in [(&b"a b\n"[..], &b"a b"[..]), (b"a\r\n", b"a"), (b"a\n\n", b"a\n"), (b" a ", b" a ")] {
            assert_eq!(secret_of(content, 0o600).0.unwrap().expose(), secret);
        }
    }

    #[test]
    fn a_group_may_lend_roots_files_to_the_process_and_nothing_else_may_be_open() {
        let (ours, others) = (65_532, 1000);
        for (mode, owner, own, expected) in [
            (0o600, ours, Some(ours), false),
            (0o640, ours, Some(ours), true),
            (0o440, ROOT, Some(ours), false),
            (0o640, ROOT, Some(ours), false),
            (0o660, ROOT, Some(ours), true),
            (0o444, ROOT, Some(ours), true),
            (0o640, ROOT, Some(ROOT), true),
            (0o640, ROOT, None, true),
            (0o640, others, Some(ours), true),
        ] {
            assert_eq!(is_open(mode, owner, own), expected, "{mode:o} {owner} {own:?}");
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let (secret, problems) = secret_of(b"secret", mode);
            assert!(secret.is_none());
            assert!(problems.as_slice()[0].message.ends_with(&format!("(mode {mode:03o}); run `chmod 600` on it")));
        }
        assert!(secret_of(b"secret", 0o400).0.is_some());
    }

    #[test]
    fn a_file_is_changed_by_its_content_and_by_whether_it_may_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let seen =
            || SourceFile::new(&path, Audience::OwnerOnly, read(&path, Audience::OwnerOnly).ok().as_ref().map(|it| &it[..]));
        let missing = seen();
        assert!(missing.is_unchanged());
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(missing.is_unchanged(), "still not usable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!missing.is_unchanged());
        let one = seen();
        fs::write(&path, "one").unwrap();
        assert!(one.is_unchanged());
        fs::write(&path, "two").unwrap();
        assert!(!one.is_unchanged());
    }

    #[test]
    fn directories_empty_and_absent_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("empty"), "").unwrap();
        assert!(matches!(read(directory.path(), Audience::Anyone), Err(FileFault::NotAFile)));
        assert!(matches!(read(&directory.path().join("empty"), Audience::Anyone), Err(FileFault::Empty)));
        assert!(matches!(read(&directory.path().join("none"), Audience::Anyone), Err(FileFault::Unreadable(_))));
    }
}
