//! One address, two meanings: paths and hosts that policy and backend could read differently.

use std::fs;

use crate::support::{Answer, Backend, Gateway, MockIssuer, Signer, Site, configuration, exchange, request, route};

/// Everything private but `/public`; administrators only on `/admin`, and on the host `admin.example.com`.
fn site() -> Site {
    let at = |host: &str, lines: &str| format!("host = \"{host}\"\n{lines}");
    let routes = [
        route("private", "/", ""),
        route("public", "/public", "anonymous = true"),
        route("admin", "/admin", "require = { roles = [\"admin\"] }"),
        route("user", "/user", "anonymous = true"),
        route("user-admin", "/user/admin", ""),
        route("files", "/files", "anonymous = true\nallow = [\"encoded_slash\"]"),
        route("open-host", "/", &at("open.example.com", "anonymous = true")),
        route("admin-host", "/", &at("admin.example.com", "require = { roles = [\"admin\"] }")),
        route("any-below", "/", &at("*.example.com", "anonymous = true")),
    ];
    Site::start(&routes.concat())
}

/// Fails where a request without credential was let in.
#[track_caller]
fn kept_out(site: &Site, answer: &Answer, about: &str) {
    assert!(matches!(answer.status, 400 | 401 | 404 | 405), "{about}: {}", answer.status);
    if answer.header("x-request-id").is_some() {
        assert!(site.delivered(answer).is_none(), "{about} reached the backend");
    }
}

#[test]
fn oauth2_proxy_cve_2025_54576_a_query_is_no_path() {
    let site = site();
    for target in ["/admin?x=/public/", "/admin?/public", "/admin/?/../public", "/admin?public", "/admin/x?y=/public/z"] {
        site.refused(&site.send(&format!("GET {target}"), &[]), 401, "credential_missing", target);
    }
}

#[test]
fn oauth2_proxy_cve_2026_41059_envoy_cve_2021_32779_istio_cve_2021_39156_traefik_cve_2023_47106_a_fragment_is_judged_by_nobody() {
    let site = site();
    for target in
        ["/admin#/public", "/admin/secret#/public/x", "/user/admin#/../public", "/admin%23/public", "/%23/public", "#/public"]
    {
        kept_out(&site, &site.send(&format!("GET {target}"), &[]), target);
    }
    // The HTTP library cuts a fragment before anyone sees it: policy and backend have the same rest.
    for target in ["/public#/../admin", "/public#", "/public?x#/admin"] {
        let received = site.received(&site.send(&format!("GET {target}"), &[]));
        assert_eq!(Some(received.target()), target.split('#').next(), "{target}");
    }
}

#[test]
fn oathkeeper_cve_2026_33494_heimdall_ghsa_3q34_envoy_cve_2019_9901_dot_segments_are_refused() {
    let site = site();
    for dots in ["..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "%252e%252e", ".", "%2e", "..;x=y", "%2e%2e;", "..%20", "..."] {
        for target in [format!("/public/{dots}/admin"), format!("/public/{dots}"), format!("/{dots}/public/admin")] {
            site.refused(&site.send(&format!("GET {target}"), &[]), 400, "bad_target", &target);
        }
    }
    assert!(site.backend.received().is_empty());
}

#[test]
fn envoy_cve_2021_29492_istio_cve_2021_31920_caddy_cve_2026_52844_heimdall_go_2026_5108_slashes_in_disguise_are_refused() {
    let site = site();
    let targets = [
        "/public%2f..%2fadmin",
        "/public/..%2Fadmin",
        "/public/x%2Fadmin",
        "/public%5Cadmin",
        "/public%5cadmin",
        "/public/..%5cadmin",
        "/public%252fadmin",
        "/public%252Fadmin",
        "/public%255cadmin",
        "//admin",
        "//x/admin",
        "/\\x/admin",
        "///x/admin",
        "/%2fadmin",
        "/%2Fadmin",
        "//public/../admin",
        "/user//admin",
        "/user/%2fadmin",
        "/user%2fadmin",
        "/user\\admin",
        "/user/admin%2f",
        "/user/%c0%afadmin",
        "/user%e0%80%afadmin",
    ];
    for target in targets {
        let answer = site.send(&format!("GET {target}"), &[]);
        kept_out(&site, &answer, target);
    }
    assert!(site.backend.received().is_empty());
    let received = site.received(&site.send("GET /files/a%2Fb%2fc", &[]));
    assert_eq!(received.target(), "/files/a%2Fb%2fc", "where the route says that it is data");
    for target in ["/files%2f..%2fadmin", "/files/..%2fadmin", "/files/%2e%2e%2fadmin", "/files%2F%2e%2e"] {
        kept_out(&site, &site.send(&format!("GET {target}"), &[]), target);
    }
}

