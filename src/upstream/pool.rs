//! One server of an upstream: its connections, open and unused, and the lease of one.
//!
//! Unused connections are kept per thread, most recent first, so that a worker never waits for another and never
//! uses a socket of another's runtime; only to make room under the bound does one close another's. The numbers of open
//! and busy connections are shared: they bound and balance.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::{Progress, RequestBody};
use super::connect::Connector;
use super::connection::{Connection, ExchangeFault};
use super::fault::UpstreamFault;
use super::settings::{ServerAddress, UpstreamSettings};
use crate::telemetry::{SHARDS, shard, thread_number};

/// How long a server is passed over after a connection to it failed, while there are others.
const COOL_DOWN: Duration = Duration::from_secs(2);

/// The unused connections of the threads of one shard. Boxed, because a connection is large and moves into and out of here with each request.
type Idle = Vec<Box<Connection>>;

/// One server with its connections.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) label: String,
    /// Its own `Host`.
    pub(super) host: HeaderValue,
    connector: Connector,
    limits: Bounds,
    started: Instant,
    in_flight: AtomicUsize,
    open: Arc<AtomicUsize>,
    /// Milliseconds after `started` until which the server is passed over.
    avoid_until: AtomicU64,
    idle: Box<[Mutex<Idle>]>,
    retired: AtomicBool,
}

#[derive(Debug)]
struct Bounds {
    connect_timeout: Duration,
    idle_timeout: Duration,
    max_connections: usize,
    max_idle: usize,
    title_case_headers: bool,
}

impl Server {
    pub(super) fn new(address: &ServerAddress, connector: Connector, settings: &UpstreamSettings) -> Arc<Self> {
        Arc::new(Self {
            label: address.to_string(),
            host: HeaderValue::from_str(&address.to_string()).unwrap_or_else(|_| HeaderValue::from_static("")),
            connector,
            limits: Bounds {
                connect_timeout: settings.connect_timeout,
                idle_timeout: settings.idle_timeout,
                max_connections: settings.max_connections,
                max_idle: settings.max_idle,
                title_case_headers: settings.title_case_headers,
            },
            started: Instant::now(),
            in_flight: AtomicUsize::new(0),
            open: Arc::default(),
            avoid_until: AtomicU64::new(0),
            idle: (0..SHARDS).map(|_| Mutex::default()).collect(),
            retired: AtomicBool::new(false),
        })
    }

    /// Exchanges under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Open connections, unused ones included.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether a connection failed a moment ago.
    pub(super) fn is_cooling_down(&self) -> bool {
        let until = self.avoid_until.load(Ordering::Relaxed);
        until > 0 && self.age_millis() < until
    }

    fn age_millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The most recently used connection that still works. Ones that the server has closed are dropped.
    pub(super) fn check_out(self: &Arc<Self>) -> Option<Lease> {
        loop {
            let mut connection = self.take_unused()?;
            let fresh = connection.idle_since.elapsed() < self.limits.idle_timeout;
            if fresh && connection.is_usable() {
                return Some(Lease::new(InFlight::count(self), connection));
            }
        }
    }

    /// Where threads share a shard, only one of their connections works on each.
    fn take_unused(&self) -> Option<Box<Connection>> {
        let (mut idle, home) = (self.mine()?, thread_number());
        let latest = idle.iter().rposition(|connection| connection.home == home)?;
        Some(idle.remove(latest))
    }

