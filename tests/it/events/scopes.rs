//! What each kind of revocation ends, and all that it does not.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Sender, revocation};
use crate::support::{Gateway, NOW, Signer};

/// Tokens by what they say, each asked twice before: the second time it is remembered.
struct Tokens<'a> {
    sender: &'a Sender,
    gateway: &'a Gateway,
    all: Vec<(&'static str, String, &'static str)>,
}

impl<'a> Tokens<'a> {
    #[track_caller]
    fn of(sender: &'a Sender, gateway: &'a Gateway) -> Self {
        let token = |claims: Value| sender.token(claims);
        let all = vec![
            ("orders", token(json!({ "applicationId": "orders", "sid": "s1" })), "/corp"),
            ("second session", token(json!({ "applicationId": "orders", "sid": "s2" })), "/corp"),
            ("derived", token(json!({ "applicationId": "orders", "derived_from": ["s1"] })), "/corp"),
            ("billing", token(json!({ "applicationId": "billing", "sid": "s3" })), "/corp"),
            ("no application", token(json!({ "sid": "s4" })), "/corp"),
            ("bob", token(json!({ "sub": "bob", "applicationId": "orders", "sid": "s5" })), "/corp"),
            ("later", token(json!({ "applicationId": "orders", "sid": "s6", "iat": NOW.seconds() + 1 })), "/corp"),
            (
                "earlier",
                token(json!({ "applicationId": "orders", "sid": "s7", "iat": NOW.seconds() - 100, "exp": NOW.seconds() + 3000 })),
                "/corp",
            ),
            ("undated", token(json!({ "applicationId": "orders", "sid": "s8", "iat": null })), "/corp"),
            (
                "another party's",
                sender.other_token(json!({ "applicationId": "orders", "sid": "s1", "derived_from": "s1" })),
                "/other",
            ),
        ];
        let undated = sender.key.token(&without(Signer::claims(&sender.issuer.issuer(), "alice"), "iat"));
        let all: Vec<_> =
            all.into_iter().map(|(name, it, at)| (name, if name == "undated" { undated.clone() } else { it }, at)).collect();
        let tokens = Self { sender, gateway, all };
        tokens.are_dead(&[]);
        tokens.are_dead(&[]);
        tokens
    }

    /// Has `body` sent; at the very next request exactly these are dead.
    #[track_caller]
    fn end(&self, body: &str, dead: &[&str]) {
        self.sender.tell(self.gateway, body);
        self.are_dead(dead);
    }

    #[track_caller]
    fn are_dead(&self, dead: &[&str]) {
        for (name, token, path) in &self.all {
            let expected = if dead.contains(name) { 401 } else { 200 };
            assert_eq!(self.gateway.get(path, token).status, expected, "{name}");
        }
    }
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[track_caller]
fn ends(members: Value, dead: &[&str]) {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    Tokens::of(&sender, &gateway).end(&revocation(members), dead);
}

#[test]
fn a_single_refresh_token_ends_its_session_and_what_came_from_it() {
    let members = json!({ "applicationId": "orders", "userId": "alice", "user": { "id": "alice" },
        "applicationTimeToLiveInSeconds": { "orders": 300 }, "refreshToken": { "id": "s1", "token": "secret", "userId": "alice" } });
    ends(members, &["orders", "derived"]);
}

#[test]
fn a_user_ends_in_every_application() {
    let dead = ["orders", "second session", "derived", "billing", "no application", "earlier", "undated"];
    ends(json!({ "userId": "alice", "applicationTimeToLiveInSeconds": { "orders": 300, "billing": 60 } }), &dead);
    ends(json!({ "userId": "alice", "applicationTimeToLiveInSeconds": {} }), &dead);
}

#[test]
fn a_user_in_one_application_ends_there() {
    let members = json!({ "applicationId": "orders", "userId": "alice", "applicationTimeToLiveInSeconds": { "orders": 300 } });
    ends(members, &["orders", "second session", "derived", "earlier"]);
}

#[test]
fn an_application_ends_for_all_its_users() {
    let members = json!({ "applicationId": "orders", "applicationTimeToLiveInSeconds": { "orders": 300 } });
    ends(members, &["orders", "second session", "derived", "bob", "earlier"]);
}

#[test]
fn what_is_signed_and_cannot_be_read_ends_nothing_and_says_why() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let tokens = Tokens::of(&sender, &gateway);
    for (body, why) in [
        (revocation(json!({ "applicationId": "orders", "user": {} })), "`event.user.id` is missing\n"),
        (revocation(json!({ "userId": "alice", "createInstant": null })), "`event.createInstant` is missing\n"),
        (revocation(json!({})), "the revocation names no refresh token, no user and no application\n"),
        ("[]".to_owned(), "the body cannot be read: it is not one JSON object in UTF-8\n"),
    ] {
        let answer = sender.send(&gateway, &body);
        assert_eq!((answer.status, answer.text().as_str()), (400, why), "{body}");
    }
    tokens.are_dead(&[]);
    assert_eq!(super::sender::counted(&gateway, "refused"), 4.0);
}

