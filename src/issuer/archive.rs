//! Fetched key sets that outlive the process, so that a restart needs no issuer: what whoever keeps them must do.
//!
//! `refresher` asks for what was saved before its first fetch and has saved what later ones bring. What is saved are the
//! documents as they were fetched; they are read again as a fetch is, by the same rules.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};

use super::source::{KeyFetchError, shown};
use crate::clock::Timestamp;
use crate::fetch::{Document, FetchError, Reach};

/// What an archive answers, later.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, ArchiveError>> + Send + 'a>>;

/// Why an archive did not answer; the text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArchiveError(pub String);

/// The documents of one key set, as they were fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What [`KeyArchive::save`] was given.
    pub documents: Vec<u8>,
    /// When they were fetched; how long they are believed counts from here.
    pub fetched: Timestamp,
}

/// Keeps the latest documents of each issuer.
///
/// Whoever can write to it says whose tokens are accepted after the next start: it must let nobody else.
pub trait KeyArchive: Debug + Send + Sync + 'static {
    /// What was last saved of the issuer of this configured name, if that was from this `source`.
    fn saved<'a>(&'a self, issuer: &'a str, source: &'a str) -> Answering<'a, Option<Saved>>;
    /// Saves documents in place of those before.
    fn save<'a>(&'a self, issuer: &'a str, source: &'a str, saved: Saved) -> Answering<'a, ()>;
}

/// An archive that may be had by several registries.
pub type Archive = Arc<dyn KeyArchive>;

/// Documents by the address that they were fetched from; of the address only a digest is kept, for it may hold secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Documents(Vec<(String, String)>);

impl Documents {
    /// Larger ones are not saved, and not read.
    const MOST_BYTES: usize = 2 << 20;

    /// What was saved so; `None` for anything else.
    pub(super) fn parse(saved: &[u8]) -> Option<Self> {
        if saved.len() > Self::MOST_BYTES { None } else { serde_json::from_slice(saved).ok() }
    }

    /// What is to be saved; `None` where that is too large.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok().filter(|bytes| bytes.len() <= Self::MOST_BYTES)
    }

    /// Notes what was fetched. A document that is no text is no key set either, and is left out.
    pub(super) fn add(&mut self, address: &Uri, body: &[u8]) {
        if let Ok(text) = std::str::from_utf8(body) {
            self.0.push((fingerprint(&address.to_string()), text.to_owned()));
        }
    }

    /// The document of this address, in place of a fetch. One that was not saved was not there.
    pub(super) fn get(&self, address: &Uri) -> Result<Document, KeyFetchError> {
        let wanted = fingerprint(&address.to_string());
        let found = self.0.iter().find(|(address, _)| *address == wanted);
        let absent = || KeyFetchError::Fetch { address: shown(address), cause: FetchError::Status(StatusCode::NOT_FOUND) };
        let (_, text) = found.ok_or_else(absent)?;
        Ok(Document { body: Bytes::copy_from_slice(text.as_bytes()), freshness: None, onward: Reach::Anywhere })
    }
}

/// What stands for a text that must not be read in the archive.
pub(super) fn fingerprint(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_by_their_whole_address_and_no_address_is_kept() {
        let mut documents = Documents::default();
        let (one, other) = (Uri::from_static("https://a.example/k?secret=1"), Uri::from_static("https://a.example/k?secret=2"));
        documents.add(&one, b"{\"keys\":[]}");
        let bytes = documents.to_bytes().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
        let read = Documents::parse(&bytes).unwrap();
        assert_eq!(&read.get(&one).unwrap().body[..], b"{\"keys\":[]}");
        assert_eq!(read.get(&other).map(|_| ()).unwrap_err().word(), "status");
    }

    #[test]
    fn what_is_too_large_or_damaged_is_neither_saved_nor_read() {
        let mut documents = Documents::default();
        documents.add(&Uri::from_static("https://a.example/"), &vec![b'a'; Documents::MOST_BYTES]);
        assert_eq!(documents.to_bytes(), None);
        for damaged in [&b""[..], b"{}", b"[[1,2]]", b"\xff", &vec![b'['; Documents::MOST_BYTES + 1]] {
            assert_eq!(Documents::parse(damaged), None);
        }
    }
}
