//! Gateways on ports of their own, and what stands around them: issuers, backends and clients that behave or not.
//!
//! Everything here speaks over real sockets. Clients and backends are written on plain sockets, so that a test sees the
//! very bytes, and shares no HTTP code with the gateway.

pub mod authority;
mod backend;
mod bare_authority;
mod browser;
mod client;
pub mod frames;
mod gateway;
mod http;
mod http2;
mod issuer;
mod load;
mod open_site;
mod process;
mod puppet;
mod receiver;
mod signer;
mod site;
mod tls;
mod tls_client;
mod token_load;

use std::time::{Duration, Instant};

pub use authority::AuthoritySite;
pub use backend::{Backend, Received, Reply};
pub use bare_authority::BareAuthority;
pub use browser::Browser;
pub use client::{Connection, exchange, exchange_at_once, get};
pub use gateway::{Gateway, NOW, configuration};
pub use http::{Answer, read_answer};
pub use http2::Http2;
pub use issuer::{MockIssuer, Serves};
pub use load::{Load, Told, arrivals, established};
pub use open_site::OpenSite;
pub use process::{Process, Starting};
pub use puppet::{Caller, Puppet, full_queue, nobody};
pub use receiver::{Manner, Receiver};
pub use signer::{Algorithm, Signer};
pub use site::{Site, request, route};
pub use tls::{Authority, Issued};
pub use tls_client::{TlsClient, TlsConnection};
pub use token_load::{TokenLoad, send_all};

/// Waits until `condition` holds; fails after ten seconds.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
