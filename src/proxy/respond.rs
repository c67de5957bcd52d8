//! The last stage: the answer's body, which reports the request when it ends.
//!
//! The report (counters, access-log line) is made when the body is dropped, whether complete or cut off, so that every
//! request is counted once and streamed answers with their real duration.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::record::Record;
use crate::upstream::ResponseBody;

/// What an answer consists of.
#[derive(Debug, Default)]
pub(super) enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// These bytes.
    Full(Bytes),
    /// What the backend sends.
    Backend(ResponseBody),
}

impl Content {
    pub(super) fn full(text: &str) -> Self {
        Self::Full(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// The body of every answer of the pipeline.
#[derive(Debug)]
pub struct Body {
    content: Content,
    record: Box<Record>,
}

impl Body {
    pub(super) fn new(content: Content, record: Box<Record>) -> Self {
        Self { content, record }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { content, record } = self.get_mut();
        let polled = match content {
            Content::Empty => Poll::Ready(None),
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Backend(body) => Pin::new(body).poll_frame(cx),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => record.sent(frame.data_ref().map_or(0, Bytes::len)),
            Poll::Ready(Some(Err(_))) => record.cut_off(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Full(bytes) => bytes.is_empty(),
            Content::Backend(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Backend(body) => body.size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let complete = self.is_end_stream();
        self.record.finish(complete);
    }
}
