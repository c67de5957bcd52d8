//! The accept loop of one worker, and each connection's way from the accept queue to its task.
//!
//! Called by `gateway`, once on each worker. A full listener closes what it cannot serve at once, so that the kernel's
//! queue never fills up with clients who wait for nothing; a failing accept backs off instead of spinning.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::Handler;
use super::arrival::Arrival;
use super::drain::Drain;
use super::state::Listener;

/// How long accepting rests after an error such as `EMFILE`: the connection stays in the queue and would be reported again
/// at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Beyond the drain deadline, for connections to notice it themselves.
const DRAIN_SLACK: Duration = Duration::from_millis(100);

impl Listener {
    /// Serves the connections of `socket` (one of [`bind`](super::bind())'s) with `handler` until `drain` starts, then finishes
    /// them. Must run on the single-threaded runtime of one worker. Returns when all its connections have ended, or have been cut at the drain
    /// deadline.
    pub async fn serve<H: Handler>(self: Arc<Self>, socket: TcpListener, handler: H, drain: Drain) {
        let local = socket.local_addr().unwrap_or(self.status().address);
        let _ = self.bound.set(local);
        let (alive, mut ended) = mpsc::channel(1);
        let door = Door { listener: self, handler, drain, alive, local_port: local.port() };
        door.admit_until_drain(&socket).await;
        door.admit_queued(socket);
        let deadline = door.listener.current.load().deadlines.drain + DRAIN_SLACK;
        drop(door);
        // Nothing is ever sent: the channel ends when the last connection's task drops its sender.
        let _ = tokio::time::timeout(deadline, ended.recv()).await;
    }
}

/// Where one worker lets connections in.
struct Door<H> {
    listener: Arc<Listener>,
    handler: H,
    drain: Drain,
    alive: mpsc::Sender<Infallible>,
    local_port: u16,
}

impl<H: Handler> Door<H> {
    async fn admit_until_drain(&self, socket: &TcpListener) {
        let mut draining = std::pin::pin!(self.drain.started());
        loop {
            tokio::select! {
                biased;
                () = &mut draining => return,
                accepted = socket.accept() => match accepted {
                    Ok((stream, address)) => self.admit(stream, address),
                    Err(error) => self.pause(&error).await,
                },
            }
        }
    }

    /// Lets in what the kernel completed before the socket closes, so that a take-over loses no connection.
    fn admit_queued(&self, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else { return };
        while let Ok((stream, address)) = socket.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            match stream {
                Ok(stream) => self.admit(stream, address),
                Err(error) => tracing::warn!(%error, "queued connection lost"),
            }
        }
    }

    async fn pause(&self, error: &io::Error) {
        if is_of_one_connection(error) {
            return;
        }
        tracing::warn!(listener = %self.listener.current.load().name, %error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr) {
        let generation = self.listener.current.load_full();
        let Some(place) = self.listener.connections.take(generation.limits.connections) else {
            generation.counters.refused.inc();
            return;
        };
        let arrival = Arrival {
            handler: self.handler.clone(),
            drain: self.drain.or(generation.retired()),
            handshakes: self.listener.handshakes.clone(),
            generation,
            address,
            local_port: self.local_port,
        };
        let alive = self.alive.clone();
        tokio::spawn(async move {
            arrival.serve(stream, place).await;
            drop(alive);
        });
    }
}

/// Whether `error` concerns only the connection that was being accepted, so that the next one may be tried at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_one_connection_are_passed_over_without_a_pause() {
        const EMFILE: i32 = 24;
        const ENFILE: i32 = 23;
        const ECONNABORTED: i32 = 103;
        let is_passed = |code| is_of_one_connection(&io::Error::from_raw_os_error(code));
        assert!(is_passed(ECONNABORTED));
        assert!(!is_passed(EMFILE) && !is_passed(ENFILE));
    }
}
