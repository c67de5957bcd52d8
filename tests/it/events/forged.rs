//! What an attacker sends to a place for events.

use serde_json::json;

use super::sender::{counted, payload, post, post_signed, signed_with};
use super::{Sender, revocation};
use crate::support::{Gateway, Signer, exchange, get};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const SIGNATURE: &str = "X-FusionAuth-Signature-JWT";

#[track_caller]
fn is_alive(sender: &Sender, gateway: &Gateway, about: &str) {
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 200, "{about}");
}

#[test]
fn nobody_else_can_sign() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let body = revocation(json!({ "userId": "alice" }));
    let good = sender.signature(&body);
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let unsigned = "eyJhbGciOiJub25lIn0";
    let token = sender.token(json!({ "request_body_sha256": payload(&body)["request_body_sha256"] }));
    let public = String::from_utf8(sender.key.public_pem().into_bytes()).unwrap();
    let cases = [
        ("another party's key of the same id", sender.other_key.token(&payload(&body))),
        ("another body", sender.signature(&body.replace("alice", "alicf"))),
        ("no signature", format!("{unsigned}.{claims}.")),
        ("an empty signature", format!("{head}.{claims}.")),
        ("another header", format!("{unsigned}.{claims}.{signature}")),
        ("the public key as the secret", signed_with(public.as_bytes(), &body)),
        ("a token for somebody", token),
        ("an unknown key", Signer::new("nobody").token(&payload(&body))),
        ("nothing", String::new()),
        ("noise", "a.b.c".to_owned()),
    ];
    for (about, signature) in cases {
        let answer = post_signed(gateway.admin_address(), "/events/corp", &signature, &body);
        assert_eq!((answer.status, answer.text().as_str()), (401, ""), "{about}");
        assert_eq!(answer.header("www-authenticate"), None, "{about}");
        is_alive(&sender, &gateway, about);
    }
    assert_eq!((counted(&gateway, "refused"), counted(&gateway, "applied")), (10.0, 0.0));
}

#[test]
fn a_body_that_was_changed_on_its_way_is_not_believed() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let body = revocation(json!({ "userId": "bob" }));
    let signature = sender.signature(&body);
    for changed in [body.replace("bob", "alice"), format!("{body} "), body.replace(':', ": "), String::new()] {
        assert_eq!(post_signed(gateway.admin_address(), "/events/corp", &signature, &changed).status, 401, "{changed}");
    }
    is_alive(&sender, &gateway, "changed");
}

#[test]
fn an_event_of_one_party_is_none_of_another() {
    let sender = Sender::start(Signer::new("k1"));
    let other = format!("{}max_lifetime = \"1h\"\n[issuer.events]\npath = \"/events/other\"\n", sender.other.block());
    let text = sender.configuration("", "").replacen(&sender.other.block(), &other, 1);
    let gateway = Gateway::start(&text);
    let body = revocation(json!({ "userId": "alice" }));
    let admin = gateway.admin_address();
    assert_eq!(post_signed(admin, "/events/other", &sender.signature(&body), &body).status, 401);
    let (corp, theirs) = (sender.token(json!({})), sender.other_token(json!({})));
    assert_eq!((gateway.get("/corp", &corp).status, gateway.get("/other", &theirs).status), (200, 200));
    assert_eq!(post_signed(admin, "/events/other", &sender.other_key.token(&payload(&body)), &body).status, 200);
    assert_eq!((gateway.get("/corp", &corp).status, gateway.get("/other", &theirs).status), (200, 401));
}

#[test]
fn a_request_must_be_one_of_its_kind() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let (admin, body) = (gateway.admin_address(), revocation(json!({ "userId": "alice" })));
    let signature = sender.signature(&body);
    let status = |headers: &[(&str, &str)]| post(admin, "/events/corp", headers, &body).status;
    assert_eq!(status(&[JSON]), 401, "unsigned");
    assert_eq!(status(&[JSON, (SIGNATURE, &signature), (SIGNATURE, &signature)]), 400, "two signatures");
    assert_eq!(status(&[(SIGNATURE, &signature)]), 415, "no type");
    assert_eq!(status(&[("Content-Type", "text/plain"), (SIGNATURE, &signature)]), 415, "what any page may send");
    let read = get(admin, "/events/corp", &[]);
    assert_eq!((read.status, read.header("allow")), (405, Some("POST")));
    for path in ["/events/corp/", "/events/corp/x", "/events", "/events/corp%2f", "/EVENTS/corp"] {
        assert_ne!(post_signed(admin, path, &signature, &body).status, 200, "{path}");
    }
    is_alive(&sender, &gateway, "all");
    assert_eq!(status(&[("Content-Type", "application/json; charset=utf-8"), (SIGNATURE, &signature)]), 200);
}

#[test]
fn a_huge_body_is_not_read() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let large = |bytes: usize| {
        let body = revocation(json!({ "userId": "alice", "info": { "data": "x".repeat(bytes) } }));
        post_signed(gateway.admin_address(), "/events/corp", &sender.signature(&body), &body).status
    };
    assert_eq!((large(256 * 1024), large(1 << 20)), (413, 413));
    is_alive(&sender, &gateway, "too large");
    assert_eq!(large(200 * 1024), 200);
    let endless =
        "POST /events/corp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n";
    assert_eq!(exchange(gateway.admin_address(), endless).status, 401, "unsigned is answered before it has come");
}

#[test]
fn what_is_forged_causes_no_flood_of_fetches() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let (before, body) = (sender.issuer.fetches(), revocation(json!({ "userId": "alice" })));
    for number in 0..50 {
        let stranger = Signer::new(&format!("k-{number}")).token(&payload(&body));
        assert_eq!(post_signed(gateway.admin_address(), "/events/corp", &stranger, &body).status, 401);
    }
    assert!(sender.issuer.fetches() <= before + 1, "{}", sender.issuer.fetches());
}

#[test]
fn neither_logs_nor_metrics_hold_what_an_event_says() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let secret = "a-name-that-nobody-else-has";
    sender.tell(&gateway, &revocation(json!({ "userId": secret, "refreshToken": { "id": secret, "token": secret } })));
    assert!(!gateway.log().contains(secret) && !gateway.admin("/metrics").text().contains(secret));
    assert!(!gateway.admin("/status").text().contains(secret));
}
