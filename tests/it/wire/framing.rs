//! HTTP/1 requests whose length or fields two servers could read differently: refused, and nothing after them is read.

use crate::support::{Backend, Connection, Gateway, OpenSite};

/// What would be smuggled: sent right behind each attack.
const SECOND: &str = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn site() -> (Backend, Gateway) {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    (backend, gateway)
}

/// Each attack gets `status`, then the end of the connection; the backend sees nothing at all.
#[track_caller]
fn refused(status: u16, attacks: &[&str]) {
    let (backend, gateway) = site();
    for attack in attacks {
        let mut client = Connection::open(gateway.plain());
        client.send(format!("{attack}{SECOND}")).unwrap();
        let answer = client.answer_to("POST").unwrap_or_else(|error| panic!("{attack:?}: {error}"));
        assert_eq!(answer.status, status, "{attack:?}");
        let rest = client.rest().unwrap_or_default();
        assert!(rest.is_empty(), "{attack:?}: answered more: {}", String::from_utf8_lossy(&rest));
    }
    assert!(backend.received().is_empty(), "{:#?}", backend.received());
    assert_eq!(backend.broken(), 0);
}

#[test]
fn cve_2026_2835_transfer_encoding_in_http_1_0_is_refused() {
    refused(400, &["POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]);
}

#[test]
fn rustsec_2020_0008_transfer_encoding_that_is_not_one_chunked_is_refused() {
    let attack = |lines: &str| format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n0\r\n\r\n");
    let attacks = [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding: ,chunked",
    ]
    .map(attack);
    refused(400, &attacks.each_ref().map(String::as_str));
}

#[test]
fn rustsec_2021_0078_content_length_that_is_not_digits_is_refused() {
    let attack = |value: &str| format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {value}\r\n\r\nhello");
    let attacks = ["+5", "-5", "0x5", "5 ", "5, 5", "5,6", "5.0", "five", " ", "\u{b2}", "5;", "5 5"].map(attack);
    // White space around a value is none of it (RFC 9110 section 5.5), so "5 " alone is good.
    let attacks: Vec<&str> = attacks.iter().map(String::as_str).filter(|attack| !attack.contains(": 5 \r")).collect();
    refused(400, &attacks);
}

#[test]
fn cve_2021_40346_content_length_that_overflows_is_refused() {
    let attack = |value: &str| format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {value}\r\n\r\nhello");
    let attacks = ["18446744073709551616", "18446744073709551621", "99999999999999999999999999", "00000000000000000000005"];
    let attacks = attacks.map(attack);
    refused(400, &attacks.each_ref().map(String::as_str));
}

#[test]
fn cve_2023_40225_empty_content_length_is_refused() {
    refused(400, &["POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length:\r\n\r\n"]);
}

/// The HTTP library drops the length before anyone sees it: one clean chunked request and the end of the connection,
/// so that bytes which another server would read as a second request are read by nobody (RFC 9112 section 6.3).
#[test]
fn content_length_beside_transfer_encoding_is_one_clean_chunked_request_and_the_last() {
    let (backend, gateway) = site();
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
    ] {
        let mut client = Connection::open(gateway.plain());
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n2\r\nab\r\n0\r\n\r\n{SECOND}")).unwrap();
        let answers = String::from_utf8_lossy(&client.rest().unwrap_or_default()).into_owned();
        assert!(answers.matches("HTTP/1.1 ").count() == 1, "{lines:?}: {answers}");
    }
    for request in backend.received() {
        assert_eq!((request.header("transfer-encoding"), request.header("content-length")), (Some("chunked"), None));
        assert_eq!((request.target(), &request.body[..]), ("/", &b"ab"[..]));
    }
}

#[test]
fn content_lengths_that_differ_are_refused() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: +5\r\n\r\nhello",
        ],
    );
}

