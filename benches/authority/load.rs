//! Clients that each send one request after another over a connection of their own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it is sent, and the status that it is to get.
pub struct Request {
    pub bytes: Vec<u8>,
    status: u16,
}

impl Request {
    pub fn get(target: &str, headers: &str) -> Self {
        Self { bytes: format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes(), status: 200 }
    }

    pub fn post(target: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let text = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        Self { bytes: text.into_bytes(), status: 200 }
    }

    pub fn answered(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

/// How many requests `clients` make in `span`.
pub fn run(address: SocketAddr, clients: usize, span: Duration, request: &dyn Fn(usize) -> Request) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let end = Instant::now() + span;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for request in (0..clients).map(request) {
            tasks.spawn(client(address, request, end));
        }
        tasks.join_all().await.into_iter().sum()
    })
}

async fn client(address: SocketAddr, request: Request, end: Instant) -> u64 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let expected = format!("HTTP/1.1 {}", request.status);
    let (mut buffer, mut done) = (Vec::with_capacity(16 * 1024), 0);
    while Instant::now() < end {
        stream.write_all(&request.bytes).await.unwrap();
        buffer.clear();
        while !is_whole(&buffer) {
            assert_ne!(stream.read_buf(&mut buffer).await.unwrap(), 0, "the connection ended");
        }
        assert!(buffer.starts_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&buffer));
        done += 1;
    }
    done
}

/// Whether `answer` has its head and as many bytes as that says.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = memchr::memmem::find(answer, b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    answer.len() >= head + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap())
}
