//! A server that receives events, and misbehaves when told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What it does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Takes,
    /// Answers with this status, and a `Location`.
    Answers(u16),
    /// Takes it after this many milliseconds.
    Slowly(u64),
    /// Reads it and never answers.
    Hangs,
    /// Reads it and closes.
    Closes,
}

/// One event, as it came.
#[derive(Clone, Debug)]
pub struct ReceivedEvent {
    pub manner: Manner,
    pub signature: String,
    pub body: Vec<u8>,
}

impl ReceivedEvent {
    /// The `event` of the body.
    pub fn event(&self) -> Value {
        serde_json::from_slice::<Value>(&self.body).unwrap()["event"].take()
    }
}

#[derive(Debug, Default)]
struct Content {
    received: Vec<ReceivedEvent>,
    /// What is done with the next ones; then with all others.
    next: VecDeque<Manner>,
    always: Option<Manner>,
    /// What is done with events that name this text.
    about: Option<(String, Manner)>,
}

/// The receiver; its threads end with the test.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, content) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Content::default())));
        let shared = Arc::clone(&content);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let content = Arc::clone(&shared);
                // A sender that is killed breaks off.
                std::thread::spawn(move || drop(serve(stream, &content)));
            }
        });
        Self { address, content }
    }

    /// A `[[webhook]]` that sends here.
    pub fn block(&self, events: &str, more: &str) -> String {
        format!("[[webhook]]\nname = \"hook\"\nurl = \"http://{}/events\"\nevents = {events}\n{more}\n\n", self.address)
    }

    pub fn will(&self, next: impl IntoIterator<Item = Manner>) {
        self.content.lock().unwrap().next.extend(next);
    }

    pub fn always(&self, manner: Manner) {
        self.content.lock().unwrap().always = Some(manner);
    }

    /// What it does with events that name this text.
    pub fn about(&self, text: &str, manner: Manner) {
        self.content.lock().unwrap().about = Some((text.to_owned(), manner));
    }

    /// All attempts.
    pub fn received(&self) -> Vec<ReceivedEvent> {
        self.content.lock().unwrap().received.clone()
    }

    /// What it took.
    pub fn taken(&self) -> Vec<Value> {
        let taken = |it: &ReceivedEvent| matches!(it.manner, Manner::Takes | Manner::Slowly(_));
        self.received().iter().filter(|it| taken(it)).map(ReceivedEvent::event).collect()
    }

    /// What it took, once there are as many.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Value> {
        super::until("events", || self.taken().len() >= count);
        self.taken()
    }
}

fn serve(stream: TcpStream, content: &Mutex<Content>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut signature) = (0, String::new());
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "x-fusionauth-signature-jwt" => signature = value.to_owned(),
                _ => {}
            }
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    answer(stream, manner_of(content, signature, body))
}

fn manner_of(content: &Mutex<Content>, signature: String, body: Vec<u8>) -> Manner {
    let mut content = content.lock().unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    let about = content.about.as_ref().filter(|(about, _)| text.contains(about)).map(|(_, manner)| *manner);
    let manner = about.or_else(|| content.next.pop_front()).or(content.always).unwrap_or(Manner::Takes);
    content.received.push(ReceivedEvent { manner, signature, body });
    manner
}

fn answer(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    let status = match manner {
        Manner::Takes => 204,
        Manner::Answers(status) => status,
        Manner::Slowly(millis) => {
            std::thread::sleep(Duration::from_millis(millis));
            200
        }
        Manner::Hangs => {
            std::thread::sleep(Duration::from_secs(60));
            return Ok(());
        }
        Manner::Closes => return Ok(()),
    };
    write!(stream, "HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}
