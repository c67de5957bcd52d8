//! Who is calling: where the token may be, what its instants mean, and what the backend finds in its place.

use std::time::Duration;

use serde_json::json;

use crate::support::{NOW, Site, route};

const ALL_PLACES: &str = "token_from = [\"header\", \"cookie\", \"query\"]";

fn advance(site: &Site, seconds: u64) {
    site.gateway.clock.advance(Duration::from_secs(seconds));
}

/// Fails where the outcome is not this one: nothing for 200, else the detail of a 401.
#[track_caller]
fn comes_out(site: &Site, token: &str, detail: Option<&str>, about: &str) {
    let answer = site.send_as(token, "GET /", &[]);
    match detail {
        None => assert_eq!(answer.status, 200, "{about}: {}", site.access_line(&answer)),
        Some(detail) => {
            site.refused(&answer, 401, "invalid_token", about);
            assert_eq!(site.access_line(&answer)["detail"], detail, "{about}");
        }
    }
}

#[test]
fn both_schemes_and_any_case_of_them_carry_a_token() {
    let site = Site::start(&route("all", "/", ""));
    let token = site.token("alice");
    for scheme in ["Bearer", "bearer", "BEARER", "JWT", "jwt", "Bearer  ", "\tBearer"] {
        let answer = site.send("GET /", &[("Authorization", &format!("{scheme} {token}"))]);
        assert_eq!(site.received(&answer).header("x-forwarded-user"), Some("alice"), "{scheme}");
    }
    for scheme in ["Basic", "Token", "DPoP", "Bearer-Token", ""] {
        let answer = site.send("GET /", &[("Authorization", format!("{scheme} {token}").trim())]);
        site.refused(&answer, 401, "credential_missing", scheme);
    }
}

#[test]
fn a_token_counts_only_where_the_route_looks_for_it() {
    let places = [("header", "[\"header\"]"), ("cookie", "[\"cookie\"]"), ("query", "[\"query\"]")];
    let routes: String =
        places.iter().map(|(name, list)| route(name, &format!("/{name}"), &format!("token_from = {list}"))).collect();
    let site = Site::start(&(routes + &route("default", "/default", "")));
    let token = site.token("alice");
    let (bearer, cookie) = (format!("Bearer {token}"), format!("access_token={token}"));
    for path in ["header", "cookie", "query", "default"] {
        let sent = [
            ("header", site.send(&format!("GET /{path}"), &[("Authorization", &bearer)])),
            ("cookie", site.send(&format!("GET /{path}"), &[("Cookie", &cookie)])),
            ("query", site.send(&format!("GET /{path}?access_token={token}"), &[])),
        ];
        for (place, answer) in sent {
            let looked_for = place == path || (place, path) == ("header", "default");
            match looked_for {
                true => assert_eq!(site.received(&answer).header("x-forwarded-user"), Some("alice"), "{place} on {path}"),
                false => site.refused(&answer, 401, "credential_missing", &format!("{place} on {path}")),
            }
        }
    }
}

#[test]
fn a_header_beats_a_cookie_and_a_cookie_the_query() {
    let site = Site::start(&route("all", "/", ALL_PLACES));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| site.token(name));
    let (cookie, query) = (format!("access_token={bob}"), format!("GET /x?access_token={carol}&y=1"));
    let user = |answer| site.received(&answer).header("x-forwarded-user").map(str::to_owned);
    assert_eq!(user(site.send_as(&alice, &query, &[("Cookie", &cookie)])).as_deref(), Some("alice"));
    assert_eq!(user(site.send(&query, &[("Cookie", &cookie)])).as_deref(), Some("bob"));
    assert_eq!(user(site.send(&query, &[])).as_deref(), Some("carol"));
    site.refused(&site.send_as("bad", &query, &[("Cookie", &cookie)]), 401, "invalid_token", "a bad header is not passed over");
    site.refused(&site.send(&query, &[("Cookie", "access_token=bad")]), 401, "invalid_token", "nor a bad cookie");
}

#[test]
fn no_credential_reaches_the_backend_but_where_the_route_passes_it_on() {
    let passed = format!("{ALL_PLACES}\nauthorization = \"presented\"");
    let site = Site::start(&[route("removed", "/removed", ALL_PLACES), route("presented", "/presented", &passed)].concat());
    let token = site.token("alice");
    let cookie = format!("a=1; access_token={token}; refresh_token=r; b=2");
    for (path, expected) in [("/removed", None), ("/presented", Some(format!("Bearer {token}")))] {
        let answers = [
            site.send(&format!("GET {path}?x=1"), &[("Authorization", &format!("JWT {token}")), ("Cookie", &cookie)]),
            site.send(&format!("GET {path}?x=1"), &[("Cookie", &cookie)]),
            site.send(&format!("GET {path}?access_token={token}&x=1"), &[("Cookie", "a=1; b=2")]),
        ];
        for answer in answers {
            let received = site.received(&answer);
            assert_eq!(received.header("authorization"), expected.as_deref(), "{path}");
            assert_eq!((received.target(), received.header("cookie")), (format!("{path}?x=1").as_str(), Some("a=1; b=2")));
        }
        let query_alone = site.received(&site.send(&format!("GET {path}?access_token={token}"), &[]));
        assert_eq!(query_alone.target(), path);
    }
    let only_ours = format!("access_token={token}");
    assert_eq!(site.received(&site.send("GET /removed", &[("Cookie", &only_ours)])).header("cookie"), None);
}

