//! Reloads and open connections: what they were let in by, or are believed for, does not outlive its rules.

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::certificates::Authority;
use super::support::{GET, Server, ask, is_closed_within, millis, read_answer, settings, with_tls};
use crate::listener::{ClientAuth, Deadlines, Limits, ListenerSettings, TlsSettings};

const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";
const UPGRADE: &str = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

fn reload(server: &Server, settings: ListenerSettings) {
    server.listener.apply(server.listener.prepare(settings).unwrap());
}

/// A listener whose client authority can be replaced, and a client that the first of them certifies.
struct Certified {
    authority: Authority,
    old: Authority,
    settings: ListenerSettings,
    server: Server,
}

impl Certified {
    fn start() -> Self {
        let (authority, old) = (Authority::new(), Authority::new());
        let client_auth = ClientAuth::Required(vec![old.certificate.clone()]);
        let tls = TlsSettings { certificates: vec![authority.server(&["a.test"])], client_auth };
        let deadlines = Deadlines { drain: millis(400), ..Deadlines::default() };
        let settings = ListenerSettings { deadlines, ..with_tls(tls) };
        Self { authority, old, server: Server::start(settings.clone()), settings }
    }

    async fn connect(&self, alpn: &str) -> TlsStream<TcpStream> {
        let client = self.authority.client_with(self.old.issue(&["client"], &rcgen::PKCS_ECDSA_P256_SHA256));
        client.with_alpn(&[alpn]).connect(&self.server, "a.test").await.unwrap()
    }

    fn replace_client_authority(&self) {
        let mut settings = self.settings.clone();
        if let Some(tls) = &mut settings.tls {
            tls.client_auth = ClientAuth::Required(vec![Authority::new().certificate]);
        }
        reload(&self.server, settings);
    }
}

#[tokio::test]
async fn connections_of_a_revoked_client_authority_end_with_their_present_request() {
    let site = Certified::start();
    let mut idle = site.connect("http/1.1").await;
    assert!(ask(&mut idle, GET).await.ends_with("hello"));
    let mut running = site.connect("http/1.1").await;
    running.write_all(SLOW).await.unwrap();
    tokio::time::sleep(millis(50)).await;
    site.replace_client_authority();
    assert!(is_closed_within(&mut idle, millis(300)).await);
    site.server.release();
    let answer = read_answer(&mut running).await;
    assert!(answer.contains("connection: close") && answer.ends_with("slow"), "{answer}");
}

#[tokio::test]
async fn upgraded_and_stuck_connections_of_a_revoked_client_authority_are_cut_at_the_drain_deadline() {
    let site = Certified::start();
    let mut upgraded = site.connect("http/1.1").await;
    assert!(ask(&mut upgraded, UPGRADE).await.starts_with("HTTP/1.1 101"));
    let mut stuck = site.connect("http/1.1").await;
    stuck.write_all(SLOW).await.unwrap();
    tokio::time::sleep(millis(50)).await;
    site.replace_client_authority();
    assert!(!is_closed_within(&mut upgraded, millis(100)).await, "until the deadline it may go on");
    assert!(is_closed_within(&mut upgraded, millis(2000)).await);
    assert!(is_closed_within(&mut stuck, millis(2000)).await);
}

#[tokio::test]
async fn http2_connections_of_a_revoked_client_authority_take_no_further_request() {
    let site = Certified::start();
    let io = TokioIo::new(site.connect("h2").await);
    let (mut requests, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let get = || http::Request::get("https://a/").body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = requests.send_request(get()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    site.replace_client_authority();
    tokio::time::timeout(millis(300), connection).await.unwrap().unwrap().unwrap();
    assert!(requests.send_request(get()).await.is_err());
}

#[tokio::test]
async fn connections_of_a_proxy_that_is_no_longer_trusted_end_and_others_stay() {
    let trusting = ListenerSettings { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..settings() };
    let server = Server::start(trusting.clone());
    let mut believed = server.connect().await;
    assert!(ask(&mut believed, GET).await.ends_with("hello"));
    let limits = Limits { connections: 50, ..Limits::default() };
    reload(&server, ListenerSettings { limits, ..trusting });
    assert!(ask(&mut believed, GET).await.ends_with("hello"), "a reload of something else ends nothing");
    reload(&server, settings());
    assert!(is_closed_within(&mut believed, millis(300)).await, "also across a generation that believed the same");
    let mut next = server.connect().await;
    reload(&server, settings());
    assert!(ask(&mut next, GET).await.ends_with("hello"));
    assert!(ask(&mut next, GET).await.ends_with("hello"));
}
