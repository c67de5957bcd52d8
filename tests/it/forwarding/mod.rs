//! Requests on their way to backends and answers on their way back, byte by byte.

mod answers;
mod bodies;
mod bounds;
mod connections;
mod tls;
mod trailers;
mod upgrades;
