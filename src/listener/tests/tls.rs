//! TLS: which certificate, which protocol, which clients, which sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustls::HandshakeKind;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::certificates::{Authority, shown, tls};
use super::support::{GET, Server, ask, is_closed_within, millis, with_tls};
use crate::clock::Timestamp;
use crate::listener::{CertificateSettings, ClientAuth, Deadlines, Limits, ListenerSettings, TlsError, TlsSettings};

const GET_PEER: &str = "GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &str = "tollgate_tls_handshakes_total{result=\"ok\"}";
const FAILED: &str = "tollgate_tls_handshakes_total{result=\"failed\"}";

#[tokio::test]
async fn certificate_is_chosen_by_name_wildcard_and_default_whatever_the_case() {
    let authority = Authority::new();
    let first = authority.server(&["default.test", "127.0.0.1"]);
    let exact = authority.server(&["a.example.test"]);
    let wildcard = authority.server(&["*.example.test"]);
    let cases = [
        ("default.test", &first),
        ("a.example.test", &exact),
        ("A.Example.TEST", &exact),
        ("b.example.test", &wildcard),
        ("B.EXAMPLE.test", &wildcard),
        // No SNI is sent for an address.
        ("127.0.0.1", &first),
    ];
    let server = Server::start(with_tls(tls(vec![first.clone(), exact.clone(), wildcard.clone()])));
    for (name, expected) in cases {
        let stream = authority.client().connect(&server, name).await.unwrap();
        assert_eq!(shown(&stream), expected.chain[0], "{name}");
    }
    // A wildcard stands for one label: what comes is the default, which the client then refuses.
    for name in ["a.b.example.test", "example.test", "nobody.test"] {
        assert!(authority.client().connect(&server, name).await.is_err(), "{name}");
    }
    let mut stream = authority.client().connect(&server, "B.EXAMPLE.test").await.unwrap();
    let answer = ask(&mut stream, GET_PEER).await;
    assert!(answer.ends_with("Some(\"b.example.test\") true false"), "{answer}");
    server.await_metric(OK, 7).await;
}

#[tokio::test]
async fn names_that_are_configured_rule_over_those_in_the_certificate() {
    let authority = Authority::new();
    let first = authority.server(&["default.test"]);
    let named = CertificateSettings { names: vec!["other.test".to_owned()], ..authority.server(&["x.test", "other.test"]) };
    let server = Server::start(with_tls(tls(vec![first.clone(), named])));
    assert!(authority.client().connect(&server, "other.test").await.is_ok());
    assert!(authority.client().connect(&server, "x.test").await.is_err());
    let status = server.listener.status();
    let names: Vec<_> = status.certificates.iter().map(|certificate| certificate.names.join(",")).collect();
    assert_eq!(names, ["default.test", "other.test"]);
    assert!(status.certificates[0].not_after > Timestamp::from_seconds(1_700_000_000));
}

#[tokio::test]
async fn ecdsa_is_preferred_and_rsa_is_there_for_clients_that_know_only_it() {
    let authority = Authority::new();
    let names = ["a.test"];
    let rsa = authority.issue(&names, &rcgen::PKCS_RSA_SHA256).settings();
    let ecdsa = authority.server(&names);
    let server = Server::start(with_tls(tls(vec![rsa.clone(), ecdsa.clone()])));
    let stream = authority.client().connect(&server, "a.test").await.unwrap();
    assert_eq!(shown(&stream), ecdsa.chain[0]);
    let stream = authority.client_with_provider(without_ecdsa()).connect(&server, "a.test").await.unwrap();
    assert_eq!(shown(&stream), rsa.chain[0]);
}

/// A client's cryptography that verifies handshakes signed by RSA only.
fn without_ecdsa() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let mapping = provider.signature_verification_algorithms.mapping.iter();
    let rsa: Vec<_> = mapping.filter(|(scheme, _)| format!("{scheme:?}").starts_with("RSA")).copied().collect();
    provider.signature_verification_algorithms.mapping = rsa.leak();
    provider
}

#[tokio::test]
async fn protocol_follows_alpn() {
    let authority = Authority::new();
    let settings = with_tls(tls(vec![authority.server(&["a.test"])]));
    let cases = [
        (true, vec!["h2", "http/1.1"], "h2"),
        (true, vec!["http/1.1"], "http/1.1"),
        (true, vec![], ""),
        (false, vec!["h2", "http/1.1"], "http/1.1"),
        (false, vec![], ""),
    ];
    for (http2, offered, expected) in cases {
        let server = Server::start(ListenerSettings { http2, ..settings.clone() });
        let mut stream = authority.client().with_alpn(&offered).connect(&server, "a.test").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol().unwrap_or_default(), expected.as_bytes(), "{offered:?}");
        if expected == "h2" {
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
            let mut settings_frame = [0; 9];
            stream.read_exact(&mut settings_frame).await.unwrap();
            assert_eq!(settings_frame[3], 4);
        } else {
            assert!(ask(&mut stream, GET).await.ends_with("hello"));
        }
    }
    let server = Server::start(ListenerSettings { http2: false, ..settings });
    assert!(authority.client().with_alpn(&["h2"]).connect(&server, "a.test").await.is_err());
}

