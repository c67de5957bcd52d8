//! What protects people with browsers: requests that another site's page made, preflights, sign-in.

use crate::support::{Answer, Backend, Connection, Reply, Site, exchange, request, route};

const OPEN_TO_APP: &str = "token_from = [\"header\", \"cookie\"]\norigins = [\"https://app.example.com\"]";

fn site() -> Site {
    site_before(Backend::start())
}

fn site_before(backend: Backend) -> Site {
    let routes = [
        route("own", "/own", "token_from = [\"header\", \"cookie\"]"),
        route("app", "/app", OPEN_TO_APP),
        route("readers", "/methods", &format!("methods = [\"GET\"]\n{OPEN_TO_APP}")),
        route("writers", "/methods", "methods = [\"PUT\"]\norigins = [\"https://writer.example.com\"]"),
        route("sign-in", "/page", "token_from = [\"header\", \"cookie\"]\nsign_in_url = \"https://login.example/start\""),
        route("plain", "/plain", "origins = [\"https://app.example.com\"]\nanonymous = true"),
    ];
    Site::before(backend, &routes.concat())
}

/// A request with the cookie of `alice` and these headers more.
fn with_cookie(site: &Site, line: &str, headers: &[(&str, &str)]) -> Answer {
    let cookie = format!("access_token={}", site.token("alice"));
    site.send(line, &[&[("Cookie", cookie.as_str())], headers].concat())
}

type Headers<'a> = &'a [(&'a str, &'a str)];

const UNSAFE: [&str; 5] = ["POST", "PUT", "DELETE", "PATCH", "PURGE"];

#[test]
fn a_cookie_counts_on_a_safe_method_whoever_made_the_request() {
    let site = site();
    for method in ["GET", "HEAD", "OPTIONS"] {
        let headers = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")];
        let received = site.received(&with_cookie(&site, &format!("{method} /own"), &headers));
        assert_eq!(received.header("x-forwarded-user"), Some("alice"), "{method}");
    }
}

#[test]
fn request_forgery_a_cookie_does_not_count_on_an_unsafe_method_from_another_site() {
    let site = site();
    let foreign: [&[(&str, &str)]; 12] = [
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://localhost")],
        &[("Sec-Fetch-Site", "")],
        &[("Sec-Fetch-Site", "SAME-ORIGIN")],
        &[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "https://localhost")],
        &[("Origin", "http://localhost:8080")],
        &[("Origin", "http://localhost.evil.example")],
        &[("Origin", "http://localhost"), ("Origin", "http://localhost")],
    ];
    for (method, headers) in UNSAFE.into_iter().flat_map(|method| foreign.map(|headers| (method, headers))) {
        for path in ["/own", "/app"] {
            let answer = with_cookie(&site, &format!("{method} {path}"), headers);
            site.refused(&answer, 401, "cross_site", &format!("{method} {path} {headers:?}"));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"localhost\""), "no credential counted");
        }
    }
}

#[test]
fn a_cookie_counts_from_the_same_origin_a_listed_one_and_what_is_no_browser() {
    let site = site();
    let own: [(&str, &[(&str, &str)]); 7] = [
        ("/own", &[]),
        ("/own", &[("Sec-Fetch-Site", "same-origin")]),
        ("/own", &[("Sec-Fetch-Site", "none")]),
        ("/own", &[("Origin", "http://localhost")]),
        ("/own", &[("Origin", "http://localhost:80")]),
        ("/app", &[("Origin", "https://app.example.com")]),
        ("/app", &[("Origin", "https://app.example.com"), ("Sec-Fetch-Site", "cross-site")]),
    ];
    for (method, (path, headers)) in UNSAFE.into_iter().flat_map(|method| own.map(|own| (method, own))) {
        let answer = with_cookie(&site, &format!("{method} {path}"), headers);
        assert_eq!(answer.status, 200, "{method} {path} {headers:?}: {}", answer.text());
    }
    let ported = [("Host", "localhost:8443"), ("Origin", "http://localhost:8443")];
    assert_eq!(with_cookie(&site, "POST /own", &ported).status, 200);
    let other = [("Origin", "https://app.example.com")];
    site.refused(&with_cookie(&site, "POST /own", &other), 401, "cross_site", "listed for another route");
}

