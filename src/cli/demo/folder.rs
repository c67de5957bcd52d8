//! The demo's files, in a folder that only its user can look into and that is gone with it.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder; removed when dropped.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn create() -> io::Result<Self> {
        tempfile::Builder::new().prefix("tollgate-demo-").permissions(Permissions::from_mode(0o700)).tempdir().map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a new file, or over one that was written before.
    pub(super) fn write(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(content.as_bytes())?;
        Ok(path)
    }

    /// Removes it, and says when that fails.
    pub(super) fn remove(self) -> io::Result<()> {
        self.0.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_can_look_into_it_and_it_goes() {
        let folder = Folder::create().unwrap();
        let file = folder.write("tls.key", "secret").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&file)), (0o700, 0o600));
        folder.remove().unwrap();
        assert!(!file.parent().unwrap().exists());
    }
}
