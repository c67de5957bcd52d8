//! What each operation tells.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{BOTH, REVOKE, site};
use crate::support::authority::*;
use crate::support::{AuthoritySite, Receiver, until};

const HOUR: u64 = 3600;

/// The last of `count` events, when they are there; after it nothing else comes.
#[track_caller]
fn last(receiver: &Receiver, count: usize) -> Value {
    let events = receiver.wait(count);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(receiver.taken().len(), count, "{:#?}", receiver.taken());
    let event = events[count - 1].clone();
    assert_eq!(event["type"], "jwt.refresh-token.revoke");
    assert!(event["id"].as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok()), "{event}");
    event
}

#[track_caller]
fn is_of_single_token(event: &Value, application: &str, user: &str, token: &Tokens) {
    assert_eq!(event["applicationId"], application, "{event}");
    assert_eq!(event["applicationTimeToLiveInSeconds"], json!({ application: HOUR }));
    assert_eq!((&event["userId"], &event["user"]["id"]), (&json!(user), &json!(user)));
    assert_eq!(event["user"].get("password"), None);
    assert_eq!(event["refreshToken"]["id"], token.id);
    assert_eq!(event["refreshToken"]["userId"], user);
    assert_eq!(event["refreshToken"].get("token"), None);
}

#[test]
fn one_refresh_token_by_each_way_to_revoke_it() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    let ways: [&dyn Fn(&Tokens); 3] = [
        &|token| site.revoke(&format!("token={}", token.refresh)),
        &|token| assert_eq!(site.manage(&format!("DELETE /api/jwt/refresh/{}", token.id), None).status, 200),
        &|token| {
            let body = json!({ "refreshToken": token.refresh });
            assert_eq!(site.ask("POST /api/logout", &[], Some(&body)).status, 200);
        },
    ];
    for (index, way) in ways.into_iter().enumerate() {
        let token = site.sign_in("ann", ORDERS);
        let before = site.gateway.clock.now().millis();
        way(&token);
        let event = last(&receiver, index + 1);
        is_of_single_token(&event, ORDERS, &ann, &token);
        assert!(event["createInstant"].as_u64().unwrap() >= before);
    }
}

#[test]
fn a_session_tells_of_each_of_its_refresh_tokens() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    let first = site.sign_in("ann", ORDERS);
    let child = Tokens::of(&site.issue(&first.access, BILLING, Some(&first.refresh)));
    let child = Tokens { id: site.refresh(&child.refresh).json()["refreshTokenId"].as_str().unwrap().to_owned(), ..child };
    site.revoke(&format!("token={}", child.refresh));
    is_of_single_token(&last(&receiver, 1), BILLING, &ann, &child);
    let other = Tokens::of(&site.issue(&first.access, BILLING, Some(&first.refresh)));
    let other = Tokens { id: site.refresh(&other.refresh).json()["refreshTokenId"].as_str().unwrap().to_owned(), ..other };
    site.revoke(&format!("token={}", first.refresh));
    last(&receiver, 3);
    let events = receiver.taken();
    is_of_single_token(&events[1], ORDERS, &ann, &first);
    is_of_single_token(&events[2], BILLING, &ann, &other);
}

#[test]
fn all_of_a_user_in_every_application_and_nothing_where_there_was_none() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    site.revoke(&format!("userId={ann}"));
    site.sign_in("ann", ORDERS);
    site.sign_in("ann", BILLING);
    site.revoke(&format!("userId={ann}"));
    let event = last(&receiver, 1);
    assert_eq!(event.get("applicationId"), None, "{event}");
    assert_eq!(event["applicationTimeToLiveInSeconds"], json!({ ORDERS: HOUR, BILLING: HOUR }));
    assert_eq!((&event["userId"], &event["user"]["email"]), (&json!(ann), &json!("ann@example.com")));
    assert_eq!(event.get("refreshToken"), None);
    site.revoke(&format!("userId={ann}"));
    last(&receiver, 1);
}

