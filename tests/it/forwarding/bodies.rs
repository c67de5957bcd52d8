//! Bodies are streamed both ways, nothing waits for an end; where one side gives up, so does the other.

use std::net::Shutdown;
use std::time::Duration;

use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, PING, RST_STREAM, block, frame, pseudo};
use crate::support::{
    Backend, Caller, Connection, Gateway, Http2, MockIssuer, OpenSite, Puppet, Reply, Signer, configuration, until,
};

const SOON: Duration = Duration::from_millis(100);

fn site() -> (Puppet, Gateway, Connection) {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let client = Connection::open(gateway.plain());
    (backend, gateway, client)
}

fn post(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n")
}

#[track_caller]
fn all_idle(gateway: &Gateway) {
    until("the exchange to end", || gateway.metric("tollgate_upstream_connections", &["active"]) == 0.0);
}

/// curl and httpx take a reset for a failure and never show the answer (RFC 9113 section 8.1 allows both).
#[test]
fn a_refused_upload_over_http2_is_read_on_instead_of_being_reset() {
    let gateway = Gateway::start(&OpenSite::default().text(&[Backend::start().url()]));
    let mut client = Frames::open(gateway.plain());
    client.send(frame(HEADERS, END_HEADERS, 1, &block(&pseudo("POST", "/%2e%2e/x")))).unwrap();
    client.send(frame(DATA, 0, 1, &[b'x'; 1000])).unwrap();
    assert_eq!(client.outcome(1), Outcome::Status(400));
    for _ in 0..20 {
        client.send(frame(DATA, 0, 1, &[b'x'; 1000])).unwrap();
    }
    client.send(frame(DATA, END_STREAM, 1, b"")).unwrap();
    client.send(frame(PING, 0, 0, &[7; 8])).unwrap();
    loop {
        let frame = client.next().unwrap();
        assert_ne!(frame.kind, RST_STREAM, "the stream was reset");
        if (frame.kind, frame.flags) == (PING, 1) {
            break;
        }
    }
}

#[test]
fn the_body_of_a_get_reaches_the_backend_whether_or_not_its_length_is_known() {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    for (index, body) in
        ["Content-Length: 5\r\n\r\nquery", "Transfer-Encoding: chunked\r\n\r\n5\r\nquery\r\n0\r\n\r\n"].iter().enumerate()
    {
        let request = format!("GET /_search HTTP/1.1\r\nHost: localhost\r\n{body}");
        assert_eq!(Connection::open(gateway.plain()).exchange(request).status, 200);
        assert_eq!(backend.received()[index].body, b"query", "{body}");
    }
}

#[test]
fn each_piece_of_a_request_body_reaches_the_backend_before_the_next_is_sent() {
    let (backend, _gateway, mut client) = site();
    client.send(post("Transfer-Encoding: chunked")).unwrap();
    let mut caller = backend.accept();
    caller.head();
    for piece in ["one", "two", "six"] {
        client.send(format!("3\r\n{piece}\r\n")).unwrap();
        assert_eq!(caller.read(8), format!("3\r\n{piece}\r\n").as_bytes());
    }
    client.send("0\r\n\r\n").unwrap();
    assert_eq!(caller.read(5), b"0\r\n\r\n");
    caller.answer("done");
    assert_eq!(client.answer_to("POST").unwrap().text(), "done");
}

#[test]
fn each_piece_of_an_answer_reaches_the_client_before_the_next_is_sent() {
    let (backend, _gateway, mut client) = site();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut caller = backend.accept();
    caller.head();
    caller.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    read_head(&mut client);
    for piece in ["one", "two", "six"] {
        caller.send(format!("3\r\n{piece}\r\n"));
        assert_eq!(client.read(8).unwrap(), format!("3\r\n{piece}\r\n").as_bytes());
    }
    caller.send("0\r\n\r\n");
    assert_eq!(client.read(5).unwrap(), b"0\r\n\r\n");
}

/// Reads up to the empty line.
fn read_head(client: &mut Connection) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.read(1).unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The answer flows while the request is still being sent, as a conversation.
#[test]
fn both_directions_stream_at_once() {
    let (backend, _gateway, mut client) = site();
    client.send(post("Transfer-Encoding: chunked")).unwrap();
    let mut caller = backend.accept();
    caller.head();
    caller.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    read_head(&mut client);
    for piece in ["one", "two", "six"] {
        client.send(format!("3\r\n{piece}\r\n")).unwrap();
        let chunk = caller.read(8);
        caller.send(&chunk);
        assert_eq!(client.read(8).unwrap(), chunk);
    }
    client.send("0\r\n\r\n").unwrap();
    assert_eq!(caller.read(5), b"0\r\n\r\n");
    caller.send("0\r\n\r\n");
    assert_eq!(client.read(5).unwrap(), b"0\r\n\r\n");
}