    /// Opens a connection. Whoever waits for one counts as under way, so that a burst of requests is shared out before
    /// the first of them is connected.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Lease, UpstreamFault> {
        let slot = self.open_slot().ok_or(UpstreamFault::Saturated)?;
        let counted = InFlight::count(self);
        let connecting = async {
            let stream = self.connector.connect().await.map_err(|cause| self.unreachable(cause))?;
            let started = Connection::start(stream, slot, self.limits.title_case_headers).await;
            started.map_err(|cause| UpstreamFault::NoResponse { server: self.label.clone(), cause })
        };
        let connected = tokio::time::timeout(self.limits.connect_timeout, connecting).await;
        match connected.unwrap_or_else(|_| Err(UpstreamFault::ConnectTimeout { server: self.label.clone() })) {
            Ok(connection) => {
                self.avoid_until.store(0, Ordering::Relaxed);
                Ok(Lease::new(counted, Box::new(connection)))
            }
            Err(fault) => {
                let cool_down = u64::try_from(COOL_DOWN.as_millis()).unwrap_or(u64::MAX);
                self.avoid_until.store(self.age_millis() + cool_down, Ordering::Relaxed);
                Err(fault)
            }
        }
    }

    /// A place for one more connection, if need be that of one which any thread keeps unused.
    fn open_slot(&self) -> Option<OpenSlot> {
        let take = || OpenSlot::take(&self.open, self.limits.max_connections);
        take().or_else(|| self.close_unused().then(take).flatten())
    }

    fn close_unused(&self) -> bool {
        self.idle.iter().any(|idle| {
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if !idle.is_empty() {
                drop(idle.remove(0));
                return true;
            }
            false
        })
    }

    /// No configuration sends here any more: what is unused is closed, and what is in use will not be kept.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.idle.iter().for_each(|idle| idle.lock().unwrap_or_else(PoisonError::into_inner).clear());
    }

    fn unreachable(&self, cause: std::io::Error) -> UpstreamFault {
        UpstreamFault::Unreachable { server: self.label.clone(), cause }
    }

    /// Drops this thread's unused connections that are too old or were closed by the server.
    pub(super) fn sweep(&self) {
        let Some(mut idle) = self.mine() else { return };
        idle.retain_mut(|connection| connection.idle_since.elapsed() < self.limits.idle_timeout && connection.is_usable());
    }

    fn keep(&self, mut connection: Box<Connection>) {
        connection.idle_since = Instant::now();
        if let Some(mut idle) = self.mine()
            && idle.len() < self.limits.max_idle
            && !self.retired.load(Ordering::Acquire)
        {
            idle.push(connection);
        }
    }

    fn mine(&self) -> Option<MutexGuard<'_, Idle>> {
        self.idle.get(shard()).map(|idle| idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place among a server's open connections, given back when dropped.
#[derive(Debug)]
pub(super) struct OpenSlot(Arc<AtomicUsize>);

impl OpenSlot {
    fn take(open: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let slot = Self(Arc::clone(open));
        (open.fetch_add(1, Ordering::Relaxed) < max).then_some(slot)
    }
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection in use. Dropped, it is closed; only [`Lease::give_back`] returns it to the pool.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Box<Connection>,
    counted: InFlight,
    /// The request body that is or was sent on it.
    progress: Option<Arc<Progress>>,
}

impl Lease {
    fn new(counted: InFlight, connection: Box<Connection>) -> Self {
        Self { connection, counted, progress: None }
    }

    pub(super) fn server(&self) -> &Arc<Server> {
        &self.counted.0
    }

    /// Sends `request` on the leased connection and waits for the response head.
    pub(super) fn exchange(
        &mut self,
        request: Box<Request<RequestBody>>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response<Incoming>, ExchangeFault>> {
        self.progress = request.body().progress();
        self.connection.exchange(request, timeout)
    }

    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.connection.drive(cx);
    }

    /// Returns the connection to the pool, if request and response are both complete and it takes another request.
    pub(super) fn give_back(mut self) {
        let request_complete = self.progress.as_ref().is_none_or(|progress| progress.is_complete());
        if request_complete && self.connection.is_usable() {
            self.counted.0.keep(self.connection);
        }
    }

    /// Takes the connection out of the pool's hands for good.
    pub(super) fn into_connection(self) -> Box<Connection> {
        self.connection
    }
}

/// One exchange under way at a server, counted until dropped.
#[derive(Debug)]
struct InFlight(Arc<Server>);

impl InFlight {
    fn count(server: &Arc<Server>) -> Self {
        server.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(server))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
