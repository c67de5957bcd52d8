//! What is known about one connection's progress, kept by cheap notes and judged only when its alarm rings.
//!
//! The socket wrapper notes bytes, the request service notes requests; [`Vitals::due`] says when the connection must be
//! cut if nothing changes. No request arms a timer: the connection's single alarm asks again each time it rings.
//! All of a connection runs on one worker, so the relaxed atomics only satisfy `Send`; nothing is contended.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http_body::Body;
use hyper::Request;
use tokio::time::Instant;

use super::body_end::BodyEnd;
use super::settings::Deadlines;

/// Which HTTP the connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What to do with a connection whose alarm rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The client let the headers deadline pass.
    Headers(Instant),
    /// The client has been silent, or has stopped reading or sending.
    Idle(Instant),
    /// We are the ones who are slow: nothing is due.
    Never,
}

/// Length of the HTTP/2 client preface (RFC 9113 section 3.4).
const PREFACE_BYTES: u64 = 24;

/// Progress of one connection.
#[derive(Debug)]
pub(super) struct Vitals {
    protocol: Protocol,
    opened: Instant,
    /// Microseconds from `opened` to the last progress of the present phase.
    progress: AtomicU64,
    /// Bytes read: since the first byte of the present head (HTTP/1) or ever (HTTP/2).
    read: AtomicU64,
    /// A request's first byte came, its last header did not. For HTTP/2: the preface did not.
    reading_head: AtomicBool,
    /// Requests whose answer is not entirely handed over.
    open: AtomicU32,
    /// Requests so far; wraps.
    requests: AtomicU32,
    read_blocked: AtomicBool,
    write_blocked: AtomicBool,
    /// Answers with a piece handed to flow control, which has not asked for the next piece.
    unclaimed: AtomicU32,
    body: BodyEnd,
    io_failed: AtomicBool,
    draining: AtomicBool,
}

