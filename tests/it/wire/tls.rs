//! TLS as a client could misuse it: pieces, names that differ from the host, early data (rustls RUSTSEC-2024-0399,
//! Traefik CVE-2026-32305, GHSA-gv8r-9rw9-9697, CVE-2026-53622, CVE-2026-48491, CVE-2024-39321).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConnection;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;

use crate::support::{Authority, Backend, Gateway, Issued, OpenSite, TlsClient, TlsConnection, until};

const TLS: &str = "[[listener]]\nname = \"tls\"\naddress = \"127.0.0.1:0\"\n\
                   tls = { certificate = \"server.crt\", private_key = \"server.key\" }\n";
const MUTUAL: &str = "[[listener]]\nname = \"mutual\"\naddress = \"127.0.0.1:0\"\n\
                      tls = { certificate = \"server.crt\", private_key = \"server.key\", client_auth = \"required\", client_ca = \"ca.crt\" }\n";

struct Site {
    authority: Authority,
    backend: Backend,
    gateway: Gateway,
}

impl Site {
    fn start() -> Self {
        let (authority, backend) = (Authority::new(), Backend::start());
        let folder = tempfile::tempdir().unwrap();
        let server = authority.issue(&["a.example", "*.wild.example"]);
        server.write(folder.path(), "server");
        authority.write(folder.path(), "ca");
        let rest = format!("{TLS}{MUTUAL}");
        let gateway = Gateway::start_in(folder, &OpenSite { rest: &rest, ..OpenSite::default() }.text(&[backend.url()]));
        Self { authority, backend, gateway }
    }

    fn client(&self, listener: &str, name: &str, identity: Option<&Issued>) -> std::io::Result<TlsConnection> {
        let client = self.authority.client().offering(&["http/1.1"]);
        let client = identity.into_iter().fold(client, TlsClient::showing);
        client.connect(self.gateway.listener(listener), name)
    }
}

fn request(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[test]
fn ghsa_gv8r_9rw9_9697_host_that_is_not_the_one_of_the_handshake_is_misdirected() {
    let site = Site::start();
    let identity = site.authority.issue(&["client"]);
    let cases = [
        ("a.example", "a.example", 200),
        ("a.example", "A.EXAMPLE", 200),
        ("A.Example", "a.example", 200),
        ("a.example", "a.example:443", 200),
        ("a.example", "a.example.", 200),
        ("x.wild.example", "x.wild.example", 200),
        ("a.example", "x.wild.example", 421),
        ("x.wild.example", "y.wild.example", 421),
        ("a.example", "other.example", 421),
        ("a.example", "127.0.0.1", 421),
    ];
    for (name, host, status) in cases {
        let mut client = site.client("mutual", name, Some(&identity)).unwrap();
        let answer = client.exchange(request(host)).unwrap();
        assert_eq!(answer.status, status, "{name} {host}");
    }
    let reached = cases.iter().filter(|(_, _, status)| *status == 200).count();
    assert_eq!(site.backend.received().len(), reached);
}

#[test]
fn host_may_differ_from_the_handshake_where_no_certificate_is_asked_for() {
    let site = Site::start();
    let mut client = site.client("tls", "a.example", None).unwrap();
    assert_eq!(client.exchange(request("other.example")).unwrap().status, 200);
}

#[test]
fn client_without_a_certificate_never_reaches_the_backend_whatever_it_asks_for() {
    let site = Site::start();
    for name in ["a.example", "A.EXAMPLE", "x.wild.example"] {
        // With TLS 1.3 a client learns that it was refused when it reads.
        let refused = site.client("mutual", name, None).and_then(|mut client| client.exchange(request(name)));
        assert!(refused.is_err(), "{name}");
    }
    assert!(site.backend.received().is_empty());
}

/// A handshake record for each byte of the client's hello.
fn fragmented(hello: &[u8]) -> Vec<u8> {
    let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    assert_eq!(hello.len(), 5 + length, "one record");
    hello[5..].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect()
}

fn hello(site: &Site) -> (ClientConnection, Vec<u8>) {
    let config = Arc::new(site.authority.client().offering(&["http/1.1"]).config());
    let mut client = ClientConnection::new(config, ServerName::try_from("a.example").unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    (client, hello)
}

fn finish(client: &mut ClientConnection, stream: &mut TcpStream) -> std::io::Result<()> {
    while client.is_handshaking() {
        client.complete_io(stream)?;
    }
    Ok(())
}

#[test]
fn rustsec_2024_0399_hello_in_records_of_one_byte_is_a_handshake() {
    let site = Site::start();
    let (mut client, hello) = hello(&site);
    let mut stream = connect(site.gateway.listener("tls"));
    stream.write_all(&fragmented(&hello)).unwrap();
    finish(&mut client, &mut stream).unwrap();
    let mut tls = rustls::Stream::new(&mut client, &mut stream);
    tls.write_all(request("a.example").as_bytes()).unwrap();
    let mut start = [0; 15];
    tls.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
}

/// However the hello is cut, the listener still asks for the certificate.
#[test]
fn cve_2026_32305_hello_in_records_of_one_byte_does_not_evade_the_client_certificate() {
    let site = Site::start();
    let (mut client, hello) = hello(&site);
    let mut stream = connect(site.gateway.listener("mutual"));
    stream.write_all(&fragmented(&hello)).unwrap();
    let refused = finish(&mut client, &mut stream).and_then(|()| {
        let mut tls = rustls::Stream::new(&mut client, &mut stream);
        tls.write_all(request("a.example").as_bytes())?;
        tls.read_exact(&mut [0; 1])
    });
    assert!(refused.is_err());
    assert!(site.backend.received().is_empty());
}

#[test]
fn cve_2024_39321_no_early_data_is_accepted_in_a_resumed_session() {
    let site = Site::start();
    let client = site.authority.client().offering(&["http/1.1"]);
    let mut config = client.config();
    config.enable_early_data = true;
    config.resumption = Resumption::in_memory_sessions(8);
    let config = Arc::new(config);
    let address = site.gateway.listener("tls");
    let mut first = client.with(Arc::clone(&config)).connect(address, "a.example").unwrap();
    assert_eq!(first.exchange(request("a.example")).unwrap().status, 200);
    let mut second = ClientConnection::new(config, ServerName::try_from("a.example").unwrap()).unwrap();
    assert!(second.early_data().is_none(), "the ticket offers early data");
    let mut stream = connect(address);
    finish(&mut second, &mut stream).unwrap();
    assert_eq!(second.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
    assert!(!second.is_early_data_accepted());
}

/// Traefik CVE-2026-22045: one client that stalls in the middle of its handshake, while another succeeds.
#[test]
fn cve_2026_22045_garbage_instead_of_a_hello_ends_and_is_counted() {
    let site = Site::start();
    let mut garbage = connect(site.gateway.listener("tls"));
    garbage.write_all(request("a.example").as_bytes()).unwrap();
    let mut rest = Vec::new();
    let _ = garbage.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "plain HTTP answered on a TLS listener");
    until("the count", || site.gateway.metric("tollgate_tls_handshakes_total", &["result=\"failed\""]) == 1.0);
    assert!(site.client("tls", "a.example", None).is_ok());
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}
