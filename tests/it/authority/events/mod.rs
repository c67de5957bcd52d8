//! What happens is told to webhooks: what is told, that it arrives, and that nobody waits for it.

mod arriving;
mod told;

use crate::support::authority::*;
use crate::support::{AuthoritySite, Receiver};

const REVOKE: &str = r#"["jwt.refresh-token.revoke"]"#;
const BOTH: &str = r#"["jwt.refresh-token.revoke", "jwt.refresh"]"#;

/// A site that tells `receiver` of these events, with `ann`, who is registered with `orders` and `billing`; gives her id.
fn site(receiver: &Receiver, events: &str, more: &str) -> (AuthoritySite, String) {
    let site = AuthoritySite::edited(|text| text + &receiver.block(events, more));
    let ann = site.user("ann", &[ORDERS, BILLING]);
    (site, ann)
}
