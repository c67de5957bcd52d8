//! What is noted about a request on its way, and reported once at its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Version};

use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::snapshot::Snapshot;
use crate::issuer::Verified;
use crate::telemetry::RequestId;

/// The note of one request.
#[derive(Debug)]
pub(super) struct Record {
    snapshot: Arc<Snapshot>,
    started: Instant,
    pub(super) id: RequestId,
    pub(super) route: Option<Arc<RoutePlan>>,
    pub(super) caller: Option<Arc<Verified>>,
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
    pub(super) listener: Arc<str>,
    pub(super) method: Method,
    pub(super) host: Box<str>,
    /// Without the query, which may hold secrets.
    pub(super) path: Box<str>,
    pub(super) version: Version,
}

impl Record {
    pub(super) fn new(snapshot: Arc<Snapshot>, id: RequestId, logged: Option<Box<Logged>>) -> Box<Self> {
        Box::new(Self {
            snapshot,
            started: Instant::now(),
            id,
            route: None,
            caller: None,
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: None,
            detail: None,
            sent: 0,
            authenticated: Duration::ZERO,
            answered: Duration::ZERO,
            cut_off: false,
            logged,
        })
    }

    /// Authorization is decided.
    pub(super) fn decided(&mut self) {
        if self.logged.is_some() {
            self.authenticated = self.started.elapsed();
        }
    }

    /// The answer's head is known.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = status;
        if self.logged.is_some() {
            self.answered = self.started.elapsed();
        }
    }

    pub(super) fn refused(&mut self, rejection: &Rejection) {
        self.reason = Some(rejection.reason);
        self.detail = rejection.detail;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The backend's answer ended before it was complete.
    pub(super) fn cut_off(&mut self) {
        self.cut_off = true;
    }

    /// Reports. `complete` says whether the whole answer was handed over.
    pub(super) fn finish(&mut self, complete: bool) {
        let took = self.started.elapsed();
        let metrics = self.route.as_ref().map_or(&self.snapshot.unmatched, |route| &route.metrics);
        metrics.answered(self.status, took);
        if let Some(reason) = self.reason {
            metrics.refused(reason);
        }
        if let (Some(log), Some(logged)) = (&self.snapshot.access_log, &self.logged) {
            log.write(&super::access_log::Line {
                id: self.id.as_str(),
                logged,
                route: self.route.as_deref().map(|route| &*route.settings.name),
                status: self.status.as_u16(),
                reason: self.reason.map(Reason::word),
                detail: self.detail,
                identity: self.caller.as_ref().map(|caller| &caller.identity),
                sent: self.sent,
                complete: complete && !self.cut_off,
                authenticated: self.authenticated,
                answered: self.answered,
                took,
            });
        }
    }
}
