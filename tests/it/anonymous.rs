//! Routes that serve callers who prove nothing.

use serde_json::json;

use crate::support::{Backend, Gateway, MockIssuer, Serves, Signer, Site, configuration, get, route};

const PLACES: &str = "token_from = [\"header\", \"cookie\", \"query\"]";

fn site() -> Site {
    let routes = [
        route("public", "/public", "anonymous = true"),
        route("optional", "/optional", &format!("anonymous = \"optional\"\n{PLACES}")),
        route("members", "/members", "anonymous = \"optional\"\nrequire = { roles = [\"member\"] }"),
    ];
    Site::start(&routes.concat())
}

#[test]
fn on_an_anonymous_route_no_credential_of_ours_is_used_or_passed_on() {
    let site = site();
    let token = site.token("alice");
    let ours = [
        format!("Bearer {token}"),
        format!("JWT {token}"),
        format!("bearer {token}"),
        "Bearer opaque".into(),
        "Bearer".into(),
        format!("Basic eDp5, Bearer {token}"),
    ];
    for credential in &ours {
        let received = site.received(&site.send("GET /public", &[("Authorization", credential)]));
        assert_eq!(received.header("authorization"), None, "{credential}");
        assert_eq!(received.aliases("x-forwarded-user"), [], "{credential}");
    }
    for credential in ["Basic eDp5", "Digest username=\"a\"", "Negotiate AAAA", "AWS4-HMAC-SHA256 Credential=a"] {
        let received = site.received(&site.send("GET /public", &[("Authorization", credential)]));
        assert_eq!(received.header("authorization"), Some(credential));
    }
}

#[test]
fn on_an_anonymous_route_our_cookies_are_removed_and_all_others_stay_as_they_are() {
    let site = site();
    let token = site.token("alice");
    let cases = [
        (format!("access_token={token}"), None),
        (format!("a=1; access_token={token}; b=2"), Some("a=1; b=2")),
        (format!("refresh_token=r; a=\"x y\";b=2;access_token={token}"), Some("a=\"x y\";b=2")),
        (format!("access_token={token}; access_token=other; theme=dark"), Some("theme=dark")),
        ("my_access_token=1; access_token2=2".into(), Some("my_access_token=1; access_token2=2")),
        ("a=1;; b".into(), Some("a=1;; b")),
    ];
    for (cookie, kept) in cases {
        let received = site.received(&site.send("GET /public", &[("Cookie", &cookie)]));
        assert_eq!(received.header("cookie"), kept, "{cookie}");
    }
}

#[test]
fn on_an_anonymous_route_an_answer_may_be_cached_and_an_outage_of_the_issuer_is_no_matter() {
    let site = site();
    site.issuer.now(Serves::Hangs);
    let stranger = Signer::new("k9").token(&site.claims_with(json!({})));
    let answer = site.send_as(&stranger, "GET /public", &[]);
    assert_eq!((answer.status, answer.header("cache-control")), (200, None));
}

#[test]
fn on_an_optional_route_a_good_credential_gives_an_identity() {
    let site = site();
    let token = site.token("alice");
    let cookie = format!("access_token={token}");
    let answers = [
        site.send_as(&token, "GET /optional", &[]),
        site.send("GET /optional", &[("Cookie", &cookie)]),
        site.send(&format!("GET /optional?access_token={token}"), &[]),
    ];
    for answer in answers {
        let received = site.received(&answer);
        assert_eq!(received.header("x-forwarded-user"), Some("alice"));
        assert_eq!((received.header("authorization"), received.header("cookie"), received.target()), (None, None, "/optional"));
        assert_eq!(answer.header("cache-control"), Some("private"));
    }
}

#[test]
fn on_an_optional_route_an_absent_credential_or_a_bad_cookie_is_nobody() {
    let site = site();
    let expired = site.token_with(json!({ "exp": 1 }));
    let bad_cookie = format!("access_token={expired}; a=1");
    let nobody: [&[(&str, &str)]; 5] = [
        &[],
        &[("Cookie", "a=1")],
        &[("Cookie", "access_token=x")],
        &[("Cookie", &bad_cookie)],
        &[("Authorization", "Basic eDp5")],
    ];
    for headers in nobody {
        let spoofed = [headers, &[("X-Forwarded-User", "mallory")]].concat();
        let received = site.received(&site.send("GET /optional", &spoofed));
        assert_eq!(received.aliases("x-forwarded-user"), [], "{headers:?}");
        assert!(!received.header("cookie").unwrap_or_default().contains("access_token"), "{headers:?}");
    }
    let cross_site = [("Cookie", "access_token=x"), ("Sec-Fetch-Site", "cross-site"), ("Content-Length", "0")];
    assert_eq!(site.send("POST /optional", &cross_site).status, 200, "a cookie that does not count is no credential");
}

#[test]
fn on_an_optional_route_a_bad_header_is_refused() {
    let site = site();
    let expired = format!("Bearer {}", site.token_with(json!({ "exp": 1 })));
    for credential in [expired.as_str(), "Bearer x", "Bearer", "JWT a.b.c"] {
        let answer = site.send("GET /optional", &[("Authorization", credential)]);
        site.refused(&answer, 401, "invalid_token", credential);
    }
}

#[test]
fn on_an_optional_route_the_rule_is_for_those_who_are_known() {
    let site = site();
    assert_eq!(site.send("GET /members", &[]).status, 200, "nobody");
    assert_eq!(site.send_as(&site.token_with(json!({ "roles": ["member"] })), "GET /members", &[]).status, 200);
    site.refused(&site.send_as(&site.token("alice"), "GET /members", &[]), 403, "policy_denied", "no member");
}

#[test]
fn a_cookie_that_cannot_be_judged_is_not_taken_for_a_bad_one() {
    let optional = route("optional", "/", "anonymous = \"optional\"\ntoken_from = [\"cookie\"]");
    let key = Signer::new("k1");
    let (issuer, backend) = (MockIssuer::start("corp", &[]), Backend::start());
    issuer.now(Serves::Status(500));
    let gateway = Gateway::start_cold(&configuration(&[&issuer], &[&backend], &optional));
    let cookie = format!("access_token={}", key.token(&Signer::claims(&issuer.issuer(), "alice")));
    let answer = get(gateway.plain(), "/", &[("Cookie", &cookie)]);
    assert_eq!((answer.status, answer.reason().as_str()), (503, "keys_unavailable"));
    assert!(answer.header("retry-after").is_some() && backend.received().is_empty());
}
