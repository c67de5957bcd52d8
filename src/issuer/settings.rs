//! What an operator decides about one issuer, free of file formats.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::OwnKeys;
use crate::fetch::TrustRoots;
use crate::identity::Pointer;
use crate::secret::Secret;
use crate::token::Algorithm;

/// A party whose tokens are accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerSettings {
    /// The name routes use; metric label and log field.
    pub name: Arc<str>,
    /// Compared byte for byte with a token's `iss`.
    pub issuer: Arc<str>,
    /// A token's `aud` must contain one of these. Never empty.
    pub audiences: Vec<String>,
    /// The allow-list; a key without `alg` takes the first listed one of its type and curve. Never empty.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys come from.
    pub source: KeySource,
    /// When they are fetched, and how long they are believed.
    pub refresh: RefreshSettings,
    /// Where roles are; absent: this issuer's tokens carry none.
    pub roles_claim: Option<Pointer>,
    /// Where scopes are: a space-separated string or a list of strings. Absent: none.
    pub scope_claim: Option<Pointer>,
    /// Tokens whose `exp - iat` (or `exp - now`, without `iat`) is longer are refused.
    pub max_lifetime: Option<Duration>,
    /// Tolerated clock difference, at most 60 s.
    pub leeway: Duration,
    /// Accepted `typ` header values, compared ASCII case-insensitively with a leading `application/` cut; a token
    /// without `typ` is accepted only where `require_type` is false.
    pub types: Vec<String>,
    /// Whether a token must have a `typ`.
    pub require_type: bool,
    /// Largest token in bytes, checked before anything is decoded.
    pub max_token_bytes: usize,
    /// Whether it is the authority: its tokens carry session and sign-in, and say whether their user is registered.
    pub is_authority: bool,
}

/// Where an issuer's keys come from. Addresses are configured, never taken from a token (RFC 8725 section 3.10).
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// OpenID Connect discovery: the metadata document, whose `issuer` must match and whose `jwks_uri` is followed.
    Discovery(Remote),
    /// A JWK Set (RFC 7517 section 5) at an address.
    JwksUrl(Remote),
    /// A JWK Set read from a file.
    JwksFile(KeyFile),
    /// PEM public keys or certificates, each with the key id it answers to; `None`: the only key, for tokens without
    /// or with any one `kid` never (exact rule: RFC 7515 section 4.1.4 id absent).
    PublicKeyFiles(Vec<(Option<String>, KeyFile)>),
    /// FusionAuth's `/api/jwt/public-key` and `/.well-known/jwks.json` below this base address; each application id
    /// is also asked for its own key.
    FusionAuth(Remote, Vec<String>),
    /// A shared secret, for the HS algorithms; always alone in its issuer.
    Secret(Secret),
    /// Keys that this process signs with itself.
    Own(OwnKeys),
}

/// An address that keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `https`, or `http` on loopback, or as `insecure_http_keys` allowed.
    pub url: http::Uri,
    /// Whom to believe for `https`.
    pub roots: TrustRoots,
}

/// A file with key material, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it was read, for messages.
    pub path: PathBuf,
    /// Its content.
    pub content: Vec<u8>,
}

/// When keys are fetched. All fetches of one issuer are made by its one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshSettings {
    /// Never refreshed more often than this by cache headers.
    pub min_interval: Duration,
    /// Refreshed at the latest after this; also the interval without cache headers.
    pub max_interval: Duration,
    /// How long the last good set is believed when no fetch succeeds; then 503.
    pub max_stale: Duration,
    /// At most one fetch in this time on account of unknown key ids.
    pub unknown_key_interval: Duration,
    /// How long one fetch may take in all.
    pub timeout: Duration,
    /// Largest answer in bytes.
    pub max_bytes: usize,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(60),
            max_interval: Duration::from_secs(15 * 60),
            max_stale: Duration::from_secs(24 * 3600),
            unknown_key_interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
        }
    }
}
