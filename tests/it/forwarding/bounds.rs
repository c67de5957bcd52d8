//! What a route or an upstream takes at most: bytes of a body, connections.

use std::time::Duration;

use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, block, frame, pseudo};
use crate::support::{Backend, Connection, Gateway, OpenSite, Puppet, Reply, get, until};

fn bounded() -> (Backend, Gateway) {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite { route: "max_body = \"8B\"", ..OpenSite::default() }.text(&[backend.url()]));
    (backend, gateway)
}

fn counted(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))
}

fn chunked(pieces: &[usize]) -> String {
    let chunks: String = pieces.iter().map(|length| format!("{length:x}\r\n{}\r\n", "x".repeat(*length))).collect();
    format!("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

#[test]
fn body_is_taken_up_to_the_last_byte_of_its_bound() {
    let (backend, gateway) = bounded();
    for request in [counted(7), counted(8), chunked(&[7]), chunked(&[4, 4]), chunked(&[1; 8]), counted(0)] {
        assert_eq!(Connection::open(gateway.plain()).exchange(&request).status, 200, "{request:?}");
    }
    assert_eq!((backend.received().len(), backend.connections()), (6, 1));
}

#[test]
fn body_over_its_bound_is_413_and_the_end_of_the_connection() {
    let (backend, gateway) = bounded();
    for request in [counted(9), counted(100_000), chunked(&[9]), chunked(&[8, 1]), chunked(&[1; 9])] {
        let mut client = Connection::open(gateway.plain());
        let _ = client.send(&request);
        let answer = client.answer_to("POST").unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (413, "body_too_large"), "{request:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.rest().unwrap_or_default().is_empty());
    }
    assert!(backend.received().is_empty(), "no whole request may arrive");
}

#[test]
fn http2_body_over_its_bound_is_413_of_its_stream_alone() {
    let (backend, gateway) = bounded();
    let head = frame(HEADERS, END_HEADERS, 1, &block(&pseudo("POST", "/")));
    let mut client = Frames::open(gateway.plain());
    client.send([head, frame(DATA, 0, 1, b"xxxxx"), frame(DATA, END_STREAM, 1, b"xxxx")].concat()).unwrap();
    assert_eq!(client.outcome(1), Outcome::Status(413));
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&pseudo("GET", "/next")))).unwrap();
    assert_eq!(client.outcome(3), Outcome::Status(200));
    assert_eq!(backend.sole().target(), "/next");
}

#[test]
fn more_connections_than_allowed_are_503_until_one_is_free() {
    let backend = Puppet::start();
    let upstream = "max_connections = 2";
    let gateway = Gateway::start(&OpenSite { upstream, ..OpenSite::default() }.text(&[backend.url()]));
    let mut busy: Vec<_> = (0..2)
        .map(|_| {
            let mut client = Connection::open(gateway.plain());
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut caller = backend.accept();
            caller.head();
            (client, caller)
        })
        .collect();
    let refused = get(gateway.plain(), "/", &[]);
    assert_eq!((refused.status, refused.reason().as_str()), (503, "upstream_saturated"));
    assert!(refused.header("retry-after").is_some());
    assert!(backend.accept_within(Duration::from_millis(50)).is_none());
    let (client, caller) = &mut busy[0];
    caller.answer("one");
    assert_eq!(client.answer_to("GET").unwrap().text(), "one");
    client.send("GET /again HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(caller.head().0, "GET /again HTTP/1.1");
    caller.answer("two");
    assert_eq!(client.answer_to("GET").unwrap().text(), "two");
}

/// Each worker keeps its own unused connections; those of one must not count as busy for another.
#[test]
fn unused_connection_of_another_worker_is_no_reason_to_refuse() {
    let backend = Backend::start();
    let text = OpenSite { upstream: "max_connections = 1", ..OpenSite::default() }.text(&[backend.url()]);
    let gateway = Gateway::start(&text.replace("workers = 1", "workers = 4"));
    for number in 0..40 {
        assert_eq!(get(gateway.plain(), "/", &[]).status, 200, "{number}");
        assert!(gateway.metric("tollgate_upstream_connections", &[]) <= 1.0);
    }
}

/// A bound must hold while connections come and go, and count each that ends.
#[test]
fn places_of_connections_that_failed_are_given_back() {
    let backend = Backend::scripted(|_| Reply::Close);
    let upstream = "max_connections = 3";
    let gateway = Gateway::start(&OpenSite { upstream, ..OpenSite::default() }.text(&[backend.url()]));
    for _ in 0..20 {
        assert_eq!(get(gateway.plain(), "/", &[]).status, 502);
    }
    until("no connection to be left", || gateway.metric("tollgate_upstream_connections", &[]) == 0.0);
}

#[test]
fn response_head_passes_up_to_64_kib_and_an_endless_one_is_502() {
    let puppet = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[puppet.url()]));
    // Fields of 8 KiB, as many as fit with the status line, and without end.
    let field = format!("x-long: {}\r\n", "a".repeat(8 * 1024 - 10));
    for (fields, expected) in [(7, 200), (9, 502)] {
        let mut client = Connection::open(gateway.plain());
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut server = puppet.accept();
        server.head();
        server.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}", field.repeat(fields)));
        if expected == 200 {
            server.send("\r\n");
            server.finish_sending();
        }
        let answer = client.answer_to("GET").unwrap();
        assert_eq!(answer.status, expected, "{fields} fields");
    }
}
