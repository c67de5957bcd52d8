//! Forwarding headers: who is believed about the client, and that nothing in them decides who may do what.

use crate::support::{Answer, Gateway, Received, Site, exchange, request, route};

const TRUSTING: &str =
    "[[listener]]\nname = \"behind\"\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n\n";

/// A listener `plain` that trusts nobody and a listener `behind` that trusts this machine.
fn site() -> Site {
    let routes = [
        route("private", "/", ""),
        route("public", "/public", "anonymous = true"),
        route("admin", "/admin", "require = { roles = [\"admin\"] }"),
        route("form", "/form", "token_from = [\"cookie\"]\nsign_in_url = \"https://login.example/start\""),
    ];
    Site::start(&(TRUSTING.to_owned() + &routes.concat()))
}

fn ask(gateway: &Gateway, listener: &str, line: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(gateway.listener(listener), request(line, headers))
}

/// What the backend is told of a public request with these headers.
fn told(site: &Site, listener: &str, headers: &[(&str, &str)]) -> Received {
    site.received(&ask(&site.gateway, listener, "GET /public", headers))
}

/// The address that the backend is told where these lines came through a trusted proxy.
fn client(site: &Site, forwarded_for: &[&str]) -> String {
    let lines: Vec<(&str, &str)> = forwarded_for.iter().map(|line| ("X-Forwarded-For", *line)).collect();
    told(site, "behind", &lines).header("x-forwarded-for").unwrap().to_owned()
}

