//! Answering on the admin address.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Source;
use crate::peer::canonical_ip;
use crate::proxy::forwarded::ClientView;
use crate::proxy::{Endpoints, OwnRequest};

/// Scrapers and probes are few; whoever opens more waits in the accept queue.
const MAX_CONNECTIONS: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection is closed after this, used or not; scrapers open another.
const LIFETIME: Duration = Duration::from_secs(600);

/// Serves until the task is dropped.
pub async fn serve(socket: TcpListener, source: Arc<dyn Source>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, peer)) => {
                let source = Arc::clone(&source);
                tokio::spawn(async move {
                    serve_connection(stream, peer, source).await;
                    drop(place);
                });
            }
            // Out of file descriptors: the connection stays in the queue and would be reported again at once.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, source: Arc<dyn Source>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let source = Arc::clone(&source);
        async move {
            Ok::<_, Infallible>(match source.endpoints(request.uri().path()) {
                Some(endpoints) => elsewhere(endpoints.as_ref(), request, peer).await,
                None => answer(&request, source.as_ref()),
            })
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    // An admin client that misbehaves is cut off; there is nothing to report about it.
    let _ = tokio::time::timeout(LIFETIME, builder.serve_connection(TokioIo::new(stream), service)).await;
}

/// Has `endpoints` answer, which know nothing of this listener.
async fn elsewhere(endpoints: &dyn Endpoints, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
    let client = ClientView { ip: canonical_ip(peer.ip()), secure: false, host: Cow::Borrowed(""), port: 0 };
    let mut answer = endpoints.answer(OwnRequest::unsanitized(request, client)).await.map(Full::new);
    answer.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

fn answer(request: &Request<Incoming>, source: &dyn Source) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET and HEAD\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", source.metrics()),
        "/livez" => text(StatusCode::OK, "text/plain", "ok\n".into()),
        "/readyz" => readiness(source),
        "/status" => text(StatusCode::OK, "application/json", format!("{:#}\n", source.status())),
        path => match path.strip_prefix("/readyz/") {
            Some(issuer) => issuer_readiness(source, issuer),
            None => not_found(),
        },
    }
}

fn readiness(source: &dyn Source) -> Response<Full<Bytes>> {
    let readiness = source.readiness();
    let issuers: serde_json::Map<_, _> = readiness.issuers.iter().map(|(name, state)| (name.clone(), (*state).into())).collect();
    let ready = readiness.is_ready();
    let body = json!({ "ready": ready, "draining": readiness.draining, "issuers": issuers });
    text(status(ready), "application/json", format!("{body}\n"))
}

/// `/readyz/NAME`: whether this one issuer's tokens can be checked.
fn issuer_readiness(source: &dyn Source, name: &str) -> Response<Full<Bytes>> {
    match source.readiness().issuers.iter().find(|(issuer, _)| issuer == name) {
        Some((_, state)) => text(status(*state == "ready"), "application/json", format!("{}\n", json!({ "state": state }))),
        None => not_found(),
    }
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn not_found() -> Response<Full<Bytes>> {
    text(StatusCode::NOT_FOUND, "text/plain", "/metrics /livez /readyz /readyz/ISSUER /status\n".into())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
