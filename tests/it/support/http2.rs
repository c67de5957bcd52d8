//! An HTTP/2 client that behaves, by another hand than the gateway's own code: the library's.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Collected, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::{Builder, Runtime};

type Pieces = StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, std::convert::Infallible>>>>;

/// One connection with a runtime of its own.
pub struct Http2 {
    runtime: Runtime,
    requests: SendRequest<Pieces>,
}

impl Http2 {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self { runtime, requests }
    }

    /// Sends `head` with a body of these pieces and trailers; the answer's body stays unread.
    pub fn send(
        &mut self,
        head: Request<()>,
        body: &[&str],
        trailers: Option<HeaderMap>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let data = body.iter().map(|piece| Frame::data(Bytes::copy_from_slice(piece.as_bytes())));
        let frames: Vec<_> = data.chain(trailers.map(Frame::trailers)).map(Ok).collect();
        let request = head.map(|()| StreamBody::new(futures_util::stream::iter(frames)));
        self.runtime.block_on(self.requests.send_request(request))
    }

    /// Reads an answer's body and trailers.
    pub fn collect(&self, answer: Response<Incoming>) -> Result<(String, Option<HeaderMap>), hyper::Error> {
        let collected: Collected<Bytes> = self.runtime.block_on(answer.into_body().collect())?;
        let trailers = collected.trailers().cloned();
        Ok((String::from_utf8_lossy(&collected.to_bytes()).into_owned(), trailers))
    }
}
