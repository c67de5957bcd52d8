//! The signed assertion for backends: it says who calls and exactly what the backend receives, is good there alone, and
//! is never left out.

mod check;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Request;
use jsonwebtoken::jwk::JwkSet;
use rusqlite::Connection as Database;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate::clock::Timestamp;

use crate::support::authority::*;
use crate::support::{Answer, Backend, Gateway, Http2, MockIssuer, Received, Signer, configuration, exchange, until};
use check::check;

const KEY_SET: &str = "GET /.well-known/tollgate-assertion.json";

/// A gateway whose routes below `/asserted` give assertions to the upstream `orders`.
struct Site {
    gateway: Gateway,
    api: ApiClient,
    backend: Backend,
    corp: MockIssuer,
    corp_key: Signer,
    folder: TempDir,
    user: String,
    token: String,
}

impl Site {
    /// At this instant, with these lines more on the upstream.
    fn start(now: Timestamp, upstream: &str) -> Self {
        let (backend, folder, corp_key) = (Backend::start(), TempDir::new().unwrap(), Signer::new("k1"));
        let corp = MockIssuer::start("corp", &[&corp_key]);
        let route = |name: &str, rest: &str| {
            format!("[[route]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"orders\"\nassertion = true\n{rest}\n\n")
        };
        let own = "application = \"orders\"\ntoken_from = [\"header\", \"query\"]";
        let both = "application = \"orders\"\nissuers = [\"corp\"]\nidentity_headers = { X-Forwarded-Issuer = \"iss\" }";
        let routes = [
            format!("[[upstream]]\nname = \"orders\"\nservers = [\"{}\"]\n{upstream}\n\n", backend.url()),
            route("asserted", own),
            route("perhaps", "application = \"orders\"\nanonymous = \"optional\""),
            route("both", both),
        ];
        let text = configuration(&[&corp], &[&backend], &(authority_blocks(folder.path()) + &routes.concat()));
        let gateway = Gateway::start_at(tempfile::tempdir().unwrap(), &text, now);
        let api = ApiClient(gateway.plain());
        let user = api.user("ann", &[ORDERS]);
        let token = api.sign_in("ann", ORDERS).access;
        Self { gateway, api, backend, corp, corp_key, folder, user, token }
    }

    fn now() -> Self {
        Self::start(system_time(), "")
    }

    #[track_caller]
    fn send(&self, line: &str, headers: &str, token: &str) -> Answer {
        let head = format!("{line} HTTP/1.1\r\nHost: Orders.example:8080\r\n{headers}Authorization: Bearer {token}\r\n\r\n");
        exchange(self.gateway.plain(), head)
    }

    /// What the backend received of a request with the user's token.
    #[track_caller]
    fn received(&self, line: &str) -> Received {
        self.backend.forget();
        let answer = self.send(line, "", &self.token);
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.backend.sole()
    }

    fn keys(&self) -> JwkSet {
        serde_json::from_value(self.api.ask(KEY_SET, &[], None).json()).unwrap()
    }

    #[track_caller]
    fn checked(&self, received: &Received) -> Value {
        let assertion = assertion(received);
        let method = received.line.split(' ').next().unwrap();
        let host = received.header("host").unwrap();
        check(&self.keys(), &assertion, method, host, received.target()).unwrap_or_else(|| panic!("{received:?}"))
    }
}

fn system_time() -> Timestamp {
    Timestamp::from_seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn assertion(received: &Received) -> String {
    received.header("x-tollgate-assertion").unwrap().to_owned()
}

#[test]
fn it_says_who_calls_and_what_the_backend_receives() {
    let site = Site::now();
    let received = site.received("POST /asserted/a%2Db/?x=%20&y=?z");
    let claims = site.checked(&received);
    let expected = json!({
        "iss": ISSUER, "aud": "orders", "sub": site.user, "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": site.user },
        "email": "ann@example.com", "applicationId": ORDERS, "method": "POST", "host": "Orders.example:8080",
        "path": "/asserted/a%2Db/", "query": "x=%20&y=?z",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(claims[name], *value, "{name}");
    }
    assert_eq!(claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap() + 60);
    assert_eq!(claims["iat"], site.gateway.clock.now().seconds());
    let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 14, "{names:?}");
    let another = site.checked(&site.received("POST /asserted/a%2Db/?x=%20&y=?z"));
    assert_ne!(claims["jti"], another["jti"]);
}

#[test]
fn it_is_about_the_request_as_it_goes_out_and_not_as_it_came() {
    let site = Site::now();
    site.backend.forget();
    let head = format!("GET /asserted?a=1&access_token={}&b=2 HTTP/1.1\r\nHost: localhost\r\n\r\n", site.token);
    assert_eq!(exchange(site.gateway.plain(), head).status, 200);
    assert_eq!(site.checked(&site.backend.sole())["query"], "a=1&b=2");
    site.backend.forget();
    let uri = format!("http://{}/asserted/h2", site.gateway.plain());
    let request = Request::get(uri).header("authorization", format!("Bearer {}", site.token)).body(()).unwrap();
    let mut client = Http2::connect(site.gateway.plain());
    let answer = client.send(request, &[], None).unwrap();
    drop(client.collect(answer));
    site.checked(&site.backend.sole());
    for host in ["fixed.internal:81", "server"] {
        let site = Site::start(system_time(), &format!("host = \"{host}\""));
        let received = site.received("GET /asserted");
        assert_ne!(received.header("host"), Some("Orders.example:8080"));
        site.checked(&received);
    }
}

