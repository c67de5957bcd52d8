//! Where an issuer's keys come from: material that was read with the configuration, or documents fetched from
//! configured addresses. Built by `registry`, asked by `refresher`; no address ever comes from a token.

use std::time::Duration;

use http::Uri;

use super::archive::{Documents, fingerprint};
use super::{IssuerSettings, KeyFile, KeySource, OwnKeys, Remote, discovery, fusionauth};
use crate::clock::Timestamp;
use crate::fetch::{Bounds, Document, FetchError, Fetcher, Reach, RootsError};
use crate::secret::Secret;
use crate::token::{Algorithm, KeySet, KeySetError, Loaded};

/// An issuer's source of keys, ready for use.
pub(super) enum Source {
    /// A set that never changes while this configuration stands.
    Fixed(Loaded),
    /// Keys that are handed over, whenever they change.
    Own(OwnKeys),
    /// A set that is fetched.
    Remote(RemoteSource),
}

/// Why a source cannot be used at all; start-up and reload are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The file at this path holds no usable keys.
    #[error("{}: {reason}", path.display())]
    File {
        /// Where it was read.
        path: std::path::PathBuf,
        /// Why not.
        reason: KeySetError,
    },
    /// The shared secret cannot be one, or several files do not go together.
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// An `https` address, and nobody to believe.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

impl Source {
    /// Reads fixed material; fetches nothing. `fetcher` makes one for a remote source.
    pub(super) fn build(settings: &IssuerSettings, fetcher: impl FnOnce(&Remote) -> Fetcher) -> Result<Self, SourceError> {
        let allowed = &settings.algorithms;
        let (kind, remote) = match &settings.source {
            KeySource::JwksFile(file) => return jwks_file(file, allowed).map(Self::Fixed),
            KeySource::PublicKeyFiles(files) => return pem_files(files, allowed).map(Self::Fixed),
            KeySource::Secret(secret) => return shared_secret(secret, allowed),
            KeySource::Own(keys) => return Ok(Self::Own(keys.clone())),
            KeySource::Discovery(remote) => (Kind::Discovery(settings.issuer.as_ref().into()), remote),
            KeySource::JwksUrl(remote) => (Kind::Jwks, remote),
            KeySource::FusionAuth(remote, applications) => (Kind::FusionAuth(applications.clone()), remote),
        };
        let fetcher = fetcher(remote);
        fetcher.usable_for(&remote.url)?;
        let bounds = Bounds { timeout: settings.refresh.timeout, max_bytes: settings.refresh.max_bytes, reach: Reach::Anywhere };
        Ok(Self::Remote(RemoteSource { kind, url: remote.url.clone(), fetcher, bounds, allowed: allowed.clone() }))
    }
}

fn jwks_file(file: &KeyFile, allowed: &[Algorithm]) -> Result<Loaded, SourceError> {
    KeySet::from_jwks(&file.content, allowed).map_err(|reason| in_file(file, reason))
}

/// Each file for itself, so that a message names the one that is wrong; then together.
fn pem_files(files: &[(Option<String>, KeyFile)], allowed: &[Algorithm]) -> Result<Loaded, SourceError> {
    let load = |(id, file): &(Option<String>, KeyFile)| {
        KeySet::from_pems(&[(id.as_deref(), &file.content)], allowed).map_err(|reason| in_file(file, reason))
    };
    let parts = files.iter().map(load).collect::<Result<Vec<_>, _>>()?;
    Ok(KeySet::merge(parts)?)
}

fn shared_secret(secret: &Secret, allowed: &[Algorithm]) -> Result<Source, SourceError> {
    Ok(Source::Fixed(Loaded { set: KeySet::from_secret(secret, allowed)?, skipped: Vec::new() }))
}

fn in_file(file: &KeyFile, reason: KeySetError) -> SourceError {
    SourceError::File { path: file.path.clone(), reason }
}

/// Keys at an address.
#[derive(Clone, Debug)]
pub(super) struct RemoteSource {
    kind: Kind,
    pub(super) url: Uri,
    fetcher: Fetcher,
    bounds: Bounds,
    pub(super) allowed: Vec<Algorithm>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// With the issuer that the metadata must name.
    Discovery(Box<str>),
    Jwks,
    /// With the applications whose own keys are asked for.
    FusionAuth(Vec<String>),
}

/// A set of keys, as an issuer publishes them now.
pub(super) struct Fetched {
    pub(super) keys: Loaded,
    pub(super) freshness: Option<Duration>,
    /// What they were read from.
    pub(super) documents: Documents,
}

impl RemoteSource {
    /// Fetches the keys, in as many documents as it takes; the caller bounds the time of all.
    pub(super) async fn load(&self, now: Timestamp) -> Result<Fetched, KeyFetchError> {
        self.read(Reading { source: self, now, saved: None, documents: Documents::default() }).await
    }

