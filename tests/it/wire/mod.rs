//! Attacks on the wire that other proxies fell to, each against a whole gateway: what matters is what the backend sees.

mod deadlines;
mod floods;
mod framing;
mod http2;
mod reuse;
mod tls;
mod upgrade;
