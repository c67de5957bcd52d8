//! The demo's two small servers: a backend that shows the request it received, and the issuer's key set.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// Makes the text that answers a request.
type Answer = dyn Fn(&Parts) -> String + Send + Sync;

/// A server that has its address and answers once it is run.
pub(super) struct Server {
    socket: TcpListener,
    content_type: HeaderValue,
    answer: Arc<Answer>,
}

/// Where the server will be.
pub(super) fn bind() -> io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

impl Server {
    /// A backend.
    pub(super) fn showing_requests(socket: TcpListener) -> Self {
        Self { socket, content_type: HeaderValue::from_static("text/plain; charset=utf-8"), answer: Arc::new(shown) }
    }

    /// An issuer.
    pub(super) fn of_keys(socket: TcpListener, key_set: String) -> Self {
        let answer = Arc::new(move |_: &Parts| key_set.clone());
        Self { socket, content_type: HeaderValue::from_static("application/json"), answer }
    }

    /// Serves until the runtime ends.
    pub(super) async fn run(self) {
        let Ok(socket) = tokio::net::TcpListener::from_std(self.socket) else { return };
        loop {
            let Ok((stream, _)) = socket.accept().await else {
                // The system is out of files, which passes.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (answer, content_type) = (Arc::clone(&self.answer), self.content_type.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (head, _) = request.into_parts();
                let mut response = Response::new(Full::new(Bytes::from(answer(&head))));
                response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
                std::future::ready(Ok::<_, Infallible>(response))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }
}

fn shown(head: &Parts) -> String {
    let mut text = format!("The backend received:\n\n{} {} {:?}\n", head.method, head.uri, head.version);
    for (name, value) in &head.headers {
        // Writing to a string does not fail.
        writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes())).ok();
    }
    text
}
