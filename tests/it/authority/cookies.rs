//! Cookies that somebody planted, and pages of other sites.

use serde_json::json;

use crate::support::authority::*;
use crate::support::{Answer, AuthoritySite, exchange};

const FROM_ELSEWHERE: [&[(&str, &str)]; 5] = [
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site")],
    &[("Origin", "https://evil.example")],
    &[("Origin", "null")],
    &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")],
];

fn with_cookies(site: &AuthoritySite, line: &str, cookies: &str) -> Answer {
    site.ask(line, &[("Cookie", cookies)], None)
}

#[test]
fn access_cookies_of_two_users_are_401_of_one_are_fine_and_garbage_is_ignored() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS, BILLING]);
    let (ann, again, bob) =
        (site.sign_in("ann", ORDERS).access, site.sign_in("ann", ORDERS).access, site.sign_in("bob", ORDERS).access);
    let cases = [
        (format!("access_token={ann}"), 200),
        (format!("access_token={ann}; access_token={ann}"), 200),
        (format!("access_token={ann}; access_token={again}"), 200),
        (format!("access_token=garbage; access_token={ann}"), 200),
        (format!("access_token={ann}; other=x; access_token=a.b.c"), 200),
        (format!("access_token=; access_token={ann}"), 200),
        (format!("access_token={ann}; access_token={bob}"), 401),
        (format!("access_token={bob}; access_token={ann}"), 401),
        (format!("access_token={ann}; access_token={again}; access_token={bob}"), 401),
        ("access_token=garbage".to_owned(), 401),
    ];
    for (cookies, expected) in cases {
        for line in [format!("GET /api/jwt/issue?applicationId={BILLING}"), "GET /api/jwt/refresh".into()] {
            assert_eq!(with_cookies(&site, &line, &cookies).status, expected, "{line} {cookies}");
        }
        let at_route = exchange(site.0, format!("GET /orders HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\r\n"));
        assert_eq!(at_route.status, expected, "route {cookies}");
    }
    // Two lines of cookies are one list.
    let lines = [("Cookie", &*format!("access_token={ann}")), ("Cookie", &*format!("access_token={bob}"))];
    assert_eq!(site.ask("GET /api/jwt/refresh", &lines, None).status, 401);
    // A header beats them.
    let headers = [("Authorization", &*format!("Bearer {ann}")), ("Cookie", &*format!("access_token={bob}"))];
    assert_eq!(site.ask("GET /oauth2/userinfo", &headers, None).json()["email"], "ann@example.com");
}

#[test]
fn revoked_access_cookie_beside_a_good_one_is_ignored_whoever_it_was_of() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    site.user("bob", &[ORDERS]);
    let (ann, bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
    site.revoke(&format!("token={}", bob.refresh));
    let cookies = format!("access_token={}; access_token={}", bob.access, ann.access);
    assert_eq!(with_cookies(&site, "GET /api/jwt/refresh", &cookies).status, 200);
}

#[test]
fn refresh_cookies_of_two_users_are_401_and_use_none_of_one_are_fine_and_garbage_is_ignored() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    site.user("bob", &[BILLING]);
    let (ann, bob) = (site.sign_in("ann", BILLING), site.sign_in("bob", BILLING));
    let refresh = |cookies: &str| with_cookies(&site, "POST /api/jwt/refresh", cookies);
    for (cookies, cleared) in [
        (format!("refresh_token={}; refresh_token={}", ann.refresh, bob.refresh), 2),
        ("refresh_token=garbage".into(), 0),
        ("refresh_token=x; refresh_token=y".into(), 0),
    ] {
        let answer = refresh(&cookies);
        assert_eq!((answer.status, set_cookies(&answer).len()), (401, cleared), "{cookies}");
    }
    let once = Tokens::of(&refresh(&format!("refresh_token=garbage; refresh_token={}", ann.refresh)));
    assert!(once.id == ann.id && once.refresh != ann.refresh, "it was the current value still");
    let doubled = Tokens::of(&refresh(&format!("refresh_token={0}; refresh_token={0}", bob.refresh)));
    assert_eq!(doubled.id, bob.id);
    let another = site.sign_in("ann", BILLING);
    let one_of_both = Tokens::of(&refresh(&format!("refresh_token={}; refresh_token={}", once.refresh, another.refresh)));
    assert!([&once.id, &another.id].contains(&&one_of_both.id));
    // The cookie beats the body.
    let body = json!({ "refreshToken": once.refresh });
    let answer = site.ask("POST /api/jwt/refresh", &[("Cookie", &format!("refresh_token={}", doubled.refresh))], Some(&body));
    assert_eq!(Tokens::of(&answer).id, bob.id);
}

