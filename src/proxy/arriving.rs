//! A request body from the client, which may never be read to its end: the request is refused, or its backend answers
//! before it has read everything.
//!
//! On HTTP/2 what is unread is then read and thrown away for a while. Dropping it would reset the stream as soon as the
//! answer ends (RFC 9113 section 8.1 allows it), and clients that are still sending take the reset for a failure and
//! never show the answer: curl and httpx do. It also gives time to those that send a body's end in a frame of its own.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// How long, and how many bytes, nobody's body is read for; then the stream is reset after all.
const LONGEST: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 8 << 20;

/// A body as it arrives.
#[derive(Debug)]
pub(super) struct Arriving {
    /// Taken when dropped.
    incoming: Option<Incoming>,
    version: Version,
}

impl Arriving {
    /// The body of a request in this version of HTTP.
    pub(super) fn new(incoming: Incoming, version: Version) -> Self {
        Self { incoming: Some(incoming), version }
    }

    /// Whether every announced byte has come, though perhaps not the end: HTTP/2 says the two one after the other.
    pub(super) fn has_come(&self) -> bool {
        self.incoming.as_ref().is_none_or(|incoming| incoming.is_end_stream() || incoming.size_hint().exact() == Some(0))
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.incoming.as_mut().map_or(Poll::Ready(None), |incoming| Pin::new(incoming).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let unread = self.incoming.take().filter(|incoming| self.version == Version::HTTP_2 && !incoming.is_end_stream());
        if let (Some(incoming), Ok(runtime)) = (unread, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LONGEST, discard(incoming)));
        }
    }
}

async fn discard(mut incoming: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = incoming.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > MOST_BYTES {
            return;
        }
    }
}
