//! Identity headers: aliases of their names, values a client left in them, and `Connection` that takes them away.

use serde_json::json;

use crate::support::{Backend, Connection, Reply, Site, exchange, request, route};

/// Every name that a route below sets or that is always managed.
const MANAGED: [&str; 14] = [
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "Remote-User",
    "Remote-Groups",
    "Remote-Email",
    "Remote-Name",
    "X-Tollgate-Assertion",
    "X-User-Id",
    "X-Email",
    "X-Authenticated-User",
];

const NAMED: &str =
    "identity_headers = { X-User-Id = \"sub\", X-Email = \"email\", x-AUTHENTICATED-uSER = \"sub\", X-Roles = \"roles\" }";

fn site() -> Site {
    site_before(Backend::start())
}

fn site_before(backend: Backend) -> Site {
    let routes = [
        route("defaults", "/defaults", ""),
        route("named", "/named", NAMED),
        route("public", "/public", "anonymous = true"),
        route("optional", "/optional", "anonymous = \"optional\"\ntoken_from = [\"header\", \"cookie\"]"),
    ];
    Site::before(backend, &routes.concat())
}

/// Spellings that CGI, WSGI or a careless map read as `name`.
fn spellings(name: &str) -> Vec<String> {
    let joined = |by: &str| name.replace('-', by);
    let last = name.rsplit_once('-').map(|(head, tail)| format!("{head}_{tail}"));
    let mut spellings = vec![name.to_owned(), name.to_lowercase(), name.to_uppercase(), joined("_"), joined("_").to_uppercase()];
    spellings.extend([joined("."), joined("~"), joined("+"), joined("!"), joined("_").to_lowercase()]);
    spellings.extend(last);
    spellings
}

#[test]
fn oauth2_proxy_cve_2025_64484_every_spelling_of_an_identity_header_is_removed() {
    let site = site();
    let token = site.token_with(json!({ "email": "alice@corp.example", "roles": ["user"] }));
    for name in MANAGED {
        let spellings = spellings(name);
        let spoofs: Vec<(&str, &str)> = spellings.iter().map(|spelling| (spelling.as_str(), "mallory")).collect();
        let answers = [
            site.send_as(&token, "GET /defaults/x", &spoofs),
            site.send_as(&token, "GET /named/x", &spoofs),
            site.send_as(&token, "GET /optional/x", &spoofs),
            site.send("GET /optional/x", &spoofs),
            site.send("GET /public/x", &spoofs),
        ];
        for (index, answer) in answers.iter().enumerate() {
            let seen = site.received(answer).aliases(name);
            assert!(seen.len() <= usize::from(index < 3), "{name}, request {index}: {seen:?}");
            assert!(seen.iter().all(|(_, value)| value != "mallory"), "{name}, request {index}: {seen:?}");
        }
    }
    let removed = MANAGED.iter().map(|name| 5 * spellings(name).len()).sum::<usize>();
    assert_eq!(site.gateway.metric("tollgate_identity_headers_stripped_total", &[]), removed as f64);
}

#[test]
fn traefik_cve_2026_33433_a_name_configured_in_odd_case_is_one_name() {
    let site = site();
    for spelling in ["X-Authenticated-User", "x-authenticated-user", "x-AUTHENTICATED-uSER", "X_Authenticated_User"] {
        let answer = site.send_as(&site.token("alice"), "GET /named", &[(spelling, "mallory"), (spelling, "admin")]);
        let seen = site.received(&answer).aliases("x-authenticated-user");
        assert_eq!(seen, [("x-authenticated-user".to_owned(), "alice".to_owned())], "{spelling}");
    }
}

#[test]
fn traefik_cve_2026_39858_cve_2026_54763_underscore_aliases_of_forwarding_headers_are_removed() {
    let site = site();
    let spoofs = [
        ("X_Forwarded_Proto", "https"),
        ("X_Forwarded_For", "6.6.6.6"),
        ("x_forwarded_host", "evil.example"),
        ("X.Forwarded.Prefix", "/admin"),
        ("X_Real_IP", "6.6.6.6"),
        ("X_Forwarded_User", "mallory"),
    ];
    for (line, token) in [("GET /public", None), ("GET /defaults", Some(site.token("alice")))] {
        let answer = match token {
            Some(token) => site.send_as(&token, line, &spoofs),
            None => site.send(line, &spoofs),
        };
        let received = site.received(&answer);
        for (name, value) in spoofs {
            assert!(received.aliases(name).iter().all(|(_, seen)| seen != value), "{line} {name}: {:?}", received.headers);
            assert!(received.aliases(name).len() <= 1, "{line} {name}: {:?}", received.headers);
        }
    }
}

