//! `POST /oauth2/revoke` (RFC 7009): what whoever has a token may end with it, and what not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::authority::*;
use crate::support::{Answer, AuthoritySite, exchange};

/// Sends a form to the endpoint, with this line of `Authorization` where there is one.
#[track_caller]
fn revoke(site: &AuthoritySite, form: &str, authorization: Option<&str>) -> Answer {
    let line = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let head =
        format!("POST /oauth2/revoke HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\n{line}");
    exchange(site.gateway.plain(), format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()))
}

#[track_caller]
fn is_done(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
}

fn counted(site: &AuthoritySite) -> f64 {
    site.gateway.metric("tollgate_revocations_total", &["scope=\"token\"", "origin=\"api\""])
}

#[test]
fn one_access_token_ends_with_what_was_exchanged_from_it_and_nothing_else() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let first = site.sign_in("ann", ORDERS);
    let beside = Tokens::of(&site.refresh(&first.refresh));
    let exchanged = Tokens::of(&site.issue(&first.access, BILLING, Some(&first.refresh)));
    let of_child = Tokens::of(&site.refresh(&exchanged.refresh));
    assert_eq!((site.visit("/orders", &first.access), site.visit("/billing", &exchanged.access)), (200, 200));
    is_done(&revoke(&site, &format!("token={}&token_type_hint=refresh_token", first.access), None));
    assert_eq!((site.visit("/orders", &first.access), site.visit("/billing", &exchanged.access)), (401, 401));
    site.is_dead(&first.access, "itself");
    site.is_dead(&exchanged.access, "exchanged from it");
    for token in [&beside.access, &of_child.access] {
        assert_eq!(site.validate(token), 200, "another token of the session");
    }
    assert_eq!((site.refresh(&first.refresh).status, site.refresh(&of_child.refresh).status), (200, 200));
    assert!((counted(&site) - 1.0).abs() < f64::EPSILON);
    is_done(&revoke(&site, &format!("token={}", first.access), None));
    assert!((counted(&site) - 1.0).abs() < f64::EPSILON, "what has ended is not ended again");
    let site = site.restarted(|_| {});
    site.is_dead(&first.access, "after a new start");
    assert_eq!(site.validate(&beside.access), 200);
}

#[test]
fn a_refresh_token_by_any_value_it_had_ends_its_session_and_an_exchanged_one_itself() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let first = site.sign_in("ann", ORDERS);
    let exchanged = Tokens::of(&site.issue(&first.access, BILLING, Some(&first.refresh)));
    let of_child = Tokens::of(&site.refresh(&exchanged.refresh));
    // The former value of a one-time token, under a hint that nobody knows.
    is_done(&revoke(&site, &format!("token={}&token_type_hint=pigeon", exchanged.refresh), None));
    site.is_dead(&of_child.access, "refreshed from it");
    assert_eq!((site.refresh(&of_child.refresh).status, site.validate(&first.access)), (401, 200));
    is_done(&revoke(&site, &format!("token={}&client_id={ORDERS}", first.refresh), None));
    site.is_dead(&first.access, "the session");
    assert_eq!(site.refresh(&first.refresh).status, 401);
}

#[test]
fn a_client_that_is_named_must_be_the_one_that_the_token_is_for() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", ORDERS);
    let basic = |client: &str| format!("Basic {}", STANDARD.encode(format!("{client}:secret")));
    for token in [&tokens.access, &tokens.refresh] {
        let forms = [(format!("token={token}&client_id={BILLING}"), None), (format!("token={token}"), Some(basic(BILLING)))];
        for (form, authorization) in forms {
            let answer = revoke(&site, &form, authorization.as_deref());
            assert_eq!((answer.status, &answer.json()["error"]), (401, &"invalid_client".into()));
            assert!(!answer.text().contains(token.as_str()));
        }
    }
    assert_eq!((site.validate(&tokens.access), site.refresh(&tokens.refresh).status), (200, 200));
    is_done(&revoke(&site, &format!("token={}", tokens.access), Some(&basic(ORDERS))));
    site.is_dead(&tokens.access, "by its client");
}

#[test]
fn what_is_no_credential_here_ends_nothing_and_a_form_without_a_token_is_an_error() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, LEGACY]);
    let tokens = site.sign_in("ann", ORDERS);
    // Whoever shares the secret could name any other token's id.
    let by_secret = site.sign_in("ann", LEGACY);
    for token in ["unknown", "a.b.c", &by_secret.access] {
        is_done(&revoke(&site, &format!("token={token}"), None));
    }
    for form in ["", "token=", "token_type_hint=access_token", "tokens=x"] {
        let answer = revoke(&site, form, None);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_request".into()), "{form}");
    }
    assert_eq!((site.validate(&tokens.access), site.validate(&by_secret.access)), (200, 200));
    assert_eq!(site.ask("GET /oauth2/revoke", &[], None).status, 405);
    assert_eq!(site.ask("POST /oauth2/revoke", &[], Some(&serde_json::json!({ "token": tokens.access }))).status, 415);
}
