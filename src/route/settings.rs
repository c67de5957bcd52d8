//! What an operator decides about one route, free of file formats.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, Uri};
use uuid::Uuid;

use crate::identity::{ClaimSource, TokenFrom};
use crate::policy::Rule;
use crate::route::{HostPattern, PathPrefix};

/// In a route's `sign_in_url`: replaced by the address that the browser asked for, percent-encoded.
pub const RETURN_TO: &str = "{return_to}";

/// One route: what it matches, who may use it, where it goes.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// Metric label and log field.
    pub name: Arc<str>,
    /// Which hosts.
    pub host: HostPattern,
    /// Which paths: a prefix on a segment boundary.
    pub path: PathPrefix,
    /// Which methods; `None`: all but CONNECT and TRACE.
    pub methods: Option<Vec<Method>>,
    /// Name of the upstream.
    pub upstream: Arc<str>,
    /// Who may call it.
    pub access: Access,
    /// The application that tokens of the authority must be for; `"authority"` is then the first of `issuers`.
    pub application: Option<Uuid>,
    /// The identity provider whose tokens are reconciled to users of the application.
    pub reconcile: Option<Uuid>,
    /// Names of the issuers whose tokens it accepts. Empty only for [`Access::Anonymous`].
    pub issuers: Vec<Arc<str>>,
    /// Where a token may be.
    pub token_from: TokenFrom,
    /// Header names with what each says. Empty only for [`Access::Anonymous`].
    pub identity_headers: Vec<(HeaderName, ClaimSource)>,
    /// What the backend finds in `Authorization`.
    pub authorization: Authorization,
    /// Whether the backend gets a signed assertion about the caller and the request.
    pub assertion: bool,
    /// Other origins whose pages may call it with cookies; also answers their preflights.
    pub origins: Vec<Origin>,
    /// Where a browser's GET without a credential is sent instead of 401; its query may hold [`RETURN_TO`].
    pub sign_in_url: Option<Uri>,
    /// `%2F` is data on this route.
    pub allow_encoded_slash: bool,
    /// Largest request body in bytes; `None`: no bound.
    pub max_body_bytes: Option<u64>,
    /// `Upgrade` protocols passed through, lower case (`websocket`). `h2c` never.
    pub upgrades: Vec<String>,
    /// In place of the upstream's `response_timeout`.
    pub response_timeout: Option<Duration>,
    /// An open stream ends when the token that let it in expires, and not only when that is revoked.
    pub end_streams_at_expiry: bool,
}

/// Who may call a route.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anyone; no credential is used and none reaches the backend.
    Anonymous,
    /// Anyone; a good credential gives an identity, a bad header 401, an absent one or a bad cookie none.
    Optional(Rule),
    /// Callers with a good credential for whom the rule holds.
    Required(Rule),
}

/// What the backend finds in `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Authorization {
    /// Nothing.
    #[default]
    Remove,
    /// `Bearer` and the token that was presented, wherever it came from.
    Presented,
    /// `Bearer` and a token of the authority for the route's application, made for the backend alone.
    Exchanged,
}

/// A web origin (RFC 6454): scheme, host, port, normalised and serialised (`https://app.example.com`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(pub Box<str>);
