//! A running listener with an answering handler, and the clients that talk to it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use prometheus::Registry;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::listener::{Deadlines, Drain, DrainHandle, Handler, Limits, Listener, ListenerSettings, Metrics, TlsSettings, bind};
use crate::peer::Peer;

/// Answers by path; `/slow` waits for [`Server::release`].
#[derive(Clone)]
pub(super) struct Answers {
    release: Arc<Notify>,
}

type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

impl Handler for Answers {
    type Body = AnswerBody;

    fn handle(
        &self,
        peer: &Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<AnswerBody>> + Send + 'static {
        let (peer, release) = (Arc::clone(peer), Arc::clone(&self.release));
        async move { answer(&peer, &release, request).await }
    }
}

async fn answer(peer: &Peer, release: &Notify, request: Request<Incoming>) -> Response<AnswerBody> {
    match request.uri().path() {
        "/peer" => text(format!("{:?} {} {}", peer.server_name, peer.secure, peer.client_certificates)),
        "/panic" => panic!("this handler panics"),
        "/slow" => {
            release.notified().await;
            text("slow".to_owned())
        }
        "/count" => match request.into_body().collect().await {
            Ok(body) => text(body.to_bytes().len().to_string()),
            Err(error) => text(error.to_string()),
        },
        "/count-slowly" => {
            let length = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
            release.notified().await;
            text(length.to_string())
        }
        "/endless" => Response::new(UnsyncBoxBody::new(Endless)),
        "/upgrade" => upgrade(request),
        _ => text("hello".to_owned()),
    }
}

fn text(text: String) -> Response<AnswerBody> {
    Response::new(Full::new(Bytes::from(text)).boxed_unsync())
}

/// Echoes what comes over the upgraded connection.
fn upgrade(request: Request<Incoming>) -> Response<AnswerBody> {
    tokio::spawn(async move {
        let mut io = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let mut buffer = [0; 64];
        while let Ok(read @ 1..) = io.read(&mut buffer).await {
            io.write_all(&buffer[..read]).await.unwrap();
        }
    });
    let mut response = text(String::new());
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", "upgrade".parse().unwrap());
    response.headers_mut().insert("upgrade", "echo".parse().unwrap());
    response
}

/// A body that always has another piece.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'.'; 16 * 1024])))))
    }
}

/// A listener that runs on the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) listener: Arc<Listener>,
    pub(super) drain: DrainHandle,
    pub(super) running: JoinHandle<()>,
    registry: Registry,
    release: Arc<Notify>,
}

impl Server {
    pub(super) fn start(settings: ListenerSettings) -> Self {
        Self::start_workers(settings, 1)
    }

    /// A listener served over several accept sockets, as several workers do.
    pub(super) fn start_workers(settings: ListenerSettings, workers: usize) -> Self {
        let registry = Registry::new();
        let metrics = Arc::new(Metrics::register(&registry).unwrap());
        let sockets = bind(settings.address, workers, false).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let listener = Listener::build(settings, metrics).unwrap();
        let (handle, drain) = Drain::new();
        let release = Arc::new(Notify::new());
        let mut serving = JoinSet::new();
        for socket in sockets {
            let socket = tokio::net::TcpListener::from_std(socket).unwrap();
            let handler = Answers { release: Arc::clone(&release) };
            serving.spawn(Arc::clone(&listener).serve(socket, handler, drain.clone()));
        }
        let running = tokio::spawn(async move { while serving.join_next().await.is_some() {} });
        Self { address, listener, drain: handle, running, registry, release }
    }

    /// Lets one `/slow` answer.
    pub(super) fn release(&self) {
        self.release.notify_one();
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The value of the sample that the exposition shows as `sample`.
    pub(super) fn metric(&self, sample: &str) -> u64 {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until `sample` has `value`: what is counted when a connection ends is counted after its client sees it.
    pub(super) async fn await_metric(&self, sample: &str, value: u64) {
        for _ in 0..200 {
            if self.metric(sample) == value {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{sample} is {}, not {value}", self.metric(sample));
    }
}

pub(super) fn settings() -> ListenerSettings {
    ListenerSettings {
        name: "public".into(),
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        http2: false,
        trusted_proxies: Vec::new(),
        limits: Limits::default(),
        deadlines: Deadlines::default(),
    }
}

pub(super) fn with_tls(tls: TlsSettings) -> ListenerSettings {
    ListenerSettings { tls: Some(tls), http2: true, ..settings() }
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends `request` and reads one answer with a `content-length`.
pub(super) async fn ask(io: &mut (impl AsyncRead + tokio::io::AsyncWrite + Unpin), request: &str) -> String {
    io.write_all(request.as_bytes()).await.unwrap();
    read_answer(io).await
}

pub(super) async fn read_answer(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        let mut piece = [0; 4096];
        match io.read(&mut piece).await {
            Ok(read @ 1..) => answer.extend_from_slice(&piece[..read]),
            _ => break,
        }
    }
    String::from_utf8(answer).unwrap()
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

/// Reads until the server closes; false if it has not within `within`.
pub(super) async fn is_closed_within(io: &mut (impl AsyncRead + Unpin), within: Duration) -> bool {
    let to_end = async {
        let mut piece = [0; 4096];
        while let Ok(1..) = io.read(&mut piece).await {}
    };
    tokio::time::timeout(within, to_end).await.is_ok()
}

pub(super) const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
