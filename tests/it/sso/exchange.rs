//! A token for one application at the routes of others.

use std::sync::Barrier;
use std::time::Duration;

use serde_json::json;

use super::{claims, given, issued, told};
use crate::support::AuthoritySite;
use crate::support::authority::*;

const EXCHANGED: &str = "authorization = \"exchanged\"";

fn with_exchanged() -> AuthoritySite {
    AuthoritySite::with("[[route]]\nname = \"billing\"\n", EXCHANGED)
}

#[test]
fn token_for_one_application_enters_those_that_its_user_may_use_and_no_other() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING, VAULT, NOTES, LEGACY]);
    let expected = [
        // `vault` takes those from `orders` alone, `notes` and `legacy` none.
        (ORDERS, [("/orders", 200), ("/billing", 200), ("/vault", 200), ("/notes", 401), ("/legacy", 401), ("/kiosk", 403)]),
        (BILLING, [("/orders", 200), ("/billing", 200), ("/vault", 401), ("/notes", 401), ("/legacy", 401), ("/kiosk", 403)]),
        (NOTES, [("/orders", 200), ("/billing", 200), ("/vault", 401), ("/notes", 200), ("/legacy", 401), ("/kiosk", 403)]),
        (LEGACY, [("/orders", 401), ("/billing", 401), ("/vault", 401), ("/notes", 401), ("/legacy", 200), ("/kiosk", 401)]),
    ];
    for (application, routes) in expected {
        let token = site.sign_in("ann", application).access;
        for (path, status) in routes {
            assert_eq!(site.visit(path, &token), status, "{application} at {path}");
            assert_eq!(site.visit(path, &token), status, "{application} at {path} again");
        }
        for path in ["/corp", "/vended"] {
            assert_eq!(site.visit(path, &token), 401, "{path}");
        }
    }
}

#[test]
fn backend_is_told_the_roles_of_its_own_application_and_gets_no_token_unless_the_route_says() {
    let site = AuthoritySite::start();
    let id = site.user("ann", &[BILLING]);
    site.register(&id, ORDERS, Some(&["admin"]));
    let token = site.sign_in("ann", BILLING).access;
    assert_eq!(site.visit("/billing", &token), 200);
    assert_eq!((told(&site, "x-forwarded-groups"), given(&site)), (None, None));
    assert_eq!(site.visit("/orders", &token), 200);
    assert_eq!(told(&site, "x-forwarded-groups").as_deref(), Some("admin"));
    assert_eq!((told(&site, "x-forwarded-user"), given(&site)), (Some(id), None));
}

#[test]
fn exchanged_token_is_for_the_application_ends_with_the_presented_one_and_says_that_it_is_for_a_backend() {
    let site = with_exchanged();
    site.user("ann", &[ORDERS, BILLING]);
    for application in [ORDERS, BILLING] {
        let token = site.sign_in("ann", application).access;
        site.gateway.clock.advance(Duration::from_secs(60));
        assert_eq!(site.visit("/billing", &token), 200);
        let exchanged = given(&site).unwrap();
        let (from, to) = (claims(&token), claims(&exchanged));
        assert_ne!(exchanged, token);
        assert_eq!((&to["aud"], &to["applicationId"], &to["use"]), (&json!(BILLING), &json!(BILLING), &json!("backend")));
        for same in ["exp", "sub", "sid", "auth_time", "iss"] {
            assert_eq!(to[same], from[same], "{same}");
        }
        assert_eq!((&to["authenticationType"], &to["derived_from"]), (&json!("JWT_SSO"), &json!([from["jti"]])));
        // A backend that leaks it has leaked no credential of the API, and none that enters another application.
        site.is_no_credential(&exchanged, "exchanged");
        assert_eq!(site.validate(&exchanged), 200);
        assert_eq!((site.visit("/orders", &exchanged), site.visit("/vault", &exchanged)), (401, 401));
    }
}

#[test]
fn presented_token_is_passed_on_where_the_route_says_so() {
    let site = AuthoritySite::with("[[route]]\nname = \"billing\"\n", "authorization = \"presented\"");
    site.user("ann", &[ORDERS, BILLING]);
    let token = site.sign_in("ann", ORDERS).access;
    assert_eq!((site.visit("/billing", &token), given(&site)), (200, Some(token)));
}

