//! A revocation reaches everything it is about, at once and after a new start, and nothing else.

use std::time::Duration;

use serde_json::json;

use crate::support::AuthoritySite;
use crate::support::authority::*;

/// Everything that stems from one sign-in of `ann` to `orders`.
struct Family {
    first: Tokens,
    refreshed: Tokens,
    exchanged: Tokens,
    /// Refreshed from the refresh token that the exchange gave.
    of_child: Tokens,
}

impl Family {
    fn of(site: &AuthoritySite) -> Self {
        let first = site.sign_in("ann", ORDERS);
        let refreshed = Tokens::of(&site.refresh(&first.refresh));
        let exchanged = Tokens::of(&site.issue(&refreshed.access, BILLING, Some(&first.refresh)));
        let of_child = Tokens::of(&site.refresh(&exchanged.refresh));
        Self { first, refreshed, exchanged, of_child }
    }

    fn accesses(&self) -> [(&str, &str); 4] {
        let Self { first, refreshed, exchanged, of_child } = self;
        [
            (&first.access, "/orders"),
            (&refreshed.access, "/orders"),
            (&exchanged.access, "/billing"),
            (&of_child.access, "/billing"),
        ]
    }

    #[track_caller]
    fn is_alive(&self, site: &AuthoritySite) {
        for (token, path) in self.accesses() {
            assert_eq!((site.visit(path, token), site.validate(token)), (200, 200), "{path}");
            assert!(site.is_active(token), "{path}");
        }
        assert_eq!(site.refresh(&self.first.refresh).status, 200);
    }

    #[track_caller]
    fn is_dead(&self, site: &AuthoritySite) {
        for (token, path) in self.accesses() {
            assert_eq!(site.visit(path, token), 401, "{path}");
            site.is_dead(token, path);
        }
        for value in [&self.first.refresh, &self.exchanged.refresh, &self.of_child.refresh] {
            assert_eq!(site.refresh(value).status, 401);
        }
    }
}

#[test]
fn revoked_session_is_dead_everywhere_with_all_that_came_of_it_and_no_other_is() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let (ended, other) = (Family::of(&site), Family::of(&site));
    // Remembered as good by now.
    ended.is_alive(&site);
    site.revoke(&format!("token={}", ended.first.refresh));
    ended.is_dead(&site);
    other.is_alive(&site);
    let site = site.restarted(|_| {});
    ended.is_dead(&site);
    other.is_alive(&site);
}

#[test]
fn revoked_child_ends_alone_with_what_was_refreshed_from_it() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let family = Family::of(&site);
    site.revoke(&format!("token={}", family.of_child.refresh));
    site.is_dead(&family.of_child.access, "child");
    assert_eq!(site.refresh(&family.of_child.refresh).status, 401);
    for token in [&family.first.access, &family.refreshed.access] {
        assert_eq!((site.visit("/orders", token), site.validate(token)), (200, 200));
    }
    assert_eq!(site.refresh(&family.first.refresh).status, 200);
}

#[test]
fn refresh_token_is_revoked_by_id_and_by_a_value_that_it_once_had() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let (by_id, by_old_value) = (site.sign_in("ann", BILLING), site.sign_in("ann", BILLING));
    let answer = site.manage(&format!("DELETE /api/jwt/refresh/{}", by_id.id), None);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    site.is_dead(&by_id.access, "by id");
    let renewed = Tokens::of(&site.refresh(&by_old_value.refresh));
    site.revoke(&format!("token={}", by_old_value.refresh));
    site.is_dead(&renewed.access, "by the former value");
    assert_eq!(site.refresh(&renewed.refresh).status, 401);
    for line in [format!("DELETE /api/jwt/refresh/{}", by_id.id), "DELETE /api/jwt/refresh?token=unknown".into()] {
        assert_eq!(site.manage(&line, None).status, 404, "{line}");
    }
}

#[test]
fn user_user_in_application_and_application_end_what_they_say() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS, BILLING]);
    let all = || {
        let sign_in =
            |name, application| (site.sign_in(name, application), if application == ORDERS { "/orders" } else { "/billing" });
        [sign_in("ann", ORDERS), sign_in("ann", BILLING), sign_in("bob", ORDERS), sign_in("bob", BILLING)]
    };
    let cases = [
        (format!("userId={ann}"), [false, false, true, true]),
        (format!("userId={ann}&applicationId={BILLING}"), [true, false, true, true]),
        (format!("applicationId={BILLING}"), [true, false, true, false]),
    ];
    for (query, lives) in cases {
        let tokens = all();
        site.revoke(&query);
        for ((tokens, path), lives) in tokens.iter().zip(lives) {
            let expected = if lives { 200 } else { 401 };
            assert_eq!(site.visit(path, &tokens.access), expected, "{query} {path}");
            assert_eq!(site.validate(&tokens.access), expected, "{query} {path}");
            assert_eq!(site.refresh(&tokens.refresh).status, expected, "{query} {path}");
        }
        // A new sign-in in the very millisecond is a new one.
        for (tokens, path) in all() {
            assert_eq!(site.visit(path, &tokens.access), 200, "{query} {path}");
            assert_eq!(site.refresh(&tokens.refresh).status, 200, "{query} {path}");
        }
    }
}