#[test]
fn traefik_cve_2026_88011_caddy_cve_2026_52845_every_character_that_cgi_folds_is_folded() {
    let site = site();
    for other in "!#$%&'*+-.^_`|~".chars() {
        let name = format!("X{other}Authenticated{other}User");
        for line in ["GET /public", "GET /named"] {
            let answer = site.send_as(&site.token("alice"), line, &[(&name, "mallory")]);
            let seen = site.received(&answer).aliases("x-authenticated-user");
            assert!(seen.iter().all(|(_, value)| value == "alice"), "{line} {name}: {seen:?}");
            assert_eq!(seen.len(), usize::from(line == "GET /named"), "{line} {name}: {seen:?}");
        }
    }
}

#[test]
fn caddy_cve_2026_30851_apisix_cve_2026_31908_an_absent_claim_leaves_no_header_of_the_client() {
    let site = site();
    let spoofs = [("X-Email", "root@corp.example"), ("X-Roles", "admin"), ("X-Forwarded-Groups", "admin")];
    for claims in [json!({}), json!({ "email": null, "roles": [] }), json!({ "roles": {} })] {
        for line in ["GET /named", "GET /defaults"] {
            let received = site.received(&site.send_as(&site.token_with(claims.clone()), line, &spoofs));
            for (name, _) in spoofs {
                assert_eq!(received.aliases(name), [], "{line} {claims}");
            }
        }
    }
}

#[test]
fn apisix_cve_2026_44087_mod_auth_openidc_what_another_gateway_would_pass_as_identity_is_removed_where_no_check_ran() {
    let names = ["X-Userinfo", "X-Access-Token", "X-ID-Token", "OIDC_CLAIM_sub"];
    let headers: Vec<String> = names.iter().map(|name| format!("{name} = \"sub\"")).collect();
    let routes = [
        route("private", "/private", &format!("identity_headers = {{ {} }}", headers.join(", "))),
        route("public", "/public", "anonymous = true"),
        route("optional", "/optional", "anonymous = \"optional\""),
    ];
    let site = Site::start(&routes.concat());
    let spoofs = [names.map(|name| (name, "mallory")).as_slice(), &[("OIDC-Claim-Sub", "mallory")]].concat();
    for line in ["GET /public", "GET /optional", "POST /optional/x", "HEAD /public"] {
        let received = site.received(&site.send(line, &spoofs));
        for name in names {
            assert_eq!(received.aliases(name), [], "{line} {name}");
        }
    }
}

