//! Noticing that a file of the configuration changed.
//!
//! The folders are watched, not the files: editors and Kubernetes replace files (a mounted Secret is a chain of
//! symbolic links of which only the middle one moves), and a watch on a replaced file sees nothing. What counts is the
//! content, so a touch or an unrelated file in the folder changes nothing. A slow look at the content in any case
//! covers file systems without notification.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::config::SourceFile;

/// Several files are replaced in one go; the last change counts.
const SETTLE: Duration = Duration::from_millis(250);
/// A folder that never comes to rest (a log is written beside the files) delays a look no longer than this.
const LONGEST_SETTLE: Duration = Duration::from_secs(2);
/// Between two looks without a notification.
const POLL: Duration = Duration::from_secs(30);

/// Wakes when something in the folders of the files happens.
#[derive(Debug)]
pub(super) struct Folders {
    woken: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
}

impl Folders {
    /// Watches the folders of `files`, and the ones that symbolic links among them lead to.
    pub(super) fn watch(files: &[SourceFile]) -> Self {
        let woken = Arc::new(Notify::new());
        let wake = Arc::clone(&woken);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // That a file was opened is no news: whoever looks at the files opens them, and would wake itself.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                wake.notify_one();
            }
        });
        let watcher = watcher.map(|mut watcher| {
            for folder in folders(files) {
                if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                    tracing::warn!(folder = %folder.display(), %error, "changes here are noticed only every 30 s");
                }
            }
            watcher
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "the system notifies of no changes; files are looked at every 30 s");
        }
        Self { woken, _watcher: watcher.ok() }
    }

    /// Resolves when something may have changed and has settled, or when it is time to look anyway.
    pub(super) async fn changed(&self) {
        if tokio::time::timeout(POLL, self.woken.notified()).await.is_ok() {
            let settled = async { while tokio::time::timeout(SETTLE, self.woken.notified()).await.is_ok() {} };
            let _ = tokio::time::timeout(LONGEST_SETTLE, settled).await;
        }
    }
}

fn folders(files: &[SourceFile]) -> BTreeSet<PathBuf> {
    let parent =
        |path: &Path| path.parent().map(|folder| if folder.as_os_str().is_empty() { ".".into() } else { folder.to_path_buf() });
    let named = files.iter().filter_map(|file| parent(&file.path));
    let real = files.iter().filter_map(|file| parent(&file.path.canonicalize().ok()?));
    named.chain(real).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = r#"
listener = [{ name = "public", address = "127.0.0.1:0" }]
upstream = [{ name = "up", servers = ["http://127.0.0.1:9001"] }]
route = [{ name = "all", path = "/", upstream = "up", anonymous = true }]
"#;

    #[tokio::test]
    async fn looking_is_no_news() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tollgate.toml");
        std::fs::write(&path, CONFIGURATION).unwrap();
        let files = crate::config::load(&path, []).unwrap().files;
        let folders = Folders::watch(&files);
        assert!(files[0].is_unchanged());
        let woken = tokio::time::timeout(Duration::from_millis(300), folders.woken.notified()).await;
        assert!(woken.is_err(), "woken by reading");
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_never_rests_does_not_put_a_look_off_for_ever() {
        let folders = Folders { woken: Arc::default(), _watcher: None };
        let busy = async {
            loop {
                folders.woken.notify_one();
                tokio::time::sleep(SETTLE / 2).await;
            }
        };
        tokio::select! {
            () = folders.changed() => {}
            () = busy => unreachable!("it has no end"),
            () = tokio::time::sleep(2 * LONGEST_SETTLE) => panic!("no look within {LONGEST_SETTLE:?}"),
        }
    }

    #[tokio::test]
    async fn kubernetes_symlink_swap_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (version, content) in [("v1", CONFIGURATION.to_owned()), ("v2", CONFIGURATION.replace("all", "every"))] {
            std::fs::create_dir(path(version)).unwrap();
            std::fs::write(path(version).join("tollgate.toml"), content).unwrap();
        }
        std::os::unix::fs::symlink("v1", path("..data")).unwrap();
        std::os::unix::fs::symlink("..data/tollgate.toml", path("tollgate.toml")).unwrap();
        let files = crate::config::load(&path("tollgate.toml"), []).unwrap().files;
        let folders = Folders::watch(&files);
        assert!(files[0].is_unchanged());
        std::os::unix::fs::symlink("v2", path("..tmp")).unwrap();
        std::fs::rename(path("..tmp"), path("..data")).unwrap();
        tokio::time::timeout(Duration::from_secs(10), folders.changed()).await.unwrap();
        assert!(!files[0].is_unchanged());
    }
}