#[test]
fn revoked_application_stays_closed_to_older_sessions_through_exchange_as_long_as_they_live() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let before = site.sign_in("ann", ORDERS);
    let through = Tokens::of(&site.issue(&before.access, BILLING, Some(&before.refresh)));
    site.revoke(&format!("applicationId={BILLING}"));
    site.is_dead(&through.access, "exchanged before");
    assert_eq!(site.visit("/orders", &before.access), 200);
    assert_eq!(site.issue(&before.access, BILLING, None).status, 401);
    // New sign-ins, in the same millisecond and a millisecond later.
    let new = site.sign_in("ann", BILLING);
    assert_eq!(site.visit("/billing", &new.access), 200);
    site.gateway.clock.advance(Duration::from_millis(1));
    let elsewhere = site.sign_in("ann", ORDERS);
    let exchanged = Tokens::of(&site.issue(&elsewhere.access, BILLING, Some(&elsewhere.refresh)));
    assert_eq!(site.visit("/billing", &exchanged.access), 200);
    assert_eq!(site.refresh(&exchanged.refresh).status, 200);
    // The entry of the table ends when no token of then can be alive; the closing does not, and survives a new start.
    site.gateway.clock.advance(Duration::from_secs(20 * 86_400));
    let site = site.restarted(|_| {});
    let renewed = Tokens::of(&site.refresh(&before.refresh));
    assert_eq!(site.issue(&renewed.access, BILLING, Some(&before.refresh)).status, 401);
    assert_eq!(site.issue(&renewed.access, ORDERS, None).status, 200);
}

#[test]
fn owner_revokes_own_refresh_tokens_and_learns_nothing_of_others() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS]);
    let bob = site.user("bob", &[ORDERS]);
    let (mine, another, theirs) = (site.sign_in("ann", ORDERS), site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
    let queries = [
        format!("?token={}", theirs.refresh),
        format!("/{}", theirs.id),
        format!("?userId={bob}"),
        format!("?userId={ann}"),
        format!("?applicationId={ORDERS}"),
        "?token=unknown".to_owned(),
    ];
    for query in queries {
        let answer = site.ask_as(&mine.access, &format!("DELETE /api/jwt/refresh{query}"), None);
        assert_eq!((answer.status, answer.text().as_str()), (404, ""), "{query}");
    }
    assert_eq!(site.ask_as(&mine.access, "DELETE /api/jwt/refresh", None).status, 400, "never all");
    assert_eq!(site.manage("DELETE /api/jwt/refresh", None).status, 400, "never all");
    assert_eq!(site.refresh(&theirs.refresh).status, 200);
    assert_eq!(site.ask_as(&mine.access, &format!("DELETE /api/jwt/refresh/{}", another.id), None).status, 200);
    site.is_dead(&another.access, "another session");
    assert_eq!(site.validate(&mine.access), 200);
    assert_eq!(site.ask_as(&mine.access, &format!("DELETE /api/jwt/refresh?token={}", mine.refresh), None).status, 200);
    site.is_dead(&mine.access, "own session");
}

#[test]
fn logout_ends_the_session_that_is_named_or_all_and_says_200_in_any_case() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    site.user("bob", &[ORDERS]);
    let [one, two, three] = [(); 3].map(|()| site.sign_in("ann", ORDERS));
    let bob = site.sign_in("bob", ORDERS);
    for body in [json!({ "refreshToken": "unknown" }), json!({ "global": true }), json!({})] {
        assert_eq!(site.ask("POST /api/logout", &[], Some(&body)).status, 200);
    }
    assert_eq!(site.ask("POST /api/logout", &[], Some(&json!({ "refreshToken": one.refresh }))).status, 200);
    site.is_dead(&one.access, "logged out");
    assert_eq!((site.validate(&two.access), site.validate(&three.access)), (200, 200));
    let line = format!("POST /api/logout?global=true&refreshToken={}", two.refresh);
    assert_eq!(site.ask(&line, &[("Content-Type", "text/plain")], None).status, 200);
    site.is_dead(&two.access, "everywhere");
    site.is_dead(&three.access, "everywhere");
    assert_eq!(site.visit("/orders", &bob.access), 200);
}

