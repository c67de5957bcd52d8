//! TLS to servers: only one whose certificate verifies against the given authority and name gets a request.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Answer, Authority, Gateway, Issued, OpenSite, get};

/// A TLS server that answers each request with 200 and counts them.
struct TlsBackend {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl TlsBackend {
    fn start(issued: Issued) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (address, requests) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream.and_then(|stream| issued.accept(stream)) else { continue };
                let _ = serve(&mut stream, &counted);
            }
        });
        Self { address, requests }
    }
}

fn serve(stream: &mut (impl std::io::Read + Write), requests: &AtomicUsize) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if line.ends_with("\r\n\r\n") {
            requests.fetch_add(1, Ordering::SeqCst);
            reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
            reader.get_mut().flush()?;
            line.clear();
        }
    }
    Ok(())
}

/// What the gateway makes of `backend` when it believes `authority`.
fn ask(backend: &TlsBackend, authority: &Authority, name: &str) -> (Answer, Gateway) {
    let folder = tempfile::tempdir().unwrap();
    authority.write(folder.path(), "ca");
    let upstream = format!("tls = {{ ca_file = \"ca.crt\"{name} }}");
    let site = OpenSite { upstream: &upstream, ..OpenSite::default() };
    let gateway = Gateway::start_in(folder, &site.text(&[format!("https://{}", backend.address)]));
    (get(gateway.plain(), "/", &[]), gateway)
}

#[test]
fn server_with_a_good_certificate_is_asked() {
    let authority = Authority::new();
    for (names, setting) in [("127.0.0.1", ""), ("orders.internal", ", server_name = \"orders.internal\"")] {
        let backend = TlsBackend::start(authority.issue(&[names]));
        let (answer, gateway) = ask(&backend, &authority, setting);
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{names}");
        assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
        assert_eq!(backend.requests.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn server_that_cannot_prove_its_name_gets_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    let cases = [
        (authority.issue(&["other.internal"]), ""),
        (authority.issue(&["127.0.0.2"]), ""),
        (authority.issue(&["127.0.0.1"]), ", server_name = \"orders.internal\""),
        (other.issue(&["127.0.0.1"]), ""),
    ];
    for (issued, setting) in cases {
        let backend = TlsBackend::start(issued);
        let (answer, _gateway) = ask(&backend, &authority, setting);
        assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_unreachable"), "{setting}");
        assert_eq!(backend.requests.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn server_that_speaks_no_tls_gets_nothing() {
    let authority = Authority::new();
    let plain = crate::support::Backend::start();
    let backend = TlsBackend { address: plain.address, requests: Arc::default() };
    let (answer, _gateway) = ask(&backend, &authority, "");
    assert_eq!(answer.status, 502);
    assert!(plain.received().is_empty());
}