#[test]
fn an_identity_of_another_issuer_is_named_with_it() {
    let site = Site::start(crate::support::NOW, "");
    let token = site.corp_key.token(&Signer::claims(&site.corp.issuer(), &site.user));
    assert_eq!(site.send("GET /both", "", &token).status, 200);
    let claims = site.checked(&site.backend.sole());
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(ISSUER), &json!(site.user)));
    assert_eq!(claims["sub_id"]["iss"], site.corp.issuer());
    assert_eq!(claims["applicationId"], Value::Null);
}

#[test]
fn nobody_in_particular_has_none_and_a_forged_one_goes_no_further() {
    let site = Site::now();
    let forged = "X-Tollgate-Assertion: e30.e30.\r\nX_Tollgate_Assertion: e30.e30.\r\n";
    let head = format!("GET /perhaps HTTP/1.1\r\nHost: localhost\r\n{forged}\r\n");
    assert_eq!(exchange(site.gateway.plain(), head).status, 200);
    assert_eq!(site.backend.sole().aliases("x-tollgate-assertion"), []);
    site.backend.forget();
    assert_eq!(site.send("GET /perhaps", forged, &site.token).status, 200);
    let received = site.backend.sole();
    assert_eq!(received.aliases("x-tollgate-assertion").len(), 1);
    site.checked(&received);
}

#[test]
fn a_backend_refuses_it_for_another_request_and_after_its_time() {
    let site = Site::now();
    let assertion = assertion(&site.received("GET /asserted?x=1"));
    let keys = site.keys();
    let is_good = |method, host, target| check(&keys, &assertion, method, host, target).is_some();
    assert!(is_good("GET", "Orders.example:8080", "/asserted?x=1"));
    let others = [
        ("POST", "Orders.example:8080", "/asserted?x=1"),
        ("GET", "orders.example:8080", "/asserted?x=1"),
        ("GET", "Orders.example:8080", "/asserted"),
        ("GET", "Orders.example:8080", "/asserted/?x=1"),
        ("GET", "Orders.example:8080", "/asserted?x=2"),
    ];
    assert!(others.into_iter().all(|(method, host, target)| !is_good(method, host, target)));
    let (head, rest) = assertion.split_once('.').unwrap();
    assert!(check(&keys, &format!("{head}.x{rest}"), "GET", "Orders.example:8080", "/asserted?x=1").is_none());
    assert!(check(&keys, &site.token, "GET", "Orders.example:8080", "/asserted?x=1").is_none());
    let past = Site::start(Timestamp::from_seconds(system_time().seconds() - 70), "");
    let late = past.received("GET /asserted?x=1");
    assert!(check(&past.keys(), &self::assertion(&late), "GET", "Orders.example:8080", "/asserted?x=1").is_none());
}

#[test]
fn it_is_no_credential_and_its_keys_verify_no_token() {
    let site = Site::now();
    let assertion = assertion(&site.received("GET /asserted"));
    assert_eq!(site.api.validate(&assertion), 401);
    assert_eq!(site.api.issue(&assertion, ORDERS, None).status, 401);
    for line in ["GET /oauth2/userinfo", "GET /api/jwt/refresh", "PUT /api/login"] {
        assert_eq!(site.api.ask_as(&assertion, line, None).status, 401, "{line}");
    }
    for path in ["/asserted", "/both", "/orders", "/perhaps"] {
        assert_eq!(site.api.visit(path, &assertion), 401, "{path}");
    }
    let own: Vec<String> = site.keys().keys.iter().map(|key| key.common.key_id.clone().unwrap()).collect();
    assert_eq!(own.len(), 2, "one that signs, one to come");
    for line in ["GET /.well-known/jwks.json", "GET /api/jwt/public-key"] {
        let published = site.api.ask(line, &[], None).text();
        assert!(own.iter().all(|id| !published.contains(id)), "{line}");
    }
}

#[test]
fn without_a_key_the_request_is_refused_and_not_sent() {
    let site = Site::now();
    site.received("GET /asserted");
    site.backend.forget();
    let store = Database::open(site.folder.path().join("store.db")).unwrap();
    store.busy_timeout(Duration::from_secs(5)).unwrap();
    store.execute("DELETE FROM signing_key WHERE purpose = 'assertion'", []).unwrap();
    store.execute("UPDATE store SET signing_key_generation = signing_key_generation + 1", []).unwrap();
    until("a refusal", || {
        site.backend.forget();
        site.send("GET /asserted", "", &site.token).status == 500
    });
    assert!(site.backend.received().is_empty());
    assert_eq!(site.api.visit("/orders", &site.token), 200, "what needs no assertion goes on");
}

#[test]
fn the_document_has_the_check_that_runs_here() {
    let document = include_str!("../../../docs/assertion.md");
    let (_, rest) = document.split_once("```rust\n").unwrap();
    assert_eq!(rest.split_once("```").unwrap().0, include_str!("check.rs"));
}