/// A chain of exchanges, each on the strength of the refresh token of the one before: access tokens made by the exchange and
/// by a refresh afterwards.
fn chain(site: &AuthoritySite, first: &Tokens, applications: &[&str]) -> Vec<(Tokens, Tokens)> {
    let mut links: Vec<(Tokens, Tokens)> = Vec::new();
    for application in applications {
        let last = links.last().map_or(first, |(_, refreshed)| refreshed);
        let exchanged = Tokens::of(&site.issue(&last.access, application, Some(&last.refresh)));
        let refreshed = Tokens::of(&site.refresh(&exchanged.refresh));
        links.push((exchanged, refreshed));
    }
    links
}

#[track_caller]
fn all_are(site: &AuthoritySite, links: &[(Tokens, Tokens)], expected: u16) {
    for (number, (exchanged, refreshed)) in links.iter().enumerate() {
        assert_eq!((site.validate(&exchanged.access), site.validate(&refreshed.access)), (expected, expected), "link {number}");
        assert_eq!(site.refresh(&refreshed.refresh).status, expected, "link {number}");
    }
}

#[test]
fn what_was_exchanged_from_sessions_of_a_revoked_application_ends_with_them() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS, BILLING, KIOSK]);
    let unregister = format!("DELETE /api/user/registration/{ann}/{ORDERS}");
    let lines = [
        format!("DELETE /api/jwt/refresh?applicationId={ORDERS}"),
        format!("DELETE /api/jwt/refresh?applicationId={ORDERS}&userId={ann}"),
        unregister.clone(),
    ];
    for line in lines {
        let (ended, other) = (site.sign_in("ann", ORDERS), site.sign_in("ann", BILLING));
        let (of_ended, of_other) = (chain(&site, &ended, &[BILLING, KIOSK]), chain(&site, &other, &[KIOSK]));
        all_are(&site, &of_ended, 200);
        assert_eq!(site.manage(&line, None).status, 200, "{line}");
        all_are(&site, &of_ended, 401);
        all_are(&site, &of_other, 200);
        assert_eq!(site.validate(&other.access), 200, "{line}");
        if line == unregister {
            site.register(&ann, ORDERS, None);
        }
        let anew = site.sign_in("ann", ORDERS);
        all_are(&site, &chain(&site, &anew, &[BILLING]), 200);
    }
}

#[test]
fn what_came_through_a_revoked_application_ends_and_what_it_came_from_goes_on() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS, BILLING, KIOSK]);
    for query in [format!("applicationId={BILLING}"), format!("applicationId={BILLING}&userId={ann}")] {
        let first = site.sign_in("ann", ORDERS);
        let beside = chain(&site, &first, &[KIOSK]);
        let links = chain(&site, &first, &[BILLING, KIOSK, ORDERS]);
        let by_token_alone = Tokens::of(&site.issue(&links[0].0.access, KIOSK, None));
        site.revoke(&query);
        all_are(&site, &links, 401);
        assert_eq!(site.validate(&by_token_alone.access), 401);
        all_are(&site, &beside, 200);
        assert_eq!((site.validate(&first.access), site.refresh(&first.refresh).status), (200, 200));
        site.gateway.clock.advance(Duration::from_millis(1));
    }
}

#[test]
fn a_lost_role_leaves_what_was_exchanged_for_another_application() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[BILLING]);
    site.register(&ann, ORDERS, Some(&["admin", "user"]));
    let first = site.sign_in("ann", ORDERS);
    let links = chain(&site, &first, &[BILLING]);
    let body = json!({ "registration": { "applicationId": ORDERS, "roles": ["user"] } });
    assert_eq!(site.manage(&format!("PUT /api/user/registration/{ann}/{ORDERS}"), Some(&body)).status, 200);
    assert_eq!(site.validate(&first.access), 401);
    all_are(&site, &links, 200);
}

#[test]
fn a_revoked_child_ends_all_that_was_made_from_it_however_far() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING, KIOSK]);
    let first = site.sign_in("ann", ORDERS);
    let links = chain(&site, &first, &[BILLING, KIOSK, ORDERS, KIOSK]);
    all_are(&site, &links, 200);
    site.revoke(&format!("token={}", links[1].1.refresh));
    all_are(&site, &links[2..], 401);
    site.is_dead(&links[1].1.access, "refreshed from it");
    // Made beside it, not from it.
    assert_eq!((site.validate(&links[1].0.access), site.validate(&links[0].1.access)), (200, 200));
    assert_eq!(site.refresh(&first.refresh).status, 200);
}

#[test]
fn a_chain_of_exchanges_has_an_end() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, KIOSK]);
    let mut last = site.sign_in("ann", ORDERS);
    for round in 0..40 {
        let application = if round % 2 == 0 { KIOSK } else { ORDERS };
        let answer = site.issue(&last.access, application, Some(&last.refresh));
        let is_over = answer.status == 401 || answer.json().get("refreshToken").is_none();
        if is_over {
            assert!((5..20).contains(&round), "{round}");
            return;
        }
        last = Tokens::of(&site.refresh(&Tokens::of(&answer).refresh));
    }
    panic!("no end");
}
