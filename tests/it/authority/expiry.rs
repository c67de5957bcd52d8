//! When refresh tokens end: fixed, sliding, sliding with a maximum; and what a client may shorten.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::support::authority::*;
use crate::support::{AuthoritySite, NOW, until};

const MOMENT: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);

fn with(lines: &str) -> (AuthoritySite, Tokens) {
    let site = AuthoritySite::with("name = \"orders\"\n", lines);
    site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    (site, tokens)
}

#[test]
fn fixed_lifetime_counts_from_the_sign_in_however_often_it_is_used() {
    let (site, tokens) = with("refresh_token_lifetime = \"10d\"");
    for _ in 0..2 {
        site.gateway.clock.advance(DAY * 5);
        assert_eq!(site.refresh(&tokens.refresh).status, 200, "its last instant counts");
    }
    site.gateway.clock.advance(MOMENT);
    let answer = site.refresh(&tokens.refresh);
    assert_eq!((answer.status, answer.text().contains("[invalid]refreshToken")), (401, true));
}

#[test]
fn sliding_lifetime_counts_from_the_latest_use() {
    let (site, tokens) = with("refresh_token_lifetime = \"10d\"\nrefresh_token_expiration = \"sliding\"");
    for _ in 0..20 {
        site.gateway.clock.advance(DAY * 10);
        assert_eq!(site.refresh(&tokens.refresh).status, 200);
    }
    site.gateway.clock.advance(DAY * 10 + MOMENT);
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
}

#[test]
fn maximum_of_a_sliding_lifetime_is_not_moved_by_use() {
    let (site, tokens) = with(
        "refresh_token_lifetime = \"10d\"\nrefresh_token_expiration = \"sliding-with-maximum\"\n\
         refresh_token_maximum_lifetime = \"25d\"",
    );
    let idle = site.sign_in("ann", ORDERS);
    for advance in [DAY * 9, DAY * 9, DAY * 7] {
        site.gateway.clock.advance(advance);
        assert_eq!(site.refresh(&tokens.refresh).status, 200);
    }
    assert_eq!(site.refresh(&idle.refresh).status, 401, "not used for longer than the lifetime");
    site.gateway.clock.advance(MOMENT);
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
}

#[test]
fn one_time_and_sliding_go_together() {
    let (site, mut tokens) =
        with("refresh_token_usage = \"one-time\"\nrefresh_token_lifetime = \"10d\"\nrefresh_token_expiration = \"sliding\"");
    for _ in 0..3 {
        site.gateway.clock.advance(DAY * 10);
        tokens = Tokens::of(&site.refresh(&tokens.refresh));
    }
    site.gateway.clock.advance(DAY * 10 + MOMENT);
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn client_may_shorten_the_next_access_token_and_not_lengthen_it() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let tokens = site.sign_in("ann", BILLING);
    let ask = |value: &str, seconds: Value| {
        let body = json!({ "refreshToken": value, "timeToLiveInSeconds": seconds });
        site.ask("POST /api/jwt/refresh", &[], Some(&body))
    };
    for wrong in [json!(3601), json!(0), json!(-1), json!("10"), json!(1.5), json!(1_000_000_000_000_u64)] {
        let answer = ask(&tokens.refresh, wrong.clone());
        assert_eq!((answer.status, answer.text().contains("timeToLiveInSeconds")), (400, true), "{wrong}: {}", answer.text());
    }
    let renewed = Tokens::of(&ask(&tokens.refresh, json!(10)));
    assert_ne!(renewed.refresh, tokens.refresh, "a refused request used nothing");
    assert_eq!(claims(&renewed.access)["exp"], NOW.seconds() + 10);
    assert_eq!(claims(&Tokens::of(&ask(&renewed.refresh, json!(3600))).access)["exp"], NOW.seconds() + 3600);
    site.gateway.clock.advance(Duration::from_secs(9));
    assert_eq!(site.visit("/billing", &renewed.access), 200);
    site.gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(site.visit("/billing", &renewed.access), 401);
    site.is_dead(&renewed.access, "expired");
}

#[test]
fn swept_tokens_are_gone_and_others_are_not() {
    let (site, tokens) = with("refresh_token_lifetime = \"10d\"");
    site.user("bob", &[ORDERS, BILLING]);
    let longer = site.sign_in("bob", BILLING);
    site.gateway.clock.advance(DAY * 10 + MOMENT);
    let fresh = site.sign_in("ann", ORDERS);
    let site = site.restarted(|_| {});
    let listed = |id: &str| site.manage(&format!("GET /api/jwt/refresh/{id}"), None).status;
    until("the sweep", || listed(&tokens.id) == 404);
    assert_eq!((listed(&longer.id), listed(&fresh.id)), (200, 200));
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
    assert_eq!(site.manage(&format!("DELETE /api/jwt/refresh?token={}", tokens.refresh), None).status, 404);
    assert_eq!((site.refresh(&longer.refresh).status, site.refresh(&fresh.refresh).status), (200, 200));
    let sessions = "SELECT count(*) FROM session";
    let count = || Database::open(site.store()).unwrap().query_row(sessions, [], |row| row.get::<_, i64>(0)).unwrap();
    until("the session's end", || count() == 2);
}

#[test]
fn a_chain_of_refresh_tokens_made_at_exchanges_ends_with_the_maximum_of_the_sign_in() {
    let lifetimes = r#"refresh_token_expiration = "sliding-with-maximum"
refresh_token_lifetime = "1h"
refresh_token_maximum_lifetime = "3h"
access_token_lifetime = "2h"
"#;
    let id = format!("id = \"{ORDERS}\"\n");
    let site = AuthoritySite::edited(|text| text.replace(&id, &format!("{id}{lifetimes}")));
    site.user("ann", &[ORDERS]);
    let mut tokens = site.sign_in("ann", ORDERS);
    for _ in 0..3 {
        site.gateway.clock.advance(Duration::from_secs(55 * 60));
        let renewed = Tokens::of(&site.refresh(&tokens.refresh));
        let child = Tokens::of(&site.issue(&renewed.access, ORDERS, Some(&tokens.refresh)));
        assert_ne!(child.refresh, "");
        tokens = child;
    }
    site.gateway.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
}
