//! The one task of an issuer: fetches its keys ahead of staleness, on demand, and again after failures.
//!
//! A fetch that fails or brings only what cannot be used changes nothing about the set there is; how long that one is
//! believed is the operator's to say (`max_stale`). A set without any key is believed: only so can an issuer withdraw its
//! last one. Fetches of one issuer never overlap.

use std::sync::Arc;
use std::time::Duration;

use super::archive::Documents;
use super::archived::Archived;
use super::lookup::Shared;
use super::schedule::{jitter, refresh_in, retry_in};
use super::source::{Fetched, KeyFetchError, RemoteSource, shown};
use crate::clock::Timestamp;
use crate::token::Loaded;

/// Runs until it is aborted. What an earlier process saved in the archive is believed until the first fetch succeeds.
pub(super) async fn run(shared: Arc<Shared>, source: RemoteSource, mut archived: Option<Archived>) {
    if let Some(archived) = &mut archived {
        archived.restore(&shared, &source).await;
    }
    let mut failures = 0;
    loop {
        let (wait, documents) = fetch(&shared, &source, &mut failures).await;
        if let (Some(archived), Some((documents, began))) = (&mut archived, documents) {
            archived.save(&shared, documents, began).await;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.wanted() => {}
        }
    }
}

/// One fetch within its bound; how long to wait for the next, and what it brought, with when it began.
async fn fetch(shared: &Shared, source: &RemoteSource, failures: &mut u32) -> (Duration, Option<(Documents, Timestamp)>) {
    let began = shared.clock.now();
    shared.begin(began);
    let loading = tokio::time::timeout(shared.refresh.timeout, source.load(began));
    let fetched = loading.await.unwrap_or_else(|_| Err(source.timeout()));
    let (failure, wait, documents) = match fetched {
        Ok(Fetched { keys, freshness, documents }) => {
            *failures = 0;
            let wait = refresh_in(freshness, &shared.refresh, jitter());
            accept(shared, keys, began);
            (None, wait, Some((documents, began)))
        }
        Err(error) => {
            *failures = failures.saturating_add(1);
            let wait = retry_in(*failures, &shared.refresh, jitter());
            report(shared, source, &error, wait);
            (Some(error.word()), wait, None)
        }
    };
    shared.meters.fetched(failure.unwrap_or("ok"));
    shared.end(failure, shared.clock.now().plus(wait));
    (wait, documents)
}

/// Keys that are in both sets keep their identity, and what was remembered on their word; the others' ends here.
fn accept(shared: &Shared, keys: Loaded, began: Timestamp) {
    let Loaded { set, skipped } = keys;
    let previous = shared.latest();
    // Said once, not at every refresh.
    if set.is_empty() && previous.as_ref().is_none_or(|previous| !previous.is_empty()) {
        tracing::warn!(issuer = %shared.issuer, "the issuer publishes no keys; all its tokens are refused");
    }
    let set = match previous {
        Some(previous) => set.succeed(&previous),
        None => set,
    };
    tracing::debug!(issuer = %shared.issuer, keys = set.len(), "keys fetched");
    shared.publish(set, skipped, began);
}

/// A document that is no good is said to be so of the configured address, a fetch that fails of the one it was of.
fn report(shared: &Shared, source: &RemoteSource, error: &KeyFetchError, wait: Duration) {
    let reason = match error {
        KeyFetchError::Fetch { .. } => error.to_string(),
        document => format!("{}: {document}", shown(&source.url)),
    };
    let retry_seconds = wait.as_secs_f64();
    tracing::warn!(issuer = %shared.issuer, result = error.word(), error = reason, retry_seconds, "keys could not be fetched");
}
