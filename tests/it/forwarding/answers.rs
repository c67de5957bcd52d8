//! Answers that have no body, several heads, bad heads, or fields that are not the client's business.

use crate::support::frames::{Frames, Outcome, pseudo};
use crate::support::{Answer, Backend, Connection, Gateway, OpenSite, Reply, get};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn site(answer: impl Into<Vec<u8>>) -> (Backend, Gateway) {
    let answer = answer.into();
    let backend = Backend::scripted(move |_| Reply::Raw(answer.clone()));
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    (backend, gateway)
}

/// What the client makes of `answer`, and that its connection carries the same exchange again.
#[track_caller]
fn twice(request: &str, answer: &str) -> Answer {
    let (backend, gateway) = site(answer);
    let mut client = Connection::open(gateway.plain());
    let first = client.exchange(request);
    assert_eq!(client.exchange(request).status, first.status);
    assert_eq!(backend.connections(), 1, "{answer:?}: the server connection is kept");
    first
}

#[test]
fn head_has_the_length_of_the_body_it_leaves_out() {
    let answer = twice(HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("1000")));
}

#[test]
fn head_of_an_answer_without_length_says_nothing_about_one() {
    let answer = twice(HEAD, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!((answer.status, answer.header("content-length")), (200, None));
}

#[test]
fn no_content_and_not_modified_have_no_body() {
    let answer = twice(GET, "HTTP/1.1 204 No Content\r\netag: \"a\"\r\n\r\n");
    assert_eq!((answer.status, answer.header("etag"), answer.header("content-length")), (204, Some("\"a\""), None));
    let answer = twice(GET, "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 1000\r\n\r\n");
    assert_eq!((answer.status, answer.header("etag")), (304, Some("\"a\"")));
    assert!(matches!(answer.header("content-length"), None | Some("1000")));
}

#[test]
fn interim_answers_are_passed_over() {
    let answer = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                  HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(twice(GET, answer).text(), "ok");
}

/// Without an end of interim answers there is the deadline of the answer.
#[test]
fn endless_interim_answers_end_at_the_response_deadline() {
    let backend = Backend::scripted(|_| Reply::Raw(b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)));
    let upstream = "response_timeout = \"200ms\"";
    let gateway = Gateway::start(&OpenSite { upstream, ..OpenSite::default() }.text(&[backend.url()]));
    assert_eq!(get(gateway.plain(), "/", &[]).status, 504);
}

#[test]
fn answers_that_are_no_http_are_a_bad_gateway() {
    let flood: String = (0..200).map(|n| format!("x-{n}: v\r\n")).collect();
    let long = format!("x-long: {}\r\n", "v".repeat(1024 * 1024));
    let answers = [
        "hello\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 0200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nx a: b\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n: b\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "\0\0\0",
        &format!("HTTP/1.1 200 OK\r\n{flood}content-length: 2\r\n\r\nok"),
        &format!("HTTP/1.1 200 OK\r\n{long}content-length: 2\r\n\r\nok"),
    ];
    for answer in answers {
        let bytes = answer.as_bytes().to_vec();
        let backend = Backend::scripted(move |_| Reply::RawAndClose(bytes.clone()));
        let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
        let refused = get(gateway.plain(), "/", &[]);
        let shown: String = answer.chars().take(80).collect();
        assert_eq!((refused.status, refused.reason().as_str()), (502, "upstream_no_response"), "{shown:?}");
    }
}

#[test]
fn chunks_that_are_malformed_cut_the_answer() {
    for body in [
        "x\r\nhello",
        "ffffffffffffffffff\r\nhello",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "-1\r\n",
        "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        let bytes = answer.into_bytes();
        let backend = Backend::scripted(move |_| Reply::RawAndClose(bytes.clone()));
        let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
        let mut client = Connection::open(gateway.plain());
        client.send(GET).unwrap();
        assert!(client.answer_to("GET").is_err(), "{body:?} ended well");
    }
}

/// RFC 9112 section 6.3: chunks win over a length, which must not reach the client; the connection is in doubt.
#[test]
fn answer_with_both_framings_reaches_the_client_with_one() {
    for lines in ["content-length: 3\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 3"] {
        let (backend, gateway) = site(format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
        let mut client = Connection::open(gateway.plain());
        let answer = client.exchange(GET);
        assert_eq!(answer.text(), "hello", "{lines:?}");
        assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, Some("chunked")));
        assert_eq!(client.exchange(GET).text(), "hello");
        assert_eq!(backend.received().len(), 2);
    }
}

#[test]
fn fields_of_the_connection_to_the_server_stay_there() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: keep-alive, x-hop\r\nx-hop: secret\r\nkeep-alive: timeout=5\r\n\
                  proxy-authenticate: Basic\r\nproxy-connection: close\r\nupgrade: h2c\r\nte: trailers\r\nx-kept: yes\r\n\
                  transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let gone = ["connection", "x-hop", "keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "te"];
    let kept = twice(GET, answer);
    assert_eq!((kept.text().as_str(), kept.header("x-kept")), ("ok", Some("yes")));
    for name in gone {
        assert_eq!(kept.header(name), None, "{name}");
    }
    let (_backend, gateway) = site(answer);
    assert_eq!(Frames::request(gateway.plain(), &pseudo("GET", "/")), Outcome::Status(200));
}

#[test]
fn http_1_0_client_gets_an_answer_that_it_can_read() {
    let (_backend, gateway) = site("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let mut client = Connection::open(gateway.plain());
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let answer = String::from_utf8(client.rest().unwrap()).unwrap();
    assert!(answer.ends_with("\r\n\r\nok") && !answer.contains("transfer-encoding"), "{answer}");
}
