//! The remote's revocations, told by its events: the next request of what they end is refused here, everything else goes on.

use serde_json::{Value, json};

use super::RemoteSite;
use crate::events::{event, payload, post_signed};
use crate::support::authority::*;

fn revocation(site: &RemoteSite, mut what: Value) -> String {
    what["createInstant"] = json!(site.front.clock.now().millis());
    event("jwt.refresh-token.revoke", what)
}

#[track_caller]
fn tell(site: &RemoteSite, what: Value) {
    let body = revocation(site, what);
    let answer = post_signed(site.front.admin_address(), "/events/authority", &site.hooks.token(&payload(&body)), &body);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{body}");
}

/// Each token's status at orders and at billing.
#[track_caller]
fn standing(site: &RemoteSite, tokens: &[&Tokens]) -> Vec<(u16, u16)> {
    tokens.iter().map(|tokens| (site.call("/orders", &tokens.access), site.call("/billing", &tokens.access))).collect()
}

#[test]
fn each_scope_ends_what_it_names_and_nothing_else() {
    let site = RemoteSite::start();
    let id = site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS, BILLING]);
    let (first, second) = (site.sign_in("ann", ORDERS), site.sign_in("ann", ORDERS));
    let (at_billing, bob) = (site.sign_in("ann", BILLING), site.sign_in("bob", ORDERS));
    let all = [&first, &second, &at_billing, &bob];
    assert_eq!(standing(&site, &all), [(200, 200); 4]);
    tell(&site, json!({ "applicationId": ORDERS, "userId": id, "refreshToken": { "id": first.id } }));
    assert_eq!(standing(&site, &all), [(401, 401), (200, 200), (200, 200), (200, 200)], "a session, exchanged or not");
    tell(&site, json!({ "applicationId": BILLING, "userId": id }));
    assert_eq!(standing(&site, &all), [(401, 401), (200, 401), (401, 401), (200, 200)], "a user in an application");
    tell(&site, json!({ "userId": id }));
    assert_eq!(standing(&site, &all), [(401, 401), (401, 401), (401, 401), (200, 200)], "a user");
    site.advance(std::time::Duration::from_secs(2));
    let anew = site.sign_in("ann", ORDERS);
    assert_eq!(standing(&site, &[&anew]), [(200, 200)], "who signs in again is in");
}

#[test]
fn what_is_signed_by_another_ends_nothing() {
    let site = RemoteSite::start();
    let id = site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", ORDERS);
    let body = revocation(&site, json!({ "userId": id }));
    let signature = crate::support::Signer::new("hooks").token(&payload(&body));
    assert_eq!(post_signed(site.front.admin_address(), "/events/authority", &signature, &body).status, 401);
    assert_eq!(standing(&site, &[&tokens]), [(200, 200)]);
}

/// Nothing in between but the remote's own webhook.
#[test]
fn what_the_remote_itself_tells_is_obeyed() {
    let site = RemoteSite::telling();
    let id = site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS, BILLING]);
    let (first, second, bob) = (site.sign_in("ann", ORDERS), site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
    let all = [&first, &second, &bob];
    assert_eq!(standing(&site, &all), [(200, 200); 3]);
    site.revoke(&format!("token={}", first.refresh));
    crate::support::until("the session's end", || site.call("/billing", &first.access) == 401);
    assert_eq!(standing(&site, &all), [(401, 401), (200, 200), (200, 200)]);
    assert_eq!(site.manage(&format!("DELETE /api/user/{id}"), None).status, 200);
    crate::support::until("the user's end", || site.call("/orders", &second.access) == 401);
    assert_eq!(standing(&site, &all), [(401, 401), (401, 401), (200, 200)]);
    assert!(site.front.metric("tollgate_webhook_events_received_total", &["issuer=\"authority\"", "result=\"applied\""]) >= 2.0);
}
