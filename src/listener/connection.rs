//! One connection's task once its handshake is done: HTTP over it, what its end counts as.
//!
//! The task lives as long as the connection does, also when a handler took the socket over by an upgrade.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Handler;
use super::drain::Drain;
use super::exchange::{AnswerBody, Exchange};
use super::failure::Failure;
use super::generation::Generation;
use super::limits::Place;
use super::socket::{Leash, Socket};
use super::vitals::{Protocol, Vitals};
use super::watchdog::{Cut, End, Watchdog, watch};
use crate::peer::Peer;

/// A connection that is ready for HTTP.
#[derive(Debug)]
pub(super) struct Connection<H> {
    /// Who answers.
    pub(super) handler: H,
    /// Who asks.
    pub(super) peer: Arc<Peer>,
    /// The settings of the moment it was accepted.
    pub(super) generation: Arc<Generation>,
    /// When to finish.
    pub(super) drain: Drain,
}

impl<H: Handler> Connection<H> {
    /// Serves `protocol` over `io` until the connection, or what it was upgraded to, has ended.
    pub(super) async fn serve<S>(self, io: S, protocol: Protocol, place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let vitals = Arc::new(Vitals::new(protocol));
        let leash = Arc::new(Leash::default());
        let io = TokioIo::new(Socket::new(io, Arc::clone(&vitals), Arc::clone(&leash), place));
        let end = match protocol {
            Protocol::Http1 => self.serve_http1(io, &vitals).await,
            Protocol::Http2 => self.serve_http2(io, &vitals).await,
        };
        self.report(&end, &vitals);
        self.outlast(&leash).await;
    }

    async fn serve_http1<S>(&self, io: TokioIo<Socket<S>>, vitals: &Arc<Vitals>) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.answer(request, vitals));
        let connection = pin!(self.generation.http1.serve_connection(io, service).with_upgrades());
        watch(connection, |connection| connection.graceful_shutdown(), self.watchdog(vitals)).await
    }

    async fn serve_http2<S>(&self, io: TokioIo<Socket<S>>, vitals: &Arc<Vitals>) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.answer(request, vitals));
        let connection = pin!(self.generation.http2.serve_connection(io, service));
        watch(connection, |connection| connection.graceful_shutdown(), self.watchdog(vitals)).await
    }

    fn watchdog<'a>(&'a self, vitals: &'a Vitals) -> Watchdog<'a> {
        Watchdog::new(vitals, &self.generation.deadlines, &self.drain)
    }

    /// Owns everything it needs: HTTP/2 runs each stream as a task of its own.
    fn answer(
        &self,
        request: Request<Incoming>,
        vitals: &Arc<Vitals>,
    ) -> impl Future<Output = Result<Response<AnswerBody<H::Body>>, Infallible>> + Send + 'static {
        let exchange = Exchange::open(vitals, &self.peer, &request);
        // Not an async block: that would hold the handler's future twice, and each request moves it.
        self.handler.handle(&self.peer, request).map(|answer| Ok(exchange.finish(answer)))
    }

    fn report(&self, end: &End, vitals: &Vitals) {
        if let Some(failure) = failure(end, vitals) {
            self.generation.counters.count(failure);
        }
        tracing::debug!(listener = %self.peer.listener, peer = %self.peer.address, ?end, "connection ended");
    }

    /// Waits for a socket that a handler took over; cuts it when the drain deadline passes.
    async fn outlast(&self, leash: &Leash) {
        let out_of_time = async {
            self.drain.started().await;
            tokio::time::sleep(self.generation.deadlines.drain).await;
        };
        tokio::select! {
            biased;
            () = leash.closed() => {}
            () = out_of_time => leash.cut(),
        }
    }
}

/// What `end` counts as: only what the client sent, or failed to send, is its fault.
fn failure(end: &End, vitals: &Vitals) -> Option<Failure> {
    match end {
        End::Failed { error, .. } if vitals.has_io_failed() || error.is_user() || error.is_timeout() => None,
        // A client that leaves while its answer is made has sent nothing wrong.
        End::Failed { error, answering: true } if error.is_incomplete_message() => None,
        End::Failed { error, .. } => Some(Failure::from(error)),
        End::Cut(Cut::Headers) => Some(Failure::Timeout),
        End::Cut(Cut::Idle | Cut::Drain) | End::Finished => None,
    }
}
