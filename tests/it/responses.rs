//! What clients are answered: refusals of every kind, and the gateway's own word on a backend's answer.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{
    Answer, Backend, Connection, Gateway, MockIssuer, Received, Reply, Serves, Signer, Site, configuration, exchange, get,
    read_answer, request, route, until,
};

/// A backend that fails as the path says, and routes of every kind before it.
fn site() -> Site {
    let script = |request: &Received| match request.target().trim_start_matches("/backend/") {
        "closes" => Reply::Close,
        "garbage" => Reply::RawAndClose(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
        "hangs" => Reply::Hang,
        "switches" => Reply::Switch("websocket"),
        _ => Reply::Text("fine".into()),
    };
    let routes = [
        route("private", "/private", "token_from = [\"header\", \"cookie\"]"),
        route("admin", "/admin", "require = { roles = [\"admin\"] }"),
        route("backend", "/backend", "anonymous = true\nresponse_timeout = \"200ms\""),
        route("small", "/small", "anonymous = true\nmax_body = \"10B\"\nmethods = [\"POST\", \"PUT\"]"),
    ];
    Site::before(Backend::scripted(script), &routes.concat())
}

/// Every refusal that needs no special surroundings: the request, its status and reason, the challenge's error.
fn refusals() -> Vec<(String, u16, &'static str, Option<&'static str>)> {
    let get = |target: &str, headers: &[(&str, &str)]| request(&format!("GET {target}"), headers);
    let post = |target: &str, headers: &[(&str, &str)], body: &str| request(&format!("POST {target}"), headers) + body;
    let large = "a".repeat(66_000);
    let nominated = (0..40).map(|at| format!("x-{at}")).collect::<Vec<_>>().join(",");
    let long = format!("/private/{}", "a".repeat(9000));
    let chunked = [("Transfer-Encoding", "chunked")];
    vec![
        (get("/private", &[("Host", "a b")]), 400, "bad_host", None),
        (get("/private", &[("Host", "")]), 400, "bad_host", None),
        (get("/private/..", &[]), 400, "bad_target", None),
        (get("/PRIVATE", &[]), 400, "ambiguous_target", None),
        (get("/private", &[("Connection", &nominated)]), 400, "bad_headers", None),
        (get("/private", &[("Connection", "content-length")]), 400, "bad_framing", None),
        (
            get("/private", &[("Authorization", "Bearer a"), ("Authorization", "Bearer b")]),
            400,
            "ambiguous_credentials",
            Some("invalid_request"),
        ),
        (get("/private", &[("Authorization", "Bearer a, Bearer b")]), 400, "ambiguous_credentials", Some("invalid_request")),
        (get("/private", &[]), 401, "credential_missing", Some("")),
        (get("/private", &[("Authorization", "Basic eDp5")]), 401, "credential_missing", Some("")),
        (
            post("/private", &[("Cookie", "access_token=x"), ("Origin", "null"), ("Content-Length", "0")], ""),
            401,
            "cross_site",
            Some(""),
        ),
        (get("/private", &[("Authorization", "Bearer x")]), 401, "invalid_token", Some("invalid_token")),
        (get("/private", &[("Cookie", "access_token=x")]), 401, "invalid_token", Some("invalid_token")),
        (get("/", &[]), 404, "no_route", None),
        (get("/privateer", &[]), 404, "no_route", None),
        (get("/small", &[]), 405, "method_not_allowed", None),
        (request("TRACE /private", &[]), 405, "method_not_allowed", None),
        (post("/small", &[("Content-Length", "11")], "12345678901"), 413, "body_too_large", None),
        (post("/small", &chunked, "b\r\n12345678901\r\n0\r\n\r\n"), 413, "body_too_large", None),
        (get(&long, &[]), 414, "target_too_long", None),
        (get("/private", &[("X-A", &large)]), 431, "headers_too_large", None),
        (get("/backend/closes", &[]), 502, "upstream_no_response", None),
        (get("/backend/garbage", &[]), 502, "upstream_no_response", None),
        (get("/backend/switches", &[]), 502, "upstream_no_response", None),
        (get("/backend/hangs", &[]), 504, "upstream_timeout", None),
    ]
}

/// Checks everything that all refusals have in common.
#[track_caller]
fn well_formed(answer: &Answer, status: u16, reason: &str, about: &str) {
    assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{about}");
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{about}: no request id"));
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{about}: {id}");
    let body = answer.json();
    let body = body.as_object().unwrap();
    assert_eq!((body.len(), body["request_id"].as_str()), (3, Some(id)), "{about}");
    assert!(body["message"].as_str().is_some_and(|text| text.ends_with('.')), "{about}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{about}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{about}");
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{about}");
    assert_eq!((answer.header("server"), answer.header("via"), answer.header("x-powered-by")), (None, None, None), "{about}");
}

#[test]
fn every_refusal_has_its_status_a_stable_reason_an_id_and_the_right_challenge() {
    let site = site();
    for (request, status, reason, challenge) in refusals() {
        let about = request.split("\r\n").next().unwrap();
        let answer = exchange(site.gateway.plain(), &request);
        well_formed(&answer, status, reason, about);
        let expected = challenge.map(|error| match error {
            "" => "Bearer realm=\"localhost\"".to_owned(),
            // Before a host is believed no realm is named after it.
            "invalid_request" if answer.header("www-authenticate").is_some_and(|value| value.contains("gateway")) => {
                "Bearer realm=\"gateway\", error=\"invalid_request\"".to_owned()
            }
            error => format!("Bearer realm=\"localhost\", error=\"{error}\""),
        });
        assert_eq!(answer.header("www-authenticate"), expected.as_deref(), "{about}");
        let closes = matches!(status, 400 | 413 | 414 | 431);
        assert_eq!(answer.header("connection") == Some("close"), closes, "{about}");
    }
}

#[test]
fn what_the_http_library_refuses_before_there_is_a_request_is_bare_and_counted() {
    let site = site();
    let cases = [
        (request("GET /private", &[("X-A", "1"); 101]), 431, "parse_too_large"),
        (request("GET /private", &[("X-A", "a\u{1}b")]), 400, "parse"),
        ("GET /private HTTP/1.1\r\nHost : localhost\r\n\r\n".into(), 400, "parse"),
    ];
    for (request, status, kind) in cases {
        let counted = || site.gateway.metric("tollgate_ambiguous_requests_total", &[&format!("kind=\"{kind}\"")]);
        let before = counted();
        let answer = exchange(site.gateway.plain(), request);
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{kind}");
        until("the count", || counted() == before + 1.0);
    }
    assert!(site.gateway.access_lines().is_empty());
}

#[test]
fn a_caller_who_is_known_and_may_not_is_told_so_and_no_more() {
    let site = site();
    let denied = site.send_as(&site.token("alice"), "GET /admin", &[]);
    well_formed(&denied, 403, "policy_denied", "policy");
    assert_eq!(denied.header("www-authenticate"), Some("Bearer realm=\"localhost\", error=\"insufficient_scope\""));
    let unusable = site.token_with(serde_json::json!({ "email": "a\nb" }));
    let unusable = site.send_as(&unusable, "GET /private", &[]);
    well_formed(&unusable, 403, "claim_unusable", "claim");
    assert_eq!(unusable.header("www-authenticate"), None);
    assert!(site.backend.received().is_empty());
}

#[test]
fn a_405_lists_what_is_there() {
    let site = site();
    assert_eq!(site.send("GET /small", &[]).header("allow"), Some("POST, PUT"));
    assert_eq!(site.send("TRACE /small", &[]).header("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
}

#[test]
fn people_are_answered_in_text_and_programs_in_json() {
    let site = site();
    let json = ["application/json", "*/*", "application/*", "text/html, application/json", "application/problem+json", ""];
    for accept in json {
        assert_eq!(site.send("GET /private", &[("Accept", accept)]).header("content-type"), Some("application/json"), "{accept}");
    }
    for accept in ["text/html,application/xhtml+xml,*/*;q=0.8", "text/plain", "text/*"] {
        let answer = site.send("GET /private", &[("Accept", accept)]);
        assert_eq!((answer.status, answer.header("content-type")), (401, Some("text/plain; charset=utf-8")), "{accept}");
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(answer.text(), format!("Authentication is required.\nreason: credential_missing\nrequest: {id}\n"));
    }
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let site = site();
    let token = site.token("alice");
    let pairs =
        [("/private", None), ("/private", Some("x")), ("/private", Some(token.as_str())), ("/", None), ("/private/..", None)];
    for (target, token) in pairs {
        let credential = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = credential.iter().map(|value| ("Authorization", value.as_str())).collect();
        let mut connection = Connection::open(site.gateway.plain());
        let head = connection.exchange(request(&format!("HEAD {target}"), &[&headers[..], &[("Connection", "close")]].concat()));
        assert_eq!(connection.rest().unwrap(), b"", "HEAD {target} has no body");
        let get = site.send(&format!("GET {target}"), &headers);
        assert_eq!(head.status, get.status, "{target}");
        for name in ["content-length", "content-type", "www-authenticate", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{target} {name}");
        }
    }
}

#[test]
fn an_aborted_body_is_the_clients_fault() {
    let site = site();
    let mut connection = Connection::open(site.gateway.plain());
    connection.send("POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    until("the connection to the backend", || site.backend.connections() > 0);
    connection.stream().shutdown(std::net::Shutdown::Write).unwrap();
    until("the access line", || site.gateway.access_lines().iter().any(|line| line["reason"] == "body_aborted"));
    assert!(site.backend.received().is_empty(), "what came was not whole");
}

#[test]
fn the_body_of_a_refused_request_is_never_read_as_a_request() {
    let site = site();
    let inner = request("GET /backend/smuggled", &[]);
    for headers in [vec![], vec![("Authorization", "Bearer x")], vec![("Connection", "content-length")]] {
        let length = inner.len().to_string();
        let head = request("POST /private", &[&headers[..], &[("Content-Length", &length)]].concat());
        let mut connection = Connection::open(site.gateway.plain());
        assert!(matches!(connection.exchange(head + &inner).status, 400 | 401));
        // Whether the connection goes on or not: what comes next is the next request.
        let next = connection.send(request("GET /backend/next", &[])).and_then(|()| connection.answer_to("GET"));
        assert!(next.is_err() || next.is_ok_and(|answer| answer.status == 200));
    }
    assert!(site.backend.received().iter().all(|received| received.target() == "/backend/next"));
}

#[test]
fn a_server_that_is_not_there_or_does_not_shake_hands_is_named_for_what_it_is() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstreams = format!(
        "[[upstream]]\nname = \"closed\"\nservers = [\"http://{closed}\"]\n\n\
         [[upstream]]\nname = \"silent\"\nservers = [\"https://{}\"]\nconnect_timeout = \"200ms\"\n\n",
        silent.local_addr().unwrap()
    );
    let to =
        |name: &str| format!("[[route]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"{name}\"\nanonymous = true\n\n");
    let gateway = Gateway::start(&configuration(&[], &[], &(upstreams + &to("closed") + &to("silent"))));
    well_formed(&get(gateway.plain(), "/closed", &[]), 502, "upstream_unreachable", "closed");
    well_formed(&get(gateway.plain(), "/silent", &[]), 504, "upstream_connect_timeout", "silent");
}

#[test]
fn what_may_pass_by_itself_says_when_to_come_back() {
    let (key, backend) = (Signer::new("k1"), Backend::scripted(|_| Reply::Hang));
    let issuer = MockIssuer::start("corp", &[]);
    issuer.now(Serves::Status(500));
    let routes = [route("private", "/private", ""), route("public", "/public", "anonymous = true")].concat();
    let text = configuration(&[&issuer], &[&backend], &routes);
    let gateway = Gateway::start_cold(&text.replace("name = \"backend-0\"\n", "name = \"backend-0\"\nmax_connections = 1\n"));

    let answer = gateway.get("/private", &key.token(&Signer::claims(&issuer.issuer(), "alice")));
    well_formed(&answer, 503, "keys_unavailable", "the issuer is down");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1);
    assert_eq!(answer.header("www-authenticate"), None, "another token would not help");

    let mut first = Connection::open(gateway.plain());
    first.send(request("GET /public", &[])).unwrap();
    until("the first request at the backend", || backend.received().len() == 1);
    let answer = get(gateway.plain(), "/public", &[]);
    well_formed(&answer, 503, "upstream_saturated", "its only connection is taken");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[test]
fn a_connection_made_for_another_host_is_misdirected_where_clients_show_certificates() {
    let (backend, folder) = (Backend::start(), tempfile::tempdir().unwrap());
    let names = ["a.example.com".to_owned(), "b.example.com".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).unwrap();
    for (name, content) in [("tls.crt", pair.cert.pem()), ("tls.key", pair.signing_key.serialize_pem())] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(folder.path().join(name), content).unwrap();
        std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let tls = |name: &str, more: &str| {
        format!(
            "[[listener]]\nname = \"{name}\"\naddress = \"127.0.0.1:0\"\ntls = {{ certificate = \"tls.crt\", private_key = \"tls.key\"{more} }}\n\n"
        )
    };
    let listeners = tls("asks", ", client_auth = \"optional\", client_ca = \"tls.crt\"") + &tls("does-not", "");
    let gateway =
        Gateway::start_in(folder, &configuration(&[], &[&backend], &(listeners + &route("all", "/", "anonymous = true"))));

    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let ask = |listener: &str, named: &'static str, host: &str| {
        let socket = std::net::TcpStream::connect(gateway.listener(listener)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let session = ClientConnection::new(Arc::clone(&config), ServerName::try_from(named).unwrap()).unwrap();
        let mut stream = std::io::BufReader::new(StreamOwned::new(session, socket));
        std::io::Write::write_all(stream.get_mut(), request("GET /", &[("Host", host)]).as_bytes()).unwrap();
        read_answer(&mut stream, "GET").unwrap()
    };
    well_formed(&ask("asks", "a.example.com", "b.example.com"), 421, "misdirected", "another host");
    assert!(backend.received().is_empty());
    for host in ["a.example.com", "A.Example.COM.", "a.example.com:8443"] {
        assert_eq!(ask("asks", "a.example.com", host).status, 200, "{host}");
    }
    assert_eq!(ask("does-not", "a.example.com", "b.example.com").status, 200);
}

/// A site whose backend answers with these header lines.
fn answering(lines: &'static str) -> Site {
    let script = move |_: &Received| Reply::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{lines}\r\nok").into_bytes());
    let routes = [
        route("private", "/private", ""),
        route("optional", "/optional", "anonymous = \"optional\""),
        route("public", "/public", "anonymous = true"),
    ];
    Site::before(Backend::scripted(script), &routes.concat())
}

#[test]
fn an_answer_on_an_authenticated_route_is_private_unless_the_backend_says_otherwise() {
    for (lines, [private, optional, public]) in [
        ("", [Some("private"), Some("private"), None]),
        ("cache-control: public, max-age=60\r\n", [Some("public, max-age=60"); 3]),
    ] {
        let site = answering(lines);
        assert_eq!(site.send_as(&site.token("alice"), "GET /private", &[]).header("cache-control"), private);
        assert_eq!(site.send("GET /optional", &[]).header("cache-control"), optional);
        assert_eq!(site.send("GET /public", &[]).header("cache-control"), public);
    }
}

#[test]
fn a_backend_sets_any_cookie_but_ours() {
    let site = answering(
        "set-cookie: a=1; Path=/\r\nset-cookie: access_token=x; Path=/\r\nset-cookie: refresh_token=y\r\n\
         set-cookie:  access_token = z\r\nset-cookie: access_token=\r\nset-cookie: =access_token=nameless\r\n\
         set-cookie: = refresh_token=nameless\r\nset-cookie: my_access_token=1\r\nset-cookie: b=access_token=2\r\n",
    );
    for line in ["GET /public", "GET /private", "GET /optional"] {
        let answer = site.send_as(&site.token("alice"), line, &[]);
        let set: Vec<&str> =
            answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect();
        assert_eq!(set, ["a=1; Path=/", "my_access_token=1", "b=access_token=2"], "{line}");
    }
}

#[test]
fn what_belongs_to_the_backends_connection_does_not_reach_the_client() {
    let site = answering(
        "connection: keep-alive, x-internal\r\nx-internal: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nupgrade: h2c\r\nx-request-id: forged\r\nx-other: 1\r\n",
    );
    let answer = site.send("GET /public", &[]);
    for name in ["x-internal", "keep-alive", "proxy-authenticate", "upgrade", "connection"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("x-other"), Some("1"));
    assert_ne!(answer.header("x-request-id"), Some("forged"));
}

#[test]
fn a_backends_own_refusal_passes_as_it_is() {
    let refusal = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"backend\"\r\ncontent-length: 3\r\n\r\nown";
    let site = Site::before(Backend::scripted(|_| Reply::Raw(refusal.into())), &route("public", "/", "anonymous = true"));
    let answer = site.send("GET /", &[]);
    assert_eq!((answer.status, answer.text().as_str()), (401, "own"));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"backend\""));
}

#[test]
fn refusals_are_counted_by_route_and_reason() {
    let site = site();
    site.send("GET /private", &[]);
    site.send_as("x", "GET /private", &[]);
    site.send("GET /nowhere", &[]);
    let count = |route: &str, reason: &str| {
        site.gateway.metric("tollgate_refusals_total", &[&format!("route=\"{route}\""), &format!("reason=\"{reason}\"")])
    };
    until("the counts", || count("none", "no_route") == 1.0);
    assert_eq!([count("private", "credential_missing"), count("private", "invalid_token")], [1.0, 1.0]);
}
