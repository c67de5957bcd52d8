//! Clients that ask without a pause, each request with an id of its own, and what they were told.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::backend::Backend;
use super::client::Connection;
use super::http::Answer;

/// A load that nobody finishes ends by itself.
const LONGEST: Duration = Duration::from_secs(10);

/// A request with what its client was told.
#[derive(Debug)]
pub struct Told {
    /// Its target, which no other request has.
    pub id: String,
    pub answer: io::Result<Answer>,
}

impl Told {
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|answer| answer.status)
    }
}

/// A running load.
pub struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<Told>>>,
}

impl Load {
    /// Starts as many clients; their requests are below `/PREFIX`.
    pub fn start(address: SocketAddr, prefix: &str, clients: usize) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let client = |number| {
            let (stop, asked, prefix) = (Arc::clone(&stop), Arc::clone(&asked), format!("/{prefix}-{number}"));
            std::thread::spawn(move || ask(address, &prefix, &stop, &asked))
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, asked, clients }
    }

    /// Waits until this many more requests have been answered, well or badly.
    #[track_caller]
    pub fn run(&self, requests: usize) {
        let wanted = self.asked.load(Ordering::SeqCst) + requests;
        super::until("the load to go on", || self.asked.load(Ordering::SeqCst) >= wanted);
    }

    /// Ends the load; everything that was asked, with what was told.
    pub fn finish(self) -> Vec<Told> {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    }
}

fn ask(address: SocketAddr, prefix: &str, stop: &AtomicBool, asked: &AtomicUsize) -> Vec<Told> {
    let (started, mut told, mut connection) = (Instant::now(), Vec::new(), None);
    while !stop.load(Ordering::SeqCst) && started.elapsed() < LONGEST {
        let Some(mut open) = connection.take().or_else(|| connect(address)) else { break };
        let id = format!("{prefix}-{}", told.len());
        let answer = exchange(&mut open, &id, told.len());
        let goes_on = answer.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close"));
        connection = Some(open).filter(|_| goes_on);
        told.push(Told { id, answer });
        asked.fetch_add(1, Ordering::SeqCst);
    }
    told
}

fn connect(address: SocketAddr) -> Option<Connection> {
    // Refused where nobody listens any more.
    TcpStream::connect(address).ok().map(Connection::over)
}

/// Requests without a body, with a counted and with a chunked one, by turns.
fn exchange(connection: &mut Connection, id: &str, turn: usize) -> io::Result<Answer> {
    let (method, rest) = match turn % 3 {
        0 => ("GET", "\r\n"),
        1 => ("POST", "Content-Length: 5\r\n\r\nhello"),
        _ => ("PUT", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    };
    connection.send(format!("{method} {id} HTTP/1.1\r\nHost: localhost\r\n{rest}"))?;
    connection.answer_to(method)
}

/// How often each target came to any of `backends`.
pub fn arrivals(backends: &[&Backend]) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    for request in backends.iter().flat_map(|backend| backend.received()) {
        *arrivals.entry(request.target().to_owned()).or_default() += 1;
    }
    arrivals
}

/// Open TCP connections to a port of this machine, as the system counts them.
pub fn established(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    let is_one = |line: &&str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        fields.len() > 3 && fields[2].ends_with(&remote) && fields[3] == ESTABLISHED
    };
    table.lines().filter(is_one).count()
}
