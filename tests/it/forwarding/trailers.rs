//! Trailers cross the gateway both ways, in HTTP/1 and HTTP/2, without what must not be said there.

use http::{HeaderMap, Request};

use crate::support::{Backend, Connection, Gateway, Http2, OpenSite, Reply};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-checksum\r\n\r\n\
                      2\r\nok\r\n0\r\nx-checksum: abc\r\n\r\n";

fn site() -> (Backend, Gateway) {
    let backend = Backend::scripted(|_| Reply::Raw(ANSWER.as_bytes().to_vec()));
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    (backend, gateway)
}

#[test]
fn trailers_of_a_request_reach_the_backend_clean() {
    let (backend, gateway) = site();
    let mut client = Connection::open(gateway.plain());
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n\
                   Trailer: X-Checksum, X-Forwarded-User, Content-Length\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: abc\r\n\
                   X-Forwarded-User: root\r\nX_Forwarded_User: root\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: other\r\n\r\n";
    assert_eq!(client.exchange(request).status, 200);
    let received = backend.sole();
    assert_eq!(received.header("te"), Some("trailers"));
    assert_eq!(received.header("trailer").map(str::to_ascii_lowercase).as_deref(), Some("x-checksum"));
    assert_eq!(received.trailers, [("x-checksum".to_owned(), "abc".to_owned())]);
    assert!(received.aliases("X-Forwarded-User").is_empty());
}

#[test]
fn trailers_of_an_answer_reach_a_client_that_takes_them() {
    let (_backend, gateway) = site();
    let mut client = Connection::open(gateway.plain());
    let answer = client.exchange("GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    assert_eq!((answer.text().as_str(), answer.header("trailer")), ("ok", Some("x-checksum")));
    assert_eq!(answer.trailers, [("x-checksum".to_owned(), "abc".to_owned())]);
    let answer = client.exchange("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.text().as_str(), answer.trailers.len()), ("ok", 0), "not to one that does not");
}

#[test]
fn trailers_cross_from_and_to_http2() {
    let (backend, gateway) = site();
    let mut client = Http2::connect(gateway.plain());
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "def".parse().unwrap());
    trailers.insert("x-forwarded-user", "root".parse().unwrap());
    let head = Request::post("http://localhost/").header("te", "trailers").header("trailer", "x-sum").body(()).unwrap();
    let answer = client.send(head, &["a", "b"], Some(trailers)).unwrap();
    let (body, trailers) = client.collect(answer).unwrap();
    assert_eq!((body.as_str(), trailers.unwrap()["x-checksum"].to_str().unwrap()), ("ok", "abc"));
    let received = backend.sole();
    assert_eq!((&received.body[..], received.header("te")), (&b"ab"[..], Some("trailers")));
    assert_eq!(received.trailers, [("x-sum".to_owned(), "def".to_owned())]);
}

/// What a backend says behind its body about the connection is not passed on: an HTTP/2 client would have to refuse the
/// whole answer for it (RFC 9113 section 8.2.2).
#[test]
fn trailers_about_the_connection_do_not_spoil_an_answer() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-checksum: abc\r\n\
                  connection: x-hop\r\nkeep-alive: timeout=5\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\
                  set-cookie: access_token=stolen\r\n\r\n";
    let backend = Backend::scripted(move |_| Reply::Raw(answer.as_bytes().to_vec()));
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Http2::connect(gateway.plain());
    let answer = client.send(Request::get("http://localhost/").body(()).unwrap(), &[], None).unwrap();
    let (body, trailers) = client.collect(answer).unwrap();
    let names: Vec<_> = trailers.unwrap().keys().map(|name| name.as_str().to_owned()).collect();
    assert_eq!((body.as_str(), names), ("ok", vec!["x-checksum".to_owned()]));
}
