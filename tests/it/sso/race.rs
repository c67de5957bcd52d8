//! Tokens that are made while the news of a revocation is on its way.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::claims;
use crate::support::authority::*;
use crate::support::{AuthoritySite, exchange};

type End = fn(&AuthoritySite, &Tokens, &str);

/// How something is ended, and whether tokens that are refreshed end with it.
const ENDS: [(&str, End, bool); 5] = [
    ("session", |site, tokens, _| site.revoke(&format!("token={}", tokens.refresh)), true),
    ("user", |site, _, user| site.revoke(&format!("userId={user}")), true),
    ("application", |site, _, _| site.revoke(&format!("applicationId={ORDERS}")), true),
    ("deactivation", deactivate, true),
    ("token", revoke_access_token, false),
];

fn deactivate(site: &AuthoritySite, _: &Tokens, user: &str) {
    assert_eq!(site.manage(&format!("DELETE /api/user/{user}"), None).status, 200);
}

fn revoke_access_token(site: &AuthoritySite, tokens: &Tokens, _: &str) {
    let body = format!("token={}", tokens.access);
    let head = format!("POST /oauth2/revoke HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    let answer = exchange(site.0, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// One more token of `tokens`' session, while there is one to be had.
fn make(site: &AuthoritySite, tokens: &Tokens, round: usize, with_refresh: bool) -> Option<String> {
    let answer = match round % 3 {
        0 => site.issue(&tokens.access, BILLING, None),
        1 if with_refresh => site.refresh(&tokens.refresh),
        _ => {
            site.visit("/billing", &tokens.access);
            return None;
        }
    };
    if answer.status == 200 { answer.json()["token"].as_str().map(str::to_owned) } else { None }
}

#[test]
fn nothing_exchanged_or_refreshed_while_a_revocation_is_made_outlives_it() {
    for (scope, end, with_refresh) in ENDS {
        let site = AuthoritySite::with("[[route]]\nname = \"billing\"\n", "authorization = \"exchanged\"");
        let user = site.user("ann", &[ORDERS, BILLING, KIOSK]);
        site.user("bob", &[ORDERS, BILLING, KIOSK]);
        let (tokens, bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", KIOSK));
        assert_eq!(site.visit("/billing", &bob.access), 200);
        let (made, stop) = (Mutex::new(vec![tokens.access.clone()]), AtomicBool::new(false));
        let is_enough = |count: usize| made.lock().unwrap().len() >= count;
        std::thread::scope(|threads| {
            for worker in 0..4 {
                let (site, tokens, made, stop) = (&site, &tokens, &made, &stop);
                threads.spawn(move || {
                    for round in (worker..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                        made.lock().unwrap().extend(make(site, tokens, round, with_refresh));
                    }
                });
            }
            crate::support::until("tokens", || is_enough(20));
            end(&site, &tokens, &user);
            stop.store(true, Ordering::Relaxed);
        });
        let made = made.into_inner().unwrap();
        for token in &made {
            for path in ["/orders", "/billing", "/kiosk"] {
                assert_eq!(site.visit(path, token), 401, "{scope}, of {} made: {path}", made.len());
            }
            assert_eq!(site.validate(token), 401, "{scope}");
        }
        // What backends were given is dead as well, and another's is not.
        for given in site.backend.received().iter().filter_map(|request| request.header("authorization")) {
            let token = given.strip_prefix("Bearer ").unwrap();
            let expected = if claims(token)["sub"] == *user { 401 } else { 200 };
            assert_eq!(site.validate(token), expected, "{scope}");
        }
        assert_eq!((site.visit("/billing", &bob.access), site.visit("/kiosk", &bob.access)), (200, 200), "{scope}");
    }
}
