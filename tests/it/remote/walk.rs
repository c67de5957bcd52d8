//! One sign-in, three applications, by cookie and by header, with all that is issued issued elsewhere.

use std::time::Duration;

use super::{RemoteSite, SHOP};
use crate::support::authority::*;
use crate::support::{exchange, exchange_at_once};

const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "c.example.com"];

fn site() -> RemoteSite {
    RemoteSite::edited(|text| text.replacen("[authority]\n", "[authority]\naccess_token_lifetime = \"10m\"\n", 1))
}

#[test]
fn one_sign_in_walks_three_applications_over_expiries_and_rotations_in_parallel_tabs() {
    for (application, name) in [(ORDERS, "orders"), (BILLING, "billing"), (KIOSK, "kiosk")] {
        let site = site();
        let id = site.user("ann", &[ORDERS, BILLING, KIOSK]);
        let mut browser = site.browser("ann", application);
        for round in 0..8 {
            let hosts = HOSTS.into_iter().cycle().take(6);
            let tabs: Vec<String> = hosts.clone().map(|host| browser.request("GET", host, "/x", "")).collect();
            for (host, answer) in hosts.zip(exchange_at_once(site.front.plain(), &tabs)) {
                assert_eq!(answer.status, 200, "{name}, round {round}: {host}: {}", answer.text());
                assert!(answer.text().contains(&id), "the backend is told who it is");
                browser.take(host, "/x", &answer);
            }
            site.advance(Duration::from_secs(240));
        }
        // Thirty-two minutes of tokens that live for ten.
        let refreshes = site.issued(name, "refresh");
        assert!((2.0..=3.0).contains(&refreshes), "{name}: {refreshes}");
        assert_eq!(site.remote.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 0.0);
    }
}

#[test]
fn one_sign_in_walks_three_applications_by_header() {
    let site = site();
    site.user("robot", &[ORDERS, BILLING, KIOSK]);
    let mut tokens = site.sign_in("robot", BILLING);
    for _ in 0..3 {
        for host in HOSTS {
            let request = format!("GET /x HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n", tokens.access);
            let answer = exchange(site.front.plain(), request);
            assert_eq!((answer.status, set_cookies(&answer).len()), (200, 0), "{host}: {}", answer.text());
        }
        site.advance(Duration::from_secs(620));
        assert_eq!(site.call("/orders", &tokens.access), 401, "a machine refreshes for itself");
        tokens = Tokens::of(&site.refresh(&tokens.refresh));
    }
}

#[test]
fn an_exchange_is_the_remotes_to_allow_and_is_asked_for_once() {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS, BILLING, VAULT, NOTES]);
    let tokens = site.sign_in("ann", BILLING);
    for _ in 0..5 {
        assert_eq!(site.call("/orders", &tokens.access), 200);
        assert_eq!(site.call("/billing", &tokens.access), 200);
    }
    assert_eq!((site.calls("issue"), site.calls("validate")), (1.0, 0.0), "its own application's token is good as it is");
    for closed in ["/vault", "/notes"] {
        let answer = site.get(closed, &tokens.access);
        assert_eq!((answer.status, answer.reason().as_str()), (401, "invalid_token"), "{closed}");
    }
    let stranger = site.get("/kiosk", &tokens.access);
    assert_eq!(stranger.status, 403, "not registered there: {}", stranger.text());
}

#[test]
fn the_backend_gets_the_exchanged_token_and_no_other() {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", ORDERS);
    assert_eq!(site.call("/given", &tokens.access), 200);
    let received = site.backend.received().pop().unwrap();
    let given = received.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    assert_ne!(given, tokens.access);
    assert_eq!(site.validate(given), 200);
    assert_eq!(received.header("host"), Some(SHOP));
}

#[test]
fn after_a_minute_the_remote_is_asked_whether_an_exchange_still_holds() {
    let site = RemoteSite::start();
    let id = site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", BILLING);
    assert_eq!(site.call("/orders", &tokens.access), 200);
    site.advance(Duration::from_secs(61));
    assert_eq!(site.call("/orders", &tokens.access), 200);
    assert_eq!((site.calls("issue"), site.calls("validate")), (1.0, 1.0));
    site.advance(Duration::from_secs(1));
    let path = format!("DELETE /api/user/registration/{id}/{ORDERS}");
    assert_eq!(site.manage(&path, None).status, 200);
    assert_eq!(site.call("/orders", &tokens.access), 200, "no event told it");
    site.advance(Duration::from_secs(60));
    for _ in 0..3 {
        assert_ne!(site.call("/orders", &tokens.access), 200);
    }
}
