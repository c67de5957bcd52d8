//! Requests that the gateway answers itself, at places of the route table like any other: they are sanitized, matched,
//! counted and logged by the same stages, so that no reading of a path leads past a route to them or past them to a
//! route. Who answers is unknown here; `gateway` puts it in.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::arriving::Arriving;
use super::forwarded::ClientView;
use super::metrics::{Metrics, RouteMetrics};
use super::plan::Destination;
use super::respond::Content;
use crate::route::{Entry, HostPattern, PathPrefix, request_host};

/// What answers requests in the gateway's own name.
pub trait Endpoints: Debug + Send + Sync {
    /// Answers one request. Every answer but an empty one says its content type.
    fn answer(&self, request: OwnRequest) -> Answering;
}

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// A request to the gateway itself, sanitized.
#[derive(Debug)]
pub struct OwnRequest {
    /// Method, target, headers.
    pub head: Parts,
    /// The body, not yet read.
    pub body: OwnBody,
    /// Who asks, and how they see this server.
    pub client: ClientView<'static>,
}

impl OwnRequest {
    /// A request that came by no listener of the pipeline, exactly as it was sent.
    pub fn unsanitized(request: Request<Incoming>, client: ClientView<'static>) -> Self {
        let (head, body) = request.into_parts();
        let body = OwnBody::new(Arriving::new(body, head.version));
        Self { head, body, client }
    }
}

/// The body of a request to the gateway itself.
#[derive(Debug)]
pub struct OwnBody(Option<Arriving>);

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnBodyFault {
    /// It is longer than whoever reads it allows.
    #[error("the body is too large")]
    TooLarge,
    /// It ended early, or did not come in time.
    #[error("the body did not come whole")]
    Incomplete,
}

/// Everything that these requests say is small: whoever needs longer for it is not asking.
const LONGEST: Duration = Duration::from_secs(30);

impl OwnBody {
    pub(super) fn new(arriving: Arriving) -> Self {
        Self(Some(arriving))
    }

    /// A body of nothing, for requests that come from elsewhere.
    pub fn empty() -> Self {
        Self(None)
    }

    /// All of it, at most `most` bytes.
    ///
    /// # Errors
    /// [`OwnBodyFault`].
    pub async fn read(self, most: usize) -> Result<Bytes, OwnBodyFault> {
        let Some(arriving) = self.0 else { return Ok(Bytes::new()) };
        tokio::time::timeout(LONGEST, read(arriving, most)).await.unwrap_or(Err(OwnBodyFault::Incomplete))
    }
}

async fn read(mut body: Arriving, most: usize) -> Result<Bytes, OwnBodyFault> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| OwnBodyFault::Incomplete)?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(OwnBodyFault::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The places that one set of endpoints answers at.
#[derive(Debug)]
pub struct OwnPlan {
    pub(super) name: Arc<str>,
    pub(super) host: HostPattern,
    pub(super) paths: Vec<PathPrefix>,
    pub(super) metrics: RouteMetrics,
    endpoints: Arc<dyn Endpoints>,
    /// The one listener that has these places; `None`: all have.
    pub(super) listener: Option<Arc<str>>,
}

impl OwnPlan {
    /// `endpoints` at `paths` of `host`, counted and logged as the route `name`.
    pub fn new(name: &str, host: HostPattern, paths: Vec<PathPrefix>, endpoints: Arc<dyn Endpoints>, metrics: &Metrics) -> Self {
        Self { name: name.into(), host, paths, metrics: metrics.route(name), endpoints, listener: None }
    }

    /// The same places on the listener of this name alone; requests on any other are answered as if they were not.
    #[must_use]
    pub fn on_listener(self, name: &Arc<str>) -> Self {
        Self { listener: Some(Arc::clone(name)), ..self }
    }

    /// Whether these places are on this listener.
    pub(super) fn is_on(&self, listener: &str) -> bool {
        self.listener.as_deref().is_none_or(|own| own == listener)
    }

    /// Its places in the route table. Which methods they take is for the endpoints to say.
    pub(super) fn entries(self: &Arc<Self>) -> impl Iterator<Item = Entry<Destination>> + '_ {
        let entry = |path: &PathPrefix| (self.host.clone(), path.clone(), None, false, Destination::Own(Arc::clone(self)));
        self.paths.iter().map(entry)
    }

    /// Whether a request that was refused before it was matched was for one of these places, by its raw words.
    pub(super) fn is_meant_by(&self, head: &Parts, listener: &str) -> bool {
        let path = head.uri.path();
        let covers =
            |prefix: &PathPrefix| path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.is_on(listener) && self.paths.iter().any(covers) && self.is_asked(head)
    }

    fn is_asked(&self, head: &Parts) -> bool {
        match &self.host {
            HostPattern::Exact(name) => request_host(&head.uri, &head.headers).is_ok_and(|(host, _)| *host == **name),
            HostPattern::Below(_) | HostPattern::Any => true,
        }
    }

    /// Has the request answered.
    pub(super) async fn answer(&self, head: Parts, body: Arriving, client: ClientView<'static>) -> Response<Content> {
        let answer = self.endpoints.answer(OwnRequest { head, body: OwnBody::new(body), client }).await;
        let mut answer = answer.map(|bytes| if bytes.is_empty() { Content::Empty } else { Content::Full(bytes) });
        answer.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        answer
    }
}
