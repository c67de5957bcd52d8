//! Every refusal: one table from reason to status, public text and log level, and the answer made of it.
//!
//! A [`Reason`] is the word in the answer's body, in the access log and in `tollgate_refusals_total`; the finer
//! `detail` (which check of a token failed) is for the log alone.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::header::{SET_COOKIE, VARY, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};

use super::cross_site;
use super::respond::Content;
use super::sanitize::SanitizeFault;
use super::standing::Ended;
use crate::route::{HostFault, TargetFault};
use crate::telemetry::RequestId;
use crate::upstream::UpstreamFault;

macro_rules! reasons {
    ($($variant:ident = $word:literal, $status:ident, $text:literal;)*) => {
        /// Why a request was not answered by its backend. `docs/reasons.md` says of each what to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $(#[doc = $text] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The status of the answer (RFC 9110 section 15).
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// What the client is told.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

reasons! {
    BadHost = "bad_host", BAD_REQUEST, "The Host is missing, repeated or not a host.";
    BadTarget = "bad_target", BAD_REQUEST, "The request target has characters or segments that are never allowed.";
    AmbiguousTarget = "ambiguous_target", BAD_REQUEST, "The request target can be read as another one.";
    BadHeaders = "bad_headers", BAD_REQUEST, "The header section is ambiguous.";
    BadFraming = "bad_framing", BAD_REQUEST, "The length of the request body is ambiguous.";
    AmbiguousCredentials = "ambiguous_credentials", BAD_REQUEST, "The request carries more than one credential.";
    BodyAborted = "body_aborted", BAD_REQUEST, "The request body ended early.";
    CredentialMissing = "credential_missing", UNAUTHORIZED, "Authentication is required.";
    CrossSite = "cross_site", UNAUTHORIZED, "A cookie does not authenticate a request from another site.";
    InvalidToken = "invalid_token", UNAUTHORIZED, "The token is not valid here.";
    ConflictingCookies = "conflicting_cookies", UNAUTHORIZED, "The session cookies do not belong together.";
    PolicyDenied = "policy_denied", FORBIDDEN, "The caller may not do this.";
    ClaimUnusable = "claim_unusable", FORBIDDEN, "A claim of the token cannot be passed on.";
    NoRoute = "no_route", NOT_FOUND, "Nothing is served here.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This method is not served here.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The request body is too large.";
    TargetTooLong = "target_too_long", URI_TOO_LONG, "The request target is too long.";
    Misdirected = "misdirected", MISDIRECTED_REQUEST, "This connection was made for another host.";
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The header section is too large.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "The gateway failed.";
    UpstreamUnreachable = "upstream_unreachable", BAD_GATEWAY, "The service cannot be reached.";
    UpstreamNoResponse = "upstream_no_response", BAD_GATEWAY, "The service gave no valid answer.";
    KeysUnavailable = "keys_unavailable", SERVICE_UNAVAILABLE, "Tokens of this issuer cannot be checked at the moment.";
    AuthorityUnavailable = "authority_unavailable", SERVICE_UNAVAILABLE, "Sessions cannot be looked up at the moment.";
    UpstreamSaturated = "upstream_saturated", SERVICE_UNAVAILABLE, "The service is busy.";
    UpstreamConnectTimeout = "upstream_connect_timeout", GATEWAY_TIMEOUT, "The service could not be reached in time.";
    UpstreamTimeout = "upstream_timeout", GATEWAY_TIMEOUT, "The service did not answer in time.";
}

/// A refusal on its way to the client.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) reason: Reason,
    /// The finer word for the log.
    pub(super) detail: Option<&'static str>,
    /// What went wrong, for the log; never text that a client or a token chose.
    pub(super) cause: Option<String>,
    /// The configured name of the issuer whose token it was, for the log; what the token says of itself is not proved.
    pub(super) issuer: Option<Arc<str>>,
    /// The host whose credentials are asked for.
    realm: Option<Box<str>>,
    /// The listed origin whose page may read the refusal; boxed, because every stage passes refusals on by value.
    origin: Option<Box<HeaderValue>>,
    extra: Extra,
}

/// Boxed like the origin.
#[derive(Debug)]
enum Extra {
    None,
    Allow(Box<HeaderValue>),
    RetryAfter(Duration),
    SignIn(Box<HeaderValue>),
    ClearCookies(Vec<HeaderValue>),
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None, cause: None, issuer: None, realm: None, origin: None, extra: Extra::None }
    }
}

