//! What hurt other authenticating proxies, tried on this one: every advisory that concerns a proxy or a token check is
//! a test with its id in the name, against a gateway that is really started.

mod forwarded;
mod identity_headers;
mod over_http2;
mod sessions;
mod targets;
mod tokens;