/// The HTTP library makes one line of lengths that agree, as RFC 9112 section 6.3 allows.
#[test]
fn content_lengths_that_agree_reach_the_backend_as_one() {
    let (backend, gateway) = site();
    let mut client = Connection::open(gateway.plain());
    let twice = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(client.exchange(twice).status, 200);
    let received = backend.sole();
    assert_eq!((received.header("content-length"), &received.body[..]), (Some("5"), &b"hello"[..]));
}

#[test]
fn cve_2023_25725_empty_field_name_is_refused() {
    refused(
        400,
        &["GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\nX-After: y\r\n\r\n", "GET / HTTP/1.1\r\n:\r\nHost: localhost\r\n\r\n"],
    );
}

#[test]
fn space_before_the_colon_is_refused() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-Other\t: x\r\n\r\n",
        ],
    );
}

#[test]
fn folded_lines_are_refused() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-Folded: a\r\n b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
        ],
    );
}

#[test]
fn cr_and_nul_in_a_field_are_refused() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\rX-B: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX\0A: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\rX-A: a\r\n\r\n",
        ],
    );
}

#[test]
fn several_hosts_or_credentials_are_refused() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
            "GET http://other/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
        ],
    );
}

#[test]
fn connection_that_nominates_framing_is_refused() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Host\r\n\r\n",
        ],
    );
}

#[test]
fn cve_2026_71324_refused_connect_is_the_last_of_its_connection() {
    refused(
        405,
        &["CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n", "CONNECT / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    );
}

#[test]
fn trace_and_track_are_refused() {
    let (backend, gateway) = site();
    for method in ["TRACE", "TRACK"] {
        let answer = Connection::open(gateway.plain()).exchange(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!((answer.status, answer.reason().as_str()), (405, "method_not_allowed"));
    }
    assert!(backend.received().is_empty());
}

/// A lone LF ends a line for many servers, hyper among them (RFC 9112 section 2.2 allows it): whatever is made of it,
/// the backend gets clean lines and the same number of requests.
#[test]
fn bare_lf_never_reaches_the_backend() {
    let (backend, gateway) = site();
    let mut client = Connection::open(gateway.plain());
    client.send("GET /one HTTP/1.1\nHost: localhost\nX-A: b\n\n").unwrap();
    client.send("GET /two HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let _ = client.rest();
    let targets: Vec<String> = backend.received().iter().map(|request| request.target().to_owned()).collect();
    assert!(targets.is_empty() || targets == ["/one", "/two"], "{targets:?}");
    assert_eq!(backend.broken(), 0, "the mock ends a connection at a line that ends without CRLF");
}

/// RUSTSEC-2021-0079 and CVE-2025-22871: chunk sizes that overflow, bare LF in a chunk line, bytes after a chunk.
#[test]
fn rustsec_2021_0079_bad_chunks_end_the_exchange() {
    let (backend, gateway) = site();
    let bodies = [
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a=b\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
    ];
    for body in bodies {
        let mut client = Connection::open(gateway.plain());
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}{body}{SECOND}")).unwrap();
        let rest = String::from_utf8_lossy(&client.rest().unwrap_or_default()).into_owned();
        assert!(!rest.contains("HTTP/1.1 200"), "{body:?}: {rest}");
    }
    assert!(backend.received().is_empty(), "{:#?}", backend.received());
}

#[test]
fn good_framing_passes_and_is_one_framing() {
    let (backend, gateway) = site();
    let mut client = Connection::open(gateway.plain());
    let chunked = "POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n";
    let counted = "POST /l HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5 \r\n\r\nhello";
    for request in [chunked, counted] {
        assert_eq!(client.exchange(request).status, 200);
    }
    let received = backend.received();
    assert!(received.iter().all(|request| request.body == b"hello"));
    assert_eq!((received[0].header("transfer-encoding"), received[0].header("content-length")), (Some("chunked"), None));
    assert_eq!((received[1].header("transfer-encoding"), received[1].header("content-length")), (None, Some("5")));
}
