//! The running configuration as one request sees it from its first stage to its last: immutable, swapped whole.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::access_log::AccessLog;
use super::in_place::InPlace;
use super::managed::ManagedHeaders;
use super::metrics::{Metrics, RouteMetrics};
use super::own::OwnPlan;
use super::plan::{Destination, RoutePlan};
use super::rejection::{Reason, Rejection};
use super::standing::Court;
use crate::authority::Issuing;
use crate::identity::credential::is_ours;
use crate::issuer::{Verified, Verifier};
use crate::revocation::Followed;
use crate::route::{Entry, HostPattern, RouteTable};
use crate::upstream::Upstream;

/// What a request needs to know. Built and checked whole before it is swapped in.
#[derive(Debug)]
pub struct Snapshot {
    routes: RouteTable<Destination>,
    /// The tables of listeners that have places of their own.
    routes_on: Vec<(Arc<str>, RouteTable<Destination>)>,
    pub(super) managed: ManagedHeaders,
    pub(super) verifier: Verifier,
    /// What issues tokens, and exchanges them.
    pub(super) authority: Option<Issuing>,
    /// Where the remote authority is, for explanations.
    pub(super) remote: Option<Box<str>>,
    /// Which tokens have ended early.
    pub(super) revocations: Arc<Followed>,
    /// What the authority did for routes.
    pub(super) in_place: Arc<InPlace>,
    pub(super) access_log: Option<AccessLog>,
    pub(super) metrics: Metrics,
    /// Counts what matches no route.
    pub(super) unmatched: RouteMetrics,
    own: Vec<Arc<OwnPlan>>,
    upstreams: Vec<Arc<Upstream>>,
}

/// What a snapshot is made of.
#[derive(Debug)]
pub struct SnapshotParts {
    /// The routes.
    pub routes: Vec<RoutePlan>,
    /// What the gateway answers itself.
    pub own: Vec<OwnPlan>,
    /// What proves tokens.
    pub verifier: Verifier,
    /// What issues tokens.
    pub authority: Option<Issuing>,
    /// Where the remote authority is, for explanations.
    pub remote: Option<Box<str>>,
    /// Which tokens have ended early.
    pub revocations: Arc<Followed>,
    /// What the authority did for routes.
    pub in_place: Arc<InPlace>,
    /// Where requests are logged.
    pub access_log: Option<AccessLog>,
    /// Every upstream, for its upkeep.
    pub upstreams: Vec<Arc<Upstream>>,
    /// What is counted.
    pub metrics: Metrics,
}

/// All places. The gateway's own paths take nothing else of their host away: what would have answered for the host without
/// them answers there still, although the table has a host with places of its own speak for itself.
fn entries(routes: &[Arc<RoutePlan>], own: &[&Arc<OwnPlan>]) -> Vec<Entry<Destination>> {
    let entry = |plan: &Arc<RoutePlan>, host: &HostPattern| {
        let settings = plan.settings();
        let methods = settings.methods.clone();
        (host.clone(), settings.path.clone(), methods, settings.allow_encoded_slash, Destination::Route(Arc::clone(plan)))
    };
    let mut entries: Vec<Entry<Destination>> = own.iter().flat_map(|plan| plan.entries()).collect();
    entries.extend(routes.iter().map(|plan| entry(plan, &plan.settings().host)));
    for host in hosts_of_their_own(own) {
        if let Some(covering) = most_specific(routes.iter().map(|plan| &plan.settings().host), host) {
            let covered = routes.iter().filter(|plan| plan.settings().host == *covering);
            entries.extend(covered.map(|plan| entry(plan, host)));
        }
    }
    entries
}

/// The hosts that `own` answer at, each once.
fn hosts_of_their_own<'o>(own: &[&'o Arc<OwnPlan>]) -> Vec<&'o HostPattern> {
    let mut hosts: Vec<&HostPattern> = Vec::new();
    for plan in own {
        if !hosts.contains(&&plan.host) {
            hosts.push(&plan.host);
        }
    }
    hosts
}

