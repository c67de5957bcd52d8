//! Guessing passwords.

use std::sync::Barrier;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::*;
use crate::support::{Answer, AuthoritySite};

const ATTEMPTS: usize = 3;

fn site() -> AuthoritySite {
    let site = AuthoritySite::with(&format!("issuer = \"{ISSUER}\"\n"), &format!("login_attempts = {ATTEMPTS}"));
    site.user("ann", &[ORDERS, KIOSK]);
    site
}

fn body(name: &str, password: &str, address: &str) -> Value {
    let mut body = login_body(name, Some(ORDERS), password);
    body["ipAddress"] = json!(address);
    body
}

fn guess(site: &AuthoritySite, name: &str, password: &str, address: &str) -> Answer {
    site.manage("POST /api/login", Some(&body(name, password, address)))
}

/// Without what differs between any two answers.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let own = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.to_lowercase().as_str()));
    (answer.status, headers.cloned().collect(), answer.text())
}

#[test]
fn flood_against_an_account_waits_and_its_owner_gets_in_from_elsewhere() {
    let site = site();
    for _ in 0..ATTEMPTS {
        assert_eq!(guess(&site, "ann", "wrong", "192.0.2.1").status, 404);
    }
    for password in ["wrong", PASSWORD] {
        let refused = guess(&site, "ann", password, "192.0.2.1");
        assert_eq!(refused.status, 429);
        assert!(refused.text().contains("[tooManyAttempts]"), "{}", refused.text());
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=20 * 60).contains(&wait), "{wait}");
    }
    assert_eq!(guess(&site, "ANN", PASSWORD, "192.0.2.1").status, 429, "in other letters");
    assert_eq!(guess(&site, "ann", PASSWORD, "::ffff:192.0.2.1").status, 429, "in another form");
    assert_eq!(guess(&site, "ann", PASSWORD, "192.0.2.2").status, 200);
    let wait: u64 = guess(&site, "ann", "wrong", "192.0.2.1").header("retry-after").unwrap().parse().unwrap();
    site.gateway.clock.advance(Duration::from_secs(wait));
    assert_eq!(guess(&site, "ann", PASSWORD, "192.0.2.1").status, 200, "after as long as was said");
}

#[test]
fn unknown_account_is_told_and_counted_as_a_known_one() {
    let site = site();
    for round in 0..ATTEMPTS + 2 {
        let known = told(&guess(&site, "ann", "wrong", "192.0.2.1"));
        let unknown = told(&guess(&site, "nobody", "wrong", "192.0.2.2"));
        assert_eq!(known, unknown, "round {round}");
        assert_eq!(known.0, if round < ATTEMPTS { 404 } else { 429 });
    }
}

#[test]
fn thousand_guesses_at_once_get_no_further_than_one_after_another() {
    let site = site();
    const MANY: usize = 24;
    let barrier = Barrier::new(MANY);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..MANY)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    guess(&site, "ann", "wrong", "192.0.2.1").status
                })
            })
            .collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), ATTEMPTS, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), MANY - ATTEMPTS, "{statuses:?}");
}

#[test]
fn address_in_the_body_counts_only_where_a_key_vouches_for_it() {
    let site = site();
    let from = |last: u8, password: &str, address: &str| {
        let mut body = body("ann", password, address);
        body["applicationId"] = json!(KIOSK);
        site.connection_from(last).exchange(ApiClient::request("POST /api/login", &[], Some(&body))).status
    };
    for at in 0..ATTEMPTS {
        assert_eq!(from(2, "wrong", &format!("192.0.2.{at}")), 404);
    }
    assert_eq!(from(2, PASSWORD, "192.0.2.99"), 429);
    assert_eq!(from(3, PASSWORD, "192.0.2.1"), 200, "the owner, from another address");
}

#[test]
fn change_of_password_is_no_way_around() {
    let site = site();
    let change = |password: &str| {
        let body = json!({ "loginId": "ann@example.com", "currentPassword": password, "password": "another long password" });
        site.manage("POST /api/user/change-password", Some(&body)).status
    };
    for _ in 0..ATTEMPTS {
        assert_eq!(change("wrong"), 404);
    }
    assert_eq!(change(PASSWORD), 429);
}
