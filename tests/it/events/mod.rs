//! Events from identity servers in front of a gateway that only verifies: what they revoke is refused, what is forged is
//! not heard.

mod delivery;
mod forged;
mod places;
mod scopes;
mod sender;
mod signing;
mod store;

pub use sender::{Sender, event, payload, post_signed, revocation};
