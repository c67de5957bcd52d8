//! Sending the request on: the one canonical request that policy judged, byte for byte.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;

use super::arriving::Arriving;
use super::assertion::told_host;
use super::authorized_request::AuthorizedRequest;
use super::inbound_body::InboundBody;
use super::plan::RoutePlan;
use super::record::X_REQUEST_ID;
use super::rejection::{Reason, Rejection};
use super::respond::Content;
use super::sanitize::sanitize_response;
use super::snapshot::Snapshot;
use super::standing::{Standing, Watch};
use super::tunnel::{self, Bounds, Upgrade};
use crate::peer::Peer;
use crate::upstream::{RequestBody, UpstreamFault};

/// Sends the authorized request with `body` to the route's upstream and returns its response head, the body still
/// arriving.
pub(super) async fn forward(
    snapshot: &Arc<Snapshot>,
    request: AuthorizedRequest,
    body: Arriving,
    plan: &RoutePlan,
    peer: &Peer,
    upgrade: Option<Upgrade>,
) -> Result<Response<Content>, Rejection> {
    let (head, proofs) = request.into_parts();
    let mut watch = Watch::over(Standing::new(proofs, plan.settings.end_streams_at_expiry));
    let idle = (head.version == Version::HTTP_2).then_some(peer.idle);
    let (body, exceeded) = bounded(snapshot, body, plan.settings.max_body_bytes, idle)?;
    let mut head = outbound(head, upgrade.as_ref());
    if body.size_hint().exact().is_none() {
        // Said here, because the HTTP library would send a GET of unknown length without its body.
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let id = head.headers.get(X_REQUEST_ID).filter(|_| upgrade.is_some()).cloned();
    let may_last = body.size_hint().exact().is_none_or(|length| length > LONG_BODY);
    let request = Box::new(Request::from_parts(head, body));
    let timeout = plan.settings.response_timeout;
    // Made where it is awaited: it is large, and would be moved about at every request.
    let sent = match may_last {
        true => Box::pin(watched(plan.upstream.send(request, timeout), &mut watch, snapshot)).await?,
        false => plan.upstream.send(request, timeout).await,
    };
    let mut response = sent.map_err(|fault| worded(fault, exceeded.as_deref()))?;
    // Ours to say (RFC 9110 section 2.5): as HTTP/1.0 the answer would end the client's connection too.
    *response.version_mut() = Version::HTTP_11;
    let switched = sanitize_response(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let bounds = Bounds { idle: peer.idle, watch, court: snapshot.court(), request: id };
        return tunnel::open(upgrade, switched.as_ref(), response, bounds, &snapshot.metrics.tunnels);
    }
    Ok(response.map(|body| Content::Backend(body, watch)))
}

/// A shorter body is sent before anybody is revoked, and its request is no stream.
const LONG_BODY: u64 = 64 << 10;

/// What `sending` comes to, unless the caller of the request that goes up there ceases to be believed.
async fn watched<T>(sending: impl Future<Output = T>, watch: &mut Watch, snapshot: &Snapshot) -> Result<T, Rejection> {
    let mut sending = pin!(sending);
    std::future::poll_fn(|cx| {
        watch.begin(cx);
        match watch.poll_ended(cx, || snapshot.court()) {
            Poll::Ready(ended) => Poll::Ready(Err(ended.into())),
            Poll::Pending => sending.as_mut().poll(cx).map(Ok),
        }
    })
    .await
}

/// The head as the server sees it: origin form, HTTP/1.1, an upgrade only where one was asked for and allowed.
fn outbound(mut head: Parts, upgrade: Option<&Upgrade>) -> Parts {
    head.version = Version::HTTP_11;
    // The listener has answered it by the time the body is read.
    head.headers.remove(EXPECT);
    if head.uri.authority().is_some() {
        if let Some(host) = told_host(&head) {
            head.headers.insert(HOST, host);
        }
        head.uri = head.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    if let Some(upgrade) = upgrade {
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, upgrade.protocol.clone());
    }
    head
}

fn bounded(
    snapshot: &Arc<Snapshot>,
    arriving: Arriving,
    max_bytes: Option<u64>,
    idle: Option<Duration>,
) -> Result<(RequestBody, Option<Arc<AtomicBool>>), Rejection> {
    if arriving.is_end_stream() {
        return Ok((RequestBody::Empty, None));
    }
    if max_bytes.is_some_and(|max| arriving.size_hint().lower() > max) {
        return Err(Reason::BodyTooLarge.into());
    }
    let body = InboundBody::new(arriving, max_bytes, Arc::clone(snapshot));
    let exceeded = body.exceeded();
    let body = match idle {
        Some(idle) => RequestBody::stream(body.with_idle_deadline(idle)),
        None => RequestBody::stream(body),
    };
    Ok((body, Some(exceeded)))
}

/// A body that ended at our own bound is the client's fault in another way than one it stopped sending.
fn worded(fault: UpstreamFault, exceeded: Option<&AtomicBool>) -> Rejection {
    let too_large = exceeded.is_some_and(|exceeded| exceeded.load(Ordering::Acquire));
    if too_large { Reason::BodyTooLarge.into() } else { fault.into() }
}
