//! Fetching one JSON document from a configured address, or posting one to it, within bounds of time, size, redirects and
//! reach.
//!
//! Called by the key sources of `issuer` and the webhooks of `authority`. It refuses everything that a hostile or broken server could use to make the
//! gateway wait, swallow memory or talk to somebody else: there is no proxy, no cookie, no content coding, no redirect
//! off the origin, and no way from a public address to loopback or link-local (Istio CVE-2026-41413).

mod connect;
mod error;
mod exchange;
mod freshness;
mod redirect;
mod roots;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use tokio_rustls::TlsConnector;

pub use error::FetchError;
pub use roots::{RootsError, TrustRoots};

use crate::clock::Timestamp;

/// Redirects followed, all within one origin.
const MAX_REDIRECTS: usize = 3;

/// Bounds of one fetch, redirects included.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the name lookup to the last byte of the body.
    pub timeout: Duration,
    /// Largest body in bytes.
    pub max_bytes: usize,
    /// Where connections may go.
    pub reach: Reach,
}

/// Where a fetch may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: the address was configured.
    Anywhere,
    /// Not to loopback, link-local or unspecified addresses: the address came from a document of a server that is none.
    NotLocal,
}

/// A document with status 200.
#[derive(Clone, Debug)]
pub struct Document {
    /// The whole body.
    pub body: Bytes,
    /// How long the server says it stays fresh (RFC 9111 section 4.2); `None` where it says nothing.
    pub freshness: Option<Duration>,
    /// Where addresses found in this document may lead.
    pub onward: Reach,
}

/// Fetches documents, believing one set of certificate authorities. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    tls: Result<TlsConnector, RootsError>,
}

impl Fetcher {
    /// A fetcher that believes `roots`. Roots that cannot be loaded fail each `https` fetch; [`Fetcher::usable_for`]
    /// tells beforehand, so that a machine without authorities can still use loopback addresses.
    pub fn new(roots: &TrustRoots) -> Self {
        Self { tls: connect::connector(roots) }
    }

    /// Whether `url` can be fetched at all.
    ///
    /// # Errors
    /// Where `url` is `https` and there are no certificate authorities to believe.
    pub fn usable_for(&self, url: &Uri) -> Result<(), RootsError> {
        match &self.tls {
            Err(error) if url.scheme() == Some(&http::uri::Scheme::HTTPS) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Gets `url`, following redirects within its origin. `now` dates an `Expires` header.
    ///
    /// # Errors
    /// Whatever is not a complete 200 answer within `bounds`.
    pub async fn get(&self, url: &Uri, bounds: &Bounds, now: Timestamp) -> Result<Document, FetchError> {
        let get = self.follow(url, bounds, now);
        tokio::time::timeout(bounds.timeout, get).await.unwrap_or(Err(FetchError::Timeout))
    }

    /// Posts `body` to `url`. What is answered beside the status is not read, and a redirect is no success: what is in the
    /// body is meant for this address.
    ///
    /// # Errors
    /// Whatever is not an answer of status 2xx within `bounds`.
    pub async fn post(
        &self,
        url: &Uri,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        bounds: &Bounds,
    ) -> Result<(), FetchError> {
        let post = async {
            let connection = connect::open(url, self.tls.as_ref(), bounds.reach, bounds.timeout).await?;
            exchange::post(connection.stream, url, headers, body).await
        };
        tokio::time::timeout(bounds.timeout, post).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn follow(&self, url: &Uri, bounds: &Bounds, now: Timestamp) -> Result<Document, FetchError> {
        let mut url = url.clone();
        let mut reach = bounds.reach;
        for _ in 0..=MAX_REDIRECTS {
            let connection = connect::open(&url, self.tls.as_ref(), reach, bounds.timeout).await?;
            reach = connection.onward;
            match exchange::get(connection.stream, &url, bounds.max_bytes, now).await? {
                exchange::Answer::Found(body, freshness) => return Ok(Document { body, freshness, onward: reach }),
                exchange::Answer::Elsewhere(location) => url = redirect::target(&url, &location)?,
            }
        }
        Err(FetchError::TooManyRedirects)
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("usable", &self.tls.is_ok()).finish()
    }
}