#[test]
fn a_header_counts_from_every_site() {
    let site = site();
    let headers = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")];
    assert_eq!(site.send_as(&site.token("alice"), "POST /own", &headers).status, 200);
}

#[test]
fn websocket_hijacking_a_cookie_does_not_count_on_an_upgrade_from_another_site() {
    let site = site_before(Backend::scripted(|_| Reply::Switch("websocket")));
    let cookie = format!("access_token={}", site.token("alice"));
    let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Cookie", cookie.as_str())];
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[("Origin", "https://evil.example")], 401),
        (&[("Origin", "null")], 401),
        (&[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")], 401),
        (&[("Origin", "http://localhost")], 101),
        (&[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost")], 101),
        (&[], 101),
    ];
    for (headers, status) in cases {
        let answer = Connection::open(site.gateway.plain()).exchange(request("GET /own", &[&upgrade, headers].concat()));
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(site.delivered(&answer).is_some(), status == 101, "{headers:?}");
    }
}

#[test]
fn a_preflight_for_a_listed_origin_is_answered_before_authentication() {
    let site = site();
    let asked = [
        ("Origin", "https://app.example.com"),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "content-type, x-a"),
    ];
    for path in ["/app", "/app/x?y=1", "/plain"] {
        let answer = site.send(&format!("OPTIONS {path}"), &asked);
        assert_eq!(answer.status, 204, "{path}");
        let said = |name: &str| answer.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        assert_eq!(said("access-control-allow-origin"), Some("https://app.example.com"));
        assert_eq!(said("access-control-allow-credentials"), Some("true"));
        assert_eq!(said("access-control-allow-methods"), Some("PUT"));
        assert_eq!(said("access-control-allow-headers"), Some("content-type, x-a"));
        assert!(answer.headers.iter().any(|(name, value)| name == "vary" && value == "Origin"));
        assert!(answer.header("x-request-id").is_some() && site.delivered(&answer).is_none(), "{path}");
    }
}

#[test]
fn a_preflight_goes_by_the_route_of_the_method_it_asks_for() {
    let site = site();
    let ask = |origin: &str, method: &str| {
        site.send("OPTIONS /methods", &[("Origin", origin), ("Access-Control-Request-Method", method)])
    };
    assert_eq!(ask("https://app.example.com", "GET").status, 204);
    assert_eq!(ask("https://writer.example.com", "PUT").status, 204);
    for (origin, method, status) in [
        ("https://app.example.com", "PUT", 405),
        ("https://writer.example.com", "GET", 405),
        ("https://app.example.com", "POST", 405),
    ] {
        let answer = ask(origin, method);
        assert_eq!(answer.status, status, "{origin} {method}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin} {method}");
    }
}

#[test]
fn a_preflight_that_is_not_answered_has_the_route_of_its_own_method() {
    let routes = [
        route("hook", "/hook", "methods = [\"POST\"]\nanonymous = true"),
        route("rest", "/hook", "require = { roles = [\"admin\"] }"),
        route("read", "/read", "methods = [\"GET\"]\nanonymous = true"),
    ];
    let site = Site::start(&routes.concat());
    let ask = |path: &str, method: &str| {
        let headers = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", method)];
        site.send(&format!("OPTIONS {path}"), &headers)
    };
    site.refused(&ask("/hook", "POST"), 401, "credential_missing", "OPTIONS is the administrators'");
    site.refused(&ask("/read", "GET"), 405, "method_not_allowed", "OPTIONS is nobody's");
    site.refused(&ask("/read", "PUT"), 405, "method_not_allowed", "neither is");
}

#[test]
fn a_preflight_for_any_other_origin_is_an_ordinary_request() {
    let site = site();
    let asks = ("Access-Control-Request-Method", "PUT");
    for origin in
        ["https://evil.example", "null", "https://app.example.com.evil", "http://app.example.com", "https://APP.example.com", "*"]
    {
        let answer = site.send("OPTIONS /app", &[("Origin", origin), asks]);
        site.refused(&answer, 401, "credential_missing", origin);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
    let malformed = [("Origin", "https://app.example.com"), asks, ("Access-Control-Request-Headers", "a\"b")];
    assert_eq!(site.send("OPTIONS /app", &malformed).status, 401);
    let twice = [("Origin", "https://app.example.com"), asks, asks];
    assert_eq!(site.send("OPTIONS /app", &twice).status, 401);
}

#[test]
fn a_listed_origins_page_may_read_answers_and_refusals() {
    let liar = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n";
    let site = site_before(Backend::scripted(|_| Reply::Raw(liar.into())));
    let token = site.token("alice");
    let from = [("Origin", "https://app.example.com")];
    let too_long = [from[0], ("Content-Length", "999999999999")];
    let unsayable = site.token_with(serde_json::json!({ "email": "a\nb" }));
    let answers = [
        site.send_as(&token, "GET /app", &from),
        site.send("GET /app", &from),
        site.send_as("bad", "GET /app", &from),
        site.send_as(&token, "POST /app", &too_long),
        site.send_as(&unsayable, "GET /app", &from),
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 401, 401, 413, 403]);
    for answer in &answers {
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{answer:?}");
    }
    let stranger = site.send("GET /app", &[("Origin", "https://evil.example")]);
    assert_eq!(stranger.header("access-control-allow-origin"), None);
}

#[test]
fn a_browsers_page_load_without_session_is_sent_to_sign_in() {
    let site = site();
    let accept = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let expired = format!("access_token={}", site.token_with(serde_json::json!({ "exp": 1 })));
    let sent: [&[(&str, &str)]; 4] = [
        &[accept],
        &[accept, ("Sec-Fetch-Mode", "navigate")],
        &[accept, ("Cookie", &expired)],
        &[accept, ("Cookie", "access_token=x; a=b")],
    ];
    for headers in sent {
        let answer = site.send("GET /page", headers);
        assert_eq!((answer.status, answer.header("location")), (303, Some("https://login.example/start")), "{headers:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(site.delivered(&answer).is_none());
    }
}

#[test]
fn the_place_to_return_to_is_the_gateways_own_view_and_holds_no_token() {
    let settings = "token_from = [\"cookie\", \"query\"]\nsign_in_url = \"https://login.example/?a=1&rd={return_to}\"";
    let site = Site::start(&route("page", "/", settings));
    let port = site.gateway.plain().port();
    let asked = "GET /a?x=%2F&access_token=bad&y=//evil.example";
    let answer = site.send(asked, &[("Accept", "text/html"), ("X-Forwarded-Host", "evil.example")]);
    let own = "http%3A%2F%2Flocalhost%2Fa%3Fx%3D%252F%26y%3D%2F%2Fevil.example";
    let location = answer.header("location").unwrap_or_default().replace(&format!("%3A{port}"), "");
    assert_eq!((answer.status, location), (303, format!("https://login.example/?a=1&rd={own}")));
}

#[test]
fn nothing_else_than_a_page_load_is_sent_to_sign_in() {
    let site = site();
    let html = ("Accept", "text/html");
    let cases: [(&str, Headers, u16); 8] = [
        ("GET /page", &[], 401),
        ("GET /page", &[("Accept", "application/json")], 401),
        ("GET /page", &[html, ("Sec-Fetch-Mode", "cors")], 401),
        ("GET /page", &[html, ("Authorization", "Bearer x")], 401),
        ("POST /page", &[html], 401),
        ("HEAD /page", &[html], 401),
        ("GET /own", &[html], 401),
        ("GET /page/%2e%2e", &[html], 400),
    ];
    for (line, headers, status) in cases {
        let answer = site.send(line, headers);
        assert_eq!((answer.status, answer.header("location")), (status, None), "{line} {headers:?}");
    }
    let denied =
        Site::start(&route("page", "/", "require = { roles = [\"x\"] }\nsign_in_url = \"/sign-in\"\ntoken_from = [\"cookie\"]"));
    let cookie = format!("access_token={}", denied.token("alice"));
    let answer = exchange(denied.gateway.plain(), request("GET /", &[html, ("Cookie", &cookie)]));
    assert_eq!((answer.status, answer.header("location")), (403, None), "signing in again would not help");
}
