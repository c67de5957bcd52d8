//! A remote authority: a gateway in front that issues nothing, and behind it another one, unchanged and over TLS, or something
//! that only pretends to be one.

mod answers;
mod api;
mod events;
mod reload;
mod renew;
mod site;
mod walk;
mod wrong;

pub use site::{RemoteSite, SHOP, cookies, front_text};
pub use wrong::Pretender;