#[test]
fn envoy_cve_2026_73551_cve_2026_73511_cve_2026_73553_path_parameters_open_nothing() {
    let site = site();
    let targets = [
        "/user/..;x=y/admin",
        "/user/..;/admin",
        "/user/x/..;a/admin",
        "/user;a=b/admin",
        "/user/admin;a=b",
        "/user/admin;",
        "/user/;a=b/admin",
        "/user/%3b/admin",
        "/user/admin%3Ba=b",
        "/user;/admin;x/y",
        "/public/..;/admin",
        "/admin;x",
        "/;x/admin",
    ];
    for target in targets {
        kept_out(&site, &site.send(&format!("GET {target}"), &[]), target);
    }
    assert!(site.backend.received().is_empty());
    let received = site.received(&site.send("GET /public/report;v=1", &[]));
    assert_eq!(received.target(), "/public/report;v=1", "one meaning, hence data");
}

#[test]
fn traefik_cve_2026_40912_cve_2025_66490_heimdall_ghsa_r9fw_what_was_judged_is_what_the_backend_receives() {
    let site = site();
    let targets = [
        "/public/a%20b?c=%2F..%2F",
        "/public/%7Euser/%C3%A9",
        "/public/a.b/c..d/...e",
        "/public/100%25",
        "/public/a+b?q=a+b&r=%00",
        "/public?access_token=x",
        "/public/?",
        "/public/x//y",
        "/public/Case/%41",
        "/public/*",
        "/public/:id/(x)/'y'/[z]",
        "/public/trailing/",
    ];
    for target in targets {
        let answer = site.send(&format!("GET {target}"), &[]);
        match answer.status {
            200 => assert_eq!(site.received(&answer).target(), target),
            _ => kept_out(&site, &answer, target),
        }
    }
    assert!(site.backend.received().len() >= 9, "most of them have one meaning");
}

#[test]
fn envoy_cve_2025_46821_cve_2026_73552_no_byte_turns_a_refusal_into_an_answer() {
    let site = site();
    let ask = |parts: [&[u8]; 3]| exchange(site.gateway.plain(), parts.concat());
    for byte in (0..=255).filter(|byte| !b"\r\n ".contains(byte)) {
        let end = b" HTTP/1.1\r\nHost: localhost\r\n\r\n";
        kept_out(&site, &ask([b"GET /admin", &[byte], end]), &format!("{byte:#x} after the path"));
        kept_out(
            &site,
            &ask([b"GET /adm", &[byte], [b"in".as_slice(), end].concat().as_slice()]),
            &format!("{byte:#x} within the path"),
        );
        let answer = ask([b"GET /admin HTTP/1.1\r\nHost: localhost\r\nX-Any: a", &[byte], b"\r\n\r\n"]);
        kept_out(&site, &answer, &format!("{byte:#x} in a header"));
        let answer = ask([b"GET /admin HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ", &[byte], b"\r\n\r\n"]);
        kept_out(&site, &answer, &format!("{byte:#x} as a token"));
    }
    assert!(site.backend.received().is_empty());
}

#[test]
fn caddy_cve_2026_27587_heimdall_ghsa_72h4_traefik_cve_2022_23632_case_dots_and_ports_make_no_other_host() {
    let site = site();
    let spellings =
        ["admin.example.com", "ADMIN.example.com", "Admin.Example.COM.", "admin.example.com:443", "admin.example.com.:80"];
    for host in spellings {
        site.refused(&site.send("GET /x", &[("Host", host)]), 401, "credential_missing", host);
        let absolute = format!("GET http://{host}/x");
        site.refused(&site.send(&absolute, &[("Host", host)]), 401, "credential_missing", &absolute);
    }
    for host in ["admin.example.com..", ".admin.example.com", "admin%2eexample.com", "admin。example.com", "[admin.example.com]"]
    {
        site.refused(&site.send("GET /x", &[("Host", host)]), 400, "bad_host", host);
    }
    // A name that only looks alike is another one; it is no way to the first one's route.
    let received = site.received(&site.send("GET /x", &[("Host", "xn--dmin-5cd.example.com")]));
    assert_eq!(received.header("host"), Some("xn--dmin-5cd.example.com"));
    for path in ["/ADMIN", "/Admin/x", "/aDMIN", "/user/ADMIN", "/USER/admin"] {
        kept_out(&site, &site.send(&format!("GET {path}"), &[]), path);
    }
}

#[test]
fn caddy_cve_2026_27587_target_and_host_that_differ_are_refused() {
    let site = site();
    for (line, host) in [
        ("GET http://open.example.com/x", "admin.example.com"),
        ("GET http://admin.example.com/x", "open.example.com"),
        ("GET http://open.example.com:81/x", "open.example.com"),
        ("GET http://u@open.example.com/x", "open.example.com"),
    ] {
        site.refused(&site.send(line, &[("Host", host)]), 400, "bad_host", &format!("{line} {host}"));
    }
    let two = "GET / HTTP/1.1\r\nHost: open.example.com\r\nHost: admin.example.com\r\n\r\n";
    site.refused(&exchange(site.gateway.plain(), two), 400, "bad_host", "two Host lines");
}

