//! Issuers that hang, fail or are not there: whose tokens suffer, for how long, and what they are told.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};

use super::{WINDOW, ask, issuer_with, route_of, serving, status};
use crate::support::{Backend, Connection, Gateway, MockIssuer, Serves, Signer, TokenLoad, configuration, until};

const UNAVAILABLE: (u16, &str) = (503, "keys_unavailable");

fn bearer(token: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n")
}

#[track_caller]
fn assert_unavailable(gateway: &Gateway, token: &str) {
    let answer = gateway.get("/", token);
    assert_eq!((answer.status, answer.reason().as_str()), UNAVAILABLE);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("www-authenticate"), None, "the token may be good");
}

#[test]
fn an_issuer_that_hangs_from_the_start_slows_no_other() {
    let (a, b, backend) = (Signer::new("a"), Signer::new("b"), Backend::start());
    let (hanging, good) = (MockIssuer::start("hanging", &[&a]), MockIssuer::start("good", &[&b]));
    hanging.now(Serves::Hangs);
    let began = Instant::now();
    let gateway = Gateway::start(&configuration(&[&hanging, &good], &[&backend], &route_of(&["hanging", "good"])));
    assert!(began.elapsed() < Duration::from_secs(4), "start-up waited: {:?}", began.elapsed());
    assert_eq!(status(&gateway, "hanging")["state"], "cold");

    let mut waiting: Vec<_> = (0..20).map(|_| Connection::open(gateway.plain())).collect();
    let token = a.token(&Signer::claims(&hanging.issuer(), "alice"));
    waiting.iter_mut().for_each(|client| client.send(bearer(&token)).unwrap());
    let claims = Signer::claims(&good.issuer(), "bob");
    let load = TokenLoad::start(2, gateway.plain(), move || b.token(&claims));
    load.goes_on_for(500);
    let seen = load.finish();
    seen.assert_all(200);
    assert!(seen.quantile(0.99) < Duration::from_secs(1), "{:?}", seen.quantile(0.99));
    for client in &mut waiting {
        assert_eq!(client.answer_to("GET").unwrap().status, 503, "after the time for one fetch");
    }
    until("the lines of those that waited", || {
        let lines = gateway.access_lines().into_iter().filter(|line| line["reason"] == "keys_unavailable");
        lines.filter(|line| line["issuer"] == "hanging" && line["subject"].is_null()).count() == waiting.len()
    });
    println!("beside an issuer that hangs: p99 of {} requests {:?}", seen.count(), seen.quantile(0.99));
}

#[test]
fn an_issuer_that_begins_to_hang_slows_neither_its_known_keys_nor_others() {
    let (a, b, backend) = (Signer::new("a"), Signer::new("b"), Backend::start());
    let (hanging, good) = (MockIssuer::start("hanging", &[&a]), MockIssuer::start("good", &[&b]));
    let gateway = Gateway::start(&configuration(&[&hanging, &good], &[&backend], &route_of(&["hanging", "good"])));
    until("both sets", || status(&gateway, "hanging")["state"] == "ready" && status(&gateway, "good")["state"] == "ready");
    hanging.now(Serves::Hangs);
    let unknown = Signer::new("x").token(&Signer::claims(&hanging.issuer(), "mallory"));
    let mut waiting = Connection::open(gateway.plain());
    waiting.send(bearer(&unknown)).unwrap();
    until("the fetch that hangs", || hanging.fetches() == 2);

    let claims = [Signer::claims(&hanging.issuer(), "alice"), Signer::claims(&good.issuer(), "bob")];
    let load = TokenLoad::start(2, gateway.plain(), {
        let turn = std::sync::atomic::AtomicUsize::new(0);
        move || match turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 {
            0 => a.token(&claims[0]),
            _ => b.token(&claims[1]),
        }
    });
    load.goes_on_for(300);
    let seen = load.finish();
    seen.assert_all(200);
    assert!(seen.quantile(0.99) < Duration::from_secs(1), "{:?}", seen.quantile(0.99));
    assert_eq!(waiting.answer_to("GET").unwrap().status, 503);
}

#[test]
fn envoy_cve_2025_64527_and_2024_45809_fetches_that_fail_and_hang_under_two_issuers_requests_harm_nobody() {
    let (a, b, backend) = (Signer::new("a"), Signer::new("b"), Backend::start());
    let (failing, hanging) = (MockIssuer::start("failing", &[&a]), MockIssuer::start("hanging", &[&b]));
    let gateway = Gateway::start(&configuration(&[&failing, &hanging], &[&backend], &route_of(&["failing", "hanging"])));
    until("both sets", || status(&gateway, "failing")["state"] == "ready" && status(&gateway, "hanging")["state"] == "ready");
    failing.now(Serves::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"keys\":".to_vec()));
    hanging.now(Serves::Hangs);
    let unknown = |issuer: &MockIssuer| Signer::new("x").token(&Signer::claims(&issuer.issuer(), "mallory"));
    let (to_failing, to_hanging) = (unknown(&failing), unknown(&hanging));
    let mut clients: Vec<_> = (0..12).map(|_| Connection::open(gateway.plain())).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        client.send(bearer(if index % 2 == 0 { &to_failing } else { &to_hanging })).unwrap();
    }
    until("both fetches", || failing.fetches() == 2 && hanging.fetches() == 2);
    // Some leave while their fetch is under way.
    clients.drain(..4);
    for client in &mut clients {
        assert_eq!(client.answer_to("GET").unwrap().status, 503);
    }
    for (key, issuer) in [(&a, &failing), (&b, &hanging)] {
        assert_eq!(ask(&gateway, &key.token(&Signer::claims(&issuer.issuer(), "alice"))).0, 200, "known keys work on");
    }
    assert!(gateway.metric("tollgate_key_fetches_total", &["result=\"http\"", "issuer=\"failing\""]) >= 1.0, "and retries");
    assert_eq!(gateway.metric("tollgate_key_fetches_total", &["result=\"timeout\"", "issuer=\"hanging\""]), 1.0);
}

