//! One issuer's side of the archive: what of it is believed, and when something is saved.

use std::time::Duration;

use super::RefreshSettings;
use super::archive::{Archive, ArchiveError, Documents, Saved};
use super::lookup::Shared;
use super::source::RemoteSource;
use crate::clock::Timestamp;
use crate::token::Loaded;

/// The archive, as one issuer's task uses it.
pub(super) struct Archived {
    archive: Archive,
    source: String,
    /// What is in it, as far as this task knows, and when that was fetched.
    latest: Option<(Documents, Timestamp)>,
}

impl Archived {
    pub(super) fn new(archive: Archive, source: &RemoteSource) -> Self {
        Self { archive, source: source.fingerprint(), latest: None }
    }

    /// Publishes what was saved of the same source, as if it had been fetched when it was. Nothing that is damaged, from the
    /// future, or older than keys are believed.
    pub(super) async fn restore(&mut self, shared: &Shared, source: &RemoteSource) {
        let asked = self.archive.saved(&shared.issuer, &self.source);
        let saved = match within(shared, asked).await {
            Ok(Some(saved)) => saved,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(issuer = %shared.issuer, %error, "saved keys could not be read; they are fetched");
                return;
            }
        };
        let (fetched, now) = (saved.fetched, shared.clock.now());
        if fetched > now || fetched.plus(shared.refresh.max_stale) <= now {
            tracing::info!(issuer = %shared.issuer, %fetched, "saved keys are too old, or from the future; they are fetched");
            return;
        }
        let Some(documents) = Documents::parse(&saved.documents) else {
            tracing::warn!(issuer = %shared.issuer, "saved keys are damaged; they are fetched");
            return;
        };
        match source.reload(&documents).await {
            Ok(Loaded { set, skipped }) => {
                tracing::info!(issuer = %shared.issuer, keys = set.len(), %fetched, "saved keys are used until a fetch succeeds");
                shared.publish(set, skipped, fetched);
                self.latest = Some((documents, fetched));
            }
            Err(error) => {
                tracing::warn!(issuer = %shared.issuer, result = error.word(), "saved keys cannot be used; they are fetched");
            }
        }
    }

    /// Saves what a fetch brought that began at `began`, where it is news or what is saved grows old.
    pub(super) async fn save(&mut self, shared: &Shared, documents: Documents, began: Timestamp) {
        let is_there = self
            .latest
            .as_ref()
            .is_some_and(|(latest, fetched)| *latest == documents && began.since(*fetched) < interval(&shared.refresh));
        if is_there {
            return;
        }
        let Some(bytes) = documents.to_bytes() else {
            tracing::warn!(issuer = %shared.issuer, "the key documents are too large to be saved");
            return;
        };
        let saving = self.archive.save(&shared.issuer, &self.source, Saved { documents: bytes, fetched: began });
        match within(shared, saving).await {
            Ok(()) => self.latest = Some((documents, began)),
            Err(error) => tracing::warn!(issuer = %shared.issuer, %error, "keys could not be saved; it is tried again"),
        }
    }
}

/// An archive that hangs must not hold up the fetches.
async fn within<T>(shared: &Shared, asked: impl Future<Output = Result<T, ArchiveError>>) -> Result<T, ArchiveError> {
    let answered = tokio::time::timeout(shared.refresh.timeout, asked).await;
    answered.unwrap_or_else(|_| Err(ArchiveError("it does not answer".to_owned())))
}

/// How old what is saved may grow before the same documents are saved again: about as long as keys go unfetched, and no
/// large part of the time that they are believed.
fn interval(refresh: &RefreshSettings) -> Duration {
    refresh.max_interval.min(refresh.max_stale / 2) / 2
}