#[test]
fn traefik_cve_2026_33186_envoy_cve_2026_73547_authelia_ghsa_68wm_what_is_no_path_is_refused() {
    let site = site();
    let lines = [
        "GET admin",
        "GET *",
        "OPTIONS *",
        "GET ?x",
        "GET public/../admin",
        "GET http:/admin",
        "GET ://",
        "GET http://",
        "GET /public%",
        "GET /public%zz",
        "GET /public/%4",
        "GET /public/%00",
        "GET /public/%0d%0aX:1",
        "GET /public/\u{7f}",
        "GET localhost:80",
        "CONNECT localhost:80",
        "CONNECT /public",
        "TRACE /public",
        "TRACK /public",
    ];
    for line in lines {
        kept_out(&site, &exchange(site.gateway.plain(), request(line, &[])), line);
    }
    assert!(site.backend.received().is_empty());
}

#[test]
fn oauth2_proxy_cve_2026_34457_nothing_a_client_calls_itself_is_a_health_check() {
    let site = site();
    for agent in ["GoogleHC/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0", "Prometheus/3.0"] {
        for path in ["/admin", "/", "/ping", "/ready", "/healthz", "/readyz", "/livez", "/metrics", "/status", "/oauth2/auth"] {
            let answer = site.send(&format!("GET {path}"), &[("User-Agent", agent)]);
            site.refused(&answer, 401, "credential_missing", &format!("{agent} {path}"));
        }
    }
}

/// A configuration that names a file of every kind that checks rest on.
fn with_files(backend: &Backend) -> String {
    let tls = "[[listener]]\nname = \"tls\"\naddress = \"127.0.0.1:0\"\ntls = { certificate = \"tls.crt\", private_key = \"tls.key\", \
               client_auth = \"required\", client_ca = \"clients.crt\" }\n\n";
    let issuer = |name: &str, algorithm: &str, keys: &str| {
        format!(
            "[[issuer]]\nname = \"{name}\"\nissuer = \"https://{name}.example\"\naudiences = [\"gateway\"]\n\
             algorithms = [\"{algorithm}\"]\n{keys}\n\n"
        )
    };
    let issuers = [
        issuer("files", "ES256", "public_key_files = { k1 = \"key.pem\" }"),
        issuer("shared", "HS256", "secret_file = \"shared.secret\""),
        issuer("set", "ES256", "jwks_file = \"jwks.json\""),
    ];
    let route = route("private", "/", "issuers = [\"files\"]");
    configuration(&[], &[backend], &format!("{tls}{}{route}", issuers.concat()))
}

/// The files of [`with_files`], readable by their owner only.
fn write_files(folder: &std::path::Path, key: &Signer) {
    use std::os::unix::fs::PermissionsExt;
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let jwks = serde_json::json!({ "keys": [key.jwk()] }).to_string();
    let files = [
        ("tls.crt", pair.cert.pem()),
        ("tls.key", pair.signing_key.serialize_pem()),
        ("clients.crt", pair.cert.pem()),
        ("key.pem", key.public_pem()),
        ("shared.secret", "0123456789abcdef0123456789abcdef".to_owned()),
        ("jwks.json", jwks),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn caddy_cve_2026_27586_traefik_cve_2026_54762_cve_2022_46153_a_missing_file_turns_no_check_off() {
    let (key, backend, folder) = (Signer::new("k1"), Backend::start(), tempfile::tempdir().unwrap());
    write_files(folder.path(), &key);
    let text = with_files(&backend);
    let gateway = Gateway::start_in(folder, &text);
    let token = key.token(&Signer::claims("https://files.example", "alice"));
    for name in ["tls.crt", "tls.key", "clients.crt", "key.pem", "shared.secret", "jwks.json"] {
        for damage in ["deleted", "empty"] {
            match damage {
                "deleted" => fs::remove_file(gateway.folder().join(name)).unwrap(),
                _ => fs::write(gateway.folder().join(name), "").unwrap(),
            }
            let refused = gateway.reload(&text).unwrap_err();
            assert!(refused.contains(name) || refused.contains("secret_file"), "{name} {damage}: {refused}");
            assert_eq!(gateway.get("/", &token).status, 200, "{name} {damage}: the running configuration stays");
            assert_eq!(exchange(gateway.plain(), request("GET /", &[])).status, 401, "{name} {damage}");
            write_files(gateway.folder(), &key);
        }
    }
}

#[test]
fn traefik_cve_2022_46153_an_empty_option_is_no_open_door() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let good = configuration(&[&issuer], &[&backend], &route("private", "/", ""));
    let gateway = Gateway::start(&good);
    for lines in ["issuers = []", "require = { roles = [] }", "require = { any = [] }", "identity_headers = {}", "methods = []"] {
        let emptied = configuration(&[&issuer], &[&backend], &route("private", "/", lines));
        assert!(gateway.reload(&emptied).is_err(), "{lines}");
    }
    for emptied in
        [good.replace("[\"gateway\"]", "[]"), good.replace("[\"gateway\"]", "[\"\"]"), good.replace(", \"EdDSA\"", ", \"\"")]
    {
        assert!(gateway.reload(&emptied).is_err(), "{emptied}");
    }
    assert_eq!(exchange(gateway.plain(), request("GET /", &[])).status, 401);
}