/// A client that does not read holds up the backend, not the gateway's memory.
#[test]
fn answer_that_nobody_reads_is_not_buffered() {
    let (backend, gateway, mut client) = site();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut caller = backend.accept();
    caller.head();
    caller.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    let sent = sent_until_blocked(&mut caller);
    // The system's own buffers may grow to 36 MiB on each side.
    assert!(sent < 96 * 1024 * 1024, "{sent} bytes were taken for a client that reads nothing");
    client.stream().shutdown(Shutdown::Both).unwrap();
    all_idle(&gateway);
}

fn sent_until_blocked(caller: &mut Caller) -> usize {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    (0..2048).take_while(|_| caller.try_send(chunk.as_bytes(), Duration::from_millis(300))).count() * 0x10000
}

#[test]
fn expect_continue_is_answered_only_when_the_body_is_wanted() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let route = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\nmax_body = \"5B\"\n";
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], route));
    let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));

    let mut client = Connection::open(gateway.plain());
    client.send(post("Content-Length: 5\r\nExpect: 100-continue")).unwrap();
    let refusal = read_head(&mut client);
    assert!(refusal.starts_with("HTTP/1.1 401 "), "{refusal}");

    let mut client = Connection::open(gateway.plain());
    let authorized = format!("Expect: 100-continue\r\nAuthorization: Bearer {token}");
    client.send(post(&format!("Content-Length: 6\r\n{authorized}"))).unwrap();
    let refusal = read_head(&mut client);
    assert!(refusal.starts_with("HTTP/1.1 413 "), "{refusal}");
    assert!(backend.received().is_empty());

    let mut client = Connection::open(gateway.plain());
    client.send(post(&format!("Content-Length: 5\r\n{authorized}"))).unwrap();
    assert_eq!(read_head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").unwrap();
    assert_eq!(client.answer_to("POST").unwrap().status, 200);
    assert_eq!(backend.sole().body, b"hello");
}

/// The gateway has answered the expectation itself: a backend that does not know it would refuse it (417) or wait.
#[test]
fn expectation_is_not_passed_on() {
    let (backend, _gateway, mut client) = site();
    client.send(post("Content-Length: 5\r\nExpect: 100-continue")).unwrap();
    assert_eq!(read_head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").unwrap();
    let mut caller = backend.accept();
    let request = caller.request().unwrap();
    assert_eq!((request.header("expect"), &request.body[..]), (None, &b"hello"[..]));
    caller.answer("");
    assert_eq!(client.answer_to("POST").unwrap().status, 200);
}

#[test]
fn get_with_a_body_and_post_without_one_are_forwarded_as_they_are() {
    let (backend, _gateway, mut client) = site();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    let mut caller = backend.accept();
    assert_eq!(caller.request().unwrap().body, b"hello");
    caller.answer("");
    assert_eq!(client.answer_to("GET").unwrap().status, 200);
    client.send(post("Content-Length: 0")).unwrap();
    let request = caller.request().unwrap();
    assert_eq!((request.header("content-length"), request.header("transfer-encoding")), (Some("0"), None));
    caller.answer("");
    assert_eq!(client.answer_to("POST").unwrap().status, 200);
}

#[test]
fn requests_sent_ahead_are_answered_in_their_order() {
    let backend = Backend::scripted(|request| Reply::Text(request.target().to_owned()));
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    let all: String = (0..10).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
    client.send(all).unwrap();
    for number in 0..10 {
        assert_eq!(client.answer_to("GET").unwrap().text(), format!("/{number}"));
    }
}

#[test]
fn client_that_leaves_within_its_body_ends_the_request_at_the_backend() {
    let (backend, gateway, mut client) = site();
    client.send(format!("{}hello", post("Content-Length: 10"))).unwrap();
    let mut caller = backend.accept();
    caller.head();
    assert_eq!(caller.read(5), b"hello");
    client.stream().shutdown(Shutdown::Both).unwrap();
    assert!(caller.is_ended());
    all_idle(&gateway);
}

#[test]
fn client_that_leaves_while_it_is_answered_ends_the_request_at_the_backend() {
    let (backend, gateway, mut client) = site();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut caller = backend.accept();
    caller.head();
    client.stream().shutdown(Shutdown::Both).unwrap();
    assert!(caller.is_ended(), "the backend is not told that nobody waits any more");
    all_idle(&gateway);
}

#[test]
fn backend_that_leaves_within_its_body_ends_the_answer_without_an_end() {
    for framing in ["content-length: 10\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let (backend, gateway, mut client) = site();
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut caller = backend.accept();
        caller.head();
        caller.send(format!("HTTP/1.1 200 OK\r\n{framing}"));
        drop(caller);
        let cut = client.answer_to("GET").unwrap_err();
        assert_eq!(cut.kind(), std::io::ErrorKind::UnexpectedEof, "{framing:?}");
        all_idle(&gateway);
        until("the access line", || !gateway.access_lines().is_empty());
        assert_eq!(gateway.access_lines()[0]["complete"], false, "{:?}", gateway.access_lines());
    }
}

#[test]
fn backend_that_leaves_within_its_body_resets_an_http2_stream() {
    for framing in ["content-length: 10\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}").into_bytes();
        let backend = Backend::scripted(move |_| Reply::RawAndClose(answer.clone()));
        let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
        let mut client = Http2::connect(gateway.plain());
        let answer = client.send(http::Request::get("http://localhost/").body(()).unwrap(), &[], None);
        assert!(answer.and_then(|answer| client.collect(answer)).is_err(), "{framing:?} ended well");
        all_idle(&gateway);
    }
}