#[test]
fn of_a_user_in_one_application_and_of_an_application() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    site.sign_in("ann", ORDERS);
    let in_billing = site.sign_in("ann", BILLING);
    site.revoke(&format!("userId={ann}&applicationId={ORDERS}"));
    let event = last(&receiver, 1);
    assert_eq!((&event["applicationId"], &event["userId"]), (&json!(ORDERS), &json!(ann)));
    assert_eq!(event["applicationTimeToLiveInSeconds"], json!({ ORDERS: HOUR }));
    assert_eq!((event.get("refreshToken"), &event["user"]["id"]), (None, &json!(ann)));
    assert_eq!(site.refresh(&in_billing.refresh).status, 200);
    site.revoke(&format!("applicationId={BILLING}"));
    let event = last(&receiver, 2);
    assert_eq!((&event["applicationId"], event.get("userId"), event.get("user")), (&json!(BILLING), None, None), "{event}");
    assert_eq!(event["applicationTimeToLiveInSeconds"], json!({ BILLING: HOUR }));
    site.revoke(&format!("applicationId={BILLING}"));
    last(&receiver, 2);
}

/// What takes something away from a user.
#[test]
fn deactivation_deletion_a_password_and_a_lost_registration() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    let put = |path: &str, body: Value| {
        let answer = site.manage(&format!("PATCH {path}"), Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    site.sign_in("ann", ORDERS);
    put(&format!("/api/user/{ann}"), json!({ "user": { "password": "another battery staple" } }));
    let event = last(&receiver, 1);
    assert_eq!((event.get("applicationId"), &event["userId"]), (None, &json!(ann)), "{event}");
    put(&format!("/api/user/{ann}"), json!({ "user": { "password": PASSWORD } }));
    site.sign_in("ann", ORDERS);
    site.sign_in("ann", BILLING);
    assert_eq!(site.manage(&format!("DELETE /api/user/registration/{ann}/{BILLING}"), None).status, 200);
    let event = last(&receiver, 2);
    assert_eq!((&event["applicationId"], &event["userId"]), (&json!(BILLING), &json!(ann)), "{event}");
    assert_eq!(site.manage(&format!("DELETE /api/user/{ann}"), None).status, 200);
    let event = last(&receiver, 3);
    assert_eq!((&event["user"]["active"], event.get("applicationId")), (&json!(false), None), "{event}");
    let bob = site.user("bob", &[ORDERS]);
    site.sign_in("bob", ORDERS);
    assert_eq!(site.manage(&format!("DELETE /api/user/{bob}?hardDelete=true"), None).status, 200);
    let event = last(&receiver, 4);
    assert_eq!((&event["userId"], &event["user"]["email"]), (&json!(bob), &json!("bob@example.com")), "{event}");
}

#[test]
fn reuse_of_a_one_time_token() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    let first = site.sign_in("ann", BILLING);
    let second = Tokens::of(&site.refresh(&first.refresh));
    Tokens::of(&site.refresh(&second.refresh));
    site.gateway.clock.advance(Duration::from_secs(61));
    assert_eq!(site.refresh(&first.refresh).status, 401);
    is_of_single_token(&last(&receiver, 1), BILLING, &ann, &second);
}

/// Of one of the user's own sessions that goes on nothing is told.
#[test]
fn a_change_of_password_spares_the_session_that_made_it() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, REVOKE, "");
    let (own, other) = (site.sign_in("ann", ORDERS), site.sign_in("ann", ORDERS));
    let body = json!({ "currentPassword": PASSWORD, "password": "another battery staple", "loginId": "ann@example.com" });
    let answer = site.ask_as(&own.access, "POST /api/user/change-password", Some(&body));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let event = last(&receiver, 1);
    let ended = if site.refresh(&own.refresh).status == 200 { &other } else { panic!("its own session ended") };
    is_of_single_token(&event, ORDERS, &ann, ended);
}

fn refresh_of(site: &AuthoritySite, tokens: &Tokens, beside: &str) -> Tokens {
    let body = json!({ "refreshToken": tokens.refresh, "token": beside });
    Tokens::of(&site.ask("POST /api/jwt/refresh", &[], Some(&body)))
}

