//! Reloading the configuration whenever a file of it changes, or whenever somebody asks.

use std::path::Path;

use tokio::sync::Notify;

use super::files::Folders;
use super::running::Shared;
use crate::config::{self, SourceFile};

impl Shared {
    /// Compares the files with what was read from them, not with what they held a moment later: a change during a
    /// reload is one more change.
    pub(super) async fn follow(&self, file: &Path, reload: &Notify) {
        let mut files = self.lock().settings.files.clone();
        loop {
            // Watched first, then looked at.
            let folders = Folders::watch(&files);
            while files.iter().all(SourceFile::is_unchanged) {
                tokio::select! {
                    () = reload.notified() => break,
                    () = folders.changed() => {}
                }
            }
            files = self.reload_file(file);
        }
    }

    /// The files that were read, also where the configuration was refused: one of them may be what is wrong.
    fn reload_file(&self, file: &Path) -> Vec<SourceFile> {
        match config::load(file, std::env::vars_os()) {
            Ok(settings) => {
                let files = settings.files.clone();
                match self.reload(settings) {
                    Ok(()) => tracing::info!(file = %file.display(), "configuration reloaded"),
                    Err(error) => tracing::error!(%error, "configuration refused; the former one stays in force"),
                }
                files
            }
            Err(diagnostics) => {
                self.note_reload(false);
                tracing::error!(%diagnostics, "configuration refused; the former one stays in force");
                diagnostics.files
            }
        }
    }
}
