//! What a change of a user takes away ends the tokens that say it, and no others.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::AuthoritySite;
use crate::support::authority::*;

const OTHER_PASSWORD: &str = "another long enough password";

fn change_password(site: &AuthoritySite, authorization: &str) -> u16 {
    let body = json!({ "loginId": "ann@example.com", "currentPassword": PASSWORD, "password": OTHER_PASSWORD });
    site.ask("POST /api/user/change-password", &[("Authorization", authorization)], Some(&body)).status
}

#[track_caller]
fn is_over(site: &AuthoritySite, tokens: &Tokens, path: &str) {
    site.is_dead(&tokens.access, path);
    assert_eq!(site.visit(path, &tokens.access), 401, "{path}");
    assert_eq!(site.refresh(&tokens.refresh).status, 401, "{path}");
}

#[track_caller]
fn goes_on(site: &AuthoritySite, tokens: &Tokens, path: &str) {
    assert_eq!((site.visit(path, &tokens.access), site.validate(&tokens.access)), (200, 200), "{path}");
    assert_eq!(site.refresh(&tokens.refresh).status, 200, "{path}");
}

#[test]
fn password_change_ends_the_other_sessions_and_spares_the_one_it_was_asked_with() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS]);
    let (own, other, bob) = (site.sign_in("ann", ORDERS), site.sign_in("ann", BILLING), site.sign_in("bob", ORDERS));
    assert_eq!(change_password(&site, &format!("Bearer {}", bob.access)), 404, "somebody else's token");
    goes_on(&site, &other, "/billing");
    let other = site.sign_in("ann", BILLING);
    assert_eq!(change_password(&site, &format!("Bearer {}", own.access)), 200);
    is_over(&site, &other, "/billing");
    goes_on(&site, &own, "/orders");
    goes_on(&site, &bob, "/orders");
    assert_eq!(site.login("ann", Some(ORDERS)).status, 404, "the former password");
    let body = login_body("ann", Some(ORDERS), OTHER_PASSWORD);
    goes_on(&site, &Tokens::of(&site.manage("POST /api/login", Some(&body))), "/orders");
    assert_eq!(change_password(&site, ALL), 404, "the former password");
}

#[test]
fn password_set_by_a_program_ends_all_sessions() {
    for by_key in [true, false] {
        let site = AuthoritySite::start();
        let ann = site.user("ann", &[ORDERS]);
        let tokens = [(); 2].map(|()| site.sign_in("ann", ORDERS));
        let status = match by_key {
            true => change_password(&site, ALL),
            false => {
                let body = json!({ "user": { "password": OTHER_PASSWORD } });
                site.manage(&format!("PATCH /api/user/{ann}"), Some(&body)).status
            }
        };
        assert_eq!(status, 200);
        tokens.iter().for_each(|tokens| is_over(&site, tokens, "/orders"));
        // In the same millisecond.
        let body = login_body("ann", Some(ORDERS), OTHER_PASSWORD);
        goes_on(&site, &Tokens::of(&site.manage("POST /api/login", Some(&body))), "/orders");
    }
}

#[test]
fn other_changes_of_a_user_end_nothing() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    let body = json!({ "user": { "firstName": "Ann", "email": "ann@example.org", "data": { "a": 1 } } });
    assert_eq!(site.manage(&format!("PATCH /api/user/{ann}"), Some(&body)).status, 200);
    goes_on(&site, &tokens, "/orders");
}

#[test]
fn deactivated_and_deleted_users_have_nothing_left() {
    for query in ["", "?hardDelete=true"] {
        let site = AuthoritySite::start();
        let ann = site.user("ann", &[ORDERS, BILLING]);
        site.user("bob", &[ORDERS]);
        let (tokens, bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
        let exchanged = Tokens::of(&site.issue(&tokens.access, BILLING, Some(&tokens.refresh)));
        assert_eq!(site.manage(&format!("DELETE /api/user/{ann}{query}"), None).status, 200);
        is_over(&site, &tokens, "/orders");
        is_over(&site, &exchanged, "/billing");
        goes_on(&site, &bob, "/orders");
        assert_eq!(site.login("ann", Some(ORDERS)).status, 404);
        if query.is_empty() {
            assert_eq!(site.manage(&format!("PUT /api/user/{ann}?reactivate=true"), None).status, 200);
        } else {
            // Somebody of the same id and name: nothing of the former is theirs.
            let body = json!({ "user": { "email": "ann@example.com", "password": PASSWORD } });
            assert_eq!(site.manage(&format!("POST /api/user/{ann}"), Some(&body)).status, 200);
            site.register(&ann, ORDERS, None);
        }
        is_over(&site, &tokens, "/orders");
        is_over(&site, &exchanged, "/billing");
        goes_on(&site, &site.sign_in("ann", ORDERS), "/orders");
    }
}

#[test]
fn expired_account_is_410_and_its_sessions_are_over() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    let expiry = site.gateway.clock.now().plus(Duration::from_secs(60)).millis();
    assert_eq!(site.manage(&format!("PATCH /api/user/{ann}"), Some(&json!({ "user": { "expiry": expiry } }))).status, 200);
    assert_eq!(site.refresh(&tokens.refresh).status, 200);
    site.gateway.clock.advance(Duration::from_secs(60));
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
    assert_eq!(site.issue(&tokens.access, ORDERS, None).status, 401);
    assert_eq!(site.login("ann", Some(ORDERS)).status, 410);
}

