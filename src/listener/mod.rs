//! Bound sockets: accepting, TLS, the deadlines and limits of a connection, draining.
//!
//! A listener serves any handler and knows neither routes nor tokens. Built and told to drain by `gateway`; one accept
//! socket to each worker.
//!
//! A connection's way: `accept` lets it in, `arrival` takes it through the handshake, `connection` speaks HTTP over its
//! `socket` under a `watchdog`, which judges the `vitals` that the socket and each `exchange` note.

mod accept;
mod arrival;
mod bind;
mod body_end;
mod certificates;
mod connection;
mod drain;
mod exchange;
mod failure;
mod generation;
mod handshakes;
mod limits;
mod metrics;
mod preface;
mod settings;
mod socket;
mod state;
mod tls;
mod vitals;
mod watchdog;

pub use bind::bind;
pub use certificates::CertificateStatus;
pub use drain::{Drain, DrainHandle};
pub use metrics::Metrics;
pub use settings::{CertificateSettings, ClientAuth, Deadlines, Limits, ListenerSettings, TlsSettings};
pub use state::{Listener, ListenerError, ListenerStatus, Prepared};
pub use tls::TlsError;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::peer::Peer;

/// What a listener serves: one call for each request, on the worker that accepted the connection.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The body of every answer.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    /// Answers `request`, which came over the connection that `peer` describes.
    fn handle(&self, peer: &Arc<Peer>, request: Request<Incoming>)
    -> impl Future<Output = Response<Self::Body>> + Send + 'static;
}

#[cfg(test)]
mod tests;
