//! The request body on its way to the backend: counted against the route's bound, its trailers sanitized, its silences
//! measured.
//!
//! HTTP/2 says the length of a body and then its end, one after the other. A body whose announced length has come is
//! complete for the backend, which may answer before the end has come; dropping it then would reset the stream, and
//! clients that send the end in a frame of its own (httpx does) take that for a failure.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

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

/// How long the end of a body may follow its last byte.
const END: Duration = Duration::from_secs(1);

/// A client's body, streamed.
pub(super) struct InboundBody {
    /// Taken when dropped.
    incoming: Option<Incoming>,
    remaining: u64,
    /// Set when the bound was met, for the stage that words the refusal.
    exceeded: Arc<AtomicBool>,
    snapshot: Arc<Snapshot>,
    silence: Option<Silence>,
}

impl InboundBody {
    pub(super) fn new(incoming: Incoming, max_bytes: Option<u64>, snapshot: Arc<Snapshot>) -> Self {
        let remaining = max_bytes.unwrap_or(u64::MAX);
        Self { incoming: Some(incoming), remaining, exceeded: Arc::default(), snapshot, silence: None }
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
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(incoming).poll_frame(cx);
        if let Some(silence) = &mut self.silence {
            if polled.is_ready() {
                silence.broken();
            } else if silence.poll_too_long(cx).is_ready() {
                return Poll::Ready(Some(Err(Stalled.into())));
            }
        }
        polled.map(|frame| frame.map(|frame| self.admit(frame?).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(|incoming| incoming.is_end_stream() || has_come(incoming))
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

/// Whether every announced byte has come, and perhaps not the end.
fn has_come(incoming: &Incoming) -> bool {
    incoming.size_hint().exact() == Some(0)
}

impl Drop for InboundBody {
    fn drop(&mut self) {
        let awaited = self.incoming.take().filter(|incoming| !incoming.is_end_stream() && has_come(incoming));
        if let (Some(mut incoming), Ok(runtime)) = (awaited, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                let end = async { while incoming.frame().await.is_some_and(|frame| frame.is_ok()) {} };
                // One that does not come in time is the client's fault; the stream is reset after all.
                let _ = tokio::time::timeout(END, end).await;
            });
        }
    }
}