impl Rejection {
    pub(super) fn detailed(reason: Reason, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..reason.into() }
    }

    pub(super) fn method_not_allowed(allow: HeaderValue) -> Self {
        Self { extra: Extra::Allow(Box::new(allow)), ..Reason::MethodNotAllowed.into() }
    }

    pub(super) fn keys_unavailable(retry_after: Duration) -> Self {
        Self { extra: Extra::RetryAfter(retry_after), ..Reason::KeysUnavailable.into() }
    }

    pub(super) fn authority_unavailable() -> Self {
        Self { extra: Extra::RetryAfter(Duration::from_secs(1)), ..Reason::AuthorityUnavailable.into() }
    }

    /// What cannot happen did; `what` is for the log.
    pub(super) fn defect(what: &str) -> Self {
        Self { cause: Some(what.to_owned()), ..Reason::Internal.into() }
    }

    /// Says whose token it was.
    pub(super) fn of_issuer(self, name: Option<&Arc<str>>) -> Self {
        Self { issuer: name.cloned(), ..self }
    }

    /// Has the browser forget these cookies (values of `Set-Cookie`).
    pub(super) fn clearing(self, cookies: Vec<HeaderValue>) -> Self {
        Self { extra: Extra::ClearCookies(cookies), ..self }
    }

    /// Sends a browser to sign in instead of showing it the 401.
    pub(super) fn with_sign_in(self, location: HeaderValue) -> Self {
        Self { extra: Extra::SignIn(Box::new(location)), ..self }
    }

    /// Says whose credentials are asked for.
    pub(super) fn in_realm(self, host: &str) -> Self {
        Self { realm: Some(host.into()), ..self }
    }

    /// Lets a page of a listed origin read the refusal.
    pub(super) fn for_origin(self, origin: Option<&HeaderValue>) -> Self {
        Self { origin: origin.cloned().map(Box::new), ..self }
    }

    /// The answer (its body left out for HEAD).
    pub(super) fn render(&self, manner: &Manner, id: &RequestId) -> Response<Content> {
        let (kind, text) = self.body(manner, id);
        let mut response = Response::new(if manner.is_head { Content::Empty } else { Content::full(&text) });
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept, authorization, cookie, origin"));
        self.challenge(headers);
        self.add_extra(headers);
        if let Some(origin) = &self.origin {
            cross_site::allow(headers, origin);
        }
        if manner.closable && (self.closes() || manner.is_connect) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        if matches!(self.extra, Extra::SignIn(_)) { StatusCode::SEE_OTHER } else { self.reason.status() }
    }

    fn body(&self, manner: &Manner, id: &RequestId) -> (HeaderValue, String) {
        let (word, text, id) = (self.reason.word(), self.reason.text(), id.as_str());
        if manner.wants_plain {
            (HeaderValue::from_static("text/plain; charset=utf-8"), format!("{text}\nreason: {word}\nrequest: {id}\n"))
        } else if manner.wants_errors {
            let error = serde_json::json!({ "code": format!("[{word}]"), "message": format!("{text} (request {id})") });
            let body = serde_json::json!({ "fieldErrors": {}, "generalErrors": [error] });
            (HeaderValue::from_static("application/json"), body.to_string())
        } else {
            let body = serde_json::json!({ "reason": word, "message": text, "request_id": id });
            (HeaderValue::from_static("application/json"), format!("{body}\n"))
        }
    }

    /// RFC 6750 section 3: no `error` where no credential was sent.
    fn challenge(&self, headers: &mut HeaderMap) {
        let error = match self.reason {
            Reason::CredentialMissing | Reason::CrossSite => "",
            Reason::InvalidToken | Reason::ConflictingCookies => ", error=\"invalid_token\"",
            Reason::PolicyDenied => ", error=\"insufficient_scope\"",
            Reason::AmbiguousCredentials => ", error=\"invalid_request\"",
            _ => return,
        };
        let realm = self.realm.as_deref().unwrap_or("gateway");
        if let Ok(challenge) = HeaderValue::try_from(format!("Bearer realm=\"{realm}\"{error}")) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
    }

    fn add_extra(&self, headers: &mut HeaderMap) {
        match &self.extra {
            Extra::None => {}
            Extra::Allow(methods) => drop(headers.insert(ALLOW, HeaderValue::clone(methods))),
            Extra::RetryAfter(after) => drop(headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))),
            Extra::SignIn(location) => drop(headers.insert(LOCATION, HeaderValue::clone(location))),
            Extra::ClearCookies(cookies) => cookies.iter().for_each(|cookie| {
                headers.append(SET_COOKIE, cookie.clone());
            }),
        }
    }

    /// After a doubt about framing nothing more is read from the connection.
    fn closes(&self) -> bool {
        matches!(self.reason.status().as_u16(), 400 | 413 | 414 | 431)
    }
}

