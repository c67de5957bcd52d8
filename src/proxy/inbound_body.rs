//! The request body on its way to the backend: counted against the route's bound, its trailers sanitized.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::sanitize::sanitize_trailers;
use super::snapshot::Snapshot;

/// The body was longer than the route allows.
#[derive(Debug, thiserror::Error)]
#[error("the request body is longer than the route allows")]
pub(super) struct TooLarge;

/// A client's body, streamed.
pub(super) struct InboundBody {
    incoming: Incoming,
    remaining: u64,
    /// Set when the bound was met, for the stage that words the refusal.
    exceeded: Arc<AtomicBool>,
    snapshot: Arc<Snapshot>,
}

impl InboundBody {
    pub(super) fn new(incoming: Incoming, max_bytes: Option<u64>, snapshot: Arc<Snapshot>) -> Self {
        Self { incoming, remaining: max_bytes.unwrap_or(u64::MAX), exceeded: Arc::default(), snapshot }
    }

    pub(super) fn exceeded(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.exceeded)
    }

    fn admit(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, TooLarge> {
        match frame.into_trailers() {
            Ok(trailers) => Ok(Frame::trailers(self.sanitize(trailers))),
            Err(data) => {
                let length = data.data_ref().map_or(0, |bytes| bytes.len() as u64);
                let Some(remaining) = self.remaining.checked_sub(length) else {
                    self.exceeded.store(true, Ordering::Release);
                    return Err(TooLarge);
                };
                self.remaining = remaining;
                Ok(data)
            }
        }
    }

    /// A managed name is as forbidden in a trailer as in a header: some servers merge the two.
    fn sanitize(&self, mut trailers: HeaderMap) -> HeaderMap {
        let stripped = sanitize_trailers(&mut trailers, &self.snapshot.managed);
        self.snapshot.count_stripped(stripped);
        trailers
    }
}

impl Body for InboundBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.admit(frame).map_err(Into::into))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