#[test]
fn page_of_another_site_neither_sets_nor_uses_nor_clears_cookies() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING, KIOSK]);
    let own = site.sign_in("ann", BILLING);
    let cookies = format!("access_token={}; refresh_token={}", own.access, own.refresh);
    for headers in FROM_ELSEWHERE {
        let with = |more: &[(&'static str, &str)], line: &str, body: Option<&serde_json::Value>| {
            let all: Vec<(&str, &str)> = headers.iter().copied().chain(more.iter().copied()).collect();
            site.ask(line, &all, body)
        };
        for body in [None, Some(json!({}))] {
            let answer = with(&[("Cookie", &cookies)], "POST /api/jwt/refresh", body.as_ref());
            assert_eq!((answer.status, set_cookies(&answer).len()), (400, 0), "{headers:?}: {}", answer.text());
            let answer = with(&[("Cookie", &cookies)], "POST /api/logout", body.as_ref());
            assert_eq!((answer.status, set_cookies(&answer).len()), (200, 0), "{headers:?}");
            let answer = with(&[("Cookie", &cookies)], &format!("DELETE /api/jwt/refresh?token={}", own.refresh), body.as_ref());
            assert_eq!(answer.status, 401, "{headers:?}");
            let answer = with(&[("Cookie", &cookies)], "PUT /api/login", body.as_ref());
            assert_eq!(answer.status, 401, "{headers:?}");
        }
        for (key, application) in [(ALL, BILLING), ("", KIOSK)] {
            let body = login_body("ann", Some(application), PASSWORD);
            let answer = with(&[("Authorization", key), ("Cookie", &cookies)], "POST /api/login", Some(&body));
            assert_eq!((answer.status, set_cookies(&answer).len()), (200, 0), "{headers:?}: sign-in");
        }
        let other = site.sign_in("ann", BILLING);
        let body = json!({ "refreshToken": other.refresh });
        let answer = with(&[("Cookie", &cookies)], "POST /api/jwt/refresh", Some(&body));
        assert_eq!((Tokens::of(&answer).id, set_cookies(&answer).len()), (other.id, 0), "{headers:?}: named in the body");
    }
    assert_eq!(site.validate(&own.access), 200);
    let renewed = Tokens::of(&site.refresh(&own.refresh));
    assert_ne!(renewed.refresh, own.refresh, "nobody has used it");
}

#[test]
fn own_page_sets_uses_and_clears_them() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING, KIOSK]);
    for header in [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "none"), ("Origin", "http://auth.example.com")] {
        let answer = site.ask("POST /api/login", &[header], Some(&login_body("ann", Some(KIOSK), PASSWORD)));
        let tokens = Tokens::of(&answer);
        let access = format!("access_token={}; Path=/; HttpOnly; SameSite=Lax", tokens.access);
        let refresh = |value: &str| format!("refresh_token={value}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(set_cookies(&answer), [access, refresh(&tokens.refresh)]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let cookies = format!("access_token={}; refresh_token={}", tokens.access, tokens.refresh);
        let answer = site.ask("POST /api/jwt/refresh", &[header, ("Cookie", &cookies)], None);
        let renewed = Tokens::of(&answer);
        assert_eq!(set_cookies(&answer)[1], refresh(&renewed.refresh));
        let cookies = format!("access_token={}; refresh_token={}", renewed.access, renewed.refresh);
        let answer = site.ask("POST /api/logout", &[header, ("Cookie", &cookies)], None);
        let cleared = set_cookies(&answer);
        assert!(cleared.len() == 2 && cleared.iter().all(|cookie| cookie.contains("_token=; Max-Age=0")), "{cleared:?}");
        site.is_dead(&renewed.access, "logged out");
    }
}

/// What a form or a script of another site can send without asking (Fetch standard, "CORS-safelisted").
#[test]
fn bodies_that_a_form_can_send_are_refused_where_cookies_are_set() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING, KIOSK]);
    let own = site.sign_in("ann", BILLING);
    let cookies = format!("access_token={}; refresh_token={}", own.access, own.refresh);
    let sign_in = login_body("ann", Some(KIOSK), PASSWORD);
    let renew = json!({ "refreshToken": own.refresh });
    for kind in [
        "text/plain",
        "text/plain; a=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        for (line, body) in [("POST /api/login", &sign_in), ("POST /api/jwt/refresh", &renew), ("POST /api/logout", &renew)] {
            let answer = site.ask(line, &[("Content-Type", kind), ("Cookie", &cookies)], Some(body));
            assert_eq!((answer.status, set_cookies(&answer).len()), (415, 0), "{line} {kind}");
        }
    }
    let answer = site.ask("POST /api/login", &[("Content-Type", "Application/JSON; charset=utf-8")], Some(&sign_in));
    assert_eq!(answer.status, 200);
    assert_eq!(site.validate(&own.access), 200);
    assert_ne!(Tokens::of(&site.refresh(&own.refresh)).refresh, own.refresh, "nobody has used it");
}

