//! Sending the request on: the one canonical request that policy judged, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use super::inbound_body::InboundBody;
use super::inject::AuthorizedRequest;
use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::respond::Content;
use super::snapshot::Snapshot;
use super::tunnel::{self, Upgrade};
use crate::upstream::{RequestBody, UpstreamFault};

/// Sends `authorized` to the route's upstream and returns its response head, the body still arriving.
pub(super) async fn forward(
    snapshot: &Arc<Snapshot>,
    authorized: AuthorizedRequest,
) -> Result<Response<Content>, Rejection> {
    let AuthorizedRequest { request, plan, upgrade, .. } = authorized;
    let (outbound, exceeded) = outbound(snapshot, request, &plan, upgrade.as_ref())?;
    let sent = plan.upstream.send(outbound, plan.settings.response_timeout).await;
    let mut response = sent.map_err(|fault| worded(fault, exceeded.as_deref()))?;
    super::sanitize::sanitize_response(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return tunnel::open(upgrade, response, &snapshot.metrics.tunnels);
    }
    Ok(response.map(Content::Backend))
}

/// The request as the server sees it: origin form, HTTP/1.1, an upgrade only where one was asked for and allowed.
fn outbound(
    snapshot: &Arc<Snapshot>,
    request: Request<Incoming>,
    plan: &RoutePlan,
    upgrade: Option<&Upgrade>,
) -> Result<(Request<RequestBody>, Option<Arc<AtomicBool>>), Rejection> {
    let (mut parts, incoming) = request.into_parts();
    parts.version = Version::HTTP_11;
    if parts.uri.authority().is_some() {
        parts.uri = parts.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    if let Some(upgrade) = upgrade {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, upgrade.protocol.clone());
    }
    let (body, exceeded) = body(snapshot, incoming, plan.settings.max_body_bytes)?;
    Ok((Request::from_parts(parts, body), exceeded))
}

fn body(
    snapshot: &Arc<Snapshot>,
    incoming: Incoming,
    max_bytes: Option<u64>,
) -> Result<(RequestBody, Option<Arc<AtomicBool>>), Rejection> {
    if incoming.is_end_stream() {
        return Ok((RequestBody::Empty, None));
    }
    if max_bytes.is_some_and(|max| incoming.size_hint().lower() > max) {
        return Err(Reason::BodyTooLarge.into());
    }
    let body = InboundBody::new(incoming, max_bytes, Arc::clone(snapshot));
    let exceeded = body.exceeded();
    Ok((RequestBody::stream(body), Some(exceeded)))
}

/// A body that ended at our own bound is the client's fault in another way than one it stopped sending.
fn worded(fault: UpstreamFault, exceeded: Option<&AtomicBool>) -> Rejection {
    let too_large = exceeded.is_some_and(|exceeded| exceeded.load(Ordering::Acquire));
    if too_large { Reason::BodyTooLarge.into() } else { fault.into() }
}