/// The most specific of `patterns` that covers the one host that `host` is; none where that has routes of its own.
fn most_specific<'p>(patterns: impl Iterator<Item = &'p HostPattern>, host: &HostPattern) -> Option<&'p HostPattern> {
    let HostPattern::Exact(name) = host else { return None };
    let rank = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(other) => (other == name).then_some(usize::MAX),
        HostPattern::Below(parent) => {
            let is_below = name.strip_suffix(&**parent).is_some_and(|rest| rest.ends_with('.'));
            is_below.then_some(parent.len())
        }
        HostPattern::Any => Some(0),
    };
    let best = patterns.filter_map(|pattern| rank(pattern).map(|rank| (rank, pattern))).max_by_key(|(rank, _)| *rank)?;
    Some(best.1).filter(|pattern| *pattern != host)
}

/// A table of its own for each listener that has places of its own.
fn tables(routes: &[Arc<RoutePlan>], own: &[Arc<OwnPlan>]) -> Vec<(Arc<str>, RouteTable<Destination>)> {
    let mut tables: Vec<(Arc<str>, RouteTable<Destination>)> = Vec::new();
    for name in own.iter().filter_map(|plan| plan.listener.as_ref()) {
        if !tables.iter().any(|(known, _)| known == name) {
            let own: Vec<_> = own.iter().filter(|plan| plan.is_on(name)).collect();
            tables.push((Arc::clone(name), RouteTable::build(entries(routes, &own))));
        }
    }
    tables
}

impl Snapshot {
    /// Puts the parts together.
    pub fn new(parts: SnapshotParts) -> Self {
        let SnapshotParts { routes, own, verifier, authority, remote, revocations, in_place, access_log, upstreams, metrics } =
            parts;
        let identity_headers = routes.iter().flat_map(|plan| &plan.settings().identity_headers);
        let managed = ManagedHeaders::new(identity_headers.map(|(name, _)| name));
        let own: Vec<Arc<OwnPlan>> = own.into_iter().map(Arc::new).collect();
        let routes: Vec<Arc<RoutePlan>> = routes.into_iter().map(Arc::new).collect();
        let everywhere: Vec<_> = own.iter().filter(|plan| plan.listener.is_none()).collect();
        Self {
            routes: RouteTable::build(entries(&routes, &everywhere)),
            routes_on: tables(&routes, &own),
            managed,
            verifier,
            authority,
            remote,
            revocations,
            in_place,
            access_log,
            unmatched: metrics.route("none"),
            metrics,
            own,
            upstreams,
        }
    }

    /// The routes and other places of requests on this listener.
    pub(super) fn routes_on(&self, listener: &str) -> &RouteTable<Destination> {
        let of_its_own = self.routes_on.iter().find(|(name, _)| **name == *listener);
        of_its_own.map_or(&self.routes, |(_, routes)| routes)
    }

    /// Whether a request on this listener, refused or not, is meant for what the gateway answers itself.
    pub(super) fn is_for_itself(&self, head: &Parts, listener: &str) -> bool {
        self.own.iter().any(|own| own.is_meant_by(head, listener))
    }

    /// Removes an API key of ours from `Authorization`: no backend may have it.
    pub(super) fn remove_api_key(&self, headers: &mut HeaderMap) {
        let Some(authority) = &self.authority else { return };
        let is_key = |value: &HeaderValue| authority.has_api_key(value.as_bytes().trim_ascii());
        if headers.get_all(AUTHORIZATION).iter().any(|value| !is_ours(value) && is_key(value)) {
            headers.remove(AUTHORIZATION);
        }
    }

    /// Refuses a proved token that has ended early.
    pub(super) fn check_standing(&self, verified: &Verified) -> Result<(), Rejection> {
        let stands = self.revocations.check(|| verified.lineage(), self.verifier.clock().now());
        stands.map_err(|_| Rejection::detailed(Reason::InvalidToken, "revoked"))
    }

    /// What proves tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// What open streams are held against; it outlives this configuration.
    pub(super) fn court(&self) -> Court {
        Court { clock: self.verifier.clock().clone(), revocations: Arc::clone(&self.revocations), metrics: self.metrics.clone() }
    }

    /// Looks through the calling worker's unused upstream connections.
    pub(super) fn sweep(&self) {
        self.upstreams.iter().for_each(|upstream| upstream.sweep());
    }

    /// Counts and words the refusal of a request that can be read in two ways.
    pub(super) fn ambiguous(&self, kind: &str, fault: impl Into<Rejection>) -> Rejection {
        self.metrics.ambiguous(kind);
        fault.into()
    }

    pub(super) fn count_stripped(&self, headers: usize) {
        if headers > 0 {
            self.metrics.stripped.add(headers as u64);
        }
    }
}