fn roles(answer: &Value) -> Value {
    answer["jwt"]["roles"].clone()
}

#[test]
fn lost_role_ends_the_tokens_that_say_it_and_the_session_goes_on_without() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[BILLING]);
    site.register(&ann, ORDERS, Some(&["admin", "user"]));
    let (orders, billing) = (site.sign_in("ann", ORDERS), site.sign_in("ann", BILLING));
    let through = Tokens::of(&site.issue(&billing.access, ORDERS, None));
    let put = |roles: &[&str]| {
        let body = json!({ "registration": { "roles": roles } });
        let answer = site.manage(&format!("PATCH /api/user/registration/{ann}/{ORDERS}"), Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    put(&["user"]);
    site.is_dead(&orders.access, "has the role");
    site.is_dead(&through.access, "has the role by exchange");
    goes_on(&site, &billing, "/billing");
    site.gateway.clock.advance(Duration::from_millis(1));
    let renewed = Tokens::of(&site.refresh(&orders.refresh));
    let validated = site.ask_as(&renewed.access, "GET /api/jwt/validate", None);
    assert_eq!((validated.status, roles(&validated.json())), (200, json!(["user"])));
    // More roles end nothing.
    put(&["user", "admin"]);
    goes_on(&site, &renewed, "/orders");
}

#[test]
fn lost_registration_ends_the_sessions_there_and_its_return_revives_none() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS, BILLING]);
    let (orders, billing) = (site.sign_in("ann", ORDERS), site.sign_in("ann", BILLING));
    let through = Tokens::of(&site.issue(&orders.access, BILLING, Some(&orders.refresh)));
    assert_eq!(site.manage(&format!("DELETE /api/user/registration/{ann}/{BILLING}"), None).status, 200);
    is_over(&site, &billing, "/billing");
    is_over(&site, &through, "/billing");
    goes_on(&site, &orders, "/orders");
    site.register(&ann, BILLING, None);
    is_over(&site, &billing, "/billing");
    is_over(&site, &through, "/billing");
    assert_eq!(site.issue(&orders.access, BILLING, None).status, 401, "a session older than the loss");
    goes_on(&site, &site.sign_in("ann", BILLING), "/billing");
}

/// A password is checked for a while, and longer where others wait: meanwhile it may have been changed.
#[test]
fn sign_in_that_was_under_way_with_the_former_password_leaves_no_session() {
    for by_key in [true, false] {
        let site = AuthoritySite::with(&format!("issuer = \"{ISSUER}\"\n"), "password_hashes_at_once = 1");
        site.user("ann", &[ORDERS]);
        let own = site.sign_in("ann", ORDERS);
        let under_way: Vec<Tokens> = std::thread::scope(|scope| {
            let signing_in: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        let answers = std::iter::repeat_with(|| site.login("ann", Some(ORDERS)));
                        answers.take_while(|answer| answer.status == 200).map(|answer| Tokens::of(&answer)).collect::<Vec<_>>()
                    })
                })
                .collect();
            let authorization = if by_key { ALL.to_owned() } else { format!("Bearer {}", own.access) };
            assert_eq!(change_password(&site, &authorization), 200);
            signing_in.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        let alive = under_way.iter().filter(|tokens| site.refresh(&tokens.refresh).status == 200).count();
        assert_eq!(alive, 0, "of {} sessions", under_way.len());
        let alive = under_way.iter().filter(|tokens| site.validate(&tokens.access) == 200).count();
        assert_eq!(alive, 0, "access tokens of {} sessions", under_way.len());
    }
}

#[test]
fn taken_name_or_id_is_400_whichever_way_the_user_is_made() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS]);
    let of = |email: &str| json!({ "email": email, "password": PASSWORD });
    let registration = json!({ "applicationId": ORDERS });
    let cases = [
        ("POST /api/user".to_owned(), "ANN@example.com", "[duplicate]user.email"),
        (format!("POST /api/user/{ann}"), "eve@example.com", "[duplicate]user.id"),
        ("POST /api/user/registration".to_owned(), "ann@example.com", "[duplicate]user.email"),
        (format!("POST /api/user/registration/{ann}"), "eve@example.com", "[duplicate]user.id"),
    ];
    for (line, email, code) in cases {
        let answer = site.manage(&line, Some(&json!({ "user": of(email), "registration": registration })));
        assert_eq!((answer.status, answer.text().contains(code)), (400, true), "{line}: {}", answer.text());
    }
    assert_eq!(site.manage("GET /api/user?email=eve@example.com", None).status, 404);
}

#[test]
fn changed_address_is_not_verified_unless_the_request_says_so() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[]);
    let cases = [
        (json!({ "verified": true }), true),
        (json!({ "email": " ANN@example.com" }), true),
        (json!({ "firstName": "Ann" }), true),
        (json!({ "email": "ann@example.org" }), false),
        (json!({ "email": "ann@example.net", "verified": true }), true),
        (json!({ "email": null, "username": "ann" }), false),
    ];
    for (members, expected) in cases {
        let answer = site.manage(&format!("PATCH /api/user/{ann}"), Some(&json!({ "user": members })));
        assert_eq!((answer.status, &answer.json()["user"]["verified"]), (200, &json!(expected)), "{members}");
    }
}