#[test]
fn envoy_pr_46586_no_kind_of_request_is_exempt_from_removal() {
    let site = site();
    let token = site.token("alice");
    let lines = ["GET /public", "OPTIONS /public", "PURGE /public", "HEAD /optional", "OPTIONS /optional", "OPTIONS /named"];
    let kinds: [&[(&str, &str)]; 4] = [
        &[],
        &[("Origin", "https://evil.example"), ("Access-Control-Request-Method", "GET")],
        &[("Content-Type", "application/grpc"), ("TE", "trailers")],
        &[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
    ];
    for (line, kind) in lines.iter().flat_map(|line| kinds.map(|kind| (line, kind))) {
        for name in MANAGED {
            let spoofed = [kind, &[(name, "mallory")]].concat();
            let answer = site.send_as(&token, line, &spoofed);
            let seen = site.received(&answer).aliases(name);
            assert!(seen.iter().all(|(_, value)| value != "mallory"), "{line} {kind:?}: {seen:?}");
        }
    }
    for (line, status) in [("GET /nowhere", 404), ("GET /named", 401), ("GET /public/%2e%2e", 400)] {
        let answer = site.send(line, &[("X-User-Id", "mallory")]);
        assert_eq!(answer.status, status, "{line}");
        assert!(site.delivered(&answer).is_none() && !format!("{answer:?}").contains("mallory"), "{line}");
    }
}

#[test]
fn envoy_pr_46586_an_error_of_the_backend_is_no_way_around_removal() {
    let site = site_before(Backend::scripted(|_| Reply::Close));
    let answer = site.send_as(&site.token("alice"), "GET /named", &[("X-User-Id", "mallory")]);
    assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_no_response"));
    assert!(!format!("{:?}", site.backend.received()).contains("mallory"));
    assert!(!format!("{answer:?}").contains("mallory"));
}

#[test]
fn warpgate_cve_2026_63329_an_upgrade_carries_no_spoofed_header() {
    let site = site_before(Backend::scripted(|_| Reply::Switch("websocket")));
    let upgrade = [("Connection", "Upgrade, X-User-Id"), ("Upgrade", "websocket")];
    let spoofs = [("X-User-Id", "mallory"), ("X_User_Id", "mallory"), ("X-Forwarded-User", "mallory")];
    for (line, user) in [("GET /named", Some("alice")), ("GET /public", None), ("GET /defaults", None)] {
        let token = format!("Bearer {}", site.token("alice"));
        let headers = [&upgrade[..], &spoofs, &[("Authorization", &token)]].concat();
        let mut connection = Connection::open(site.gateway.plain());
        let answer = connection.exchange(request(line, &headers));
        assert_eq!(answer.status, 101, "{line}");
        connection.send("ping").unwrap();
        assert_eq!(connection.read(4).unwrap(), b"ping");
        let received = site.received(&answer);
        assert!(!format!("{received:?}").contains("mallory"), "{received:?}");
        assert_eq!(received.header("x-user-id"), user, "{line}");
    }
}

#[test]
fn oauth2_proxy_pr_1065_a_public_route_names_nobody() {
    let site = site();
    let token = site.token_with(json!({ "email": "alice@corp.example" }));
    let cookie = format!("access_token={token}; theme=dark");
    let headers = [("Cookie", cookie.as_str()), ("X-Forwarded-User", "mallory")];
    let received = site.received(&site.send_as(&token, "GET /public", &headers));
    for name in MANAGED {
        assert_eq!(received.aliases(name), [], "{name}");
    }
    assert_eq!((received.header("authorization"), received.header("cookie")), (None, Some("theme=dark")));

    let received = site.received(&site.send_as(&token, "GET /optional", &headers));
    assert_eq!(received.aliases("x-forwarded-user"), [("x-forwarded-user".to_owned(), "alice".to_owned())]);
}

#[test]
fn oathkeeper_ghsa_w9mr_28mw_j8hg_traefik_cve_2024_45410_cve_2026_29054_connection_takes_no_identity_header_away() {
    let site = site();
    let token = site.token("alice");
    let attempts: [&[(&str, &str)]; 8] = [
        &[("Connection", "close, X-User-Id")],
        &[("Connection", "x-user-id")],
        &[("connection", "X-USER-ID,x-Authenticated-User")],
        &[("Connection", "keep-alive"), ("Connection", "X-User-Id")],
        &[("Connection", "X-User-Id"), ("Connection", "x-user-id")],
        &[("Connection", ", ,\tX-User-Id\t,")],
        &[("Proxy-Connection", "X-User-Id")],
        &[("Connection", "TE, X-User-Id"), ("TE", "x-user-id, trailers;q=0.5")],
    ];
    for headers in attempts {
        let received = site.received(&site.send_as(&token, "GET /named", headers));
        assert_eq!(received.header("x-user-id"), Some("alice"), "{headers:?}");
        assert_eq!(received.header("x-authenticated-user"), Some("alice"), "{headers:?}");
    }
}

#[test]
fn pingora_cve_2026_105299_httpd_cve_2022_31813_no_connection_header_of_the_client_reaches_the_backend() {
    let site = site();
    let token = site.token("alice");
    for value in ["close", "keep-alive", "X-User-Id", "close, x-one, x-user-id", "upgrade", "te"] {
        let headers = [("Connection", value), ("X-One", "1"), ("Keep-Alive", "timeout=5"), ("Proxy-Authorization", "Basic eA==")];
        let received = site.received(&site.send_as(&token, "GET /named", &headers));
        for name in ["connection", "keep-alive", "proxy-authorization", "te", "upgrade"] {
            assert_eq!(received.header(name), None, "{value}");
        }
        assert_eq!(received.header("x-one").is_none(), value.contains("x-one"), "{value}");
        assert_eq!(received.header("x-user-id"), Some("alice"), "{value}");
    }
    for value in ["Host", "close, content-length", "Transfer-Encoding"] {
        let answer = site.send_as(&token, "GET /named", &[("Connection", value)]);
        site.refused(&answer, 400, "bad_framing", value);
    }
}

#[test]
fn envoy_cve_2023_27487_cve_2024_45806_internal_headers_are_not_believed_from_private_addresses() {
    let site = site();
    let spoofs = [("X-Tollgate-Assertion", "e30.e30."), ("X_Tollgate_Subject", "mallory"), ("X-Request-Id", "chosen")];
    for line in ["GET /public", "GET /named"] {
        let answer = site.send_as(&site.token("alice"), line, &spoofs);
        let received = site.received(&answer);
        assert_eq!(received.aliases("x-tollgate-assertion"), [], "{line}");
        assert_eq!(received.aliases("x-tollgate-subject"), [], "{line}");
        assert_ne!(answer.header("x-request-id"), Some("chosen"), "{line}");
    }
}

#[test]
fn envoy_cve_2023_27493_a_claim_writes_no_header_and_no_second_request() {
    let site = site();
    let long = "x".repeat(9000);
    let unusable = [
        json!({ "sub": "a\r\nX-Roles: admin" }),
        json!({ "sub": "a\r\n\r\nGET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n" }),
        json!({ "sub": "a\nX-Roles: admin" }),
        json!({ "email": "a\0b" }),
        json!({ "email": "a\u{85}b" }),
        json!({ "email": ["a", "b,c"] }),
        json!({ "email": [["a"]] }),
        json!({ "email": { "a": 1 } }),
        json!({ "email": long }),
        json!({ "roles": ["user,admin"] }),
        json!({ "roles": ["user\r\n"] }),
    ];
    for claims in unusable {
        let answer = site.send_as(&site.token_with(claims.clone()), "GET /named", &[]);
        site.refused(&answer, 403, "claim_unusable", &claims.to_string());
    }
    assert!(site.backend.received().is_empty());
    for value in ["Zoë", "日本語", "a, b", "\u{a1}\u{ff}"] {
        let received = site.received(&site.send_as(&site.token_with(json!({ "email": value })), "GET /named", &[]));
        assert_eq!(received.header("x-email"), Some(value));
    }
    let answer = site.send_as(&site.token_with(json!({ "email": "x".repeat(65_536) })), "GET /named", &[]);
    assert!(matches!(answer.status, 401 | 431), "{}", answer.text());
}

#[test]
fn heimdall_cve_2026_57209_a_host_writes_nothing_into_forwarding_headers() {
    let site = site();
    for host in ["a;for=1.2.3.4", "\"a\"", "a,b", "a b", "a;host=\"b\"", "a%0d%0ax", "a@b", "a\\b", "'a'", "é"] {
        let answer = site.send("GET /public", &[("Host", host)]);
        site.refused(&answer, 400, "bad_host", host);
    }
    let received = site.received(&site.send("GET /public", &[("Host", "A.example:8080")]));
    assert_eq!(received.header("x-forwarded-host"), Some("A.example:8080"));
    assert_eq!(received.header("forwarded"), None);
}

#[test]
fn oauth2_proxy_cve_2025_64484_a_trailer_is_no_other_door() {
    let site = site();
    let token = site.token("alice");
    let announced = "Trailer: X-Checksum, X-User-Id\r\nTransfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\n";
    let head = format!("POST /named HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{announced}\r\n");
    let trailers = "X-Checksum: 1\r\nX-User-Id: mallory\r\nX_User_Id: mallory\r\nX-Forwarded-User: mallory\r\nCookie: a=b\r\n";
    let answer = exchange(site.gateway.plain(), format!("{head}3\r\nabc\r\n0\r\n{trailers}\r\n"));
    let received = site.received(&answer);
    assert_eq!(received.body, b"abc");
    assert_eq!(received.aliases("x-user-id"), [("x-user-id".to_owned(), "alice".to_owned())]);
    assert_eq!(received.trailers, [("x-checksum".to_owned(), "1".to_owned())]);
    assert_eq!(received.header("trailer"), Some("X-Checksum"));
}