#[test]
fn http2_stream_that_is_reset_while_it_is_answered_ends_the_request_at_the_backend() {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Frames::open(gateway.plain());
    for (stream, start) in [(1, ""), (3, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")] {
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&pseudo("GET", "/")))).unwrap();
        let mut caller = backend.accept();
        caller.head();
        caller.send(start);
        if !start.is_empty() {
            assert_eq!(client.outcome(stream), Outcome::Status(200));
        }
        client.send(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])).unwrap();
        assert!(caller.is_ended());
        all_idle(&gateway);
    }
}

#[test]
fn http2_head_has_the_length_of_the_body_it_leaves_out() {
    let backend = Backend::scripted(|_| Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec()));
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Http2::connect(gateway.plain());
    let answer = client.send(http::Request::head("http://localhost/").body(()).unwrap(), &[], None).unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-length"].to_str().unwrap()), (200, "1000"));
    assert_eq!(client.collect(answer).unwrap().0, "");
}

/// An answer without a length ends with its connection; the client gets it with an end that it can tell.
#[test]
fn answer_until_the_end_of_the_connection_gets_a_framing() {
    let (backend, _gateway, mut client) = site();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut caller = backend.accept();
    caller.head();
    caller.send("HTTP/1.0 200 OK\r\n\r\nhello");
    drop(caller);
    let answer = client.answer_to("GET").unwrap();
    assert_eq!((answer.text().as_str(), answer.header("transfer-encoding")), ("hello", Some("chunked")));
}

/// Nothing comes of a body for longer than `idle`: HTTP/1 is cut, an HTTP/2 stream is refused and its connection serves
/// on.
#[test]
fn http2_stream_whose_body_stalls_is_refused_and_the_backend_is_let_go() {
    let backend = Puppet::start();
    let listener = "deadlines.idle = \"300ms\"";
    let gateway = Gateway::start(&OpenSite { listener, ..OpenSite::default() }.text(&[backend.url()]));
    let mut client = Frames::open(gateway.plain());
    let head = block(&pseudo("POST", "/"));
    client.send([frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, 0, 1, b"hello")].concat()).unwrap();
    let mut caller = backend.accept();
    caller.head();
    assert_eq!(caller.read(10), b"5\r\nhello\r\n");
    // Each piece in time keeps it alive.
    for _ in 0..3 {
        std::thread::sleep(SOON);
        client.send(frame(DATA, 0, 1, b"hello")).unwrap();
        assert_eq!(caller.read(10), b"5\r\nhello\r\n");
    }
    assert_eq!(client.outcome(1), Outcome::Status(400));
    assert!(caller.is_ended());
    all_idle(&gateway);
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&pseudo("GET", "/next")))).unwrap();
    let mut caller = backend.accept();
    assert_eq!(caller.head().0, "GET /next HTTP/1.1");
    caller.answer("");
    assert_eq!(client.outcome(3), Outcome::Status(200));
}