/// A port where nobody listens, kept from others until it is listened on.
fn reserved() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[test]
fn start_with_an_issuer_down_others_serve_it_is_named_cold_and_comes_back_by_itself() {
    let (a, b, backend) = (Signer::new("a"), Signer::new("b"), Backend::start());
    let good = MockIssuer::start("good", &[&b]);
    let (_reservation, address) = reserved();
    let down = issuer_with("down", &format!("jwks_url = \"http://{address}/\""));
    let gateway = Gateway::start(&configuration(&[&good], &[&backend], &format!("{down}{}", route_of(&["good", "down"]))));
    let (token, other) =
        (a.token(&Signer::claims("https://down.example", "alice")), b.token(&Signer::claims(&good.issuer(), "bob")));
    assert_eq!(ask(&gateway, &other).0, 200);
    assert_unavailable(&gateway, &token);
    let ready = gateway.admin("/readyz");
    assert_eq!((ready.status, &ready.json()["issuers"]), (200, &json!({ "good": "ready", "down": "cold" })));
    assert_eq!((gateway.admin("/readyz/down").status, gateway.admin("/readyz/good").status), (503, 200));
    assert_eq!(status(&gateway, "down")["last_error"], "connect");

    let keys = super::jwks(&[&a]);
    let _issuer = Backend::on(address, move |_| super::json(&keys));
    until("the issuer's keys", || gateway.admin("/readyz/down").status == 200);
    assert_eq!(ask(&gateway, &token).0, 200);
}

#[test]
fn the_only_issuer_down_is_unready_and_503_until_it_is_up() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    issuer.now(Serves::Status(500));
    let gateway = Gateway::start_cold(&configuration(&[&issuer], &[&backend], super::ROUTE));
    let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));
    assert_unavailable(&gateway, &token);
    assert_eq!((gateway.admin("/readyz").status, gateway.admin("/livez").status), (503, 200));
    assert!(backend.received().is_empty());
    assert_eq!(gateway.metric("tollgate_token_validations_total", &["result=\"unavailable\""]), 1.0);
    issuer.publish(&[&key]);
    until("readiness", || gateway.admin("/readyz").status == 200);
    assert_eq!(ask(&gateway, &token).0, 200);
}

#[test]
fn keys_outlive_an_outage_until_max_stale_and_no_longer() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let text = format!("{}keys = {{ max_stale = \"1h\" }}\n\n{}", issuer.block(), super::ROUTE);
    let gateway = Gateway::start(&configuration(&[], &[&backend], &text));
    let mut claims = Signer::claims(&issuer.issuer(), "alice");
    claims["exp"] = json!(claims["iat"].as_u64().unwrap() + 36_000);
    let remembered = key.token(&claims);
    assert_eq!(ask(&gateway, &remembered).0, 200);
    issuer.now(Serves::Status(500));
    gateway.clock.advance(Duration::from_secs(3599));
    assert_eq!((ask(&gateway, &remembered).0, ask(&gateway, &key.token(&claims)).0), (200, 200));
    assert!(gateway.metric("tollgate_key_set_age_seconds", &["issuer=\"corp\""]) >= 3599.0);

    gateway.clock.advance(Duration::from_secs(1));
    assert_unavailable(&gateway, &remembered);
    assert_unavailable(&gateway, &key.token(&claims));
    assert_eq!(gateway.admin("/readyz").json()["issuers"]["corp"], "stale");
    issuer.publish(&[&key]);
    gateway.clock.advance(WINDOW);
    until("recovery", || ask(&gateway, &remembered).0 == 200);
}

#[test]
fn an_answer_that_is_no_key_set_keeps_the_old_one() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = serving(&issuer, &backend);
    let answers: [(&str, &str); 5] = [
        ("malformed", "<html>maintenance</html>"),
        ("malformed", "{\"keys\":{}}"),
        ("malformed", "{\"keys\":[{\"kty\":\"EC\"}]"),
        ("no_usable_key", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"k1\"}]}"),
        ("no_usable_key", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}"),
    ];
    for (round, (word, body)) in answers.into_iter().enumerate() {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        issuer.now(Serves::Raw(head.into_bytes()));
        gateway.clock.advance(WINDOW);
        let unknown = Signer::new(&format!("x{round}")).token(&Signer::claims(&issuer.issuer(), "mallory"));
        assert_eq!(ask(&gateway, &unknown).0, 503, "{body}");
        assert_eq!(status(&gateway, "corp")["last_error"], word, "{body}");
        assert_eq!(ask(&gateway, &key.token(&Signer::claims(&issuer.issuer(), "alice"))).0, 200, "{body}");
    }
    assert_eq!(gateway.metric("tollgate_keys", &["issuer=\"corp\""]), 1.0);
}

#[test]
fn a_client_that_leaves_while_keys_are_fetched_takes_nobody_with_it() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    issuer.now(Serves::Slowly(Duration::from_millis(300), vec![key.jwk()]));
    let gateway = Gateway::start_cold(&configuration(&[&issuer], &[&backend], super::ROUTE));
    let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));
    let mut clients: Vec<_> = (0..6).map(|_| Connection::open(gateway.plain())).collect();
    clients.iter_mut().for_each(|client| client.send(bearer(&token)).unwrap());
    clients.drain(..3);
    for client in &mut clients {
        assert_eq!(client.answer_to("GET").unwrap().status, 200);
    }
    assert_eq!(issuer.fetches(), 1, "all share the first");
}
