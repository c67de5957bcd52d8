//! The keys of a FusionAuth server: its JWK Set, its public-key map, and the key of each configured application.
//!
//! All are asked every time, because versions differ in which of them hold what: older ones key the map by application
//! id. A 404 says that there is none there (an application that signs with a shared secret); any other failure fails the
//! whole fetch, so that a hiccup of one endpoint never looks like the removal of its keys. All keys are withdrawn only where
//! the set is there and empty, and nothing else has a key, usable or not.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::source::{KeyFetchError, Reading, shown};
use crate::fetch::{FetchError, Reach};
use crate::token::{KeySet, KeySetError, Loaded};

#[derive(Deserialize)]
struct PublicKeys {
    #[serde(rename = "publicKeys", default)]
    by_id: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct PublicKey {
    #[serde(rename = "publicKey")]
    pem: String,
}

/// The keys of the server at the source's address, and how long they stay fresh.
pub(super) async fn load(
    reading: &mut Reading<'_>,
    applications: &[String],
) -> Result<(Loaded, Option<Duration>), KeyFetchError> {
    let source = reading.source;
    let mut gathering = Gathering { reading, parts: Vec::new(), set_is_empty: false, has_unusable: false, freshness: None };
    if let Some(body) = gathering.get("/.well-known/jwks.json").await? {
        gathering.add(KeySet::from_published(&body, &source.allowed))?;
    }
    if let Some(body) = gathering.get("/api/jwt/public-key").await? {
        let keys: PublicKeys = parse(&body)?;
        let pems: Vec<_> = keys.by_id.iter().map(|(id, pem)| (Some(id.as_str()), pem.as_bytes())).collect();
        gathering.add(KeySet::from_pems(&pems, &source.allowed))?;
    }
    for application in applications {
        if let Some(body) = gathering.get(&application_path(application)).await? {
            let key: PublicKey = parse(&body)?;
            gathering.add(KeySet::from_pems(&[(Some(application), key.pem.as_bytes())], &source.allowed))?;
        }
    }
    let freshness = gathering.freshness;
    Ok((gathering.sum()?, freshness))
}

/// What the endpoints brought so far.
struct Gathering<'a, 'r> {
    reading: &'a mut Reading<'r>,
    parts: Vec<Loaded>,
    set_is_empty: bool,
    has_unusable: bool,
    freshness: Option<Duration>,
}

impl Gathering<'_, '_> {
    /// The document at `path` below the base address; `None` where the server has none.
    async fn get(&mut self, path: &str) -> Result<Option<Bytes>, KeyFetchError> {
        let base = &self.reading.source.url;
        let url = below(base, path).ok_or_else(|| KeyFetchError::Fetch { address: shown(base), cause: FetchError::Address })?;
        match self.reading.get(&url, Reach::Anywhere).await {
            Ok(document) => {
                self.freshness = [self.freshness, document.freshness].into_iter().flatten().min();
                Ok(Some(document.body))
            }
            Err(KeyFetchError::Fetch { cause: FetchError::Status(StatusCode::NOT_FOUND), .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A document without a usable key adds none; that the sum has one is looked at in the end.
    fn add(&mut self, loaded: Result<Loaded, KeySetError>) -> Result<(), KeyFetchError> {
        match loaded {
            Ok(loaded) if loaded.set.is_empty() => self.set_is_empty = true,
            Ok(loaded) => self.parts.push(loaded),
            Err(KeySetError::NoUsableKey(skipped)) => self.has_unusable |= !skipped.is_empty(),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn sum(self) -> Result<Loaded, KeySetError> {
        if self.set_is_empty && self.parts.is_empty() && !self.has_unusable {
            return Ok(Loaded { set: KeySet::withdrawn(), skipped: Vec::new() });
        }
        KeySet::merge(self.parts)
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, KeyFetchError> {
    serde_json::from_slice(body).map_err(|_| KeyFetchError::Malformed)
}

/// `path` after the path of `base`, whose own query is dropped.
fn below(base: &Uri, path: &str) -> Option<Uri> {
    let mut parts = base.clone().into_parts();
    let joined = format!("{}{path}", base.path().trim_end_matches('/'));
    parts.path_and_query = Some(PathAndQuery::try_from(joined).ok()?);
    Uri::from_parts(parts).ok()
}

/// The id is the operator's; what is not a letter, digit or hyphen is percent-encoded all the same.
fn application_path(application: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    format!("/api/jwt/public-key?applicationId={}", application.bytes().map(encode).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_below_the_base() {
        let cases = [
            ("https://auth.example", "https://auth.example/x?y=1"),
            ("https://auth.example/", "https://auth.example/x?y=1"),
            ("https://auth.example:9011/sso/?z", "https://auth.example:9011/sso/x?y=1"),
        ];
        for (base, expected) in cases {
            assert_eq!(below(&Uri::from_static(base), "/x?y=1").map(|url| url.to_string()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_application_id_cannot_add_to_the_query() {
        assert_eq!(application_path("3c219e58-ed0e"), "/api/jwt/public-key?applicationId=3c219e58-ed0e");
        assert_eq!(application_path("a&kid=b"), "/api/jwt/public-key?applicationId=a%26kid%3Db");
    }
}
