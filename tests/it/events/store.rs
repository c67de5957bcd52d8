//! Where a revocation is kept: in the store's log, or in memory alone.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::sender::counted;
use super::{Sender, revocation};
use crate::support::authority::{AuthoritySite, ORDERS};
use crate::support::{Gateway, NOW, Signer, until};

fn store(folder: &Path) -> String {
    let folder = folder.display();
    format!("[store]\nurl = \"sqlite://{folder}/store.db\"\nencryption_key_file = \"{folder}/store.key\"\n\n")
}

#[test]
fn without_a_store_a_restart_forgets() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    sender.tell(&gateway, &revocation(json!({ "userId": "alice" })));
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 401);
    assert_eq!(gateway.metric("tollgate_revocation_lag_seconds", &[]), 0.0, "there is no log to be behind");
    gateway.stop();
    assert_eq!(sender.gateway().get("/corp", &sender.token(json!({}))).status, 200);
}

#[test]
fn with_a_store_the_first_request_after_a_restart_is_refused() {
    let (sender, folder) = (Sender::start(Signer::new("k1")), TempDir::new().unwrap());
    let text = sender.configuration("", &store(folder.path()));
    let gateway = Gateway::start(&text);
    sender.tell(&gateway, &revocation(json!({ "userId": "alice", "applicationId": "orders", "refreshToken": { "id": "s1" } })));
    sender.tell(&gateway, &revocation(json!({ "userId": "bob" })));
    gateway.stop();
    let gateway = Gateway::start(&text);
    let status = |claims| gateway.get("/corp", &sender.token(claims)).status;
    let statuses = [json!({ "sid": "s1" }), json!({ "sub": "bob" }), json!({ "sid": "s2" })].map(status);
    assert_eq!(statuses, [401, 401, 200]);
    assert_eq!(gateway.metric("tollgate_revocations_total", &["origin=\"start\""]), 3.0);
}

#[test]
fn a_second_gateway_on_the_store_follows_within_a_second() {
    let (sender, folder) = (Sender::start(Signer::new("k1")), TempDir::new().unwrap());
    let text = sender.configuration("", &store(folder.path()));
    let (one, two) = (Gateway::start(&text), Gateway::start(&text));
    let token = sender.token(json!({}));
    assert_eq!((one.get("/corp", &token).status, two.get("/corp", &token).status), (200, 200));
    sender.tell(&one, &revocation(json!({ "userId": "alice" })));
    assert_eq!(one.get("/corp", &token).status, 401, "at once");
    let began = std::time::Instant::now();
    until("the other gateway", || two.get("/corp", &token).status == 401);
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    until("its count", || two.metric("tollgate_revocations_total", &["origin=\"log\""]) == 1.0);
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert_eq!(one.metric("tollgate_revocations_total", &["origin=\"log\""]), 0.0, "its own is counted once");
}

/// An issuer may give its users the ids of ours.
#[test]
fn a_user_of_another_party_with_the_id_of_ours_ends_nobody_here() {
    let events = "max_lifetime = \"1h\"\n[issuer.events]\npath = \"/events/corp\"\n";
    let site = AuthoritySite::edited(|text| {
        let last = "scope_claim = \"/scope\"\n";
        text.replacen(last, &format!("{last}{events}"), 1)
    });
    let user = site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    for members in
        [json!({ "userId": user }), json!({ "userId": user, "applicationId": ORDERS }), json!({ "applicationId": ORDERS })]
    {
        let body = revocation(json!({ "createInstant": NOW.millis() + 20_000 }));
        let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
        body["event"].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let body = body.to_string();
        let signature = site.corp_key.token(&super::sender::payload(&body));
        let answer = super::sender::post_signed(site.gateway.admin_address(), "/events/corp", &signature, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(site.visit("/orders", &tokens.access), 200, "{members}");
        assert_eq!(site.refresh(&tokens.refresh).status, 200, "{members}");
        let theirs =
            site.corp_key.token(&json!({ "iss": site.corp.issuer(), "aud": "gateway", "sub": user, "applicationId": ORDERS,
            "iat": NOW.seconds(), "exp": NOW.seconds() + 600 }));
        assert_eq!(site.visit("/corp", &theirs), 401, "{members}");
    }
}

#[test]
fn a_store_that_takes_no_write_has_the_sender_come_again() {
    let (sender, folder) = (Sender::start(Signer::new("k1")), TempDir::new().unwrap());
    let gateway = Gateway::start(&sender.configuration("", &store(folder.path())));
    let body = revocation(json!({ "userId": "alice" }));
    // Whoever holds the write lock keeps all others from writing.
    let blocker = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = sender.send(&gateway, &body);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert_eq!((counted(&gateway, "unavailable"), counted(&gateway, "applied")), (1.0, 0.0));
    blocker.execute_batch("ROLLBACK").unwrap();
    sender.tell(&gateway, &body);
    assert_eq!((counted(&gateway, "duplicate"), counted(&gateway, "applied")), (0.0, 1.0));
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 401);
}
