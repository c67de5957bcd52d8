//! A whole request through a running gateway and back, over loopback: parsed, matched, authenticated by a remembered
//! token, decided, forwarded to a backend that answers at once. Beside it the same exchange without the gateway.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use divan::Bencher;

#[allow(unreachable_pub, dead_code, unused_imports, clippy::expect_used, reason = "shared with the integration tests")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use support::authority::{BILLING, ORDERS};
use support::{AuthoritySite, Gateway, MockIssuer, Signer, configuration};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BODY: [u8; 1024] = [b'x'; 1024];

fn main() {
    divan::main();
}

#[divan::bench]
fn straight_to_the_backend(bencher: Bencher<'_, '_>) {
    let mut client = Client::connect(backend(), "/orders?x=1", "");
    bencher.bench_local(|| client.exchange());
}

#[divan::bench]
fn through_the_gateway(bencher: Bencher<'_, '_>) {
    let key = Signer::new("k1");
    let issuer = MockIssuer::start("corp", &[&key]);
    let routes = format!(
        "[log]\naccess = false\n\n[[upstream]]\nname = \"backend\"\nservers = [\"http://{}\"]\n\n\
         [[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend\"\n",
        backend()
    );
    let gateway = Gateway::start(&configuration(&[&issuer], &[], &routes));
    let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));
    let mut client = Client::connect(gateway.plain(), "/orders?x=1", &format!("Authorization: Bearer {token}\r\n"));
    bencher.bench_local(|| client.exchange());
}

#[divan::bench]
fn with_a_token_of_the_authority(bencher: Bencher<'_, '_>) {
    through_an_authority(bencher, "/orders?x=1");
}

#[divan::bench]
fn with_a_token_that_is_exchanged(bencher: Bencher<'_, '_>) {
    through_an_authority(bencher, "/billing?x=1");
}

/// A token for `orders` at `target`, remembered, with what it is exchanged for where that is another application's.
fn through_an_authority(bencher: Bencher<'_, '_>, target: &str) {
    let site = AuthoritySite::edited(|text| {
        let (head, rest) = text.split_once("[[upstream]]\nname = \"backend-0\"\nservers = [\"").unwrap();
        let (_, rest) = rest.split_once('"').unwrap();
        format!("{head}[log]\naccess = false\n\n[[upstream]]\nname = \"backend-0\"\nservers = [\"http://{}\"{rest}", backend())
    });
    site.user("ann", &[ORDERS, BILLING]);
    let token = site.sign_in("ann", ORDERS).access;
    let mut client = Client::connect(site.gateway.plain(), target, &format!("Authorization: Bearer {token}\r\n"));
    bencher.bench_local(|| client.exchange());
}

/// Answers every request without a body with the same 200.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let answer = [&b"HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n"[..], &BODY].concat();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while skip_head(&mut lines).is_some() {
        stream.write_all(&answer).unwrap();
    }
}

/// Reads up to the empty line; the value of `content-length`, 0 without; `None` at the end.
fn skip_head(lines: &mut impl BufRead) -> Option<usize> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) if line == "\r\n" => return Some(length),
            Ok(_) => {}
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
}

/// A keep-alive connection that sends one request over and over.
struct Client {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Client {
    fn connect(address: SocketAddr, target: &str, headers: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{headers}\r\n");
        Self { stream: BufReader::new(stream), request }
    }

    fn exchange(&mut self) {
        self.stream.get_mut().write_all(self.request.as_bytes()).unwrap();
        assert_eq!(skip_head(&mut self.stream), Some(BODY.len()));
        let mut body = [0; BODY.len()];
        self.stream.read_exact(&mut body).unwrap();
    }
}
