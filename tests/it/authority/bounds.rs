//! What one request may leave behind.

use std::time::Duration;

use serde_json::json;
use tollgate::clock::Clock;
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{Change, Digest, RefreshToken, Session, Store};
use uuid::Uuid;

use crate::support::AuthoritySite;
use crate::support::authority::*;

#[test]
fn what_a_sign_in_says_of_its_device_is_bounded() {
    let site = AuthoritySite::start();
    site.user("ann", &[KIOSK]);
    let sign_in = |member: &str, value: serde_json::Value| {
        let mut body = login_body("ann", Some(KIOSK), PASSWORD);
        body[member] = value;
        site.ask("POST /api/login", &[], Some(&body))
    };
    assert_eq!(sign_in("device", json!("x".repeat(255))).status, 200);
    assert_eq!(sign_in("metaData", json!({ "a": "x".repeat(4096 - 8) })).status, 200);
    for (member, value, code) in [
        ("device", json!("x".repeat(256)), "[tooLong]device"),
        ("metaData", json!({ "device": { "name": "x".repeat(256) } }), "[tooLong]metaData"),
        ("metaData", json!({ "a": "x".repeat(4096 - 7) }), "[tooLong]metaData"),
    ] {
        let answer = sign_in(member, value);
        assert_eq!((answer.status, answer.text().contains(code)), (400, true), "{code}: {}", answer.text());
    }
    let agent = "x".repeat(4000);
    let answer = site.ask("POST /api/login", &[("User-Agent", &agent)], Some(&login_body("ann", Some(KIOSK), PASSWORD)));
    assert_eq!(answer.status, 200);
}

/// Adds to the store of a gateway that is stopped.
fn add(site: &AuthoritySite, changes: Vec<Change>) {
    let store = SqliteStore::open(&site.store(), &Clock::manual(site.gateway.clock.now())).unwrap().store;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(changes)).unwrap();
}

#[test]
fn the_thousandth_and_first_session_of_a_user_ends_the_oldest_with_its_tokens() {
    let site = AuthoritySite::start();
    let ann: Uuid = site.user("ann", &[ORDERS]).parse().unwrap();
    site.user("bob", &[ORDERS]);
    let (first, of_bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
    site.gateway.clock.advance(Duration::from_millis(1));
    let site = site.restarted(|site| {
        let signed_in = site.gateway.clock.now();
        let session = |number| Session {
            id: Uuid::from_u128(number),
            user: ann,
            application: None,
            authentication_type: "PASSWORD".into(),
            signed_in,
        };
        let renewable = |number| {
            let session = session(number);
            let token = RefreshToken {
                id: session.id,
                session: session.id,
                user: ann,
                application: ORDERS.parse().unwrap(),
                parent: None,
                digest: Digest::of(&number.to_string()),
                sealed: Vec::new(),
                start: signed_in,
                inserted: signed_in,
                device: None,
                meta_data: serde_json::Map::new(),
                version: 0,
            };
            [Change::AddSession(session), Change::AddRefreshToken(token)]
        };
        add(site, (0..998).flat_map(renewable).collect());
    });
    let second = site.sign_in("ann", ORDERS);
    assert_eq!((site.validate(&first.access), site.refresh(&first.refresh).status), (200, 200), "a thousand");
    site.gateway.clock.advance(Duration::from_millis(1));
    let third = site.sign_in("ann", ORDERS);
    site.is_dead(&first.access, "the oldest of a thousand and one");
    assert_eq!(site.refresh(&first.refresh).status, 401);
    for tokens in [&second, &third, &of_bob] {
        assert_eq!((site.validate(&tokens.access), site.refresh(&tokens.refresh).status), (200, 200));
    }
}

#[test]
fn the_thousandth_and_first_exchanged_refresh_token_ends_the_oldest_with_what_was_refreshed_from_it() {
    let site = AuthoritySite::start();
    let ann: Uuid = site.user("ann", &[ORDERS, KIOSK]).parse().unwrap();
    let session = site.sign_in("ann", ORDERS);
    let exchange = |site: &AuthoritySite| Tokens::of(&site.issue(&session.access, KIOSK, Some(&session.refresh)));
    let first = Tokens::of(&site.refresh(&exchange(&site).refresh));
    site.gateway.clock.advance(Duration::from_millis(1));
    let site = site.restarted(|site| {
        let now = site.gateway.clock.now();
        let parent: Uuid = session.id.parse().unwrap();
        let token = |number: u128| RefreshToken {
            id: Uuid::from_u128(number),
            session: parent,
            user: ann,
            application: KIOSK.parse().unwrap(),
            parent: Some(parent),
            digest: Digest::of(&number.to_string()),
            sealed: Vec::new(),
            start: now,
            inserted: now,
            device: None,
            meta_data: serde_json::Map::new(),
            version: 0,
        };
        add(site, (0..998).map(|number| Change::AddRefreshToken(token(number))).collect());
    });
    let second = exchange(&site);
    assert_eq!((site.validate(&first.access), site.refresh(&first.refresh).status), (200, 200), "a thousand");
    site.gateway.clock.advance(Duration::from_millis(1));
    let third = exchange(&site);
    site.is_dead(&first.access, "refreshed from the oldest of a thousand and one");
    assert_eq!(site.refresh(&first.refresh).status, 401);
    for tokens in [&session, &second, &third] {
        assert_eq!((site.validate(&tokens.access), site.refresh(&tokens.refresh).status), (200, 200));
    }
}
