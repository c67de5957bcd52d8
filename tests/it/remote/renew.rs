//! A browser's expired access token is renewed by the remote while its request waits.

use std::time::Duration;

use super::{RemoteSite, SHOP, cookies};
use crate::support::authority::*;
use crate::support::{Browser, exchange_at_once};

const HOUR: Duration = Duration::from_secs(3620);

fn expired(application: &str) -> (RemoteSite, Browser) {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let browser = site.browser("ann", application);
    site.advance(HOUR);
    (site, browser)
}

fn both() -> Vec<String> {
    vec!["access_token".to_owned(), "refresh_token".to_owned()]
}

#[test]
fn sixty_four_requests_at_once_with_one_expired_cookie_are_one_refresh() {
    for (application, name) in [(ORDERS, "orders"), (BILLING, "billing")] {
        for is_absent in [false, true] {
            let (site, mut browser) = expired(application);
            if is_absent {
                browser.lose("access_token");
            }
            let asked = ["/orders", "/billing"].repeat(32).into_iter().map(|path| browser.request("GET", SHOP, path, ""));
            let answers = exchange_at_once(site.front.plain(), &asked.collect::<Vec<_>>());
            assert_eq!((site.issued(name, "refresh"), site.calls("refresh")), (1.0, 1.0), "{name}");
            for answer in &answers {
                assert_eq!((answer.status, cookies(answer).0), (200, both()), "{}", answer.text());
                assert_eq!(set_cookies(answer), set_cookies(&answers[0]), "all have the same new ones");
            }
            browser.take(SHOP, "/orders", &answers[0]);
            assert_eq!(browser.get(SHOP, "/billing").status, 200);
            assert_eq!(site.issued(name, "refresh"), 1.0);
        }
    }
}

#[test]
fn a_session_that_has_ended_is_not_renewed_and_both_cookies_go() {
    let (site, mut browser) = expired(ORDERS);
    site.revoke(&format!("applicationId={ORDERS}"));
    let answer = browser.get(SHOP, "/orders");
    assert_eq!((answer.status, cookies(&answer)), (401, (vec![], both())));
    assert_eq!(browser.cookie("refresh_token"), "");
}

#[test]
fn a_planted_refresh_token_of_another_user_signs_nobody_in() {
    for is_absent in [false, true] {
        let (site, mut browser) = expired(ORDERS);
        site.user("mallory", &[ORDERS]);
        let planted = site.sign_in("mallory", ORDERS);
        if is_absent {
            browser.lose("access_token");
        } else {
            browser.lose("refresh_token");
        }
        browser.plant(SHOP, "refresh_token", &planted.refresh);
        site.backend.forget();
        let answer = crate::support::exchange(site.front.plain(), browser.request("GET", SHOP, "/orders", ""));
        assert_eq!((answer.status, answer.reason().as_str()), (401, "conflicting_cookies"), "{is_absent}");
        assert_eq!(cookies(&answer).1, both());
        assert!(site.backend.received().is_empty());
    }
}

#[test]
fn one_good_refresh_token_among_bad_ones_renews() {
    let (site, mut browser) = expired(ORDERS);
    browser.plant(SHOP, "refresh_token", "stale");
    let answer = crate::support::exchange(site.front.plain(), browser.request("GET", SHOP, "/orders", ""));
    assert_eq!((answer.status, cookies(&answer).0), (200, both()), "{}", answer.text());
}

#[test]
fn a_token_in_a_header_is_never_renewed() {
    let (site, browser) = expired(ORDERS);
    let lines = format!(
        "Authorization: Bearer {}\r\nCookie: refresh_token={}\r\n",
        browser.cookie("access_token"),
        browser.cookie("refresh_token")
    );
    let answer = crate::support::exchange(site.front.plain(), format!("GET /orders HTTP/1.1\r\nHost: {SHOP}\r\n{lines}\r\n"));
    assert_eq!((answer.status, set_cookies(&answer).len()), (401, 0));
    assert_eq!(site.calls("refresh"), 0.0);
}
