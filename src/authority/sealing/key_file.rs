//! The file of the store's encryption key: read where nobody else can, made where there is none.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KEY_BYTES;
use crate::store::StoreError;

/// Why nothing can be sealed or opened. No message has a byte of a key.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The store is not new, and its key is not there.
    #[error(
        "the store's encryption key is missing: there is no file {}. The store was sealed with it, and a backup of the store \
         leaves it out: put the file back from where you keep it, or begin with a new store",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read or made.
    #[error("the store's encryption key {}: {cause}", path.display())]
    File {
        /// Where it should be.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// Others can read it.
    #[error(
        "the store's encryption key {} can be read by other users (mode {mode:o}): make it `chmod 600`, and begin with a new \
         store if any of them should not have read it", path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no key.
    #[error("the store's encryption key{} is not 32 bytes in base64", in_file(.0.as_deref()))]
    Malformed(Option<PathBuf>),
    /// The store was sealed with another one.
    #[error("the store was sealed with a different encryption key than the one that is configured; put the former one back")]
    Different,
    /// It was not sealed with this key for this purpose and context, or changed since.
    #[error("it was not sealed here with this key, or has been changed since")]
    NotSealed,
    /// The cryptography library failed, which takes random numbers.
    #[error("the cryptography library failed")]
    Failed,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn in_file(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" in {}", path.display()))
}

/// The key of 32 bytes that `text` is the base64 of, around which there may be spaces and line breaks.
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    // Room for a longer one, so that decoding never moves it and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    STANDARD.decode_vec(text.trim_ascii(), &mut bytes).ok()?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

pub(super) fn load_or_make(path: &Path, store_is_new: bool) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealingError> {
    match File::open(path) {
        Ok(file) => read(path, file),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        Err(_) if !store_is_new => Err(SealingError::Missing(path.to_owned())),
        Err(_) => {
            make(path)?;
            // What is in the file counts: another gateway may have been first.
            read(path, File::open(path).map_err(|error| failed(path, error))?)
        }
    }
}

fn read(path: &Path, file: File) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealingError> {
    const MOST: u64 = 1024;
    // Of the file that is open, not of whatever has its name by now.
    let mode = file.metadata().map_err(|error| failed(path, error))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SealingError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(1024));
    file.take(MOST).read_to_end(&mut text).map_err(|error| failed(path, error))?;
    decode(&text).ok_or_else(|| SealingError::Malformed(Some(path.to_owned())))
}

/// Makes the file whole under another name first, so that nobody reads half a key; a file that is there stays. Mode 0600.
fn make(path: &Path) -> Result<(), SealingError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| SealingError::Failed)?;
    let mut text = Zeroizing::new(STANDARD.encode(key.as_slice()));
    text.push('\n');
    let written = write(path, text.as_bytes());
    written.map_err(|error| failed(path, error))
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let only_owner = Permissions::from_mode(0o600);
    let mut file = tempfile::Builder::new().prefix(".key-").permissions(only_owner).tempfile_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
        _ => {}
    }
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, cause: io::Error) -> SealingError {
    SealingError::File { path: path.to_owned(), cause }
}
