//! HTTP/2 requests that are malformed, or mean something else once they are HTTP/1: none reaches the backend. Raw frames,
//! since no library would send them (Envoy CVE-2023-27491, HAProxy JVN38170084; RFC 9113 section 8).

use crate::support::frames::{CONTINUATION, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, block, frame, pseudo};
use crate::support::{Backend, Gateway, OpenSite, get};

fn site() -> (Backend, Gateway) {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    (backend, gateway)
}

type Field<'a> = (&'a str, &'a [u8]);

fn with<'a>(extra: &[Field<'a>]) -> Vec<Field<'a>> {
    [pseudo("GET", "/"), extra.to_vec()].concat()
}

/// None of the requests is answered well, none reaches the backend, and the gateway serves on.
#[track_caller]
fn refused(requests: &[Vec<Field<'_>>]) {
    let (backend, gateway) = site();
    for fields in requests {
        let outcome = Frames::request(gateway.plain(), fields);
        let shown: Vec<_> = fields.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
        let is_refused = matches!(outcome, Outcome::Status(400..=499) | Outcome::Reset(_) | Outcome::GoAway(_));
        assert!(is_refused, "{outcome:?} for {shown:?}");
    }
    assert!(backend.received().is_empty(), "{:#?}", backend.received());
    assert_eq!(Frames::request(gateway.plain(), &pseudo("GET", "/")), Outcome::Status(200));
}

#[test]
fn cve_2023_27491_illegal_bytes_in_field_values_are_refused() {
    let values: [&[u8]; 7] =
        [b"a\r\nx-forwarded-user: root", b"a\rb", b"a\nb", b"a\0b", b"\r\n\r\nGET /smuggled HTTP/1.1", b"a\x7f", b"a\x01"];
    refused(&values.map(|value| with(&[("x-a", value)])));
}

#[test]
fn cve_2023_27491_illegal_field_names_are_refused() {
    let names = ["X-Upper", "x-a: b", "x a", "x-a\r\nx-b", "x\0a", "", ":unknown", "x:a", "x-ä"];
    refused(&names.map(|name| with(&[(name, b"v")])));
}

#[test]
fn connection_specific_fields_are_refused() {
    let fields: [Field<'_>; 6] = [
        ("connection", b"close"),
        ("transfer-encoding", b"chunked"),
        ("keep-alive", b"timeout=5"),
        ("proxy-connection", b"keep-alive"),
        ("upgrade", b"websocket"),
        ("te", b"gzip"),
    ];
    refused(&fields.map(|field| with(&[field])));
}

#[test]
fn lengths_that_are_no_lengths_are_refused() {
    let several = [("content-length", &b"5"[..]), ("content-length", b"6")];
    let values: [&[u8]; 6] = [b"+5", b"-1", b"", b"5, 5", b"18446744073709551616", b"0x5"];
    let mut requests: Vec<_> = values.iter().map(|value| with(&[("content-length", value)])).collect();
    requests.push(with(&several));
    refused(&requests);
}

#[test]
fn pseudo_fields_that_are_missing_repeated_or_late_are_refused() {
    let without = |name: &str| pseudo("GET", "/").into_iter().filter(|(found, _)| *found != name).collect::<Vec<_>>();
    let late: Vec<_> = [vec![("x-a", &b"v"[..])], pseudo("GET", "/")].concat();
    refused(&[
        without(":method"),
        without(":path"),
        without(":scheme"),
        without(":authority"),
        with(&[(":path", b"/other")]),
        with(&[(":method", b"POST")]),
        with(&[(":authority", b"other")]),
        with(&[(":status", b"200")]),
        late,
    ]);
}

#[test]
fn authority_that_differs_from_host_is_refused() {
    refused(&[
        with(&[("host", b"other")]),
        with(&[("host", b"localhost:81")]),
        with(&[("host", b"localhost"), ("host", b"other")]),
        with(&[("host", b"")]),
    ]);
    let (backend, gateway) = site();
    assert_eq!(Frames::request(gateway.plain(), &with(&[("host", b"localhost")])), Outcome::Status(200));
    assert_eq!(backend.sole().header("host"), Some("localhost"));
}

#[test]
fn authority_that_is_no_host_is_refused() {
    let authorities: [&[u8]; 8] =
        [b"", b"user@localhost", b"local host", b"localhost/a", b"localhost\r\nx: y", b"a,b", b"localhost:x", b"[::1"];
    refused(&authorities.map(|authority| {
        let mut fields = pseudo("GET", "/");
        fields[2].1 = authority;
        fields
    }));
}

#[test]
fn path_that_is_no_path_is_refused() {
    let paths =
        ["", "a", "admin", "*", "http://localhost/", "http://other/", "//../a", "/a b", "/a\r\nx: y", "/a\0", "?a", "/../x"];
    refused(&paths.map(|path| pseudo("GET", path)));
    refused(&[pseudo("OPTIONS", "*")]);
}

/// The HTTP library cuts it before any stage sees it: what is judged is what is sent.
#[test]
fn fragment_never_reaches_the_backend() {
    let (backend, gateway) = site();
    assert_eq!(Frames::request(gateway.plain(), &pseudo("GET", "/a#/../b")), Outcome::Status(200));
    assert_eq!(get(gateway.plain(), "/a#/../b", &[]).status, 200);
    assert!(backend.received().iter().all(|request| request.target() == "/a"), "{:#?}", backend.received());
}

#[test]
fn connect_trace_and_methods_with_spaces_are_refused() {
    let connect: Vec<Field<'_>> = vec![(":method", b"CONNECT"), (":authority", b"localhost:443")];
    let extended = [pseudo("CONNECT", "/"), vec![(":protocol", &b"websocket"[..])]].concat();
    refused(&[
        connect,
        extended,
        pseudo("TRACE", "/"),
        pseudo("TRACK", "/"),
        pseudo("GET /x HTTP/1.1\r\n", "/"),
        pseudo("", "/"),
    ]);
}

#[test]
fn cookie_crumbs_arrive_as_one_line() {
    let (backend, gateway) = site();
    let crumbs = with(&[("cookie", b"a=1"), ("cookie", b"b=2"), ("cookie", b"c=3")]);
    assert_eq!(Frames::request(gateway.plain(), &crumbs), Outcome::Status(200));
    assert_eq!(backend.sole().header("cookie"), Some("a=1; b=2; c=3"));
}

/// Envoy CVE-2026-47774, Pingora CVE-2026-105297: one request whose fields are too many or too large in sum.
#[test]
fn cve_2026_47774_cookie_crumbs_count_against_the_header_limits() {
    let (backend, gateway) = site();
    for (count, value) in [(101, "a=1".to_owned()), (5000, "a=1".to_owned()), (90, "v".repeat(1000))] {
        let crumbs = vec![("cookie", value.as_bytes()); count];
        let outcome = in_continuations(&gateway, &with(&crumbs));
        assert!(matches!(outcome, Outcome::Status(431) | Outcome::Reset(_) | Outcome::GoAway(_)), "{count}: {outcome:?}");
    }
    assert!(backend.received().is_empty());
    assert_eq!(in_continuations(&gateway, &with(&vec![("cookie", &b"a=1"[..]); 90])), Outcome::Status(200));
}

/// Sends a request whose header block takes several frames.
fn in_continuations(gateway: &Gateway, fields: &[Field<'_>]) -> Outcome {
    let mut client = Frames::open(gateway.plain());
    let block = block(fields);
    let mut pieces = block.chunks(16_000).peekable();
    let first = pieces.next().unwrap();
    let flags = END_STREAM | if pieces.peek().is_none() { END_HEADERS } else { 0 };
    let mut bytes = frame(HEADERS, flags, 1, first);
    while let Some(piece) = pieces.next() {
        bytes.extend(frame(CONTINUATION, if pieces.peek().is_none() { END_HEADERS } else { 0 }, 1, piece));
    }
    // It may be cut off while it sends.
    let _ = client.send(bytes);
    client.outcome(1)
}
