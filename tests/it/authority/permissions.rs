//! What an API key may do: exactly what it says, by path and method.

use serde_json::json;

use crate::support::authority::*;
use crate::support::{AuthoritySite, exchange};

#[test]
fn key_does_what_it_is_permitted_and_nothing_else() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    let (new_user, sign_in) =
        (json!({ "user": { "email": "eve@example.com", "password": PASSWORD } }), login_body("ann", Some(ORDERS), PASSWORD));
    let registration = json!({ "registration": { "applicationId": BILLING } });
    let claims = json!({ "claims": {} });
    let change = json!({ "loginId": "ann@example.com", "currentPassword": PASSWORD, "password": "another long password" });
    let id = &tokens.id;
    let calls = [
        (format!("GET /api/jwt/refresh?userId={ann}"), None),
        (format!("GET /api/jwt/refresh/{id}"), None),
        ("POST /api/jwt/vend".into(), Some(&claims)),
        ("POST /api/login".into(), Some(&sign_in)),
        (format!("PUT /api/login/{ann}/{ORDERS}"), None),
        ("POST /api/user".into(), Some(&new_user)),
        (format!("GET /api/user/{ann}"), None),
        (format!("PATCH /api/user/{ann}"), Some(&new_user)),
        (format!("POST /api/user/registration/{ann}"), Some(&registration)),
        (format!("DELETE /api/user/registration/{ann}/{BILLING}"), None),
        ("POST /api/user/change-password".into(), Some(&change)),
        (format!("DELETE /api/user/{ann}"), None),
        (format!("DELETE /api/jwt/refresh/{id}"), None),
        (format!("DELETE /api/jwt/refresh?userId={ann}"), None),
        (format!("DELETE /api/jwt/refresh?applicationId={ORDERS}"), None),
    ];
    let unknown = "key-that-nobody-has-0123456789abcdefgh";
    for (line, body) in &calls {
        for key in [LISTS, NONE, unknown, ""] {
            let may = key == LISTS && line.starts_with("GET /api/jwt/refresh");
            let answer = site.ask(line, &[("Authorization", key)], *body);
            assert_eq!((answer.status == 401, answer.status == 200), (!may, may), "{key} {line}: {}", answer.text());
            assert!(may || answer.body.is_empty(), "{key} {line}: {}", answer.text());
        }
        // As a token it is none.
        for scheme in ["Bearer", "JWT", "Basic"] {
            let answer = site.ask(line, &[("Authorization", &format!("{scheme} {ALL}"))], *body);
            assert_eq!(answer.status, 401, "{scheme} {line}");
        }
    }
    assert_eq!(site.validate(&tokens.access), 200, "nothing was done");
    assert_eq!(site.manage("GET /api/user?email=eve@example.com", None).status, 404);
}

#[test]
fn key_in_the_header_counts_and_the_cookie_beside_it_does_not() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    let cookie = format!("access_token={}", tokens.access);
    for key in [LISTS, NONE, "unknown"] {
        let line = format!("DELETE /api/jwt/refresh?token={}", tokens.refresh);
        assert_eq!(site.ask(&line, &[("Authorization", key), ("Cookie", &cookie)], None).status, 401, "{key}");
    }
    assert_eq!(site.validate(&tokens.access), 200);
}

#[test]
fn sign_in_without_a_key_is_for_the_application_that_says_so() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, KIOSK]);
    for key in ["", NONE, LISTS, "unknown"] {
        for (application, expected) in [(Some(KIOSK), 200), (Some(ORDERS), 401), (None, 401)] {
            let body = login_body("ann", application, PASSWORD);
            let answer = site.ask("POST /api/login", &[("Authorization", key)], Some(&body));
            assert_eq!(answer.status, expected, "{key} {application:?}");
        }
    }
    // Nobody learns from the refusal whether the password was right, and none is computed.
    let body = login_body("ann", Some(ORDERS), "wrong");
    assert_eq!(site.ask("POST /api/login", &[], Some(&body)).status, 401);
    // Whoever needs no key gets one-time refresh tokens.
    let body = login_body("ann", Some(KIOSK), PASSWORD);
    let tokens = Tokens::of(&site.ask("POST /api/login", &[], Some(&body)));
    assert_ne!(Tokens::of(&site.refresh(&tokens.refresh)).refresh, tokens.refresh);
}

#[test]
fn api_key_never_reaches_a_backend() {
    let open = "[[route]]\nname = \"open\"\npath = \"/open\"\nupstream = \"backend-0\"\nanonymous = true\n\n";
    let site = AuthoritySite::edited(|text| text + open);
    for value in [ALL, NONE] {
        exchange(site.0, format!("GET /open HTTP/1.1\r\nHost: localhost\r\nAuthorization: {value}\r\n\r\n"));
    }
    let received = site.backend.received();
    assert!(received.iter().all(|request| request.header("authorization").is_none()), "{received:#?}");
}
