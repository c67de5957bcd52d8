//! Which route: by host, path and method, and whether this connection may ask for that host.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

use super::cross_site::Preflight;
use super::plan::Destination;
use super::rejection::{Reason, Rejection};
use super::snapshot::Snapshot;
use crate::peer::Peer;
use crate::route::{Match, request_host};

/// What a request's head names.
pub(super) struct Found<'r, 's> {
    /// The canonical host.
    pub(super) host: Cow<'r, str>,
    /// The port beside it, where there is one.
    pub(super) port: Option<u16>,
    /// The answer to a CORS preflight that its route allows.
    pub(super) preflight: Option<HeaderMap>,
    destination: Match<'s, Destination>,
}

/// Judges host and target and looks the route up.
pub(super) fn find_route<'r, 's>(snapshot: &'s Snapshot, peer: &Peer, head: &'r Parts) -> Result<Found<'r, 's>, Rejection> {
    let host = request_host(&head.uri, &head.headers);
    let (host, port) = host.map_err(|fault| snapshot.ambiguous(fault.kind(), fault))?;
    refuse_misdirected(peer, &host)?;
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let routes = snapshot.routes_on(&peer.listener);
    let find = |method: &Method| routes.resolve(&host, target, method);
    // A preflight belongs to the route of the method it asks for only where that route answers it. Any other is an
    // OPTIONS request, or it would reach the backend by the rule that was written for another method.
    if let Some(asked) = Preflight::of(&head.method, &head.headers)
        && let Ok(Match::Found(destination @ Destination::Route(plan))) = find(&asked.method)
        && let Some(answer) = asked.answer(&plan.settings.origins)
    {
        return Ok(Found { host, port, preflight: Some(answer), destination: Match::Found(destination) });
    }
    let destination = find(&head.method).map_err(|fault| snapshot.ambiguous(fault.kind(), fault))?;
    Ok(Found { host, port, preflight: None, destination })
}

/// On a listener that asks for client certificates a connection is good for the host it was made for alone (RFC 9110
/// section 15.5.20; Traefik GHSA-gv8r-9rw9-9697).
fn refuse_misdirected(peer: &Peer, host: &str) -> Result<(), Rejection> {
    let other = peer.server_name.as_deref().is_some_and(|name| name != host);
    if peer.client_certificates && other { Err(Reason::Misdirected.into()) } else { Ok(()) }
}

impl<'s> Found<'_, 's> {
    /// Where the request is to go.
    pub(super) fn destination(&self) -> Result<&'s Destination, Rejection> {
        match &self.destination {
            Match::Found(destination) => Ok(destination),
            Match::NotFound => Err(Reason::NoRoute.into()),
            Match::MethodNotAllowed { allow } => {
                let allow = HeaderValue::from_str(allow).unwrap_or_else(|_| HeaderValue::from_static(""));
                Err(Rejection::method_not_allowed(allow))
            }
        }
    }
}