#[test]
fn a_refresh_without_and_with_its_tokens() {
    let (bare, full) = (Receiver::start(), Receiver::start());
    let site = AuthoritySite::edited(|text| {
        text + &bare.block(BOTH, "") + &full.block(BOTH, "include_tokens = true").replace("\"hook\"", "\"full\"")
    });
    let ann = site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS]);
    let (first, of_bob) = (site.sign_in("ann", BILLING), site.sign_in("bob", ORDERS));
    let second = refresh_of(&site, &first, &first.access);
    refresh_of(&site, &second, &of_bob.access);
    let (told, with_tokens) = (bare.wait(2), full.wait(2));
    for event in &told {
        assert_eq!((&event["type"], &event["applicationId"]), (&json!("jwt.refresh"), &json!(BILLING)));
        assert_eq!((&event["userId"], &event["info"]["ipAddress"]), (&json!(ann), &json!("127.0.0.1")));
        for member in ["token", "original", "refreshToken"] {
            assert_eq!(event.get(member), None, "{event}");
        }
    }
    assert_eq!((&with_tokens[0]["refreshToken"], &with_tokens[0]["token"]), (&json!(first.refresh), &json!(second.access)));
    assert_eq!(with_tokens[0]["original"], json!(first.access));
    assert_eq!(with_tokens[1].get("original"), None, "another user's is not told");
    assert_eq!(told[0]["id"], with_tokens[0]["id"], "one event");
    site.revoke(&format!("token={}", second.refresh));
    assert_eq!(bare.wait(3)[2]["refreshToken"].get("token"), None);
    assert!(full.wait(3)[2]["refreshToken"]["token"].is_string());
}

/// With tokens the events are secrets themselves; they lie in the store until the receiver takes them.
#[test]
fn no_token_is_in_the_store_while_events_wait() {
    let receiver = Receiver::start();
    receiver.always(crate::support::Manner::Answers(500));
    let (site, _) = site(&receiver, BOTH, "include_tokens = true");
    let first = site.sign_in("ann", BILLING);
    let second = refresh_of(&site, &first, &first.access);
    site.revoke(&format!("token={}", second.refresh));
    until("an attempt", || !receiver.received().is_empty());
    let held = String::from_utf8(receiver.received()[0].body.clone()).unwrap();
    assert!(held.contains(&first.refresh), "the test tests something");
    let mut bytes = std::fs::read(site.store()).unwrap();
    bytes.extend(std::fs::read(format!("{}-wal", site.store().display())).unwrap_or_default());
    let log = site.gateway.log();
    for secret in [&first.refresh, &second.refresh, &first.access, &second.access] {
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!bytes.windows(signature.len()).any(|window| window == signature.as_bytes()), "in the store");
        assert!(!log.contains(signature), "in the log");
    }
}

#[test]
fn the_signature_is_by_a_published_key_over_the_very_body() {
    let receiver = Receiver::start();
    let (site, _) = site(&receiver, REVOKE, "");
    let token = site.sign_in("ann", ORDERS);
    site.revoke(&format!("token={}", token.refresh));
    receiver.wait(1);
    let got = &receiver.received()[0];
    let part = |index: usize| -> Value {
        let part = got.signature.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let published = site.ask("GET /.well-known/tollgate-webhook.json", &[], None).json();
    let keys = published["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == part(0)["kid"]).unwrap();
    assert_eq!((&part(0)["alg"], &key["alg"], key.get("d")), (&json!("ES256"), &json!("ES256"), None));
    assert_eq!(part(1), json!({ "request_body_sha256": STANDARD.encode(digest(&SHA256, &got.body)) }));
    let access = site.ask("GET /.well-known/jwks.json", &[], None).text();
    assert!(!access.contains(key["kid"].as_str().unwrap()), "it is no key of tokens");
    let claims: Value = part(1);
    assert_eq!(site.validate(&got.signature), 401, "nor is a signature a token: {claims}");
}
