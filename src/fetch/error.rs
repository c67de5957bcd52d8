//! Why a fetch failed: a word for metrics and a sentence for logs. Neither holds a query, which may carry a secret, nor
//! what the server sent, but for names that rustls quotes, escaped, from a certificate.

use http::StatusCode;

use super::RootsError;

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The deadline passed.
    #[error("no complete answer in time")]
    Timeout,
    /// The address has no host, or a scheme other than `https` and `http`.
    #[error("the address cannot be fetched from")]
    Address,
    /// The name has no address.
    #[error("the host name could not be resolved ({0})")]
    Resolve(std::io::ErrorKind),
    /// The name leads to this machine or its link, which the address that named it does not.
    #[error("a public address led to a loopback or link-local one")]
    Forbidden,
    /// No address of the host took the connection.
    #[error("could not connect ({0})")]
    Connect(std::io::ErrorKind),
    /// The handshake failed; the text is rustls's.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// There is nobody to believe.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The answer is not HTTP, has too large a head, or ends early.
    #[error("the answer is not complete, valid HTTP")]
    Http,
    /// A status other than 200.
    #[error("answered with status {0}")]
    Status(StatusCode),
    /// A body over the bound.
    #[error("the answer is too large")]
    TooLarge,
    /// A redirect without a usable target, or away from the origin.
    #[error("redirected away from its origin")]
    Redirect,
    /// More redirects than are followed.
    #[error("redirected too often")]
    TooManyRedirects,
}

impl FetchError {
    /// The `result` label of `tollgate_key_fetches_total`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Address => "address",
            Self::Resolve(_) => "resolve",
            Self::Forbidden => "forbidden_address",
            Self::Connect(_) => "connect",
            Self::Tls(_) | Self::Roots(_) => "tls",
            Self::Http => "http",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Redirect | Self::TooManyRedirects => "redirect",
        }
    }
}
