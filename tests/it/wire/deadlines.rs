//! Traefik CVE-2026-22045, CVE-2026-26999, CVE-2024-28869: in every phase a client that stalls is cut, while another is
//! served.

use std::time::{Duration, Instant};

use crate::support::frames::{DATA, END_HEADERS, Frames, HEADERS, block, frame, pseudo};
use crate::support::{Backend, Connection, Gateway, OpenSite, get, until};

const SHORT: &str = "deadlines.headers = \"200ms\"\ndeadlines.idle = \"200ms\"\ndeadlines.handshake = \"200ms\"\n";

fn site() -> (Backend, Gateway) {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite { listener: SHORT, ..OpenSite::default() }.text(&[backend.url()]));
    (backend, gateway)
}

fn open_connections(gateway: &Gateway) -> f64 {
    gateway.metric("tollgate_connections", &["listener=\"plain\""])
}

#[test]
fn cve_2026_26999_stalled_requests_are_cut_in_every_phase() {
    let (backend, gateway) = site();
    let stalls = [
        "",
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
    ];
    let mut stalled: Vec<Connection> = stalls.iter().map(|_| Connection::open(gateway.plain())).collect();
    let started = Instant::now();
    for (client, bytes) in stalled.iter_mut().zip(stalls) {
        client.send(bytes).unwrap();
    }
    assert_eq!(get(gateway.plain(), "/", &[]).status, 200, "others are served meanwhile");
    for (client, bytes) in stalled.iter_mut().zip(stalls) {
        let _ = client.rest();
        assert!(started.elapsed() < Duration::from_secs(3), "{bytes:?} was not cut");
    }
    until("all connections to end", || open_connections(&gateway) == 0.0);
    until("the server's connections to end", || gateway.metric("tollgate_upstream_connections", &["active"]) == 0.0);
    assert_eq!(backend.received().len(), 1);
}

#[test]
fn cve_2026_26999_http2_stream_with_half_a_head_or_body_is_cut() {
    let (backend, gateway) = site();
    let head = block(&pseudo("POST", "/"));
    for bytes in [
        frame(HEADERS, 0, 1, &head),
        frame(HEADERS, END_HEADERS, 1, &head),
        [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, 0, 1, b"hello")].concat(),
    ] {
        let mut client = Frames::open(gateway.plain());
        client.send(&bytes).unwrap();
        let started = Instant::now();
        while client.next().is_ok() {}
        assert!(started.elapsed() < Duration::from_secs(3), "{bytes:?}");
    }
    assert!(backend.received().is_empty());
    until("all connections to end", || open_connections(&gateway) == 0.0);
}

#[test]
fn head_that_comes_byte_by_byte_is_cut_at_its_deadline() {
    let (backend, gateway) = site();
    let mut client = Connection::open(gateway.plain());
    let started = Instant::now();
    while client.send("G").is_ok() {
        assert!(started.elapsed() < Duration::from_secs(3));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(backend.received().is_empty());
}

#[test]
fn slow_server_is_not_the_clients_delay() {
    let backend = Backend::scripted(|_| crate::support::Reply::After(Duration::from_millis(700), "late".to_owned()));
    let gateway = Gateway::start(&OpenSite { listener: SHORT, ..OpenSite::default() }.text(&[backend.url()]));
    assert_eq!(get(gateway.plain(), "/", &[]).text(), "late");
    let body = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(Connection::open(gateway.plain()).exchange(body).text(), "late");
}
