//! A backend without a will of its own: the test reads each byte of a request and says each byte of the answer.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::http::{Headers, only, read_body, read_head};

/// How long a puppet waits for anything.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(2);

/// The address of a backend whose connections the test accepts one by one.
pub struct Puppet {
    pub address: SocketAddr,
    listener: TcpListener,
}

impl Puppet {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { address: listener.local_addr().unwrap(), listener }
    }

    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connection.
    #[track_caller]
    pub fn accept(&self) -> Caller {
        self.accept_within(PATIENCE).expect("nobody connects to the backend")
    }

    /// The next connection, if one comes in this time.
    pub fn accept_within(&self, wait: Duration) -> Option<Caller> {
        let end = Instant::now() + wait;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => return Some(Caller::new(stream)),
                Err(_) if Instant::now() < end => std::thread::sleep(POLL),
                Err(_) => return None,
            }
        }
    }
}

/// One connection from the gateway.
pub struct Caller {
    reader: BufReader<TcpStream>,
}

/// A request as it was read.
#[derive(Debug)]
pub struct Request {
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Caller {
    fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    /// The head of the next request; its body stays unread.
    #[track_caller]
    pub fn head(&mut self) -> (String, Headers) {
        read_head(&mut self.reader).expect("no request head")
    }

    /// The next request, whole.
    pub fn request(&mut self) -> io::Result<Request> {
        let (_, headers) = read_head(&mut self.reader)?;
        let (body, _) = read_body(&mut self.reader, &headers, false)?;
        Ok(Request { headers, body })
    }

    /// Exactly `length` more bytes.
    #[track_caller]
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).expect("bytes that do not come");
        bytes
    }

    /// Everything until the end of the connection, however it ends.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = self.reader.read(&mut piece) {
            rest.extend_from_slice(&piece[..length]);
        }
        rest
    }

    /// Whether nothing comes in this time, not even the end.
    pub fn is_silent_for(&mut self, wait: Duration) -> bool {
        self.reader.get_ref().set_read_timeout(Some(wait)).unwrap();
        let read = self.reader.read(&mut [0]);
        self.reader.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(read, Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }

    /// Whether the gateway ends the connection without another byte.
    pub fn is_ended(&mut self) -> bool {
        match self.reader.read(&mut [0]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Whether the gateway takes these bytes in this time.
    pub fn try_send(&mut self, bytes: &[u8], wait: Duration) -> bool {
        self.reader.get_ref().set_write_timeout(Some(wait)).unwrap();
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    /// Answers 200 with this text.
    #[track_caller]
    pub fn answer(&mut self, text: &str) {
        self.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()));
    }

    /// Says that nothing more will come.
    pub fn finish_sending(&self) {
        self.reader.get_ref().shutdown(Shutdown::Write).unwrap();
    }
}

impl Request {
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        only(&self.headers, name)
    }
}

/// An address that answers no connection, because the queue of those that wait is full; and what fills it.
pub fn full_queue() -> (SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut filling = vec![TcpStream::from(socket)];
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        filling.push(stream);
    }
    (address, filling)
}

/// An address that refuses every connection for as long as the socket lives.
pub fn nobody() -> (SocketAddr, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    (socket.local_addr().unwrap().as_socket().unwrap(), socket)
}
