//! One GET or POST on one connection: request, head, body within its bound.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_LENGTH, HOST, LOCATION, USER_AGENT};
use http::request::Builder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::connect::Stream;
use super::{FetchError, freshness};
use crate::clock::Timestamp;

/// Largest response head in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));

/// What a server said.
pub(super) enum Answer {
    /// 200, with how long it stays fresh.
    Found(Bytes, Option<Duration>),
    /// A redirect with this `Location`.
    Elsewhere(String),
}

/// Sends a GET for `url` and reads the answer. The connection is used once and closed.
pub(super) async fn get(stream: Box<dyn Stream>, url: &Uri, max_bytes: usize, now: Timestamp) -> Result<Answer, FetchError> {
    let request = request(Method::GET, url)?.body(Full::default()).map_err(|_| FetchError::Address)?;
    exchange(stream, request, |response| read(response, max_bytes, now)).await
}

/// Sends a POST to `url`; any status but 2xx is a failure. The connection is used once and closed.
pub(super) async fn post(
    stream: Box<dyn Stream>,
    url: &Uri,
    headers: &[(HeaderName, HeaderValue)],
    body: Bytes,
) -> Result<(), FetchError> {
    let with_headers = headers.iter().fold(request(Method::POST, url)?, |request, (name, value)| request.header(name, value));
    let request = with_headers.body(Full::new(body)).map_err(|_| FetchError::Address)?;
    let check = |response: Response<Incoming>| async move {
        if response.status().is_success() { Ok(()) } else { Err(FetchError::Status(response.status())) }
    };
    exchange(stream, request, check).await
}

async fn exchange<T, R: Future<Output = Result<T, FetchError>>>(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    read: impl FnOnce(Response<Incoming>) -> R,
) -> Result<T, FetchError> {
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| FetchError::Http)?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(|_| FetchError::Http)?;
        read(response).await
    };
    // The connection is driven beside the exchange and never decides its end: what it buffered is still to be read.
    let driver = async {
        drop(connection.await);
        std::future::pending::<Infallible>().await
    };
    tokio::select! { answer = exchange => answer, never = driver => match never {} }
}

fn request(method: Method, url: &Uri) -> Result<Builder, FetchError> {
    let host = url.host().ok_or(FetchError::Address)?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::builder().method(method).uri(target);
    Ok(request.header(HOST, host).header(ACCEPT, "application/json").header(USER_AGENT, AGENT))
}

async fn read(response: Response<Incoming>, max_bytes: usize, now: Timestamp) -> Result<Answer, FetchError> {
    match response.status() {
        StatusCode::OK => {
            let freshness = freshness::lifetime(response.headers(), now);
            Ok(Answer::Found(body(response, max_bytes).await?, freshness))
        }
        status if is_redirect(status) => location(response.headers()).map(Answer::Elsewhere),
        status => Err(FetchError::Status(status)),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn location(headers: &HeaderMap) -> Result<String, FetchError> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    location.map(str::to_owned).ok_or(FetchError::Redirect)
}

/// The whole body. A `Content-Length` over the bound is refused unread; one that lies, or a chunked body without end,
/// at the byte that passes the bound.
async fn body(response: Response<Incoming>, max_bytes: usize) -> Result<Bytes, FetchError> {
    if announced(response.headers()).is_some_and(|length| length > max_bytes as u64) {
        return Err(FetchError::TooLarge);
    }
    let mut body = response.into_body();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| FetchError::Http)?.into_data() else { continue };
        if read.len().saturating_add(data.len()) > max_bytes {
            return Err(FetchError::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
