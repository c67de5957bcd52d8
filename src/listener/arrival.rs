//! An accepted connection on its way to HTTP: the TLS handshake or the look at its first bytes, each under a deadline.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::Handler;
use super::connection::Connection;
use super::drain::Drain;
use super::generation::Generation;
use super::handshakes::Handshakes;
use super::limits::Place;
use super::preface::Rewound;
use super::tls::Tls;
use super::vitals::Protocol;
use super::watchdog::FIRST_REQUEST_GRACE;
use crate::peer::{Peer, address_value};

/// An accepted connection of which nothing is known but its address.
pub(super) struct Arrival<H> {
    /// Who will answer its requests.
    pub(super) handler: H,
    /// When to finish.
    pub(super) drain: Drain,
    /// The settings at the moment it was accepted.
    pub(super) generation: Arc<Generation>,
    /// Handshakes under way over all workers.
    pub(super) handshakes: Handshakes,
    /// The client.
    pub(super) address: SocketAddr,
    /// The port it came to.
    pub(super) local_port: u16,
}

impl<H: Handler> Arrival<H> {
    /// Serves the connection to its end.
    pub(super) async fn serve(self, stream: TcpStream, place: Place) {
        let generation = Arc::clone(&self.generation);
        if let Some(tls) = &generation.tls {
            self.serve_tls(stream, tls, place).await;
        } else if generation.cleartext_http2 {
            self.serve_detected(stream, place).await;
        } else {
            self.into_connection(None).serve(Rewound::new(stream), Protocol::Http1, place).await;
        }
    }

    async fn serve_tls(self, stream: TcpStream, tls: &Tls, place: Place) {
        let Some(stream) = self.shake_hands(stream, tls).await else { return };
        let (_, session) = stream.get_ref();
        let protocol = match session.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let server_name = session.server_name().map(|name| name.to_ascii_lowercase().into_boxed_str());
        self.into_connection(server_name).serve(stream, protocol, place).await;
    }

    /// The handshake under its deadline and for as long as no newer one needs its place, counted by its result. A session
    /// is over a kilobyte, and each future it is handed through would hold it once more: boxed, it is moved once.
    async fn shake_hands(&self, stream: TcpStream, tls: &Tls) -> Option<Box<TlsStream<TcpStream>>> {
        let counters = &self.generation.counters;
        let handshake = self.handshakes.enter(self.generation.limits.handshakes);
        let result = tokio::select! {
            biased;
            result = timeout(self.generation.deadlines.handshake, tls.acceptor().accept(stream)) => result,
            () = handshake.cut() => {
                counters.handshakes_refused.inc();
                return None;
            }
        };
        match result {
            Ok(Ok(stream)) => {
                counters.handshakes_ok.inc();
                Some(Box::new(stream))
            }
            Ok(Err(error)) => {
                counters.handshakes_failed.inc();
                tracing::debug!(listener = %self.generation.name, peer = %self.address, %error, "TLS handshake failed");
                None
            }
            Err(_) => {
                counters.handshakes_timed_out.inc();
                None
            }
        }
    }

    async fn serve_detected(self, stream: TcpStream, place: Place) {
        let mut stream = Rewound::new(stream);
        if let Ok(Some(protocol)) = self.detect(&mut stream).await {
            self.into_connection(None).serve(stream, protocol, place).await;
        }
    }

    /// Which HTTP the client speaks; `None` when it says nothing for too long.
    async fn detect(&self, stream: &mut Rewound<TcpStream>) -> io::Result<Option<Protocol>> {
        let deadlines = &self.generation.deadlines;
        let drained = async {
            self.drain.started().await;
            sleep(FIRST_REQUEST_GRACE).await;
        };
        let is_speaking = tokio::select! {
            biased;
            first = stream.await_first_byte() => first?,
            () = sleep(deadlines.idle) => false,
            () = drained => false,
        };
        if !is_speaking {
            return Ok(None);
        }
        match timeout(deadlines.headers, stream.detect()).await {
            Ok(protocol) => protocol.map(Some),
            Err(_) => Ok(None),
        }
    }

    fn into_connection(self, server_name: Option<Box<str>>) -> Connection<H> {
        let generation = self.generation;
        let peer = Peer {
            address: self.address,
            address_value: address_value(self.address.ip()),
            listener: Arc::clone(&generation.name),
            secure: generation.tls.is_some(),
            local_port: self.local_port,
            server_name,
            client_certificates: generation.tls.as_ref().is_some_and(|tls| tls.asks_for_certificates()),
            trusted_proxies: Arc::clone(&generation.trusted_proxies),
            limits: generation.request_limits(),
            idle: generation.deadlines.idle,
        };
        Connection { handler: self.handler, peer: Arc::new(peer), generation, drain: self.drain }
    }
}