/// The request was still going up when its caller ceased to be believed.
impl From<Ended> for Rejection {
    fn from(ended: Ended) -> Self {
        Self::detailed(Reason::InvalidToken, ended.word())
    }
}

impl From<UpstreamFault> for Rejection {
    fn from(fault: UpstreamFault) -> Self {
        let reason = match &fault {
            UpstreamFault::Unreachable { .. } => Reason::UpstreamUnreachable,
            UpstreamFault::ConnectTimeout { .. } => Reason::UpstreamConnectTimeout,
            UpstreamFault::Saturated => Reason::UpstreamSaturated,
            UpstreamFault::NoResponse { .. } => Reason::UpstreamNoResponse,
            UpstreamFault::ResponseTimeout { .. } => Reason::UpstreamTimeout,
            UpstreamFault::RequestBody => Reason::BodyAborted,
        };
        let extra = match fault {
            UpstreamFault::Saturated => Extra::RetryAfter(Duration::from_secs(1)),
            _ => Extra::None,
        };
        Self { cause: Some(fault.to_string()), extra, ..reason.into() }
    }
}

/// How a refused request is to be answered.
#[derive(Debug)]
pub(super) struct Manner {
    is_head: bool,
    /// The client may have sent bytes of the tunnel it hopes for, which are no request (Traefik CVE-2026-71324).
    is_connect: bool,
    wants_plain: bool,
    /// The request is for the gateway's own API, whose clients read an Errors object.
    wants_errors: bool,
    /// HTTP/1, where an answer can announce the end of the connection.
    closable: bool,
}

impl Manner {
    pub(super) fn of(head: &Parts, wants_errors: bool) -> Self {
        Self {
            is_head: head.method == Method::HEAD,
            is_connect: head.method == Method::CONNECT,
            wants_plain: !wants_errors && wants_plain(&head.headers),
            wants_errors,
            closable: head.version < Version::HTTP_2,
        }
    }
}

/// Whether a client prefers text for people: it accepts some `text/` type and does not ask for JSON.
fn wants_plain(headers: &HeaderMap) -> bool {
    let accepts = |kind: &str| {
        let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.contains(kind))
    };
    accepts("text/") && !accepts("json")
}

impl From<SanitizeFault> for Rejection {
    fn from(fault: SanitizeFault) -> Self {
        let reason = match fault {
            SanitizeFault::Method => {
                return Self::method_not_allowed(HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
            }
            SanitizeFault::TargetTooLong => Reason::TargetTooLong,
            SanitizeFault::TooManyHeaders | SanitizeFault::HeadersTooLarge => Reason::HeadersTooLarge,
            SanitizeFault::SeveralHosts => Reason::BadHost,
            SanitizeFault::SeveralAuthorizations => Reason::AmbiguousCredentials,
            SanitizeFault::ContentLength | SanitizeFault::TransferEncoding | SanitizeFault::NominatedFraming => {
                Reason::BadFraming
            }
            SanitizeFault::NominatedTooMany | SanitizeFault::Cookie => Reason::BadHeaders,
        };
        Self::detailed(reason, fault.kind())
    }
}

impl From<TargetFault> for Rejection {
    fn from(fault: TargetFault) -> Self {
        let reason = match fault {
            TargetFault::EncodedSlash | TargetFault::OtherRoute | TargetFault::NetworkPath => Reason::AmbiguousTarget,
            _ => Reason::BadTarget,
        };
        Self::detailed(reason, fault.kind())
    }
}

impl From<HostFault> for Rejection {
    fn from(fault: HostFault) -> Self {
        Self::detailed(Reason::BadHost, fault.kind())
    }
}