#[test]
fn planted_cookies_do_not_keep_a_sign_out_from_ending_the_session() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let own = site.sign_in("ann", BILLING);
    let planted: String = (0..60).map(|at| format!("refresh_token=planted-{at}; ")).collect();
    let cookies = format!("{planted}refresh_token={}; access_token={}", own.refresh, own.access);
    let answer = with_cookies(&site, "POST /api/logout", &cookies);
    assert_eq!((answer.status, set_cookies(&answer).len()), (200, 2));
    site.is_dead(&own.access, "signed out");
    assert_eq!(site.refresh(&own.refresh).status, 401);
}

#[test]
fn conflicting_cookies_are_401_and_cleared_and_nothing_is_used() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    site.user("bob", &[BILLING]);
    let (ann, bob) = (site.sign_in("ann", BILLING), site.sign_in("bob", BILLING));
    let many = |name: &str, value: &str| format!("{name}=a; {name}=b; {name}=c; {name}=d; {name}={value}");
    let issue = format!("GET /api/jwt/issue?applicationId={BILLING}");
    for (line, cookies) in [
        (&*issue, format!("access_token={}; access_token={}", ann.access, bob.access)),
        (&issue, many("access_token", &ann.access)),
        ("GET /api/jwt/validate", many("access_token", &ann.access)),
        ("POST /api/jwt/refresh", many("refresh_token", &ann.refresh)),
        ("POST /api/jwt/refresh", format!("refresh_token={}; refresh_token={}", ann.refresh, bob.refresh)),
        ("POST /api/jwt/refresh", format!("access_token={}; refresh_token={}", ann.access, bob.refresh)),
    ] {
        let answer = with_cookies(&site, line, &cookies);
        let cleared = set_cookies(&answer);
        assert_eq!((answer.status, answer.text().as_str(), cleared.len()), (401, "", 2), "{line} {cookies}");
        assert!(cleared.iter().all(|cookie| cookie.contains("_token=; Max-Age=0")), "{cleared:?}");
    }
    for tokens in [&ann, &bob] {
        let own = format!("access_token={}; refresh_token={}", tokens.access, tokens.refresh);
        assert_ne!(Tokens::of(&with_cookies(&site, "POST /api/jwt/refresh", &own)).refresh, tokens.refresh, "it was current");
    }
}

#[test]
fn userinfo_takes_no_cookie_whatever_the_header_is() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let cookie = format!("access_token={}", site.sign_in("ann", ORDERS).access);
    for authorization in [None, Some(ALL), Some("Basic eDp5"), Some("Bearer"), Some("")] {
        let authorization = authorization.map(|value| ("Authorization", value));
        let headers: Vec<_> = authorization.into_iter().chain([("Cookie", &*cookie)]).collect();
        assert_eq!(site.ask("GET /oauth2/userinfo", &headers, None).status, 401, "{headers:?}");
    }
}

#[test]
fn exchange_that_another_site_asks_for_makes_no_refresh_token() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let own = site.sign_in("ann", ORDERS);
    let in_cookie = format!("access_token={}; refresh_token={}", own.access, own.refresh);
    let access_alone = format!("access_token={}", own.access);
    let bare = format!("GET /api/jwt/issue?applicationId={BILLING}");
    let named = format!("{bare}&refreshToken={}", own.refresh);
    let bearer = format!("Bearer {}", own.access);
    let has_child = |line: &str, headers: &[(&str, &str)]| !Tokens::of(&site.ask(line, headers, None)).refresh.is_empty();
    for elsewhere in FROM_ELSEWHERE {
        let with = |more: &[(&'static str, &str)], line: &str| {
            let all: Vec<(&str, &str)> = elsewhere.iter().copied().chain(more.iter().copied()).collect();
            has_child(line, &all)
        };
        assert!(!with(&[("Cookie", &in_cookie)], &bare), "{elsewhere:?}");
        assert!(!with(&[("Cookie", &access_alone)], &named), "{elsewhere:?}");
        assert!(with(&[("Authorization", &bearer)], &named), "{elsewhere:?}: no cookie is part of it");
    }
    assert!(has_child(&bare, &[("Cookie", &in_cookie), ("Sec-Fetch-Site", "same-origin")]));
    assert!(has_child(&named, &[("Cookie", &access_alone)]));
}
