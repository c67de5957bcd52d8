//! Pingora CVE-2026-2833, Envoy CVE-2025-64763: what a client sends behind an upgrade reaches the server only after the
//! server has switched, and only where an upgrade is allowed.

use std::time::Duration;

use crate::support::{Backend, Connection, Gateway, MockIssuer, OpenSite, Puppet, Reply, Signer, configuration};

const UPGRADE: &str = "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SECOND: &str = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const SOON: Duration = Duration::from_millis(100);

#[test]
fn cve_2026_2833_bytes_behind_an_upgrade_wait_for_the_101() {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    client.send(format!("{UPGRADE}{SECOND}")).unwrap();
    let mut caller = backend.accept();
    assert_eq!(caller.head().0, "GET /socket HTTP/1.1");
    assert!(caller.is_silent_for(SOON), "bytes before the 101");
    caller.send(SWITCH);
    assert_eq!(client.answer_to("GET").unwrap().status, 101);
    assert_eq!(caller.read(SECOND.len()), SECOND.as_bytes(), "after the switch they are bytes of the new protocol");
}

#[test]
fn cve_2026_2833_request_behind_a_refused_upgrade_is_judged_as_a_request() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let route = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\n";
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], route));
    let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));
    let mut client = Connection::open(gateway.plain());
    let authorized = UPGRADE.replace("\r\n\r\n", &format!("\r\nAuthorization: Bearer {token}\r\n\r\n"));
    client.send(format!("{authorized}{SECOND}")).unwrap();
    assert_eq!(client.answer_to("GET").unwrap().status, 200, "the server answers without switching");
    assert_eq!(client.answer_to("GET").unwrap().status, 401);
    assert_eq!(backend.sole().target(), "/socket");
}

#[test]
fn upgrade_without_a_credential_never_reaches_the_backend() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let route = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\n";
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], route));
    let mut client = Connection::open(gateway.plain());
    assert_eq!(client.exchange(UPGRADE).status, 401);
    assert!(backend.received().is_empty());
}

/// `h2c` would be a second way into the backend; what is not asked for in due form is not an upgrade.
#[test]
fn upgrades_that_are_not_allowed_are_forwarded_as_plain_requests() {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let lines = [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c",
        "Connection: Upgrade\r\nUpgrade: tls/1.0",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket",
        "Upgrade: websocket",
        "Connection: keep-alive\r\nUpgrade: websocket",
    ];
    for lines in lines {
        let mut client = Connection::open(gateway.plain());
        assert_eq!(client.exchange(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n")).status, 200, "{lines:?}");
    }
    for request in backend.received() {
        for name in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(request.header(name), None, "{request:?}");
        }
    }
}

#[test]
fn upgrade_in_http_1_0_is_none() {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    assert_eq!(client.exchange(UPGRADE.replace("HTTP/1.1", "HTTP/1.0")).status, 200);
    assert_eq!(backend.sole().header("upgrade"), None);
}

#[test]
fn server_that_switches_unasked_or_to_something_else_is_a_bad_gateway() {
    for (request, switch) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", SWITCH.to_owned()),
        (UPGRADE, SWITCH.replace("websocket", "h2c")),
        (UPGRADE, SWITCH.replace("upgrade: websocket\r\n", "")),
        (UPGRADE, SWITCH.replace("connection: upgrade\r\n", "")),
    ] {
        let answer = switch.clone().into_bytes();
        let backend = Backend::scripted(move |_| Reply::Raw(answer.clone()));
        let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
        let mut client = Connection::open(gateway.plain());
        let answer = client.exchange(request);
        assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_no_response"), "{switch:?}");
    }
}