#[test]
fn the_access_line_has_the_client_that_only_a_trusted_proxy_may_name() {
    let site = site();
    let headers = [("X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.1.1.1")];
    let cases = [
        ("behind", "GET /public", "192.0.2.7"),
        ("behind", "GET /admin", "192.0.2.7"),
        ("behind", "GET /a/..", "127.0.0.1"),
        ("plain", "GET /public", "127.0.0.1"),
    ];
    for (listener, line, client) in cases {
        let logged = site.access_line(&ask(&site.gateway, listener, line, &headers));
        assert_eq!(logged["client"], client, "{listener} {line}");
        assert!(logged["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{logged}");
    }
}

#[test]
fn oauth2_proxy_cve_2026_40575_issue_3506_a_forwarded_path_opens_nothing() {
    let site = site();
    let paths =
        ["X-Forwarded-Uri", "X-Forwarded-Path", "X-Original-URI", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"];
    for (listener, name) in ["plain", "behind"].into_iter().flat_map(|listener| paths.map(|name| (listener, name))) {
        let answer = ask(&site.gateway, listener, "GET /admin", &[(name, "/public")]);
        site.refused(&answer, 401, "credential_missing", &format!("{listener} {name}"));
        let received = told(&site, listener, &[(name, "/admin")]);
        assert_eq!((received.target(), received.aliases(name)), ("/public", vec![]), "{listener} {name}");
    }
    // Nobody is trusted unless named: the address of this machine neither.
    assert_eq!(told(&site, "plain", &[("X-Forwarded-For", "6.6.6.6")]).header("x-forwarded-for"), Some("127.0.0.1"));
}

#[test]
fn oathkeeper_cve_2026_33495_no_forwarded_header_changes_the_route_or_the_rule() {
    let site = site();
    let spoofs = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "public.example"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-HTTP-Method-Override", "OPTIONS"),
        ("X-Forwarded-Port", "443"),
        ("Forwarded", "for=127.0.0.1;proto=https;host=public.example"),
    ];
    for (listener, spoof) in ["plain", "behind"].into_iter().flat_map(|listener| spoofs.map(|spoof| (listener, spoof))) {
        let answer = ask(&site.gateway, listener, "GET /admin", &[spoof]);
        site.refused(&answer, 401, "credential_missing", &format!("{listener} {spoof:?}"));
        let credential = format!("Bearer {}", site.token("alice"));
        let answer = ask(&site.gateway, listener, "GET /admin", &[("Authorization", &credential), spoof]);
        site.refused(&answer, 403, "policy_denied", &format!("{listener} {spoof:?}"));
    }
}

#[test]
fn oathkeeper_cve_2026_33495_a_stranger_does_not_say_which_origin_is_the_clients_own() {
    let site = site();
    let cookie = format!("access_token={}", site.token("alice"));
    let claimed = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"), ("Origin", "https://evil.example")];
    let headers = [&claimed[..], &[("Cookie", &cookie)]].concat();
    site.refused(&ask(&site.gateway, "plain", "POST /form", &headers), 401, "cross_site", "not trusted");
    assert_eq!(ask(&site.gateway, "behind", "POST /form", &headers).status, 200, "the trusted proxy's word");
}

#[test]
fn traefik_cve_2026_35051_cve_2026_54764_cve_2024_52003_the_family_is_rebuilt_whole() {
    let site = site();
    let spoofs = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "b.example"),
        ("X-Forwarded-Port", "444"),
        ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Forwarded-Server", "s"),
        ("X-Forwarded-Anything", "1"),
        ("X-Forwarded", "1"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Real-IP", "6.6.6.6"),
    ];
    let family = |received: &Received| -> Vec<(String, String)> {
        let ours = |name: &str| name.contains("forwarded") || name.contains("real-ip");
        let mut family: Vec<_> = received.headers.iter().filter(|(name, _)| ours(&name.to_lowercase())).cloned().collect();
        family.sort();
        family
    };
    let expected = |values: [&str; 3]| {
        let names = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(family(&told(&site, "plain", &spoofs)), expected(["127.0.0.1", "localhost", "http"]));
    assert_eq!(family(&told(&site, "behind", &spoofs)), expected(["6.6.6.6", "b.example:444", "https"]));
    assert_eq!(family(&told(&site, "behind", &[])), expected(["127.0.0.1", "localhost", "http"]));
}

#[test]
fn nginx_ingress_cve_2026_94197_original_uri_and_method_reach_nobody() {
    let site = site();
    let spoofs = [
        ("X-Original-URI", "/public"),
        ("X-Original-URL", "/public"),
        ("X_Original_Uri", "/public"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Method", "GET"),
        ("X-Rewrite-URL", "/public"),
        ("X-Auth-Request-Redirect", "/public"),
    ];
    for listener in ["plain", "behind"] {
        let received = told(&site, listener, &spoofs);
        for (name, _) in spoofs {
            assert_eq!(received.aliases(name), [], "{listener} {name}");
        }
    }
}

#[test]
fn authentik_cve_2024_47070_cve_2023_36456_garbage_in_forwarded_for_names_no_client_and_skips_no_rule() {
    let site = site();
    let chain = format!("6.6.6.6, {}", vec!["10.0.0.2"; 200].join(", "));
    let cases: [(&[&str], &str); 12] = [
        (&[""], "127.0.0.1"),
        (&["unknown"], "127.0.0.1"),
        (&["6.6.6.6, unknown"], "127.0.0.1"),
        (&["6.6.6.6, _hidden"], "127.0.0.1"),
        (&["6.6.6.6,"], "127.0.0.1"),
        (&["6.6.6.6, 1.2.3.4.5"], "127.0.0.1"),
        (&["6.6.6.6, unknown, 10.0.0.5"], "10.0.0.5"),
        (&["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
        (&["6.6.6.6", "192.0.2.7:4711, 10.9.9.9"], "192.0.2.7"),
        (&["[2001:db8::1]:80"], "2001:db8::1"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&[&chain], "10.0.0.2"),
    ];
    for (lines, address) in cases {
        assert_eq!(client(&site, lines), address, "{lines:?}");
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("X-Forwarded-For", *line)).collect();
        let answer = ask(&site.gateway, "behind", "GET /admin", &headers);
        site.refused(&answer, 401, "credential_missing", &format!("{lines:?}"));
    }
}

#[test]
fn heimdall_cve_2026_57210_forwarded_is_read_by_nobody() {
    let site = site();
    for value in ["for=\"6.6.6.6, 7.7.7.7\";proto=https", "for=\"[::1]\\\"\"", "for=unknown", "for=6.6.6.6;host=\"evil\"", "\""] {
        let received = told(&site, "behind", &[("Forwarded", value)]);
        let seen = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"].map(|name| received.header(name));
        assert_eq!(seen, [Some("127.0.0.1"), Some("http"), Some("localhost"), None], "{value}");
    }
}

#[test]
fn traefik_ghsa_7jmw_8259_q9jx_a_mapped_address_is_its_ipv4_address() {
    let site = site();
    assert_eq!(client(&site, &["192.0.2.7, ::ffff:10.0.0.2"]), "192.0.2.7");
    assert_eq!(client(&site, &["192.0.2.7, [::ffff:10.0.0.2]:443"]), "192.0.2.7");
    assert_eq!(client(&site, &["6.6.6.6, ::ffff:192.0.2.7"]), "192.0.2.7");
}

#[test]
fn zitadel_ghsa_93m4_mfpg_c3xf_cve_2025_64101_no_header_says_where_a_browser_is_sent() {
    let site = site();
    for listener in ["plain", "behind"] {
        let spoofs = [
            ("Host", "evil.example"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "javascript"),
            ("Forwarded", "host=evil.example"),
            ("Referer", "https://evil.example/"),
            ("Accept", "text/html"),
        ];
        let answer = ask(&site.gateway, listener, "GET /form?rd=https://evil.example&return_to=//evil.example", &spoofs);
        assert_eq!((answer.status, answer.header("location")), (303, Some("https://login.example/start")), "{listener}");
        assert!(!answer.text().contains("evil"), "{}", answer.text());
    }
}