    /// Reads the keys from documents that were fetched before, by the rules of a fetch.
    pub(super) async fn reload(&self, saved: &Documents) -> Result<Loaded, KeyFetchError> {
        let now = Timestamp::from_millis(0);
        let reading = Reading { source: self, now, saved: Some(saved), documents: Documents::default() };
        Ok(self.read(reading).await?.keys)
    }

    async fn read(&self, mut reading: Reading<'_>) -> Result<Fetched, KeyFetchError> {
        let (keys, freshness) = match &self.kind {
            Kind::Discovery(issuer) => discovery::load(&mut reading, issuer).await?,
            Kind::FusionAuth(applications) => fusionauth::load(&mut reading, applications).await?,
            Kind::Jwks => {
                let document = reading.get(&self.url, Reach::Anywhere).await?;
                (KeySet::from_published(&document.body, &self.allowed)?, document.freshness)
            }
        };
        Ok(Fetched { keys, freshness, documents: reading.documents })
    }

    /// Where the documents come from and what decides how they are read, as one word: those of another are of no use.
    pub(super) fn fingerprint(&self) -> String {
        let algorithms: Vec<_> = self.allowed.iter().map(|algorithm| algorithm.name()).collect();
        fingerprint(&format!("{:?} {} {algorithms:?}", self.kind, self.url))
    }

    /// The documents of one set did not all come in the time for one fetch.
    pub(super) fn timeout(&self) -> KeyFetchError {
        KeyFetchError::Fetch { address: shown(&self.url), cause: FetchError::Timeout }
    }
}

/// Gathers the documents of one set: fetched, or as they were saved.
pub(super) struct Reading<'a> {
    pub(super) source: &'a RemoteSource,
    now: Timestamp,
    saved: Option<&'a Documents>,
    documents: Documents,
}

impl Reading<'_> {
    pub(super) async fn get(&mut self, url: &Uri, reach: Reach) -> Result<Document, KeyFetchError> {
        if let Some(saved) = self.saved {
            return saved.get(url);
        }
        let source = self.source;
        let document = source.fetcher.get(url, &Bounds { reach, ..source.bounds }, self.now).await;
        let document = document.map_err(|cause| KeyFetchError::Fetch { address: shown(url), cause })?;
        self.documents.add(url, &document.body);
        Ok(document)
    }
}

/// Scheme, host, port and path: the rest may hold secrets. Bounded and escaped, for a `jwks_uri` is the server's to choose.
pub(super) fn shown(url: &Uri) -> String {
    let (scheme, host) = (url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default());
    let port = url.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    let text = format!("{scheme}://{host}{port}{}", url.path());
    text.chars().take(MOST_SHOWN).flat_map(char::escape_default).collect()
}

const MOST_SHOWN: usize = 256;

/// Why a fetch brought no keys; the set there is stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyFetchError {
    #[error("{address}: {cause}")]
    Fetch { address: String, cause: FetchError },
    #[error("the answer has no usable keys: {0}")]
    Keys(#[from] KeySetError),
    #[error("the answer is not the JSON document that it should be")]
    Malformed,
    #[error("the metadata names another issuer than the configured one")]
    WrongIssuer,
    #[error("the metadata's jwks_uri is not an https address")]
    KeysAddress,
}

impl KeyFetchError {
    /// The `result` label of `tollgate_key_fetches_total`.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Fetch { cause, .. } => cause.word(),
            Self::Keys(KeySetError::NotAKeySet) | Self::Malformed => "malformed",
            Self::Keys(_) => "no_usable_key",
            Self::WrongIssuer => "wrong_issuer",
            Self::KeysAddress => "keys_address",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fetch_that_fails_names_its_address() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let source = RemoteSource {
            kind: Kind::Jwks,
            url: format!("http://{closed}/keys?secret=1").parse().unwrap(),
            fetcher: Fetcher::new(&crate::fetch::TrustRoots::System),
            bounds: Bounds { timeout: Duration::from_secs(5), max_bytes: 1000, reach: Reach::Anywhere },
            allowed: vec![Algorithm::RS256],
        };
        let error = source.load(Timestamp::from_seconds(0)).await.err().unwrap();
        assert_eq!(error.to_string(), format!("http://{closed}/keys: could not connect (connection refused)"));
        assert_eq!(source.timeout().to_string(), format!("http://{closed}/keys: no complete answer in time"));
    }

    #[test]
    fn an_address_is_shown_without_user_and_query_and_not_at_any_length() {
        let cases = [
            ("https://u:secret@keys.example:8443/a/b?c=secret", "https://keys.example:8443/a/b"),
            ("http://[::1]:80/k", "http://[::1]:80/k"),
            ("https://keys.example", "https://keys.example/"),
            ("https://keys.example/\u{e9}", "https://keys.example/\\u{e9}"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(&url.parse().unwrap()), expected);
        }
        let long = format!("https://keys.example/{}", "a".repeat(1000));
        assert_eq!(shown(&long.parse().unwrap()).len(), MOST_SHOWN);
    }
}
