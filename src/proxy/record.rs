//! What is noted about a request on its way, and reported once at its end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, Version};

use super::access_log::Line;
use super::authenticate::Known;
use super::plan::Destination;
use super::rejection::{Reason, Rejection};
use super::snapshot::Snapshot;
use super::standing::{Court, Ended};
use crate::issuer::Verified;
use crate::peer::{Peer, is_within};
use crate::telemetry::RequestId;

/// The note of one request.
#[derive(Debug)]
pub(super) struct Record {
    snapshot: Arc<Snapshot>,
    started: Instant,
    pub(super) id: RequestId,
    destination: Option<Destination>,
    caller: Option<Arc<Verified>>,
    /// Whose token was refused, or could not be checked.
    refused_issuer: Option<Arc<str>>,
    status: StatusCode,
    reason: Option<Reason>,
    detail: Option<&'static str>,
    sent: u64,
    authenticated: Duration,
    answered: Duration,
    cut_off: bool,
    /// What only the access log needs; absent without one.
    logged: Option<Box<Logged>>,
}

/// The request line and the peer, for the access log.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) peer: SocketAddr,
    /// The client behind trusted proxies; the peer's own address until the route is matched.
    pub(super) client: IpAddr,
    pub(super) listener: Arc<str>,
    pub(super) method: Method,
    pub(super) host: Box<str>,
    /// Without the query, which may hold secrets.
    pub(super) path: Box<str>,
    pub(super) version: Version,
}

impl Record {
    pub(super) fn begin(snapshot: &Arc<Snapshot>, peer: &Peer, head: &Parts) -> Box<Self> {
        Box::new(Self {
            snapshot: Arc::clone(snapshot),
            started: Instant::now(),
            id: request_id(peer, &head.headers),
            destination: None,
            caller: None,
            refused_issuer: None,
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: None,
            detail: None,
            sent: 0,
            authenticated: Duration::ZERO,
            answered: Duration::ZERO,
            cut_off: false,
            logged: snapshot.access_log.is_some().then(|| Box::new(Logged::of(peer, head))),
        })
    }

    /// The place is found; every later count is its own.
    pub(super) fn matched(&mut self, destination: &Destination, client: IpAddr) -> Destination {
        self.destination = Some(destination.clone());
        if let Some(logged) = &mut self.logged {
            logged.client = client;
            if matches!(destination, Destination::Own(_)) {
                logged.path = without_secrets(&logged.path);
            }
        }
        destination.clone()
    }

    /// `caller` is proved, whatever policy will say: a refusal's line names them too.
    pub(super) fn authenticated(&mut self, caller: Option<&Known>) {
        if self.logged.is_some() {
            self.authenticated = self.started.elapsed();
            self.caller = caller.map(|known| Arc::clone(&known.verified));
        }
    }

    /// The answer's head is known.
    pub(super) fn answered<B>(&mut self, answer: &mut Response<B>) {
        self.status = answer.status();
        answer.headers_mut().insert(X_REQUEST_ID, self.id.header());
        if self.logged.is_some() {
            self.answered = self.started.elapsed();
        }
    }

    pub(super) fn refused(&mut self, rejection: &Rejection) {
        self.reason = Some(rejection.reason);
        self.detail = rejection.detail;
        self.refused_issuer.clone_from(&rejection.issuer);
        if let Some(cause) = &rejection.cause {
            tracing::warn!(request_id = self.id.as_str(), reason = rejection.reason.word(), cause, "not answered by the backend");
        }
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The backend's answer ended before it was complete.
    pub(super) fn cut_off(&mut self) {
        self.cut_off = true;
    }

    /// The answer was ended because its caller is believed no more.
    pub(super) fn ended(&mut self, ended: Ended) {
        self.detail = Some(ended.word());
        self.cut_off();
    }

    /// What open streams are held against.
    pub(super) fn court(&self) -> Court {
        self.snapshot.court()
    }

    /// Reports. `complete` says whether the whole answer was handed over.
    pub(super) fn finish(&mut self, complete: bool) {
        let took = self.started.elapsed();
        let metrics = self.destination.as_ref().map_or(&self.snapshot.unmatched, Destination::metrics);
        metrics.answered(self.status, took);
        if let Some(reason) = self.reason {
            metrics.refused(reason);
        }
        if let (Some(log), Some(logged)) = (&self.snapshot.access_log, &self.logged) {
            log.write(&self.line(logged, took, complete && !self.cut_off));
        }
    }

    /// The configured name of the caller's issuer, or of the one whose token was refused.
    fn issuer(&self) -> Option<&str> {
        let proved = self.caller.as_ref().map(|caller| &caller.identity.issuer_name);
        proved.or(self.refused_issuer.as_ref()).map(|name| &**name)
    }

    fn line<'a>(&'a self, logged: &'a Logged, took: Duration, complete: bool) -> Line<'a> {
        Line {
            id: self.id.as_str(),
            logged,
            route: self.destination.as_ref().map(|place| &**place.name()),
            status: self.status.as_u16(),
            reason: self.reason.map(Reason::word),
            detail: self.detail,
            issuer: self.issuer(),
            identity: self.caller.as_ref().map(|caller| &caller.identity),
            sent: self.sent,
            complete,
            authenticated: self.authenticated,
            answered: self.answered,
            took,
        }
    }
}

impl Logged {
    fn of(peer: &Peer, head: &Parts) -> Self {
        let authority = head.uri.authority().map(|authority| authority.as_str());
        let host = authority.or_else(|| head.headers.get(HOST)?.to_str().ok());
        Self {
            peer: peer.address,
            client: peer.address.ip().to_canonical(),
            listener: Arc::clone(&peer.listener),
            method: head.method.clone(),
            host: cut(host.unwrap_or_default(), MOST_HOST).into(),
            path: printable(cut(head.uri.path(), MOST_PATH)),
            version: head.version,
        }
    }
}

/// The beginning of a text that a client chose, so that a line of the log is never much longer than an honest one:
/// requests are logged before their target is judged.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

const MOST_HOST: usize = 256;
const MOST_PATH: usize = 1024;

/// The HTTP library lets DEL and UTF-8 into paths, and so the control characters that JSON does not escape and terminals
/// act upon (CWE-117). Such a target is refused, and logged escaped.
fn printable(path: &str) -> Box<str> {
    if path.bytes().all(|byte| byte.is_ascii_graphic()) { path.into() } else { path.escape_default().to_string().into() }
}

/// The API's paths have short words and ids; whoever puts a token in the place of an id must not find it in the log.
fn without_secrets(path: &str) -> Box<str> {
    let is_id = |segment: &str| segment.len() == 36 && segment.matches('-').count() == 4;
    let shown = |segment| if str::len(segment) <= LONGEST_WORD || is_id(segment) { segment } else { "..." };
    path.split('/').map(shown).collect::<Vec<_>>().join("/").into()
}

/// Longer than every word of the API's paths.
const LONGEST_WORD: usize = 24;

/// A trusted proxy in front may have named the request already.
fn request_id(peer: &Peer, headers: &HeaderMap) -> RequestId {
    let trusted = is_within(peer.address.ip(), &peer.trusted_proxies);
    let inbound = trusted.then(|| headers.get(&X_REQUEST_ID)).flatten();
    inbound.and_then(RequestId::from_trusted).unwrap_or_default()
}

/// On requests to backends and on every answer.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
