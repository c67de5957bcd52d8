//! Which route: by host, path and method, and whether this connection may ask for that host.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;

use super::cross_site::Preflight;
use super::plan::RoutePlan;
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
    /// The CORS preflight that the request is, if it is one; its route is that of the method it asks for.
    pub(super) preflight: Option<Preflight<'r>>,
    route: Match<'s, Arc<RoutePlan>>,
}

/// Judges host and target and looks the route up.
pub(super) fn find_route<'r, 's>(snapshot: &'s Snapshot, peer: &Peer, head: &'r Parts) -> Result<Found<'r, 's>, Rejection> {
    let host = request_host(&head.uri, &head.headers);
    let (host, port) = host.map_err(|fault| snapshot.ambiguous(fault.kind(), fault))?;
    refuse_misdirected(peer, &host)?;
    let preflight = Preflight::of(&head.method, &head.headers);
    let method = preflight.as_ref().map_or(&head.method, |preflight| &preflight.method);
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let route = snapshot.routes.resolve(&host, target, method);
    let route = route.map_err(|fault| snapshot.ambiguous(fault.kind(), fault))?;
    Ok(Found { host, port, preflight, route })
}

/// On a listener that asks for client certificates a connection is good for the host it was made for alone (RFC 9110
/// section 15.5.20; Traefik GHSA-gv8r-9rw9-9697).
fn refuse_misdirected(peer: &Peer, host: &str) -> Result<(), Rejection> {
    let other = peer.server_name.as_deref().is_some_and(|name| name != host);
    if peer.client_certificates && other { Err(Reason::Misdirected.into()) } else { Ok(()) }
}

impl<'s> Found<'_, 's> {
    /// The route itself.
    pub(super) fn route(&self) -> Result<&'s Arc<RoutePlan>, Rejection> {
        match &self.route {
            Match::Found(plan) => Ok(plan),
            Match::NotFound => Err(Reason::NoRoute.into()),
            Match::MethodNotAllowed { allow } => {
                let allow = HeaderValue::from_str(allow).unwrap_or_else(|_| HeaderValue::from_static(""));
                Err(Rejection::method_not_allowed(allow))
            }
        }
    }
}
