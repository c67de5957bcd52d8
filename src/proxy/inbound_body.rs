//! The request body on its way to the backend: counted against the route's bound, its trailers sanitized, its silences
//! measured.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::arriving::Arriving;
use super::sanitize::sanitize_trailers;
use super::silence::Silence;
use super::snapshot::Snapshot;

/// The body was longer than the route allows.
#[derive(Debug, thiserror::Error)]
#[error("the request body is longer than the route allows")]
pub(super) struct TooLarge;

/// The client stopped sending.
#[derive(Debug, thiserror::Error)]
#[error("nothing came of the request body for too long")]
pub(super) struct Stalled;

/// A client's body, streamed.
pub(super) struct InboundBody {
    arriving: Arriving,
    remaining: u64,
    /// Set when the bound was met, for the stage that words the refusal.
    exceeded: Arc<AtomicBool>,
    snapshot: Arc<Snapshot>,
    silence: Option<Silence>,
}

impl InboundBody {
    pub(super) fn new(arriving: Arriving, max_bytes: Option<u64>, snapshot: Arc<Snapshot>) -> Self {
        let remaining = max_bytes.unwrap_or(u64::MAX);
        Self { arriving, remaining, exceeded: Arc::default(), snapshot, silence: None }
    }

    /// Fails when nothing comes for as long as `idle`. For HTTP/2, whose connection says nothing about one stream; on
    /// HTTP/1 the listener cuts the connection.
    pub(super) fn with_idle_deadline(mut self, idle: Duration) -> Self {
        self.silence = Some(Silence::at_most(idle));
        self
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
        let polled = Pin::new(&mut self.arriving).poll_frame(cx);
        if let Some(silence) = &mut self.silence {
            if polled.is_ready() {
                silence.broken();
            } else if silence.poll_too_long(cx).is_ready() {
                return Poll::Ready(Some(Err(Stalled.into())));
            }
        }
        polled.map(|frame| frame.map(|frame| self.admit(frame?).map_err(Into::into)))
    }

    /// Also before the end has come: with all announced bytes the body is complete for the backend.
    fn is_end_stream(&self) -> bool {
        self.arriving.has_come()
    }

    fn size_hint(&self) -> SizeHint {
        self.arriving.size_hint()
    }
}
