//! The same event again, other events, what is counted.

use serde_json::json;

use super::sender::counted;
use super::{Sender, event, revocation};
use crate::support::{NOW, Signer, until};

#[test]
fn a_replay_is_taken_once_whatever_else_it_says() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let body = revocation(json!({ "id": "5f1b7f0a-0000-4000-8000-000000000001", "userId": "alice" }));
    let other = revocation(json!({ "id": "5f1b7f0a-0000-4000-8000-000000000001", "userId": "bob" }));
    let nameless = revocation(json!({ "id": null, "userId": "carol" }));
    for body in [&body, &body, &other, &nameless, &nameless] {
        sender.tell(&gateway, body);
    }
    assert_eq!((counted(&gateway, "applied"), counted(&gateway, "duplicate")), (2.0, 3.0));
    assert_eq!(gateway.metric("tollgate_revocations_total", &["origin=\"webhook\"", "scope=\"user\""]), 2.0);
    let token = |subject: &str| sender.token(json!({ "sub": subject }));
    let statuses = ["alice", "bob", "carol"].map(|subject| gateway.get("/corp", &token(subject)).status);
    assert_eq!(statuses, [401, 200, 401]);
}

#[test]
fn ids_seen_stay_seen_over_a_reload() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let body = revocation(json!({ "userId": "alice" }));
    sender.tell(&gateway, &body);
    gateway.reload(&sender.configuration("keys = { timeout = \"4s\" }", "")).unwrap();
    sender.tell(&gateway, &body);
    assert_eq!((counted(&gateway, "applied"), counted(&gateway, "duplicate")), (1.0, 1.0));
}

#[test]
fn what_failed_is_no_duplicate_when_it_comes_again() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let body = revocation(json!({ "userId": "alice" }));
    let forged = super::sender::post_signed(
        gateway.admin_address(),
        "/events/corp",
        &sender.other_key.token(&super::sender::payload(&body)),
        &body,
    );
    assert_eq!(forged.status, 401);
    sender.tell(&gateway, &body);
    assert_eq!((counted(&gateway, "applied"), counted(&gateway, "refused")), (1.0, 1.0));
}

#[test]
fn events_of_other_kinds_are_taken_and_change_nothing() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    for kind in ["jwt.refresh", "user.delete", "audit-log.create"] {
        sender.tell(&gateway, &event(kind, json!({ "userId": "alice", "applicationId": "orders" })));
    }
    assert_eq!(counted(&gateway, "ignored"), 3.0);
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 200);
}

#[test]
fn news_of_keys_fetches_them_within_the_rate_limit() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let before = sender.issuer.fetches();
    let fresh = Signer::new("k2");
    sender.issuer.publish(&[&sender.key, &fresh]);
    for _ in 0..20 {
        sender.tell(&gateway, &event("jwt.public-key.update", json!({ "applicationIds": ["orders"] })));
    }
    until("the fetch", || sender.issuer.fetches() > before);
    until("the new key", || gateway.get("/corp", &fresh.token(&Signer::claims(&sender.issuer.issuer(), "alice"))).status == 200);
    assert_eq!(sender.issuer.fetches(), before + 1);
    assert_eq!(counted(&gateway, "applied"), 20.0);
}

#[test]
fn an_event_from_before_any_living_token_ends_nothing() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    sender.tell(&gateway, &revocation(json!({ "userId": "alice", "createInstant": NOW.millis() - 3_630_000 })));
    assert_eq!((counted(&gateway, "ignored"), gateway.metric("tollgate_revocation_entries", &[])), (1.0, 0.0));
}
