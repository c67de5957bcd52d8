//! The last stage: the answer's body, which reports the request when it ends.
//!
//! The report (counters, access-log line) is made when the body is dropped, whether complete or cut off, so that every
//! request is counted once and streamed answers with their real duration.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::cross_site;
use super::plan::RoutePlan;
use super::record::Record;
use super::sanitize::sanitize_response_trailers;
use super::standing::Watch;
use crate::identity::credential::{ACCESS_TOKEN, REFRESH_TOKEN};
use crate::route::Access;
use crate::upstream::ResponseBody;

/// Puts the gateway's own word on a backend's answer: nobody else sets our cookies, and nothing personal is left to
/// shared caches.
pub(super) fn respond(mut answer: Response<Content>, plan: &RoutePlan, origin: Option<&HeaderValue>) -> Response<Content> {
    let headers = answer.headers_mut();
    remove_our_cookies(headers);
    if !matches!(plan.settings.access, Access::Anonymous) && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    if let Some(origin) = origin {
        cross_site::allow(headers, origin);
    }
    answer
}

/// A backend that could set `access_token` could sign its users in as somebody else. Of `=access_token=x` browsers make
/// a cookie without a name, and send it back as `access_token=x` (RFC 6265bis).
fn remove_our_cookies(headers: &mut HeaderMap) {
    let is_ours = |cookie: &HeaderValue| {
        let mut parts = cookie.as_bytes().split(|byte| *byte == b'=').map(<[u8]>::trim_ascii);
        let name = parts.find(|part| !part.is_empty()).unwrap_or_default();
        name == ACCESS_TOKEN.as_bytes() || name == REFRESH_TOKEN.as_bytes()
    };
    if !headers.get_all(SET_COOKIE).iter().any(is_ours) {
        return;
    }
    let kept: Vec<_> = headers.get_all(SET_COOKIE).iter().filter(|cookie| !is_ours(cookie)).cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in kept {
        headers.append(SET_COOKIE, cookie);
    }
}

/// The answer to a CORS preflight that a route allows.
pub(super) fn preflight(headers: HeaderMap) -> Response<Content> {
    let mut answer = Response::new(Content::Empty);
    *answer.status_mut() = StatusCode::NO_CONTENT;
    *answer.headers_mut() = headers;
    answer
}

/// What an answer consists of.
#[derive(Debug, Default)]
pub(super) enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// These bytes.
    Full(Bytes),
    /// What the backend sends, while its caller is believed.
    Backend(ResponseBody, Watch),
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
            Content::Backend(body, watch) => match watch.poll_ended(cx, || record.court()) {
                Poll::Ready(ended) => {
                    record.ended(ended);
                    // Dropped here, with the connection to the backend and whatever was still going up on it.
                    *content = Content::Empty;
                    return Poll::Ready(Some(Err(ended.into())));
                }
                Poll::Pending => {
                    let polled = Pin::new(body).poll_frame(cx).map_ok(clean);
                    watch.heard(&polled, cx);
                    polled
                }
            },
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
            Content::Backend(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Backend(body, _) => body.size_hint(),
        }
    }
}

fn clean(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            sanitize_response_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(data) => data,
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let complete = self.is_end_stream();
        self.record.finish(complete);
    }
}