#[test]
fn user_who_is_not_registered_has_no_roles_and_enters_where_the_route_allows_it() {
    let allows = "require = { any = [{ registered = true }, { registered = false }] }";
    let site = AuthoritySite::with("[[route]]\nname = \"orders\"\n", allows);
    let id = site.user("ann", &[BILLING]);
    let token = site.sign_in("ann", BILLING).access;
    assert_eq!(site.visit("/orders", &token), 200);
    assert_eq!((told(&site, "x-forwarded-user"), told(&site, "x-forwarded-groups")), (Some(id), None));
    assert_eq!(site.visit("/kiosk", &token), 403, "by default a route asks for a registration");
}

#[test]
fn token_without_an_application_is_exchanged_for_none() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let none = Tokens::of(&site.login("ann", None)).access;
    assert_eq!(site.visit("/orders", &none), 401);
    let unregistered = site.issue(&site.sign_in("ann", ORDERS).access, BILLING, None);
    assert_eq!(unregistered.status, 202);
    assert_eq!(site.visit("/orders", unregistered.json()["token"].as_str().unwrap()), 401);
}

#[test]
fn exchange_is_made_once_for_each_token_and_application_however_many_ask_at_once() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING, KIOSK]);
    let token = site.sign_in("ann", ORDERS).access;
    let barrier = Barrier::new(32);
    std::thread::scope(|scope| {
        for path in ["/billing", "/kiosk"].repeat(16) {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(site.visit(path, &token), 200);
            });
        }
    });
    assert_eq!((issued(&site, "billing", "sso"), issued(&site, "kiosk", "sso")), (1.0, 1.0));
    for _ in 0..10 {
        site.gateway.clock.advance(Duration::from_secs(3));
        assert_eq!((site.visit("/billing", &token), site.visit("/kiosk", &token)), (200, 200));
    }
    assert_eq!((issued(&site, "billing", "sso"), issued(&site, "kiosk", "sso")), (1.0, 1.0));
    let other = site.sign_in("ann", ORDERS).access;
    assert_eq!(site.visit("/billing", &other), 200);
    assert_eq!(issued(&site, "billing", "sso"), 2.0);
}

#[test]
fn removed_role_and_removed_registration_are_gone_at_the_next_request() {
    let site = AuthoritySite::start();
    let id = site.user("ann", &[BILLING]);
    site.register(&id, ORDERS, Some(&["admin", "user"]));
    let token = site.sign_in("ann", BILLING).access;
    assert_eq!((site.visit("/orders", &token), told(&site, "x-forwarded-groups").as_deref()), (200, Some("admin,user")));
    let change = json!({ "registration": { "applicationId": ORDERS, "roles": ["user"] } });
    assert_eq!(site.manage(&format!("PUT /api/user/registration/{id}"), Some(&change)).status, 200);
    assert_eq!((site.visit("/orders", &token), told(&site, "x-forwarded-groups").as_deref()), (200, Some("user")));
    assert_eq!(site.manage(&format!("DELETE /api/user/registration/{id}/{ORDERS}"), None).status, 200);
    // The application is closed to sign-ins as old as this, wherever they were made.
    assert_eq!(site.visit("/orders", &token), 401);
    assert_eq!(site.visit("/billing", &token), 200, "of the other application nothing was taken");
}

#[test]
fn gained_role_and_a_changed_address_show_within_two_seconds() {
    let site = AuthoritySite::start();
    let id = site.user("ann", &[BILLING, ORDERS]);
    let token = site.sign_in("ann", BILLING).access;
    assert_eq!((site.visit("/orders", &token), told(&site, "x-forwarded-groups").as_deref()), (200, Some("user")));
    let change = json!({ "registration": { "applicationId": ORDERS, "roles": ["user", "admin"] } });
    assert_eq!(site.manage(&format!("PUT /api/user/registration/{id}"), Some(&change)).status, 200);
    site.gateway.clock.advance(Duration::from_secs(2));
    assert_eq!((site.visit("/orders", &token), told(&site, "x-forwarded-groups").as_deref()), (200, Some("admin,user")));
    assert_eq!(issued(&site, "orders", "sso"), 2.0);
}

