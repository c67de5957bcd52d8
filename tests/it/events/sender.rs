//! An identity server that signs tokens and events, and a gateway that has a place for its events.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::support::{Answer, Backend, Gateway, MockIssuer, NOW, Signer, configuration, exchange, route, until};

/// The event of `members` with an id and the instant of the tests' clock, or what the members say of these.
pub fn event(kind: &str, members: Value) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = uuid::Uuid::from_u128(LAST.fetch_add(1, Ordering::Relaxed).into()).to_string();
    let mut event = json!({ "type": kind, "id": id, "createInstant": NOW.millis() });
    let members: Map<String, Value> = serde_json::from_value(members).unwrap();
    event.as_object_mut().unwrap().extend(members);
    json!({ "event": event }).to_string()
}

/// A revocation of what `members` name.
pub fn revocation(members: Value) -> String {
    event("jwt.refresh-token.revoke", members)
}

/// What is signed of a body.
pub fn payload(body: &str) -> Value {
    json!({ "request_body_sha256": STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes())) })
}

/// A signature with a shared secret, whose header names the key in the sender's words.
pub fn signed_with(secret: &[u8], body: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT", "kid": "webhooks" })), part(payload(body)));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// Posts an event with these header lines.
#[track_caller]
pub fn post(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    exchange(to, format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {length}\r\n\r\n{body}"))
}

/// Posts an event with a signature.
#[track_caller]
pub fn post_signed(to: SocketAddr, path: &str, signature: &str, body: &str) -> Answer {
    post(to, path, &[("Content-Type", "application/json"), ("X-FusionAuth-Signature-JWT", signature)], body)
}

/// The identity server `corp` whose events come to `/events/corp`, and another party `other`, each with a route.
pub struct Sender {
    pub issuer: MockIssuer,
    pub other: MockIssuer,
    pub key: Signer,
    pub other_key: Signer,
    pub backend: Backend,
}

impl Sender {
    /// Its keys sign tokens and events both.
    pub fn start(key: Signer) -> Self {
        let other_key = Signer::new("k1");
        let (issuer, other) = (MockIssuer::start("corp", &[&key]), MockIssuer::start("other", &[&other_key]));
        Self { issuer, other, key, other_key, backend: Backend::start() }
    }

    /// The configuration; `events` holds more lines of `[issuer.events]`, `more` comes at its end.
    pub fn configuration(&self, events: &str, more: &str) -> String {
        let routes = route("corp", "/corp", "issuers = [\"corp\"]") + &route("other", "/other", "issuers = [\"other\"]");
        let text = configuration(&[&self.issuer, &self.other], &[&self.backend], &(routes + more));
        let block = self.issuer.block();
        let with =
            format!("{block}max_lifetime = \"1h\"\nleeway = \"30s\"\n[issuer.events]\npath = \"/events/corp\"\n{events}\n");
        text.replacen(&block, &with, 1)
    }

    /// A gateway whose admin listener takes the events.
    #[track_caller]
    pub fn gateway(&self) -> Gateway {
        let gateway = Gateway::start(&self.configuration("", ""));
        // It is ready as soon as any issuer is.
        until("the keys", || gateway.admin("/readyz/corp").status == 200);
        gateway
    }

    /// A token of `corp` with these claims beside or in place of the usual ones.
    pub fn token(&self, claims: Value) -> String {
        signed_token(&self.key, &self.issuer, claims)
    }

    /// As [`Self::token`], of `other`.
    pub fn other_token(&self, claims: Value) -> String {
        signed_token(&self.other_key, &self.other, claims)
    }

    /// What proves that it sent this body.
    pub fn signature(&self, body: &str) -> String {
        self.key.token(&payload(body))
    }

    /// Has the event delivered to the admin listener.
    #[track_caller]
    pub fn send(&self, gateway: &Gateway, body: &str) -> Answer {
        post_signed(gateway.admin_address(), "/events/corp", &self.signature(body), body)
    }

    /// As [`Self::send`], which must be taken.
    #[track_caller]
    pub fn tell(&self, gateway: &Gateway, body: &str) {
        let answer = self.send(gateway, body);
        assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{body}");
    }
}

fn signed_token(key: &Signer, issuer: &MockIssuer, claims: Value) -> String {
    let mut all = Signer::claims(&issuer.issuer(), "alice");
    let claims: Map<String, Value> = serde_json::from_value(claims).unwrap();
    all.as_object_mut().unwrap().extend(claims);
    key.token(&all)
}

/// The number of events of `corp` that came to this end.
#[track_caller]
pub fn counted(gateway: &Gateway, result: &str) -> f64 {
    let labels = ["issuer=\"corp\"", &format!("result=\"{result}\"")];
    gateway.metric("tollgate_webhook_events_received_total", &labels)
}
