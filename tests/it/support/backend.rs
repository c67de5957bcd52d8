//! A backend that records exactly what it received and answers as it is told, well or badly.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::{Headers, only, read_body, read_head};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which connection it came on, counted from 1.
    pub connection: usize,
    /// The request line.
    pub line: String,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
}

impl Received {
    /// The value of the only header called `name`.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        only(&self.headers, name)
    }

    /// The request-target.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Names whose letters and digits are those of `name`, however they are joined: what a CGI backend would confuse.
    pub fn aliases(&self, name: &str) -> Vec<(String, String)> {
        let fold = |name: &str| {
            name.bytes().map(|b| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' }).collect::<Vec<_>>()
        };
        self.headers.iter().chain(&self.trailers).filter(|(found, _)| fold(found) == fold(name)).cloned().collect()
    }
}

/// What the backend does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 200 with this text.
    Text(String),
    /// These bytes; the connection stays open.
    Raw(Vec<u8>),
    /// These bytes, then the end of the connection.
    RawAndClose(Vec<u8>),
    /// 200 with this text, after a while.
    After(Duration, String),
    /// 101 to this protocol; then every byte comes back.
    Switch(&'static str),
    /// Nothing; the connection stays open.
    Hang,
    /// Nothing; the connection ends.
    Close,
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// A running backend; it ends when dropped.
pub struct Backend {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<Script>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    begun: AtomicUsize,
    broken: AtomicUsize,
    stopped: AtomicBool,
}

impl Backend {
    /// Answers 200 with what it received.
    pub fn start() -> Self {
        Self::scripted(|request| Reply::Text(format!("{}\n{:?}", request.line, request.headers)))
    }

    /// Answers by `script`, once the request has come whole.
    pub fn scripted(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// As [`Self::scripted`], at this address.
    pub fn on(address: SocketAddr, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
            begun: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepted = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &accepted));
        Self { address, shared, accepting: Some(accepting) }
    }

    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request that came whole.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Forgets what came so far.
    pub fn forget(&self) {
        self.shared.received.lock().unwrap().clear();
    }

    /// The only request that came.
    #[track_caller]
    pub fn sole(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:#?}");
        received[0].clone()
    }

    /// Connections that were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Requests whose head came.
    pub fn begun(&self) -> usize {
        self.shared.begun.load(Ordering::SeqCst)
    }

    /// Requests that began and did not come whole.
    pub fn broken(&self) -> usize {
        self.shared.broken.load(Ordering::SeqCst)
    }

    /// Cuts every connection; the address stays open.
    pub fn cut(&self) {
        self.shared.open.lock().unwrap().drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.cut();
        drop(TcpStream::connect(self.address));
        // Once the thread has ended, so has the listening.
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(stream), shared) = (stream, Arc::clone(shared)) else { return };
        let connection = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        shared.open.lock().unwrap().push(stream.try_clone().unwrap());
        std::thread::spawn(move || {
            // However it ends, so ends the connection.
            let _ = serve(&stream, connection, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

fn serve(mut stream: &TcpStream, connection: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Ok((line, headers)) = read_head(&mut reader) {
        shared.begun.fetch_add(1, Ordering::SeqCst);
        if only(&headers, "expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = read_body(&mut reader, &headers, false);
        let (body, trailers) = body.inspect_err(|_| {
            shared.broken.fetch_add(1, Ordering::SeqCst);
        })?;
        let request = Received { connection, line, headers, body, trailers };
        shared.received.lock().unwrap().push(request.clone());
        match (shared.script)(&request) {
            Reply::Text(text) => stream.write_all(&ok(&text))?,
            Reply::Raw(bytes) => stream.write_all(&bytes)?,
            Reply::RawAndClose(bytes) => return stream.write_all(&bytes),
            Reply::After(wait, text) => {
                std::thread::sleep(wait);
                stream.write_all(&ok(&text))?;
            }
            Reply::Switch(protocol) => {
                let head = format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n\r\n");
                stream.write_all(head.as_bytes())?;
                return io::copy(&mut reader, &mut stream).map(drop);
            }
            Reply::Hang => loop {
                std::thread::park();
            },
            Reply::Close => return Ok(()),
        }
    }
    Ok(())
}

fn ok(text: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()).into_bytes()
}
