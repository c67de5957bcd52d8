//! HAProxy CVE-2026-90678, Traefik CVE-2026-71324: after a request or an answer that did not end as announced, its
//! connection to the server never carries another request.

use std::net::Shutdown;
use std::time::Duration;

use crate::support::frames::{self, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, RST_STREAM, block, frame, pseudo};
use crate::support::{Backend, Connection, Gateway, OpenSite, Puppet, Received, Reply, get, until};

const GET: &str = "GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn site() -> (Backend, Gateway) {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    (backend, gateway)
}

/// The good requests came whole, each as itself; `aborted` others began and did not end, each on a connection of its own.
#[track_caller]
fn only_clean_requests(backend: &Backend, aborted: usize) {
    let received = backend.received();
    assert!(received.iter().all(|request| request.line == "GET /next HTTP/1.1" && request.body.is_empty()), "{received:#?}");
    until("every cut connection to end", || backend.broken() == aborted);
}

#[test]
fn cve_2026_90678_h1_body_aborted_at_every_offset_ends_the_server_connection() {
    let (backend, gateway) = site();
    for sent in 0..8 {
        let (mut client, begun) = (Connection::open(gateway.plain()), backend.begun());
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n{}", &"GET /abc"[..sent])).unwrap();
        until("the request to reach the server", || backend.begun() > begun);
        client.stream().shutdown(Shutdown::Both).unwrap();
        until("the exchange to end", || gateway.metric("tollgate_upstream_connections", &["active"]) == 0.0);
        assert_eq!(get(gateway.plain(), "/next", &[]).status, 200);
    }
    only_clean_requests(&backend, 8);
}

#[test]
fn cve_2026_90678_h1_chunked_body_aborted_at_every_offset_ends_the_server_connection() {
    let (backend, gateway) = site();
    let body = "5\r\nhello\r\n0\r\n\r\n";
    for sent in 0..body.len() {
        let (mut client, begun) = (Connection::open(gateway.plain()), backend.begun());
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}{}", &body[..sent])).unwrap();
        until("the request to reach the server", || backend.begun() > begun);
        client.stream().shutdown(Shutdown::Both).unwrap();
        until("the exchange to end", || gateway.metric("tollgate_upstream_connections", &["active"]) == 0.0);
        assert_eq!(get(gateway.plain(), "/next", &[]).status, 200);
    }
    only_clean_requests(&backend, body.len());
}

fn post_frames(length: Option<&str>) -> Vec<u8> {
    let mut fields = pseudo("POST", "/");
    if let Some(length) = length {
        fields.push(("content-length", length.as_bytes()));
    }
    frame(HEADERS, END_HEADERS, 1, &block(&fields))
}

#[test]
fn cve_2026_90678_h2_body_reset_at_every_offset_ends_the_server_connection() {
    let (backend, gateway) = site();
    for (length, sent) in [Some("8"), None].into_iter().flat_map(|length| (0..8).map(move |sent| (length, sent))) {
        let (mut client, begun) = (Frames::open(gateway.plain()), backend.begun());
        client.send([post_frames(length), frame(DATA, 0, 1, &b"GET /abc"[..sent])].concat()).unwrap();
        until("the request to reach the server", || backend.begun() > begun);
        client.send(frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])).unwrap();
        until("the exchange to end", || gateway.metric("tollgate_upstream_connections", &["active"]) == 0.0);
        assert_eq!(get(gateway.plain(), "/next", &[]).status, 200);
    }
    only_clean_requests(&backend, 16);
}

/// The body ends in good order, and is shorter or longer than its `content-length` (RFC 9113 section 8.1.1: malformed).
#[test]
fn cve_2026_90678_h2_body_of_another_length_than_announced_never_completes_a_request() {
    let (backend, gateway) = site();
    for (length, body) in [("8", &b""[..]), ("8", b"hello"), ("5", b"hello world"), ("1", b"")] {
        let mut client = Frames::open(gateway.plain());
        client.send([post_frames(Some(length)), frame(DATA, END_STREAM, 1, body)].concat()).unwrap();
        let outcome = client.outcome(1);
        assert_ne!(outcome, frames::Outcome::Status(200), "{length} {body:?}");
        assert_eq!(get(gateway.plain(), "/next", &[]).status, 200);
    }
    only_clean_requests(&backend, backend.broken());
}

