//! Gateways on ports of their own, and what stands around them: issuers, backends and clients that behave or not.
//!
//! Everything here speaks over real sockets. Clients and backends are written on plain sockets, so that a test sees the
//! very bytes, and shares no HTTP code with the gateway.

mod backend;
mod client;
mod gateway;
mod http;
mod issuer;
mod load;
mod signer;
mod site;
mod tls_client;

use std::time::{Duration, Instant};

pub use backend::{Backend, Received, Reply};
pub use client::{Connection, exchange, get};
pub use gateway::{Gateway, NOW, configuration};
pub use http::{Answer, read_answer};
pub use issuer::{MockIssuer, Serves};
pub use load::{Load, Seen, send_all};
pub use signer::{Algorithm, Signer};
pub use site::{Site, request, route};
pub use tls_client::{Authority, Issued, TlsClient, TlsConnection};

/// Waits until `condition` holds; fails after ten seconds.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