#[test]
fn of_several_cookies_those_that_do_not_verify_are_ignored() {
    let site = Site::start(&route("all", "/", "token_from = [\"cookie\"]"));
    let (alice, again) = (site.token("alice"), site.token_with(json!({ "jti": "2" })));
    let expired = site.token_with(json!({ "sub": "bob", "exp": NOW.seconds() - 100 }));
    for cookie in [
        format!("access_token=x; access_token={alice}"),
        format!("access_token={expired}; access_token={alice}"),
        format!("access_token={alice}; access_token={expired}; access_token=x.y.z"),
        format!("access_token={alice}; access_token={alice}"),
        format!("access_token={alice}; access_token={again}"),
    ] {
        let received = site.received(&site.send("GET /", &[("Cookie", &cookie)]));
        assert_eq!(received.header("x-forwarded-user"), Some("alice"), "{cookie}");
    }
    let nobody = |id: &str| {
        let mut claims = site.claims_with(json!({ "client_id": id }));
        claims.as_object_mut().unwrap().remove("sub");
        site.key.token(&claims)
    };
    let unnamed = format!("access_token={}; access_token={}", nobody("a"), nobody("b"));
    let answer = site.send("GET /", &[("Cookie", &unnamed)]);
    site.refused(&answer, 401, "conflicting_cookies", "nobody can say that two without a subject are one caller");
    let bad = format!("access_token=x; access_token={expired}");
    site.refused(&site.send("GET /", &[("Cookie", &bad)]), 401, "invalid_token", "none of them");
    let many: String = (0..5).map(|index| format!("access_token=x{index}; ")).collect();
    let answer = site.send("GET /", &[("Cookie", &format!("{many}access_token={alice}"))]);
    site.refused(&answer, 400, "ambiguous_credentials", "more than a browser sends");
    let cleared =
        answer.headers.iter().any(|(name, value)| name == "set-cookie" && value.starts_with("access_token=; Path=/; Max-Age=0"));
    assert!(cleared, "planted by a neighbour, they would lock the browser out: {answer:?}");
}

#[test]
fn a_remembered_token_ends_when_it_expires() {
    let site = Site::start(&route("all", "/", ""));
    let token = site.token("alice");
    comes_out(&site, &token, None, "new");
    comes_out(&site, &token, None, "remembered");
    assert_eq!(site.gateway.metric("tollgate_token_cache_hits_total", &[]), 1.0);
    advance(&site, 3599);
    comes_out(&site, &token, None, "in its last second");
    advance(&site, 30);
    comes_out(&site, &token, None, "within the leeway");
    advance(&site, 1);
    comes_out(&site, &token, Some("expired"), "after it");
}

#[test]
fn without_leeway_a_token_ends_to_the_second() {
    let site = Site::with_issuer("leeway = \"0s\"", &route("all", "/", ""));
    let token = site.token("alice");
    comes_out(&site, &token, None, "new");
    advance(&site, 3599);
    comes_out(&site, &token, None, "in its last second");
    advance(&site, 1);
    comes_out(&site, &token, Some("expired"), "remembered or not");
    comes_out(&site, &site.token_with(json!({ "exp": NOW.seconds() + 3600 })), Some("expired"), "new");
}

#[test]
fn a_token_from_the_future_waits_for_its_time() {
    let site = Site::start(&route("all", "/", ""));
    let later = NOW.seconds() + 100;
    let (not_before, issued) = (site.token_with(json!({ "nbf": later })), site.token_with(json!({ "iat": later })));
    for seconds in [0, 69] {
        advance(&site, seconds);
        comes_out(&site, &not_before, Some("not_yet_valid"), "nbf");
        comes_out(&site, &issued, Some("issued_in_future"), "iat");
    }
    advance(&site, 1);
    comes_out(&site, &not_before, None, "nbf, within the leeway");
    comes_out(&site, &issued, None, "iat, within the leeway");
}

#[test]
fn a_token_that_lives_longer_than_allowed_is_refused() {
    let site = Site::with_issuer("max_lifetime = \"1h\"", &route("all", "/", ""));
    let lives = |from: Option<u64>, to: u64| {
        let mut claims = site.claims_with(json!({ "exp": NOW.seconds() + to }));
        match from {
            Some(before) => claims["iat"] = json!(NOW.seconds() - before),
            None => drop(claims.as_object_mut().unwrap().remove("iat")),
        }
        site.key.token(&claims)
    };
    comes_out(&site, &lives(Some(0), 3600), None, "an hour");
    comes_out(&site, &lives(Some(0), 3601), Some("lifetime_too_long"), "a second more");
    comes_out(&site, &lives(Some(3000), 601), Some("lifetime_too_long"), "from its issue, not from now");
    comes_out(&site, &lives(None, 3600), None, "without iat, from now");
    comes_out(&site, &lives(None, 3601), Some("lifetime_too_long"), "without iat, a second more");
    comes_out(&site, &lives(Some(0), 1 << 40), Some("lifetime_too_long"), "for ever");
}

#[test]
fn a_token_without_type_is_accepted_unless_the_issuer_requires_one() {
    let header = r#"{"alg":"ES256","kid":"k1"}"#;
    for (lines, detail) in [("", None), ("require_type = true", Some("wrong_type"))] {
        let site = Site::with_issuer(lines, &route("all", "/", ""));
        let token = site.key.token_of(header, &site.claims_with(json!({})).to_string());
        comes_out(&site, &token, detail, lines);
    }
}

#[test]
fn a_token_without_key_id_is_proved_by_the_only_key_that_fits() {
    let site = Site::start(&route("all", "/", ""));
    let token = site.key.token_of(r#"{"alg":"ES256"}"#, &site.claims_with(json!({})).to_string());
    comes_out(&site, &token, None, "one key");
}