#[test]
fn the_second_of_the_event_counts_as_before_and_the_next_does_not() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    gateway.clock.advance(Duration::from_secs(10));
    let token = |after: u64| sender.token(json!({ "iat": NOW.seconds() + after, "exp": NOW.seconds() + 3000 }));
    let (same, next) = (token(5), token(6));
    sender.tell(&gateway, &revocation(json!({ "userId": "alice", "createInstant": NOW.millis() + 5_001 })));
    assert_eq!((gateway.get("/corp", &same).status, gateway.get("/corp", &next).status), (401, 200));
}

#[test]
fn an_event_of_a_clock_ahead_reaches_the_tokens_of_that_clock_and_no_further() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let token = |ahead: u64| sender.token(json!({ "iat": NOW.seconds() + ahead, "exp": NOW.seconds() + 3000 }));
    let (ahead, tolerated) = (token(20), token(30));
    sender.tell(&gateway, &revocation(json!({ "userId": "alice", "createInstant": NOW.millis() + 20_500 })));
    assert_eq!((gateway.get("/corp", &ahead).status, gateway.get("/corp", &tolerated).status), (401, 200));
    sender.tell(&gateway, &revocation(json!({ "userId": "alice", "createInstant": NOW.millis() + 300_000 })));
    assert_eq!(gateway.get("/corp", &tolerated).status, 401);
    // Kept, it could be told anew after every sign-in.
    sender.tell(&gateway, &revocation(json!({ "userId": "bob", "createInstant": NOW.millis() * 2 })));
    let bob = sender.token(json!({ "sub": "bob", "iat": NOW.seconds(), "exp": NOW.seconds() + 3000 }));
    assert_eq!(gateway.get("/corp", &bob).status, 200);
    gateway.clock.advance(Duration::from_secs(31));
    assert_eq!(gateway.get("/corp", &token(31)).status, 200, "a signer's clock that is wrong closes nobody out for ever");
}

#[test]
fn an_entry_lasts_until_the_last_token_is_over() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    let longest = sender.token(json!({ "exp": NOW.seconds() + 3600 }));
    sender.tell(&gateway, &revocation(json!({ "userId": "alice" })));
    gateway.clock.advance(Duration::from_secs(3629));
    let answer = gateway.get("/corp", &longest);
    assert_eq!((answer.status, gateway.metric("tollgate_revocation_rejections_total", &["scope=\"user\""])), (401, 1.0));
    gateway.clock.advance(Duration::from_secs(2));
    assert_eq!(sender.send(&gateway, &revocation(json!({ "userId": "alice" }))).status, 200);
    assert_eq!(super::sender::counted(&gateway, "ignored"), 1.0, "of no account any more");
}

/// RFC 7519 section 4.1.3: an audience may be a list.
#[test]
fn an_application_among_several_audiences_is_ended_too() {
    for scope in [json!({ "applicationId": "app1" }), json!({ "applicationId": "app1", "userId": "alice" })] {
        let sender = Sender::start(Signer::new("k1"));
        let gateway = sender.gateway();
        let token = |audience: Value| sender.token(json!({ "aud": audience, "exp": NOW.seconds() + 3000 }));
        let audience = Signer::claims("x", "alice")["aud"].clone();
        let (with, without) = (token(json!([audience, "app1"])), token(json!([audience, "app2"])));
        sender.tell(&gateway, &revocation(scope.clone()));
        assert_eq!((gateway.get("/corp", &with).status, gateway.get("/corp", &without).status), (401, 200), "{scope}");
    }
}
