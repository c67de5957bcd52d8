//! Whose keys sign: the issuer's, others, a secret; and what happens while they are out of reach.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;

use super::sender::{counted, payload, post_signed, signed_with};
use super::{Sender, revocation};
use crate::support::{Algorithm, Gateway, MockIssuer, Serves, Signer, until};

const SECRET: &[u8] = b"a secret for webhooks, of 32 bytes or more";

#[track_caller]
fn is_dead(sender: &Sender, gateway: &Gateway) {
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 401);
}

#[test]
fn every_algorithm_of_the_issuers_keys_signs() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let sender = Sender::start(Signer::with("k1", algorithm));
        let gateway = sender.gateway();
        sender.tell(&gateway, &revocation(json!({ "userId": "alice" })));
        is_dead(&sender, &gateway);
    }
}

#[test]
fn keys_of_its_own_sign_and_those_of_tokens_do_not() {
    let sender = Sender::start(Signer::new("k1"));
    let hooks = Signer::with("hooks", Algorithm::RS256);
    let webhooks = MockIssuer::start("webhooks", &[&hooks]);
    let gateway = Gateway::start(&sender.configuration(&format!("jwks_url = \"{}\"", webhooks.url()), ""));
    let body = revocation(json!({ "userId": "alice" }));
    assert_eq!(sender.send(&gateway, &body).status, 401, "the tokens' key");
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 200);
    let signature = hooks.token(&payload(&body));
    assert_eq!(post_signed(gateway.admin_address(), "/events/corp", &signature, &body).status, 200);
    is_dead(&sender, &gateway);
    let token = hooks.token(&Signer::claims(&sender.issuer.issuer(), "bob"));
    assert_eq!(gateway.get("/corp", &token).status, 401, "and the events' key makes no token");
}

#[test]
fn a_secret_of_its_own_signs_whatever_the_sender_calls_it() {
    let sender = Sender::start(Signer::new("k1"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hooks.secret");
    fs::write(&file, SECRET).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let gateway = Gateway::start(&sender.configuration(&format!("secret_file = \"{}\"", file.display()), ""));
    let body = revocation(json!({ "userId": "alice" }));
    let post = |signature: &str| post_signed(gateway.admin_address(), "/events/corp", signature, &body).status;
    assert_eq!(post(&signed_with(b"another secret, of 32 bytes or more still", &body)), 401);
    assert_eq!(post(&sender.signature(&body)), 401, "a public key beside it");
    assert_eq!(post(&signed_with(SECRET, &body)), 200);
    is_dead(&sender, &gateway);
}

#[test]
fn a_key_that_is_new_is_fetched() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let fresh = Signer::new("k2");
    sender.issuer.publish(&[&sender.key, &fresh]);
    let body = revocation(json!({ "userId": "alice" }));
    assert_eq!(post_signed(gateway.admin_address(), "/events/corp", &fresh.token(&payload(&body)), &body).status, 200);
    is_dead(&sender, &gateway);
}

#[test]
fn keys_out_of_reach_have_the_sender_come_again() {
    let sender = Sender::start(Signer::new("k1"));
    let hooks = Signer::new("hooks");
    let webhooks = MockIssuer::start("webhooks", &[&hooks]);
    webhooks.now(Serves::Status(500));
    let text = sender.configuration(&format!("jwks_url = \"{}\"", webhooks.url()), "");
    let gateway = Gateway::start(&text);
    let body = revocation(json!({ "userId": "alice" }));
    let post = || post_signed(gateway.admin_address(), "/events/corp", &hooks.token(&payload(&body)), &body);
    let answer = post();
    assert_eq!((answer.status, answer.text().as_str()), (503, ""));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(counted(&gateway, "unavailable") >= 1.0);
    webhooks.publish(&[&hooks]);
    until("the keys", || {
        gateway.clock.advance(Duration::from_secs(5));
        post().status == 200
    });
    assert_eq!(counted(&gateway, "duplicate"), 0.0);
}

#[test]
fn other_keys_are_in_force_after_a_reload() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let hooks = Signer::new("hooks");
    fs::write(gateway.folder().join("hooks.pem"), hooks.public_pem()).unwrap();
    gateway.reload(&sender.configuration("public_key_files = { hooks = \"hooks.pem\" }", "")).unwrap();
    let body = revocation(json!({ "userId": "alice" }));
    assert_eq!(sender.send(&gateway, &body).status, 401);
    assert_eq!(post_signed(gateway.admin_address(), "/events/corp", &hooks.token(&payload(&body)), &body).status, 200);
    is_dead(&sender, &gateway);
    let none = sender.configuration("", "").replace("[issuer.events]\npath = \"/events/corp\"\n", "");
    gateway.reload(&none).unwrap();
    assert_eq!(sender.send(&gateway, &body).status, 405, "the place is gone");
    is_dead(&sender, &gateway);
}