#[test]
fn changed_single_sign_on_list_is_obeyed_at_the_next_request() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING, VAULT]);
    let (orders, billing) = (site.sign_in("ann", ORDERS).access, site.sign_in("ann", BILLING).access);
    assert_eq!((site.visit("/vault", &orders), site.visit("/vault", &billing)), (200, 401));
    site.reload(|text| text.replace("single_sign_on = [\"orders\"]", "single_sign_on = [\"billing\"]"));
    assert_eq!((site.visit("/vault", &orders), site.visit("/vault", &billing)), (401, 200));
    site.reload(|text| text.replace("single_sign_on = [\"orders\"]", "single_sign_on = false"));
    assert_eq!((site.visit("/vault", &orders), site.visit("/vault", &billing)), (401, 401));
}

#[test]
fn revocation_of_each_scope_ends_what_was_exchanged_and_nothing_else() {
    type End = fn(&AuthoritySite, &Tokens, &str);
    let ends: [(&str, End); 5] = [
        ("session", |site, tokens, _| site.revoke(&format!("token={}", tokens.refresh))),
        ("user", |site, _, user| site.revoke(&format!("userId={user}"))),
        ("user in the other application", |site, _, user| site.revoke(&format!("userId={user}&applicationId={BILLING}"))),
        ("the other application", |site, _, _| site.revoke(&format!("applicationId={BILLING}"))),
        ("deactivation", |site, _, user| {
            assert_eq!(site.manage(&format!("DELETE /api/user/{user}"), None).status, 200);
        }),
    ];
    for (scope, end) in ends {
        let site = AuthoritySite::start();
        let user = site.user("ann", &[ORDERS, BILLING]);
        site.user("bob", &[ORDERS, BILLING]);
        let (ann, bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
        assert_eq!((site.visit("/billing", &ann.access), site.visit("/billing", &bob.access)), (200, 200));
        end(&site, &ann, &user);
        assert_eq!(site.visit("/billing", &ann.access), 401, "{scope}");
        let is_about_other = scope.contains("other application");
        assert_eq!(site.visit("/orders", &ann.access), if is_about_other { 200 } else { 401 }, "{scope}");
        let bobs = if scope == "the other application" { 401 } else { 200 };
        assert_eq!((site.visit("/billing", &bob.access), site.visit("/orders", &bob.access)), (bobs, 200), "{scope}");
        if is_about_other {
            // Closed to older sessions through any exchange, and open to a new sign-in of the same millisecond.
            let refreshed = Tokens::of(&site.refresh(&ann.refresh)).access;
            assert_eq!(site.visit("/billing", &refreshed), 401, "{scope}");
            let again = site.sign_in("ann", ORDERS).access;
            assert_eq!(site.visit("/billing", &again), 401, "{scope}: signed in at another application, not later");
            let again = site.sign_in("ann", BILLING).access;
            assert_eq!((site.visit("/billing", &again), site.visit("/orders", &again)), (200, 200), "{scope}");
            site.gateway.clock.advance(Duration::from_millis(1));
            let later = site.sign_in("ann", ORDERS).access;
            assert_eq!(site.visit("/billing", &later), 200, "{scope}: signed in later");
        }
    }
}

#[test]
fn reload_that_changes_nothing_about_the_authority_keeps_exchanges() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let token = site.sign_in("ann", ORDERS).access;
    assert_eq!(site.visit("/billing", &token), 200);
    site.reload(|text| text.replace("[[route]]\nname = \"corp\"\n", "[[route]]\nname = \"company\"\n"));
    assert_eq!((site.visit("/billing", &token), issued(&site, "billing", "sso")), (200, 1.0));
    site.reload(|text| {
        text.replace(
            "issuer = \"https://auth.example.com\"\n",
            "issuer = \"https://auth.example.com\"\ntenant_id = \"3c219e58-ed0e-4b18-ad48-f4f92793aeff\"\n",
        )
    });
    assert_eq!((site.visit("/billing", &token), issued(&site, "billing", "sso")), (200, 2.0));
}
