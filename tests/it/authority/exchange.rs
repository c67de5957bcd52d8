//! Single sign-on: which application is entered from where, and whose refresh token gets a child.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::AuthoritySite;
use crate::support::authority::*;

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn listed_application_is_entered_from_the_list_and_not_by_way_of_it() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING, VAULT, NOTES]);
    let orders = site.sign_in("ann", ORDERS).access;
    let billing = site.sign_in("ann", BILLING).access;
    let vault = Tokens::of(&site.issue(&orders, VAULT, None)).access;
    assert_eq!(site.visit("/vault", &vault), 200);
    assert_eq!(site.issue(&billing, VAULT, None).status, 401);
    let by_way = Tokens::of(&site.issue(&billing, ORDERS, None)).access;
    assert_eq!(site.issue(&by_way, VAULT, None).status, 401, "the sign-in was to billing");
    for token in [&orders, &billing, &vault] {
        assert_eq!(site.issue(token, NOTES, None).status, 401);
    }
    let notes = site.sign_in("ann", NOTES).access;
    assert_eq!(site.issue(&notes, NOTES, None).status, 200, "from itself");
    let unknown = site.issue(&orders, "3c219e58-ed0e-4b18-ad48-f4f92793aeff", None);
    assert_eq!((unknown.status, unknown.text().contains("[invalid]applicationId")), (400, true));
    assert_eq!(site.issue(&orders, "bad-id", None).status, 400);
}

#[test]
fn exchange_keeps_session_sign_in_and_end() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let first = site.sign_in("ann", ORDERS);
    site.gateway.clock.advance(Duration::from_secs(1800));
    let exchanged = Tokens::of(&site.issue(&first.access, BILLING, Some(&first.refresh)));
    let (from, to) = (claims(&first.access), claims(&exchanged.access));
    for same in ["sid", "auth_time", "exp", "sub"] {
        assert_eq!(from[same], to[same], "{same}");
    }
    assert_eq!((&to["aud"], to["authenticationType"].as_str()), (&BILLING.into(), Some("JWT_SSO")));
    // The child expires when its parent does, a month after the sign-in, not after the exchange.
    site.gateway.clock.advance(Duration::from_secs(30 * 86_400 - 1800));
    let child = Tokens::of(&site.refresh(&exchanged.refresh));
    site.gateway.clock.advance(Duration::from_millis(1));
    assert_eq!(site.refresh(&child.refresh).status, 401);
    assert_eq!(site.refresh(&first.refresh).status, 401);
}

#[test]
fn refresh_token_of_another_session_or_user_gives_none_and_is_left_alone() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS, BILLING]);
    let own = site.sign_in("ann", BILLING);
    let (another, theirs) = (site.sign_in("ann", BILLING), site.sign_in("bob", BILLING));
    for value in [&another.refresh, &theirs.refresh, "undefined", "null", "garbage", ALL, &own.access] {
        let answer = site.issue(&own.access, ORDERS, Some(value));
        assert_eq!(answer.status, 200);
        assert!(answer.json().get("refreshToken").is_none(), "{value}: {}", answer.text());
    }
    // The same as a cookie, which beats the query.
    for value in [&another.refresh, &theirs.refresh] {
        let line = format!("GET /api/jwt/issue?applicationId={ORDERS}&refreshToken={}", own.refresh);
        let headers = [("Authorization", &*format!("Bearer {}", own.access)), ("Cookie", &*format!("refresh_token={value}"))];
        let answer = site.ask(&line, &headers, None);
        assert_eq!((answer.status, answer.json().get("refreshToken")), (200, None));
    }
    // Untouched: each still is the current value, whose use replaces it.
    for tokens in [&another, &theirs, &own] {
        let renewed = Tokens::of(&site.refresh(&tokens.refresh));
        assert_eq!((&renewed.id, renewed.refresh != tokens.refresh), (&tokens.id, true));
        assert_eq!(site.validate(&tokens.access), 200);
    }
    // One that was replaced is none either, and no reuse: nothing ends.
    assert_eq!(site.issue(&own.access, ORDERS, Some(&own.refresh)).json().get("refreshToken"), None);
    assert_eq!(site.validate(&own.access), 200);
}

#[test]
fn refresh_tokens_that_expire_differently_give_no_child() {
    let site = AuthoritySite::with("name = \"vault\"\n", "refresh_token_expiration = \"sliding\"");
    site.user("ann", &[ORDERS, BILLING, VAULT]);
    let tokens = site.sign_in("ann", ORDERS);
    assert_eq!(Tokens::of(&site.issue(&tokens.access, VAULT, Some(&tokens.refresh))).refresh, "");
    assert_ne!(Tokens::of(&site.issue(&tokens.access, BILLING, Some(&tokens.refresh))).refresh, "");
    site.gateway.clock.advance(Duration::from_secs(3600));
    assert_eq!(site.issue(&tokens.access, BILLING, Some(&tokens.refresh)).status, 401, "expired");
}

#[test]
fn child_ends_with_its_session() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", ORDERS);
    let child = Tokens::of(&site.issue(&tokens.access, BILLING, Some(&tokens.refresh)));
    let grandchild = Tokens::of(&site.issue(&child.access, ORDERS, Some(&child.refresh)));
    site.revoke(&format!("token={}", tokens.refresh));
    for tokens in [child, grandchild] {
        assert_eq!(site.refresh(&tokens.refresh).status, 401);
        site.is_dead(&tokens.access, "child");
    }
}

#[test]
fn parameter_given_twice_is_400_and_every_sign_in_has_a_session_of_its_own() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let (one, other) = (site.sign_in("ann", ORDERS), site.sign_in("ann", ORDERS));
    for query in [
        format!("applicationId={ORDERS}&applicationId={BILLING}"),
        format!("applicationId={ORDERS}&refreshToken=a&refreshToken=b"),
    ] {
        assert_eq!(site.ask_as(&one.access, &format!("GET /api/jwt/issue?{query}"), None).status, 400, "{query}");
    }
    let cookies = format!("access_token={}; refresh_token={}", one.access, one.refresh);
    let headers = [("Authorization", ALL), ("Cookie", &*cookies)];
    let third = Tokens::of(&site.ask("POST /api/login", &headers, Some(&login_body("ann", Some(ORDERS), PASSWORD))));
    let sessions: std::collections::BTreeSet<String> =
        [&one, &other, &third].into_iter().map(|tokens| claims(&tokens.access)["sid"].to_string()).collect();
    assert_eq!(sessions.len(), 3, "none is taken over from a cookie");
}

#[test]
fn a_session_is_named_by_its_refresh_token_and_an_exchanged_one_has_an_id_of_its_own() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let first = site.sign_in("ann", ORDERS);
    let exchanged = Tokens::of(&site.issue(&first.access, BILLING, Some(&first.refresh)));
    let renewed = Tokens::of(&site.refresh(&exchanged.refresh));
    for token in [&first.access, &exchanged.access, &renewed.access] {
        assert_eq!(claims(token)["sid"], first.id.as_str());
    }
    assert_ne!(renewed.id, first.id);
    assert_eq!(claims(&renewed.access)["derived_from"], json!([first.id, renewed.id]));
}
