//! Listeners on real sockets against raw, TLS and HTTP/2 clients.

mod certificates;
mod deadlines;
mod drain;
mod http;
mod http2;
mod reload;
mod support;
mod tls;