impl Vitals {
    /// A connection on which nothing has happened yet.
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            opened: Instant::now(),
            progress: AtomicU64::new(0),
            read: AtomicU64::new(0),
            reading_head: AtomicBool::new(protocol == Protocol::Http2),
            open: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            read_blocked: AtomicBool::new(false),
            write_blocked: AtomicBool::new(false),
            unclaimed: AtomicU32::new(0),
            body: BodyEnd::default(),
            io_failed: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }
    }

    /// Notes bytes from the client.
    pub(super) fn note_read(&self, bytes: &[u8]) {
        self.read_blocked.store(false, Relaxed);
        if bytes.is_empty() {
            self.note_end();
            return;
        }
        match self.protocol {
            Protocol::Http1 => self.note_http1_read(bytes),
            Protocol::Http2 => self.note_http2_read(bytes),
        }
    }

    /// HTTP/1 tells an end between requests from one within; to HTTP/2 an end without a farewell is a failed socket.
    fn note_end(&self) {
        if self.protocol == Protocol::Http2 {
            self.note_io_failed();
        }
    }

    fn note_http1_read(&self, bytes: &[u8]) {
        let length = bytes.len() as u64;
        if self.open.load(Relaxed) > 0 {
            self.body.note(bytes);
            self.touch();
        } else if self.reading_head.load(Relaxed) {
            // The head's deadline counts from its first byte, so that one byte at a time wins nothing (slowloris).
            self.read.store(self.read.load(Relaxed).saturating_add(length), Relaxed);
            self.body.note_tail(bytes);
        } else {
            self.reading_head.store(true, Relaxed);
            self.read.store(length, Relaxed);
            self.body.note_tail(bytes);
            self.touch();
        }
    }

    fn note_http2_read(&self, bytes: &[u8]) {
        if self.reading_head.load(Relaxed) {
            let read = self.read.load(Relaxed).saturating_add(bytes.len() as u64);
            self.read.store(read, Relaxed);
            self.reading_head.store(read < PREFACE_BYTES, Relaxed);
        }
    }

    /// Notes that the client has sent nothing that was not read.
    pub(super) fn note_read_blocked(&self) {
        let was_blocked = self.read_blocked.load(Relaxed);
        self.read_blocked.store(true, Relaxed);
        // The handler may have paused the body: the client is late only from the moment it is asked again.
        if !was_blocked && !self.is_quiet() && self.body.is_missing() {
            self.touch();
        }
    }

    /// Notes that the client's side took bytes.
    pub(super) fn note_written(&self) {
        let was_blocked = self.write_blocked.load(Relaxed);
        self.write_blocked.store(false, Relaxed);
        // Neither the end of an answer that is flushed while the next head trickles in, nor HTTP/2's answers to pings, may
        // move a deadline.
        let counts = match self.protocol {
            Protocol::Http1 => !self.is_reading_head(),
            Protocol::Http2 => was_blocked,
        };
        if counts {
            self.touch();
        }
    }

    /// Notes that the client's side takes no more bytes for now.
    pub(super) fn note_write_blocked(&self) {
        let was_blocked = self.write_blocked.load(Relaxed);
        self.write_blocked.store(true, Relaxed);
        if !was_blocked && !self.is_reading_head() {
            self.touch();
        }
    }

    /// Notes whether everything written so far has left. TLS keeps records that the kernel did not take, so an answer may
    /// be stuck although every write went well.
    pub(super) fn note_flush(&self, blocked: bool) {
        match (blocked, self.write_blocked.load(Relaxed)) {
            (true, _) => self.note_write_blocked(),
            (false, true) => self.note_written(),
            (false, false) => {}
        }
    }

    /// Notes that the socket failed: what the HTTP library then says is not the client's request being bad.
    pub(super) fn note_io_failed(&self) {
        self.io_failed.store(true, Relaxed);
    }

    /// Notes that the connection is to end soon.
    pub(super) fn note_draining(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Whether the connection is to end soon.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Notes that `request` goes to the handler.
    pub(super) fn note_request<B: Body>(&self, request: &Request<B>) {
        self.open.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        if self.protocol == Protocol::Http1 {
            self.body.expect(request, self.read.load(Relaxed), self.is_reading_head());
            self.reading_head.store(false, Relaxed);
        }
    }

    /// Notes that an answer has been handed over entirely, or given up.
    pub(super) fn note_answered(&self) {
        self.open.fetch_sub(1, Relaxed);
        self.touch();
    }

    /// Notes that a piece of an answer waits for the client's flow-control window.
    pub(super) fn note_unclaimed(&self) {
        self.unclaimed.fetch_add(1, Relaxed);
        self.touch();
    }

    /// Notes that such a piece has been taken.
    pub(super) fn note_claimed(&self) {
        self.unclaimed.fetch_sub(1, Relaxed);
        self.touch();
    }

    /// Whether a request's head is on its way.
    pub(super) fn is_reading_head(&self) -> bool {
        self.reading_head.load(Relaxed)
    }

    /// Whether a request has ever come.
    pub(super) fn has_served(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// Whether no request is being answered.
    pub(super) fn is_quiet(&self) -> bool {
        self.open.load(Relaxed) == 0
    }

    /// Whether the client does not take what is ready to leave.
    pub(super) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Relaxed)
    }

    /// Which HTTP the connection speaks.
    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the socket failed under the HTTP library.
    pub(super) fn has_io_failed(&self) -> bool {
        self.io_failed.load(Relaxed)
    }

    /// When the connection runs out of time if nothing happens.
    pub(super) fn due(&self, deadlines: &Deadlines) -> Due {
        let since = self.opened + Duration::from_micros(self.progress.load(Relaxed));
        if self.is_quiet() && self.is_reading_head() {
            Due::Headers(since + deadlines.headers)
        } else if self.is_quiet() || self.waits_for_client() {
            Due::Idle(since + deadlines.idle)
        } else {
            Due::Never
        }
    }

    /// Whether it is the client that keeps the requests under way from finishing.
    fn waits_for_client(&self) -> bool {
        let body_missing = self.read_blocked.load(Relaxed) && self.body.is_missing();
        self.is_write_blocked() || self.unclaimed.load(Relaxed) > 0 || body_missing
    }

    fn touch(&self) {
        let elapsed = self.opened.elapsed().as_micros();
        self.progress.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Relaxed);
    }
}
