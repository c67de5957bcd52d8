//! One request and its answer, from the connection's point of view.
//!
//! Opened by `connection` for every request, carried by the answer's body, closed by being dropped: also when the client
//! leaves or the handler panics. Notes in the vitals what is under way and reads nothing of what it carries.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::vitals::{Protocol, Vitals};
use crate::peer::Peer;

/// Lives from the moment a request is handed to the handler until its answer has been handed over or given up.
#[derive(Debug)]
pub(super) struct Exchange {
    vitals: Arc<Vitals>,
    peer: Arc<Peer>,
    /// A piece of the answer waits for the client's flow-control window.
    unclaimed: bool,
}

impl Exchange {
    /// Opens an exchange for `request`.
    pub(super) fn open<B: Body>(vitals: &Arc<Vitals>, peer: &Arc<Peer>, request: &Request<B>) -> Self {
        vitals.note_request(request);
        Self { vitals: Arc::clone(vitals), peer: Arc::clone(peer), unclaimed: false }
    }

    /// `response` as the connection sends it: an answer in a drain is HTTP/1's last and says so, also where it is made at
    /// once and leaves the HTTP library no moment to be told.
    pub(super) fn finish<B>(self, mut response: Response<B>) -> Response<AnswerBody<B>> {
        let is_last = self.vitals.is_draining() && self.vitals.protocol() == Protocol::Http1;
        if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| AnswerBody { body, exchange: self })
    }

    /// HTTP/2 asks for the next piece only when its window has room: between the two, the client is who is waited for.
    fn note_piece(&mut self, unclaimed: bool) {
        if self.vitals.protocol() == Protocol::Http1 || self.unclaimed == unclaimed {
            return;
        }
        self.unclaimed = unclaimed;
        if unclaimed {
            self.vitals.note_unclaimed();
        } else {
            self.vitals.note_claimed();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.note_piece(false);
        self.vitals.note_answered();
        // The runtime ends only the task that panicked: this connection (HTTP/1) or this stream (HTTP/2).
        if std::thread::panicking() {
            tracing::error!(listener = %self.peer.listener, peer = %self.peer.address, "handler panicked");
        }
    }
}

pin_project! {
    /// The body of an answer, which keeps its exchange open until it has been handed over.
    pub(super) struct AnswerBody<B> {
        #[pin]
        body: B,
        exchange: Exchange,
    }
}

impl<B: Body<Data = Bytes>> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        this.exchange.note_piece(false);
        let polled = this.body.poll_frame(cx);
        this.exchange.note_piece(matches!(polled, Poll::Ready(Some(Ok(_)))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