/// Announced as empty it may be forwarded before its body is seen; nothing of that body is.
#[test]
fn cve_2026_90678_h2_body_announced_as_empty_is_never_sent_on() {
    let (backend, gateway) = site();
    let mut client = Frames::open(gateway.plain());
    client.send([post_frames(Some("0")), frame(DATA, END_STREAM, 1, b"GET /abc")].concat()).unwrap();
    client.outcome(1);
    assert_eq!(get(gateway.plain(), "/next", &[]).status, 200);
    let received = backend.received();
    let is_clean = |request: &Received| request.body.is_empty() && matches!(request.target(), "/" | "/next");
    assert!(received.iter().all(is_clean) && received.len() <= 2, "{received:#?}");
}

#[test]
fn h2_head_that_ends_the_stream_and_announces_a_body_never_completes_a_request() {
    let (backend, gateway) = site();
    let mut fields = pseudo("POST", "/");
    fields.push(("content-length", b"5"));
    let outcome = Frames::request(gateway.plain(), &fields);
    assert_ne!(outcome, frames::Outcome::Status(200));
    assert_eq!(get(gateway.plain(), "/next", &[]).status, 200);
    only_clean_requests(&backend, backend.broken());
}

/// Answers that end in a way their connection does not survive. The client gets the answer; the next request gets a
/// connection of its own and never the leftovers.
#[test]
fn server_connection_with_leftovers_is_not_used_again() {
    let cases: [(&str, &str, u16); 5] = [
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison", 200),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 6\r\n\r\npoison", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\npoison", 304),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison", 200),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", 200),
    ];
    for (method, answer, status) in cases {
        let backend = Backend::scripted(move |request: &Received| match request.target() {
            "/first" => Reply::Raw(answer.as_bytes().to_vec()),
            _ => Reply::Text("clean".to_owned()),
        });
        let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
        let mut client = Connection::open(gateway.plain());
        let first = client.exchange(format!("{method} /first HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(first.status, status, "{answer:?}");
        let next = get(gateway.plain(), "/next", &[]);
        assert_eq!((next.status, next.text().as_str()), (200, "clean"), "{answer:?}");
        let connections: Vec<usize> = backend.received().iter().map(|request| request.connection).collect();
        assert_eq!(connections, [1, 2], "{answer:?}");
    }
}

/// hyper#4176: the answer ends while the body is not sent. The client gets it; the connection carries nothing more.
#[test]
fn hyper_4176_early_answer_reaches_the_client_and_ends_the_server_connection() {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    for answer in
        ["content-length: 3\r\n\r\nbye", "content-length: 0\r\n\r\n", "transfer-encoding: chunked\r\n\r\n3\r\nbye\r\n0\r\n\r\n"]
    {
        let mut client = Connection::open(gateway.plain());
        client.send("POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhello").unwrap();
        let mut caller = backend.accept();
        caller.head();
        assert_eq!(caller.read(5), b"hello");
        caller.send(format!("HTTP/1.1 413 Content Too Large\r\n{answer}"));
        assert_eq!(client.answer_to("POST").unwrap().status, 413);
        assert!(caller.is_ended(), "{answer:?}: the server connection stays");
        let mut other = Connection::open(gateway.plain());
        other.send(GET).unwrap();
        backend.accept().answer("fresh");
        assert_eq!(other.answer_to("GET").unwrap().text(), "fresh");
        // The client goes on with its body: none of it is read as a request.
        let _ = client.send("GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(backend.accept_within(Duration::from_millis(50)).is_none());
    }
}
