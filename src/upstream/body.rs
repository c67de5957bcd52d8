//! The bodies of one exchange: what is sent to a server, and what comes back.
//!
//! Neither is buffered. A [`ResponseBody`] owns its connection until the last byte and hands it back to the pool only
//! when both directions are known to be complete; any other end closes the connection, so that no request ever meets
//! the leftovers of another (HAProxy CVE-2026-90678, hyper#4176).

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connect::Stream;
use super::pool::{Lease, OpenSlot};

type BoxError = Box<dyn Error + Send + Sync>;

/// What is sent to a server.
#[derive(Default)]
pub enum RequestBody {
    /// No body.
    #[default]
    Empty,
    /// A stream, with the record of how far it has been read.
    Stream(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>, Arc<Progress>),
}

/// How far a request body has been read; shared with the exchange that waits for the response.
#[derive(Debug, Default)]
pub struct Progress {
    complete: AtomicBool,
    moved: AtomicBool,
}

impl Progress {
    /// Whether the whole body was read.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether anything was read since this was last asked.
    pub(super) fn take_moved(&self) -> bool {
        self.moved.swap(false, Ordering::AcqRel)
    }
}

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Empty) { "Empty" } else { "Stream" })
    }
}

impl RequestBody {
    /// A body that is read from `body` while it is sent.
    pub fn stream(body: impl Body<Data = Bytes, Error = BoxError> + Send + 'static) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Stream(Box::pin(body), Arc::default()) }
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Stream(_, progress) => Some(Arc::clone(progress)),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self::Stream(body, progress) = self.get_mut() else { return Poll::Ready(None) };
        let polled = body.as_mut().poll_frame(cx);
        if polled.is_ready() {
            progress.moved.store(true, Ordering::Release);
        }
        if matches!(polled, Poll::Ready(None)) || body.is_end_stream() {
            progress.complete.store(true, Ordering::Release);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Stream(body, _) => body.size_hint(),
        }
    }
}

/// A connection that no longer speaks HTTP. It counts as one of the server's connections until it is dropped.
#[derive(Debug)]
pub struct Tunnel {
    /// The connection.
    pub stream: Stream,
    /// What was read of the new protocol together with the response head.
    pub already_read: Bytes,
    _slot: OpenSlot,
}

/// What a server answers. Polling it drives the connection it came on.
#[derive(Debug)]
pub struct ResponseBody {
    incoming: Incoming,
    lease: Option<Lease>,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, lease: Lease) -> Self {
        Self { incoming, lease: Some(lease) }
    }

    /// The stream of a server that switched protocols (101), with what it already sent of the new one.
    pub async fn into_tunnel(mut self) -> Option<Tunnel> {
        let connection = self.lease.take()?.into_connection();
        let (stream, already_read, slot) = connection.into_stream().await;
        Some(Tunnel { stream, already_read, _slot: slot })
    }

    /// The next frame, driving the connection where none is waiting. The body channel is polled without a waker:
    /// whatever arrives in it comes from the connection, which is polled with this task's.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut aside = Context::from_waker(Waker::noop());
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(&mut aside) {
            return Poll::Ready(frame);
        }
        match &mut self.lease {
            Some(lease) => lease.drive(cx),
            None => return Poll::Ready(None),
        }
        Pin::new(&mut self.incoming).poll_frame(&mut aside)
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = self.poll_incoming(cx);
        match &polled {
            Poll::Ready(None) => self.finish(),
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.finish(),
            Poll::Ready(Some(Err(_))) => self.lease = None,
            _ => {}
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for ResponseBody {
    /// A body that needs no reading (HEAD, 204, 304, length 0) is complete without having been polled.
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.finish();
        }
    }
}