#[tokio::test]
async fn tls_1_2_and_1_3_work() {
    let authority = Authority::new();
    let server = Server::start(with_tls(tls(vec![authority.server(&["a.test"])])));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = authority.client_with_versions(&[version]);
        let mut stream = client.connect(&server, "a.test").await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        assert!(ask(&mut stream, GET).await.ends_with("hello"));
    }
}

/// A TLS 1.1 ClientHello: record, handshake header, version 3.2, random, no session, one suite, no compression.
fn client_hello_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x14, 1, 0]);
    let mut hello = vec![22, 3, 1, 0, u8::try_from(body.len() + 4).unwrap(), 1, 0, 0, u8::try_from(body.len()).unwrap()];
    hello.extend(body);
    hello
}

#[tokio::test]
async fn tls_1_1_is_refused_with_an_alert() {
    let authority = Authority::new();
    let server = Server::start(with_tls(tls(vec![authority.server(&["a.test"])])));
    let mut client = server.connect().await;
    client.write_all(&client_hello_1_1()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!((answer.len(), answer[0], answer[5]), (7, 21, 2), "a fatal alert and nothing else");
    server.await_metric(FAILED, 1).await;
}

#[tokio::test]
async fn rustsec_2024_0399_client_hello_in_one_byte_records_is_served() {
    let authority = Authority::new();
    let server = Server::start(with_tls(tls(vec![authority.server(&["a.test"])])));
    let (near, far) = tokio::io::duplex(64 * 1024);
    let upstream = server.connect().await;
    tokio::spawn(split_first_record(far, upstream));
    let connector = tokio_rustls::TlsConnector::from(Arc::new(authority.client().config));
    let mut stream = connector.connect("a.test".try_into().unwrap(), near).await.unwrap();
    assert!(ask(&mut stream, GET).await.ends_with("hello"));
}

/// Relays, each byte of the first record in a record of its own.
async fn split_first_record(mut client: tokio::io::DuplexStream, mut server: tokio::net::TcpStream) {
    let mut header = [0; 5];
    client.read_exact(&mut header).await.unwrap();
    let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    client.read_exact(&mut record).await.unwrap();
    for byte in record {
        server.write_all(&[header[0], header[1], header[2], 0, 1, byte]).await.unwrap();
    }
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test]
async fn client_certificates_are_optional_or_required_and_must_verify() {
    let (authority, clients, foreign) = (Authority::new(), Authority::new(), Authority::new());
    let issue = |by: &Authority| by.issue(&["client"], &rcgen::PKCS_ECDSA_P256_SHA256);
    let roots = vec![clients.certificate.clone()];
    for (client_auth, missing_is_served) in [(ClientAuth::Optional(roots.clone()), true), (ClientAuth::Required(roots), false)] {
        let settings = TlsSettings { certificates: vec![authority.server(&["a.test"])], client_auth };
        let server = Server::start(with_tls(settings));
        let cases = [
            (authority.client_with(issue(&clients)), true),
            (authority.client(), missing_is_served),
            (authority.client_with(issue(&foreign)), false),
        ];
        for (index, (client, is_served)) in cases.into_iter().enumerate() {
            let answer = match client.connect(&server, "a.test").await {
                Ok(mut stream) => {
                    let _ = stream.write_all(GET_PEER.as_bytes()).await;
                    super::support::read_answer(&mut stream).await
                }
                Err(_) => String::new(),
            };
            assert_eq!(answer.ends_with("true true"), is_served, "case {index}: {answer}");
        }
        server.await_metric(FAILED, if missing_is_served { 1 } else { 2 }).await;
    }
}

async fn handshake_kind(client: &super::certificates::Client, server: &Server) -> Option<HandshakeKind> {
    let mut stream = client.connect(server, "a.test").await.ok()?;
    // The ticket comes after the handshake.
    stream.write_all(GET.as_bytes()).await.ok()?;
    let answer = super::support::read_answer(&mut stream).await;
    answer.ends_with("hello").then(|| stream.get_ref().1.handshake_kind())?
}

#[tokio::test]
async fn sessions_resume_until_the_client_authorities_change() {
    let (authority, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let certificates = vec![authority.server(&["a.test"])];
    let settings = |roots: &Authority| {
        let client_auth = ClientAuth::Required(vec![roots.certificate.clone()]);
        with_tls(TlsSettings { certificates: certificates.clone(), client_auth })
    };
    let server = Server::start(settings(&old));
    let client = authority.client_with(old.issue(&["client"], &rcgen::PKCS_ECDSA_P256_SHA256));
    assert_eq!(handshake_kind(&client, &server).await, Some(HandshakeKind::Full));
    assert_eq!(handshake_kind(&client, &server).await, Some(HandshakeKind::Resumed));

    let limits = Limits { connections: 9, ..Limits::default() };
    let prepared = server.listener.prepare(ListenerSettings { limits, ..settings(&old) }).unwrap();
    server.listener.apply(prepared);
    assert_eq!(handshake_kind(&client, &server).await, Some(HandshakeKind::Resumed), "a reload of something else");

    server.listener.apply(server.listener.prepare(settings(&new)).unwrap());
    assert_eq!(handshake_kind(&client, &server).await, None, "the ticket stands for a certificate that is no longer good");
}

#[tokio::test]
async fn tickets_of_one_listener_are_nothing_to_another() {
    let authority = Authority::new();
    let settings = with_tls(tls(vec![authority.server(&["a.test"])]));
    let (first, second) = (Server::start(settings.clone()), Server::start(settings));
    let client = authority.client();
    assert_eq!(handshake_kind(&client, &first).await, Some(HandshakeKind::Full));
    assert_eq!(handshake_kind(&client, &second).await, Some(HandshakeKind::Full));
}

#[tokio::test]
async fn handshake_that_stalls_is_cut_and_counted_while_another_succeeds() {
    let authority = Authority::new();
    let deadlines = Deadlines { handshake: millis(150), ..Deadlines::default() };
    let server = Server::start(ListenerSettings { deadlines, ..with_tls(tls(vec![authority.server(&["a.test"])])) });
    let mut stalled = server.connect().await;
    stalled.write_all(&[22, 3, 1]).await.unwrap();
    assert!(authority.client().connect(&server, "a.test").await.is_ok());
    assert!(is_closed_within(&mut stalled, millis(1000)).await);
    server.await_metric("tollgate_tls_handshakes_total{result=\"timeout\"}", 1).await;
}

#[tokio::test]
async fn silent_connections_that_hold_every_handshake_place_keep_nobody_out() {
    const REFUSED: &str = "tollgate_tls_handshakes_total{result=\"refused\"}";
    let authority = Authority::new();
    let limits = Limits { handshakes: 4, ..Limits::default() };
    let server = Server::start(ListenerSettings { limits, ..with_tls(tls(vec![authority.server(&["a.test"])])) });
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(server.connect().await);
    }
    server.await_metric(REFUSED, 16).await;
    for round in 0..4 {
        let mut stream = authority.client().connect(&server, "a.test").await.unwrap();
        assert!(ask(&mut stream, GET).await.ends_with("hello"));
        assert_eq!(server.metric(REFUSED), 17, "a finished handshake leaves its place to the next, round {round}");
    }
    assert!(is_closed_within(&mut silent[0], millis(1000)).await, "the oldest are cut");
    drop(silent);
    server.await_metric(FAILED, 3).await;
}

#[tokio::test]
async fn certificates_are_swapped_without_a_failed_handshake() {
    let authority = Authority::new();
    let server = Arc::new(Server::start(with_tls(tls(vec![authority.server(&["a.test"])]))));
    let (is_over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (server, is_over, served, client) =
                (Arc::clone(&server), Arc::clone(&is_over), Arc::clone(&served), authority.client());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    assert!(handshake_kind(&client, &server).await.is_some());
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut last = None;
    for _ in 0..10 {
        let next = authority.server(&["a.test"]);
        last = Some(next.chain[0].clone());
        server.listener.apply(server.listener.prepare(with_tls(tls(vec![next]))).unwrap());
        tokio::time::sleep(millis(20)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    assert!(served.load(Ordering::Relaxed) > 20, "{served:?}");
    assert_eq!(server.metric(FAILED), 0);
    let stream = authority.client().connect(&server, "a.test").await.unwrap();
    assert_eq!(Some(shown(&stream)), last);
}

#[tokio::test]
async fn settings_that_cannot_be_served_are_refused_and_the_running_ones_stay() {
    let authority = Authority::new();
    let good = authority.server(&["a.test"]);
    let server = Server::start(with_tls(tls(vec![good.clone()])));
    let other_key = CertificateSettings { private_key: authority.server(&["b.test"]).private_key, ..good.clone() };
    let no_key = CertificateSettings { private_key: crate::secret::Secret::new(b"nothing".to_vec()), ..good.clone() };
    let no_chain = CertificateSettings { chain: Vec::new(), ..good.clone() };
    let garbage = CertificateSettings { chain: vec![vec![1, 2, 3].into()], ..good.clone() };
    let nameless = authority.server(&[]);
    for bad in [tls(vec![]), tls(vec![other_key]), tls(vec![no_key]), tls(vec![no_chain]), tls(vec![garbage])] {
        assert!(server.listener.prepare(with_tls(bad)).is_err());
    }
    let refused = server.listener.prepare(with_tls(tls(vec![good.clone(), nameless]))).unwrap_err();
    assert!(refused.to_string().contains("test.crt"), "{refused}");
    for roots in [vec![], vec![vec![1, 2, 3].into()]] {
        let settings = TlsSettings { certificates: vec![good.clone()], client_auth: ClientAuth::Required(roots) };
        let refused = server.listener.prepare(with_tls(settings)).unwrap_err();
        assert!(refused.to_string().contains("client certificate authorities"), "{refused}");
    }
    assert!(authority.client().connect(&server, "a.test").await.is_ok());
    assert_eq!(TlsError::NoCertificate.to_string(), "there is no certificate");
}
