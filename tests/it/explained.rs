//! What `explain` says is what the gateway does: the same requests to both.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request};
use serde_json::{Value, json};
use tollgate::clock::Clock;
use tollgate::config;
use tollgate::gateway::{self, Options};
use tollgate::peer::{Peer, RequestLimits, address_value};
use tollgate::proxy::{Answer, Snapshot};
use tollgate::telemetry::LogSink;

use crate::support::{Backend, Gateway, NOW, Signer, configuration, exchange};

const ISSUER: &str = "https://corp.example";

const REST: &str = r#"
[[issuer]]
name = "corp"
issuer = "https://corp.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "keys.json"
roles_claim = "/roles"

[[issuer]]
name = "other"
issuer = "https://other.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "keys.json"

[[route]]
name = "all"
path = "/"
upstream = "backend-0"
issuers = ["corp"]
token_from = ["header", "cookie", "query"]
origins = ["https://app.example"]

[[route]]
name = "admin"
path = "/admin"
methods = ["GET", "DELETE"]
upstream = "backend-0"
issuers = ["corp"]
require = { roles = ["admin"] }

[[route]]
name = "public"
path = "/public"
upstream = "backend-0"
anonymous = true

[[route]]
name = "either"
path = "/either"
upstream = "backend-0"
issuers = ["corp"]
token_from = ["header", "cookie"]
anonymous = "optional"
sign_in_url = "https://login.example/"

[[route]]
name = "elsewhere"
host = "b.example"
path = "/x"
upstream = "backend-0"
issuers = ["corp", "other"]
identity_headers = { X-User = "sub", X-Issuer = "iss", X-Odd = "odd" }
"#;

type Line = (&'static str, String);

/// Credentials of every kind, good and bad, by name.
fn credentials(key: &Signer) -> Vec<Vec<Line>> {
    let claims = |changes: Value| {
        let mut claims = Signer::claims(ISSUER, "alice");
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    let token = |changes: Value| key.token(&claims(changes));
    let user = token(json!({ "roles": ["user"] }));
    let tokens = [
        user.clone(),
        token(json!({ "roles": ["admin"], "odd": "a\nb" })),
        token(json!({ "roles": ["admin,user"] })),
        token(json!({ "exp": 1 })),
        token(json!({ "iss": "https://other.example" })),
        token(json!({ "iss": "https://nobody.example" })),
        Signer::new("k2").token(&claims(json!({}))),
        Signer::new("k1").token(&claims(json!({}))),
        "garbage".to_owned(),
    ];
    let bearer = |token: &String| vec![("authorization", format!("Bearer {token}"))];
    let mut all: Vec<Vec<Line>> = tokens.iter().map(bearer).collect();
    all.push(vec![]);
    all.push(vec![("authorization", "Bearer".to_owned())]);
    all.push(vec![("authorization", "Basic eA==".to_owned()), ("x-forwarded-user", "root".to_owned())]);
    all.push(vec![("authorization", "Basic eA==".to_owned()), ("authorization", format!("Bearer {user}"))]);
    all.push(vec![("cookie", format!("access_token={user}"))]);
    all.push(vec![("cookie", format!("access_token={user}")), ("sec-fetch-site", "cross-site".to_owned())]);
    all.push(vec![("cookie", "access_token=bad".to_owned())]);
    all.push(vec![("cookie", format!("access_token={user}; access_token={}", token(json!({ "sub": "mallory" }))))]);
    all.push(vec![("accept", "text/html".to_owned())]);
    all.push(vec![("origin", "https://app.example".to_owned()), ("access-control-request-method", "PUT".to_owned())]);
    all
}

const TARGETS: [&str; 12] = [
    "/",
    "/orders?x=1",
    "/admin/x",
    "/ADMIN",
    "/%61dmin",
    "/public/y",
    "/public/..%2fadmin",
    "/public/../admin",
    "/either",
    "/x",
    "/orders?access_token=garbage",
    "//admin",
];

fn snapshot(folder: &std::path::Path) -> Arc<Snapshot> {
    let settings = config::load_at(&folder.join("tollgate.toml"), [], NOW).unwrap();
    let (log, _) = LogSink::start(std::io::sink()).unwrap();
    gateway::rehearse(&settings, &Options { take_over: false, clock: Clock::manual(NOW), log, log_level: None }).unwrap()
}

fn peer() -> Peer {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    Peer {
        address,
        address_value: address_value(address.ip()),
        listener: "plain".into(),
        secure: false,
        local_port: 80,
        server_name: None,
        client_certificates: false,
        trusted_proxies: [].into(),
        limits: RequestLimits { header_count: 100, header_bytes: 65_536, target_bytes: 8192 },
        idle: std::time::Duration::from_secs(75),
    }
}

/// In words that both sides have.
fn told(answer: &Answer) -> String {
    match answer {
        Answer::Forwarded { identity_headers, .. } => {
            let line = |(name, value): &(http::HeaderName, http::HeaderValue)| format!(" {name}={}", value.to_str().unwrap());
            let lines: BTreeSet<String> = identity_headers.iter().map(line).collect();
            format!("200{}", lines.into_iter().collect::<String>())
        }
        Answer::Own => "own".to_owned(),
        Answer::Preflight => "204".to_owned(),
        Answer::Refused { status, reason, .. } => format!("{} {}", status.as_u16(), reason.word()),
        Answer::Undecided(_) | Answer::Exchanged(_) => "undecided".to_owned(),
    }
}

fn done(gateway: &Gateway, backend: &Backend, method: &str, host: &str, target: &str, headers: &[Line]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let before = backend.received().len();
    let answer = exchange(gateway.plain(), format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"));
    match answer.status {
        200 => {
            let received = backend.received();
            assert_eq!(received.len(), before + 1);
            let names = ["x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-user", "x-issuer", "x-odd"];
            let header = |name: &&str| Some(format!(" {name}={}", received.last().unwrap().header(name)?));
            let lines: BTreeSet<String> = names.iter().filter_map(header).collect();
            format!("200{}", lines.into_iter().collect::<String>())
        }
        204 => "204".to_owned(),
        status => {
            let text = answer.text();
            let plain = text.lines().find_map(|line| line.strip_prefix("reason: "));
            format!("{status} {}", plain.map_or_else(|| answer.reason(), str::to_owned))
        }
    }
}

#[test]
fn the_answer_that_is_explained_is_the_one_that_is_given() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.json"), json!({ "keys": [key.jwk()] }).to_string()).unwrap();
    let gateway = Gateway::start_in(folder, &configuration(&[], &[&backend], REST));
    let snapshot = snapshot(gateway.folder());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut seen = BTreeSet::new();
    for headers in credentials(&key) {
        for (method, host) in [("GET", "a.example"), ("POST", "a.example"), ("OPTIONS", "a.example"), ("GET", "b.example")] {
            for target in TARGETS {
                let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(target).header("host", host);
                for (name, value) in &headers {
                    request = request.header(*name, value);
                }
                let (head, ()) = request.body(()).unwrap().into_parts();
                let explained = told(&runtime.block_on(snapshot.explain(&peer(), head)).answer);
                let given = done(&gateway, &backend, method, host, target, &headers);
                assert_eq!(explained, given, "{method} {host}{target} {headers:?}");
                seen.insert(given);
            }
        }
    }
    assert!(seen.len() > 15, "the cases are too much alike: {seen:?}");
}
