//! One call to the remote authority, bounded in time and bytes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};

use super::RemoteAuthority;
use super::metrics::Operation;
use crate::upstream::{RequestBody, ResponseBody, UpstreamFault};

/// Bytes of an answer to a caller's own request at most: a list of a thousand refresh tokens with what each device said of itself.
const MOST_PASSED_ON: usize = 4 * 1024 * 1024;

/// Why the remote gave no answer. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum RemoteFault {
    /// No head of an answer came.
    #[error(transparent)]
    Upstream(#[from] UpstreamFault),
    /// The answer was not there whole in time.
    #[error("no whole answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It is longer than any answer.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// It ended early.
    #[error("the answer ended early")]
    Incomplete,
    /// It has a content coding, which nobody asked for.
    #[error("the answer has a content coding that was not asked for")]
    Encoded,
    /// It is none to what was asked; which, in words.
    #[error("{0}")]
    Unexpected(String),
}

impl RemoteAuthority {
    /// Passes a caller's own request to the API on as it is, and gives the answer as it is.
    ///
    /// # Errors
    /// [`RemoteFault`], which was logged and counted.
    pub async fn pass_on(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RemoteFault> {
        let answer = self.call(request, MOST_PASSED_ON).await;
        self.note(Operation::Api, answer)
    }

    /// Counts a call, and logs what was wrong with it.
    pub(super) fn note<T>(&self, operation: Operation, outcome: Result<T, RemoteFault>) -> Result<T, RemoteFault> {
        self.metrics.called(operation, outcome.is_ok());
        outcome.inspect_err(|fault| {
            tracing::warn!(operation = operation.word(), %fault, "the remote authority gave no answer");
        })
    }

    /// The whole answer to `request`, whose body has at most `most` bytes.
    pub(super) async fn call(&self, request: Request<Bytes>, most: usize) -> Result<Response<Bytes>, RemoteFault> {
        let timeout = self.settings.timeout;
        let exchange = async {
            let request = request.map(|body| RequestBody::stream(Full::new(body).map_err(|never| match never {})));
            let (head, body) = self.upstream.send(Box::new(request), Some(timeout)).await?.into_parts();
            check_coding(&head.headers)?;
            Ok(Response::from_parts(head, read(body, most).await?))
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(RemoteFault::Timeout(timeout)))
    }
}

fn check_coding(headers: &HeaderMap) -> Result<(), RemoteFault> {
    let is_plain = headers.get_all(CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_plain { Ok(()) } else { Err(RemoteFault::Encoded) }
}

async fn read(mut body: ResponseBody, most: usize) -> Result<Bytes, RemoteFault> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| RemoteFault::Incomplete)?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(RemoteFault::TooLarge(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}
