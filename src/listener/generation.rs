//! One generation of a listener's settings, made ready for accepting.
//!
//! Built by `state` at start and on reload; each connection holds the generation it was accepted with to its end, which a
//! reload brings near when it changes whom the listener believes. All of the HTTP library's own bounds are set here, each
//! explicitly, none left to a default that may change.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;

use super::drain::{Drain, DrainHandle};
use super::metrics::Counters;
use super::settings::{ClientAuth, Deadlines, Limits, ListenerSettings, TlsSettings};
use super::tls::{Tls, TlsError};
use crate::peer::RequestLimits;

/// The HTTP library's own bound on header fields, which costs nothing; any other costs an allocation to each request.
const FREE_HEADER_COUNT: usize = 100;
/// The HTTP library refuses smaller buffers.
const LEAST_BUFFER: usize = 8 * 1024;
/// Room for bodies, whatever the bound on heads.
const BODY_BUFFER: usize = 64 * 1024;
/// What one HTTP/2 stream may have under way; a quarter of the connection's, so that one upload does not starve others.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of one HTTP/2 answer held for a client that does not read it, on each stream: what one connection can make the
/// gateway hold is this times the streams, and as much again read from the upstream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams reset by the client before they were served, before the connection is refused (rapid reset,
/// CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that we reset for the client's errors, before the connection is refused (CVE-2025-8671).
const LOCAL_RESETS: usize = 256;
const LEAST_DEADLINE: Duration = Duration::from_millis(10);
const LONGEST_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// Settings as connections use them.
#[derive(Debug)]
pub(super) struct Generation {
    /// The listener's name.
    pub(super) name: Arc<str>,
    /// Absent: cleartext.
    pub(super) tls: Option<Arc<Tls>>,
    /// Whether cleartext connections may begin with the HTTP/2 preface.
    pub(super) cleartext_http2: bool,
    /// Networks whose `X-Forwarded-*` is believed.
    pub(super) trusted_proxies: Arc<[IpNet]>,
    /// Bounds per listener and connection.
    pub(super) limits: Limits,
    /// How long each phase may take.
    pub(super) deadlines: Deadlines,
    /// Serves HTTP/1.
    pub(super) http1: http1::Builder,
    /// Serves HTTP/2.
    pub(super) http2: http2::Builder<TokioExecutor>,
    /// What connections count with.
    pub(super) counters: Counters,
    retirement: Arc<Retirement>,
}

/// The end of all generations that believe the same: their connections drain together.
#[derive(Debug)]
struct Retirement {
    handle: DrainHandle,
    drain: Drain,
}

impl Retirement {
    fn new() -> Arc<Self> {
        let (handle, drain) = Drain::new();
        Arc::new(Self { handle, drain })
    }
}

impl Generation {
    /// Makes `settings` ready, with the TLS of `previous` where it is still what they ask for.
    pub(super) fn build(settings: ListenerSettings, counters: Counters, previous: Option<&Self>) -> Result<Self, TlsError> {
        Ok(Self {
            tls: tls(settings.tls.as_ref(), settings.http2, previous.and_then(|previous| previous.tls.as_ref()))?,
            cleartext_http2: settings.http2 && settings.tls.is_none(),
            http1: http1_builder(&settings.limits),
            http2: http2_builder(&settings.limits),
            name: settings.name,
            trusted_proxies: settings.trusted_proxies.into(),
            limits: settings.limits,
            deadlines: bounded(&settings.deadlines),
            counters,
            retirement: Retirement::new(),
        })
    }

    /// Follows `previous`: its connections go on, unless they were let in, or their word is believed, by rules that no
    /// longer hold. They are drained then, so that a revoked authority or proxy does not stay in force on open connections.
    pub(super) fn succeed(&mut self, previous: &Self) {
        if self.believes_as(previous) {
            self.retirement = Arc::clone(&previous.retirement);
        } else {
            previous.retirement.handle.start();
        }
    }

    /// Starts when what this generation believes has been replaced.
    pub(super) fn retired(&self) -> &Drain {
        &self.retirement.drain
    }

    /// Whether both believe the same certificates and proxies. That one has TLS and the other has none is a difference
    /// too: what a connection is said to be would no longer be true.
    fn believes_as(&self, other: &Self) -> bool {
        self.client_auth() == other.client_auth() && self.trusted_proxies == other.trusted_proxies
    }

    fn client_auth(&self) -> Option<&ClientAuth> {
        self.tls.as_ref().map(|tls| tls.client_auth())
    }

    /// Bounds on one request's head, for those who judge requests.
    pub(super) fn request_limits(&self) -> RequestLimits {
        self.limits.of_request()
    }
}

/// Within what instants can be reckoned with: none would make the watchdog spin, an endless one overflows.
fn bounded(deadlines: &Deadlines) -> Deadlines {
    let bounded = |deadline: Duration| deadline.clamp(LEAST_DEADLINE, LONGEST_DEADLINE);
    Deadlines {
        handshake: bounded(deadlines.handshake),
        headers: bounded(deadlines.headers),
        idle: bounded(deadlines.idle),
        drain: bounded(deadlines.drain),
    }
}

fn tls(settings: Option<&TlsSettings>, http2: bool, previous: Option<&Arc<Tls>>) -> Result<Option<Arc<Tls>>, TlsError> {
    let Some(settings) = settings else { return Ok(None) };
    let kept = previous.filter(|previous| previous.is_for(settings, http2));
    kept.map_or_else(|| Tls::build(settings, http2).map(Arc::new), |kept| Ok(Arc::clone(kept))).map(Some)
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let head = http1_head_bytes(limits);
    let mut builder = http1::Builder::new();
    // Its own deadline would arm a timer for every request; the watchdog does not.
    builder.header_read_timeout(None).half_close(false).keep_alive(true);
    builder.max_header_size(head).max_buf_size(head.max(BODY_BUFFER).max(LEAST_BUFFER));
    if limits.header_count != FREE_HEADER_COUNT {
        builder.max_headers(limits.header_count);
    }
    builder
}

/// The longest head that can be within `limits`: fields with `: ` and CRLF, request line, the empty line.
fn http1_head_bytes(limits: &Limits) -> usize {
    limits
        .header_bytes
        .saturating_add(limits.target_bytes)
        .saturating_add(limits.header_count.saturating_mul(": \r\n".len()))
        .saturating_add("OPTIONS  HTTP/1.1\r\n\r\n".len())
}

fn http2_builder(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(http2_list_bytes(limits))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// As [`http1_head_bytes`], in HTTP/2's measure: 32 bytes to each field (RFC 9113 section 6.5.2), four of them pseudo.
fn http2_list_bytes(limits: &Limits) -> u32 {
    let fields = limits.header_count.saturating_add(4).saturating_mul(32);
    let bytes = limits.header_bytes.saturating_add(limits.target_bytes).saturating_add(fields);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
