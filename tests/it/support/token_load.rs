//! Clients that ask without pause while a test does something else, and what they were told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::client::Connection;

/// Requests under way until [`TokenLoad::finish`].
pub struct TokenLoad {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Seen>>,
}

/// What clients saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How often each status with its reason word was answered.
    pub answers: BTreeMap<(u16, String), usize>,
    latencies: Vec<Duration>,
}

impl TokenLoad {
    /// As many connections as `clients`, each asking for `/` with ever new tokens; each token is sent twice, so that
    /// the second comes from memory.
    pub fn start(clients: usize, address: SocketAddr, token: impl Fn() -> String + Send + Sync + 'static) -> Self {
        let (stop, sent, token) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(token));
        let client = |_| {
            let (stop, sent, token) = (Arc::clone(&stop), Arc::clone(&sent), Arc::clone(&token));
            std::thread::spawn(move || {
                let mut client = Client::open(address);
                while !stop.load(Ordering::Relaxed) {
                    let token = token();
                    client.ask(&token);
                    client.ask(&token);
                    sent.fetch_add(2, Ordering::Relaxed);
                }
                client.seen
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, sent, clients }
    }

    /// Waits until that many more requests were answered.
    #[track_caller]
    pub fn goes_on_for(&self, requests: usize) {
        let goal = self.sent.load(Ordering::Relaxed) + requests;
        super::until("more answers", || self.sent.load(Ordering::Relaxed) >= goal);
    }

    /// Ends the load.
    #[track_caller]
    pub fn finish(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.clients.into_iter().map(|client| client.join().unwrap());
        seen.fold(Seen::default(), Seen::with)
    }
}

/// Sends each of `tokens` once, over as many connections as `clients`.
pub fn send_all(clients: usize, address: SocketAddr, tokens: &[String]) -> Seen {
    std::thread::scope(|scope| {
        let client = |tokens: &'_ [String]| {
            let mut client = Client::open(address);
            tokens.iter().for_each(|token| client.ask(token));
            client.seen
        };
        let share = tokens.len().div_ceil(clients);
        let clients: Vec<_> = tokens.chunks(share).map(|tokens| scope.spawn(move || client(tokens))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).fold(Seen::default(), Seen::with)
    })
}

struct Client {
    connection: Connection,
    seen: Seen,
}

impl Client {
    fn open(address: SocketAddr) -> Self {
        Self { connection: Connection::open(address), seen: Seen::default() }
    }

    fn ask(&mut self, token: &str) {
        let began = Instant::now();
        let request =
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n");
        let answer = self.connection.exchange(request);
        self.seen.latencies.push(began.elapsed());
        *self.seen.answers.entry((answer.status, answer.reason())).or_default() += 1;
    }
}

impl Seen {
    fn with(mut self, other: Self) -> Self {
        other.answers.into_iter().for_each(|(answer, count)| *self.answers.entry(answer).or_default() += count);
        self.latencies.extend(other.latencies);
        self
    }

    /// How many answers there were.
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Fails unless every answer was this status.
    #[track_caller]
    pub fn assert_all(&self, status: u16) {
        assert!(!self.latencies.is_empty());
        assert!(self.answers.keys().all(|(seen, _)| *seen == status), "{:?}", self.answers);
    }

    /// The time within which this share of the answers came.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        let last = latencies.len() - 1;
        latencies[((last as f64) * share).round() as usize]
    }
}
