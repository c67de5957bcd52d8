//! One HTTP/1.1 connection to a server, polled by the task that uses it.
//!
//! hyper's usual way spawns a task per connection and passes each request and response between two tasks. Here the
//! connection is driven by whoever holds it: the request's own task, from head to last body byte. That saves two
//! wake-ups a request, and an unused connection costs no task. A closed one is noticed when it is next polled: at
//! check-out, or by the sweep.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep};

use super::body::{Progress, RequestBody};
use super::connect::Stream;
use super::pool::OpenSlot;
use crate::telemetry::thread_number;

/// The most that is read of an answer and not yet passed on, which is also the largest response head. The library's own
/// bound is six times that, and every stream of a client that does not read would hold it.
const MAX_READ_BYTES: usize = 64 * 1024;
/// Where a timer stands before its first request.
const UNARMED: Duration = Duration::from_secs(24 * 3600);

/// An open connection with its request handle and its timer.
pub(super) struct Connection {
    sender: SendRequest<RequestBody>,
    driver: http1::Connection<TokioIo<Stream>, RequestBody>,
    /// The driver has come to its end and must not be polled again.
    ended: bool,
    /// Armed by the first request and re-armed only when it fires, so that a request costs no timer.
    timer: Pin<Box<Sleep>>,
    /// The thread whose runtime drives the socket and the timer: nothing moves on another, or once that one has ended.
    pub(super) home: usize,
    /// Since when nothing is under way.
    pub(super) idle_since: Instant,
    slot: OpenSlot,
}

/// Why an exchange gave no response head.
#[derive(Debug)]
pub(super) enum ExchangeFault {
    /// The request was never put on the wire; it may be sent elsewhere.
    Unsent(Box<Request<RequestBody>>, hyper::Error),
    /// The connection failed after the request may have been seen.
    Failed(hyper::Error),
    /// No response head in time.
    Timeout,
}

impl Connection {
    /// Starts HTTP/1.1 on `stream`.
    pub(super) async fn start(stream: Stream, slot: OpenSlot, title_case_headers: bool) -> Result<Self, hyper::Error> {
        let mut builder = http1::Builder::new();
        builder.title_case_headers(title_case_headers).max_buf_size(MAX_READ_BYTES);
        let (sender, driver) = builder.handshake(TokioIo::new(stream)).await?;
        let timer = Box::pin(tokio::time::sleep(UNARMED));
        Ok(Self { sender, driver, ended: false, timer, home: thread_number(), idle_since: Instant::now(), slot })
    }

    /// Lets the connection do what it can.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.ended = self.ended || self.driver.poll_without_shutdown(cx).is_ready();
    }

    /// Looks whether the server has closed the connection, and whether it takes another request.
    pub(super) fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.sender.is_ready()
    }

    /// Sends `request` and waits for the response head. `timeout` does not run while the request body makes progress.
    pub(super) async fn exchange(
        &mut self,
        request: Box<Request<RequestBody>>,
        timeout: Duration,
    ) -> Result<Response<Incoming>, ExchangeFault> {
        let progress = request.body().progress();
        let mut deadline = Instant::now() + timeout;
        let mut response = std::pin::pin!(self.sender.try_send_request(*request));
        std::future::poll_fn(|cx| {
            self.ended = self.ended || self.driver.poll_without_shutdown(cx).is_ready();
            // Whatever completes the response was done by the driver just now: no waker is needed for it.
            match response.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => Poll::Ready(answer.map_err(ExchangeFault::from)),
                Poll::Pending => poll_deadline(&mut self.timer, &mut deadline, timeout, progress.as_deref(), cx).map(Err),
            }
        })
        .await
    }

    /// The bare stream after a 101, with what was already read of the new protocol.
    pub(super) async fn into_stream(mut self) -> (Stream, Bytes, OpenSlot) {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.ended { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let parts = self.driver.into_parts();
        (parts.io.into_inner(), parts.read_buf, self.slot)
    }
}

/// Fires when `deadline` has passed, unless the request body moved meanwhile. The timer may be set too early, on
/// account of a former request; then it is set anew.
fn poll_deadline(
    timer: &mut Pin<Box<Sleep>>,
    deadline: &mut Instant,
    timeout: Duration,
    progress: Option<&Progress>,
    cx: &mut Context<'_>,
) -> Poll<ExchangeFault> {
    if timer.deadline() > *deadline {
        timer.as_mut().reset(*deadline);
    }
    while timer.as_mut().poll(cx).is_ready() {
        let now = Instant::now();
        if progress.is_some_and(|progress| progress.take_moved()) {
            *deadline = now + timeout;
        }
        if now >= *deadline {
            return Poll::Ready(ExchangeFault::Timeout);
        }
        timer.as_mut().reset(*deadline);
    }
    Poll::Pending
}

impl From<TrySendError<Request<RequestBody>>> for ExchangeFault {
    fn from(mut error: TrySendError<Request<RequestBody>>) -> Self {
        match error.take_message() {
            Some(request) => Self::Unsent(Box::new(request), error.into_error()),
            None => Self::Failed(error.into_error()),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("ended", &self.ended).finish_non_exhaustive()
    }
}
