//! An answer of the API.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

/// An answer of the API. Never kept by a cache unless it says otherwise.
#[derive(Debug)]
pub(super) struct Answer(Response<Bytes>);

impl Answer {
    /// A JSON document.
    pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Lower case and without parameters: one client compares the beginning, another the whole.
        Self::document(status, document, HeaderValue::from_static("application/json"))
    }

    /// A JSON document of this media type.
    pub(super) fn document(status: StatusCode, document: &impl Serialize, media_type: HeaderValue) -> Self {
        match serde_json::to_vec(document) {
            Ok(body) => Self::new(status, Bytes::from(body)).with(CONTENT_TYPE, media_type),
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Nothing, and so no content type.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, Bytes::new())
    }

    fn new(status: StatusCode, body: Bytes) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self(response)
    }

    /// With this header, in place of one of the same name.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// With these values of `Set-Cookie`.
    pub(super) fn with_cookies(mut self, cookies: impl IntoIterator<Item = HeaderValue>) -> Self {
        for cookie in cookies {
            self.0.headers_mut().append(SET_COOKIE, cookie);
        }
        self
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        self.0
    }
}
