//! A remote that is down, hangs, fails or answers what no authority would: 503, never 401, and nobody is signed out. And what is
//! sent to one that is not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::wrong::{answer, signed, status};
use super::{Pretender, SHOP, cookies};
use crate::support::authority::*;
use crate::support::{Answer, Backend, Gateway, NOW, Reply, Signer, exchange};

fn by_header(front: &Gateway, token: &str) -> Answer {
    exchange(front.plain(), format!("GET /billing HTTP/1.1\r\nHost: {SHOP}\r\nAuthorization: Bearer {token}\r\n\r\n"))
}

fn by_cookie(front: &Gateway, cookie: &str) -> Answer {
    let request = format!("GET /orders HTTP/1.1\r\nHost: {SHOP}\r\nSec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\r\n");
    exchange(front.plain(), request)
}

#[track_caller]
fn is_unavailable(answer: &Answer, about: &str) {
    assert_eq!((answer.status, answer.reason().as_str()), (503, "authority_unavailable"), "{about}: {}", answer.text());
    assert!(answer.header("retry-after").is_some(), "{about}");
    assert_eq!(cookies(answer), (vec![], vec![]), "{about}: nothing is cleared");
}

type Mode = (&'static str, Box<dyn Fn(&Pretender)>);

fn modes() -> Vec<Mode> {
    let raw = |bytes: &'static [u8]| move |it: &Pretender| it.answers(move |_| Reply::Raw(bytes.to_vec()));
    let mut modes: Vec<Mode> = vec![
        ("hangs", Box::new(|it| it.answers(|_| Reply::Hang))),
        ("closes", Box::new(|it| it.answers(|_| Reply::Close))),
        ("no HTTP", Box::new(raw(b"rubbish\r\n\r\n"))),
        ("an HTML page", Box::new(raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"))),
        (
            "cut off",
            Box::new(|it| it.answers(|_| Reply::RawAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec()))),
        ),
        (
            "a coding",
            Box::new(raw(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
            )),
        ),
        ("no token", Box::new(|it| it.answers(|_| answer(200, &json!({ "other": 1 }))))),
        ("oversized", Box::new(|it| it.answers(|_| answer(200, &json!({ "token": "x".repeat(100_000) }))))),
        (
            "a token of another key",
            Box::new(|it| {
                it.answers(|request| {
                    let id = if request.target().contains("issue") { BILLING } else { ORDERS };
                    answer(200, &json!({ "token": signed(&Signer::new("k1"), id, &json!({})), "refreshToken": "r" }))
                });
            }),
        ),
        (
            "a token of an unknown key",
            Box::new(|it| {
                it.answers(|_| {
                    answer(200, &json!({ "token": signed(&Signer::new("k2"), BILLING, &json!({})), "refreshToken": "r" }))
                });
            }),
        ),
    ];
    for code in [204, 301, 302, 403, 404, 429, 500, 502, 503] {
        modes.push(("a status", Box::new(move |it| it.answers(move |_| status(code)))));
    }
    modes
}

#[test]
fn whatever_is_no_answer_is_503_and_signs_nobody_out_and_what_is_one_again_is_taken() {
    let pretender = Pretender::start();
    let front = pretender.front();
    let (fresh, old) = (
        pretender.token(ORDERS, &json!({})),
        pretender.token(ORDERS, &json!({ "iat": NOW.seconds() - 3660, "exp": NOW.seconds() - 60 })),
    );
    for (mode, set) in modes() {
        set(&pretender);
        is_unavailable(&by_header(&front, &fresh), &format!("{mode}: exchange"));
        is_unavailable(&by_cookie(&front, &format!("access_token={old}; refresh_token=r")), &format!("{mode}: refresh"));
        is_unavailable(&by_cookie(&front, "refresh_token=r"), &format!("{mode}: refresh alone"));
    }
    assert!(pretender.backend.received().is_empty(), "nobody was let in");
    let labels = ["operation=\"refresh\"", "result=\"unavailable\""];
    assert!(front.metric("tollgate_remote_authority_calls_total", &labels) > 20.0);
    pretender.behave();
    assert_eq!(by_header(&front, &fresh).status, 200);
    let renewed = by_cookie(&front, &format!("access_token={old}; refresh_token=r"));
    assert_eq!((renewed.status, cookies(&renewed).0.len()), (200, 2), "{}", renewed.text());
    let log = front.log();
    assert!(!log.contains(&fresh) && !log.contains(&old), "no token is in the log");
}

#[test]
fn a_remote_that_is_gone_is_503_also_for_its_api_and_recovers() {
    let pretender = Pretender::start();
    let front = pretender.front();
    let token = pretender.token(ORDERS, &json!({}));
    let Pretender { server, backend, key, .. } = pretender;
    let address = server.address;
    drop(server);
    is_unavailable(&by_header(&front, &token), "exchange");
    is_unavailable(&by_cookie(&front, "refresh_token=r"), "refresh");
    let api = ApiClient(front.plain()).manage("POST /api/login", Some(&login_body("ann", Some(ORDERS), PASSWORD)));
    assert_eq!((api.status, api.header("retry-after")), (503, Some("2")));
    assert_eq!(api.json()["generalErrors"][0]["code"], "[unavailable]");
    let own = exchange(front.plain(), format!("GET /orders HTTP/1.1\r\nHost: {SHOP}\r\nAuthorization: Bearer {token}\r\n\r\n"));
    assert_eq!(own.status, 200, "what needs no exchange goes on");
    let made = signed(&key, BILLING, &json!({}));
    let _server = Backend::on(address, move |_| answer(200, &json!({ "token": made })));
    crate::support::until("the remote", || by_header(&front, &token).status == 200);
    assert!(!backend.received().is_empty());
}

#[test]
fn a_refusal_of_the_remote_is_401_and_only_a_refused_refresh_clears() {
    let pretender = Pretender::start();
    let front = pretender.front();
    pretender.answers(|request| match request.target().contains("issue") {
        true => status(401),
        false => answer(400, &json!({ "fieldErrors": { "refreshToken": [{ "code": "[invalid]refreshToken" }] } })),
    });
    let refused = by_header(&front, &pretender.token(ORDERS, &json!({})));
    assert_eq!((refused.status, refused.reason().as_str(), cookies(&refused).1.len()), (401, "invalid_token", 0));
    let refused = by_cookie(&front, "refresh_token=r");
    assert_eq!((refused.status, refused.reason().as_str(), cookies(&refused).1.len()), (401, "invalid_token", 2));
}

#[test]
fn an_exchange_for_somebody_else_or_something_else_or_for_longer_is_none() {
    let pretender = Pretender::start();
    let front = pretender.front();
    let key = Arc::clone(&pretender.key);
    let wrong = [
        json!({ "sub": "3c219e58-ed0e-4b18-ad48-f4f92793ae99" }),
        json!({ "aud": ORDERS, "applicationId": ORDERS }),
        json!({ "exp": NOW.seconds() + 7200 }),
        json!({ "iss": "https://evil.example" }),
    ];
    for (index, changes) in wrong.into_iter().enumerate() {
        let made = signed(&key, BILLING, &changes);
        pretender.answers(move |_| answer(200, &json!({ "token": made })));
        let token = pretender.token(ORDERS, &json!({ "jti": uuid::Uuid::from_u128(100 + index as u128) }));
        is_unavailable(&by_header(&front, &token), &format!("case {index}"));
    }
    assert!(pretender.backend.received().is_empty());
}

#[test]
fn a_renewed_session_must_be_the_expired_ones() {
    let pretender = Pretender::start();
    let front = pretender.front();
    let key = Arc::clone(&pretender.key);
    let old = pretender.token(ORDERS, &json!({ "iat": NOW.seconds() - 3660, "exp": NOW.seconds() - 60 }));
    let others =
        [json!({ "sub": "3c219e58-ed0e-4b18-ad48-f4f92793ae99" }), json!({ "sid": "3c219e58-ed0e-4b18-ad48-f4f92793ae99" })];
    for (index, changes) in others.into_iter().enumerate() {
        let made = signed(&key, ORDERS, &changes);
        pretender.answers(move |_| answer(200, &json!({ "token": made, "refreshToken": "r" })));
        let refused = by_cookie(&front, &format!("access_token={old}; refresh_token=r{index}"));
        assert_eq!((refused.status, refused.reason().as_str()), (401, "conflicting_cookies"), "{index}");
        assert_eq!(cookies(&refused).1.len(), 2);
    }
}

#[test]
fn the_remote_is_sent_the_presented_credential_and_the_address_and_nothing_else() {
    let pretender = Pretender::start();
    let front = pretender.front();
    pretender.behave();
    let (fresh, old) = (
        pretender.token(ORDERS, &json!({})),
        pretender.token(ORDERS, &json!({ "iat": NOW.seconds() - 3660, "exp": NOW.seconds() - 60 })),
    );
    let extra = "X-Secret: s\r\nUser-Agent: u\r\nCookie: theirs=1\r\nX-Forwarded-For: 192.0.2.1\r\n";
    let request = format!("GET /billing HTTP/1.1\r\nHost: {SHOP}\r\nAuthorization: JWT {fresh}\r\n{extra}\r\n");
    assert_eq!(exchange(front.plain(), request).status, 200);
    let issue = pretender.server.sole();
    assert_eq!(issue.line, format!("GET /api/jwt/issue?applicationId={BILLING} HTTP/1.1"));
    let mut names: Vec<_> = issue.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort();
    assert_eq!(names, ["accept", "authorization", "host", "x-forwarded-for"]);
    assert_eq!(issue.header("authorization"), Some(&*format!("Bearer {fresh}")));
    assert_eq!(issue.header("host"), Some(&*pretender.server.address.to_string()));
    assert_eq!(issue.header("x-forwarded-for"), Some("127.0.0.1"));
    pretender.server.forget();
    assert_eq!(by_cookie(&front, &format!("access_token={old}; refresh_token=r; theirs=1")).status, 200);
    let refresh = pretender.server.sole();
    assert_eq!((refresh.header("cookie"), refresh.header("authorization")), (None, None));
    let body: serde_json::Value = serde_json::from_slice(&refresh.body).unwrap();
    assert_eq!(body, json!({ "refreshToken": "r", "token": old }));
}

#[test]
fn an_exchange_is_believed_while_the_remote_cannot_be_asked_and_one_request_asks() {
    let pretender = Pretender::start();
    let front = pretender.front();
    pretender.behave();
    let token = pretender.token(ORDERS, &json!({}));
    assert_eq!(by_header(&front, &token).status, 200);
    pretender.answers(|_| Reply::Hang);
    pretender.server.forget();
    front.clock.advance(Duration::from_secs(61));
    for _ in 0..5 {
        assert_eq!(by_header(&front, &token).status, 200);
    }
    assert!(pretender.server.sole().line.starts_with("GET /api/jwt/validate "));
    front.clock.advance(Duration::from_secs(61));
    pretender.answers(|_| status(401));
    for _ in 0..2 {
        assert_eq!(by_header(&front, &token).status, 401, "then it says no, to the exchange anew too");
    }
}

#[test]
fn cookies_of_other_names_redirections_and_more_headers_do_not_come_back() {
    let pretender = Pretender::start();
    let front = pretender.front();
    let client = ApiClient(front.plain());
    pretender.answers(|_| {
        let lines = "content-type: application/json\r\nset-cookie: fusionauth.sso=1\r\nset-cookie: access_token=a; Domain=evil.example\r\n\
                     server: x\r\nx-frame-options: DENY\r\naccess-control-allow-origin: *\r\ncontent-length: 2\r\n";
        Reply::Raw(format!("HTTP/1.1 200 OK\r\n{lines}\r\n{{}}").into_bytes())
    });
    let answer = client.manage("POST /api/login", Some(&json!({})));
    assert_eq!(set_cookies(&answer), ["access_token=a; Domain=example.com; Path=/; HttpOnly; SameSite=Lax"]);
    for name in ["server", "x-frame-options", "access-control-allow-origin"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    let request = pretender.server.received().pop().unwrap();
    assert_eq!((request.header("x-forwarded-host"), request.header("x-forwarded-proto")), (Some(HOST), Some("http")));
    assert_eq!(request.header("x-forwarded-port"), Some("80"));
    pretender
        .answers(|_| Reply::Raw(b"HTTP/1.1 302 Found\r\nlocation: https://evil.example/\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let answer = client.manage("POST /api/login", Some(&json!({})));
    assert_eq!((answer.status, answer.header("location")), (503, None));
    pretender.answers(|_| answer_of(500));
    assert_eq!(client.manage("POST /api/login", Some(&json!({}))).status, 500, "its own failures are told");
}

fn answer_of(code: u16) -> Reply {
    status(code)
}
