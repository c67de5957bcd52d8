//! A client that sends what it is told to.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::http::{Answer, read_answer};

/// A client waits this long for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to a gateway.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// The client's side of `stream`.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// Reads the answer to a request with `method`.
    pub fn answer_to(&mut self, method: &str) -> io::Result<Answer> {
        read_answer(&mut self.reader, method)
    }

    /// Sends a whole request and reads its answer.
    #[track_caller]
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> Answer {
        let request = request.as_ref();
        self.send(request).unwrap();
        let method = String::from_utf8_lossy(request).split(' ').next().unwrap_or_default().to_owned();
        self.answer_to(&method).unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(request)))
    }

    /// What comes until the other side closes, or an error if it does not.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).map(|_| rest)
    }

    /// Exactly `length` more bytes.
    pub fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).map(|()| bytes)
    }

    /// The socket, for half-closing it and the like.
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }
}

/// One request on a connection of its own.
#[track_caller]
pub fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    Connection::open(address).exchange(request)
}

/// Each request on a connection of its own, all at the same moment; the answers in their order.
#[track_caller]
pub fn exchange_at_once(address: SocketAddr, requests: &[String]) -> Vec<Answer> {
    let barrier = Barrier::new(requests.len());
    thread::scope(|scope| {
        let send = |request| {
            let (mut connection, barrier) = (Connection::open(address), &barrier);
            scope.spawn(move || {
                barrier.wait();
                connection.exchange(request)
            })
        };
        let sent: Vec<_> = requests.iter().map(send).collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// `GET path` for host `localhost` with more header lines.
#[track_caller]
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"))
}
