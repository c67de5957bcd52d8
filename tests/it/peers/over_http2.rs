//! What was tried over HTTP/1.1, over HTTP/2: the same identity, and no other way to name one.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::{Builder, Runtime};

use crate::support::{Received, Site, route};

/// One HTTP/2 connection to a gateway.
pub struct Client {
    runtime: Runtime,
    requests: SendRequest<Full<Bytes>>,
}

impl Client {
    fn of(site: &Site) -> Self {
        Self::to(site.gateway.plain())
    }

    pub fn to(address: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self { runtime, requests }
    }

    pub fn send(&mut self, method: &str, uri: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
        let request =
            headers.iter().fold(Request::builder().method(method).uri(uri), |request, line| request.header(line.0, line.1));
        self.runtime.block_on(self.requests.send_request(request.body(Full::default()).unwrap())).unwrap()
    }

    /// The reason word of a refusal.
    fn reason(&self, answer: Response<Incoming>) -> (u16, String) {
        let status = answer.status().as_u16();
        let body = self.runtime.block_on(answer.into_body().collect()).unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, body["reason"].as_str().unwrap_or_default().to_owned())
    }
}

fn site() -> Site {
    let named = "token_from = [\"header\", \"cookie\"]\nidentity_headers = { X-User-Id = \"sub\", X-Email = \"email\" }";
    let routes = [
        route("named", "/named", named),
        route("public", "/public", "anonymous = true"),
        route("admin", "/", "host = \"admin.example.com\""),
    ];
    Site::start(&routes.concat())
}

#[track_caller]
fn received(site: &Site, headers: &HeaderMap) -> Received {
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap();
    let found = site.backend.received().into_iter().find(|request| request.header("x-request-id") == Some(id));
    found.unwrap_or_else(|| panic!("{headers:?}"))
}

#[test]
fn oauth2_proxy_cve_2025_64484_envoy_pr_46586_aliases_are_removed_over_http2_and_grpc() {
    let site = site();
    let mut client = Client::of(&site);
    let token = format!("Bearer {}", site.token("alice"));
    let spoofs =
        ["x-user-id", "x_user_id", "x.user.id", "x-email", "x_email", "x-forwarded-user", "x_forwarded_user", "remote_user"];
    for (method, path, kind) in [
        ("GET", "/named", "text/plain"),
        ("POST", "/named/Service/Call", "application/grpc"),
        ("GET", "/public", "text/plain"),
        ("OPTIONS", "/public", "application/grpc"),
    ] {
        let mut headers: Vec<(&str, &str)> = spoofs.iter().map(|name| (*name, "mallory")).collect();
        headers.extend([("authorization", token.as_str()), ("content-type", kind), ("te", "trailers")]);
        let answer = client.send(method, &format!("http://localhost{path}"), &headers);
        let received = received(&site, answer.headers());
        assert!(!format!("{received:?}").contains("mallory"), "{path}: {received:?}");
        assert_eq!(received.header("x-user-id"), path.starts_with("/named").then_some("alice"), "{path}");
        assert_eq!(received.header("te"), Some("trailers"), "{path}");
    }
}

#[test]
fn caddy_cve_2026_27587_an_authority_in_any_spelling_has_its_hosts_rule() {
    let site = site();
    let mut client = Client::of(&site);
    for host in ["admin.example.com", "ADMIN.Example.com", "admin.example.com:8443", "admin.example.com."] {
        let answer = client.send("GET", &format!("http://{host}/public"), &[]);
        assert_eq!(client.reason(answer), (401, "credential_missing".into()), "{host}");
    }
    let answer = client.send("GET", "http://localhost/public", &[("host", "admin.example.com")]);
    assert_eq!(client.reason(answer), (400, "bad_host".into()));
    let answer = client.send("GET", "http://admin.example.com/public", &[("host", "localhost")]);
    assert_eq!(client.reason(answer), (400, "bad_host".into()));
}

#[test]
fn envoy_12089_one_credential_over_http2_too() {
    let site = site();
    let mut client = Client::of(&site);
    let token = format!("Bearer {}", site.token("alice"));
    let answer = client.send("GET", "http://localhost/named", &[("authorization", &token), ("authorization", &token)]);
    assert_eq!(client.reason(answer), (400, "ambiguous_credentials".into()));
    let answer = client.send("GET", "http://localhost/named", &[]);
    assert_eq!(answer.headers().get("www-authenticate"), Some(&HeaderValue::from_static("Bearer realm=\"localhost\"")));
    assert_eq!(client.reason(answer), (401, "credential_missing".into()));
}

#[test]
fn mod_auth_openidc_cve_2023_28625_a_cookie_in_crumbs_is_found_and_taken_out() {
    let site = site();
    let mut client = Client::of(&site);
    let cookie = format!("access_token={}", site.token("alice"));
    let crumbs = [("cookie", "a=1"), ("cookie", cookie.as_str()), ("cookie", "b=2")];
    let answer = client.send("GET", "http://localhost/named", &crumbs);
    let received = received(&site, answer.headers());
    assert_eq!((received.header("x-user-id"), received.header("cookie")), (Some("alice"), Some("a=1; b=2")));
    let answer =
        client.send("POST", "http://localhost/named", &[crumbs.as_slice(), &[("origin", "https://evil.example")]].concat());
    assert_eq!(client.reason(answer), (401, "cross_site".into()));
}
