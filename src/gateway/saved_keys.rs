//! Key sets of issuers, saved in the store so that a restart needs no issuer.
//!
//! They are sealed with the store's encryption key together with what they are of and when they were fetched: who can
//! write to the database alone cannot make a key believed, or believed for longer.

use std::sync::Arc;

use super::opened_store::OpenedStore;
use crate::authority::Sealer;
use crate::clock::Timestamp;
use crate::issuer::{Answering, Archive, ArchiveError, KeyArchive, Saved};
use crate::store::{Change, KeyDocument, Store};

const PURPOSE: &str = "key document";

/// Key sets of one kind of party in the store.
#[derive(Debug)]
pub(super) struct SavedKeys {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    /// Whose they are; parties of different kinds may have one name.
    kind: &'static str,
}

impl SavedKeys {
    /// Those of the issuers whose tokens routes take.
    pub(super) fn of_issuers(opened: &OpenedStore) -> Archive {
        Self::of(opened, "issuer")
    }

    /// Those of identity providers, whose tokens are reconciled.
    pub(super) fn of_providers(opened: &OpenedStore) -> Archive {
        Self::of(opened, "provider")
    }

    /// Those of parties whose events are signed with other keys than their tokens.
    pub(super) fn of_events(opened: &OpenedStore) -> Archive {
        Self::of(opened, "events")
    }

    fn of(opened: &OpenedStore, kind: &'static str) -> Archive {
        Arc::new(Self { store: Arc::clone(&opened.store), sealer: Arc::clone(&opened.sealer), kind })
    }

    fn name(&self, issuer: &str) -> String {
        format!("{}/{issuer}", self.kind)
    }
}

impl KeyArchive for SavedKeys {
    fn saved<'a>(&'a self, issuer: &'a str, source: &'a str) -> Answering<'a, Option<Saved>> {
        Box::pin(async move {
            let name = self.name(issuer);
            let found = self.store.key_document(&name).await.map_err(|error| ArchiveError(error.to_string()))?;
            let Some(found) = found.filter(|found| found.source == source) else { return Ok(None) };
            let opened = self.sealer.open(PURPOSE, &context(&name, source, found.fetched), &found.body);
            let opened = opened.map_err(|error| ArchiveError(error.to_string()))?;
            Ok(Some(Saved { documents: opened.expose().to_vec(), fetched: found.fetched }))
        })
    }

    fn save<'a>(&'a self, issuer: &'a str, source: &'a str, saved: Saved) -> Answering<'a, ()> {
        Box::pin(async move {
            let (name, Saved { documents, fetched }) = (self.name(issuer), saved);
            let body = self.sealer.seal(PURPOSE, &context(&name, source, fetched), &documents);
            let body = body.map_err(|error| ArchiveError(error.to_string()))?;
            let document = KeyDocument { issuer: name, source: source.to_owned(), fetched, body };
            let committed = self.store.commit(vec![Change::SaveKeyDocument(document)]).await;
            committed.map(drop).map_err(|error| ArchiveError(error.to_string()))
        })
    }
}

/// Names may hold any character but controls; the source is a digest.
fn context(name: &str, source: &str, fetched: Timestamp) -> Vec<u8> {
    format!("{name}\0{source}\0{}", fetched.millis()).into_bytes()
}
