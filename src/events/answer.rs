//! What the sender of an event is told. A stranger learns nothing; a party that signed well learns what is wrong.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use super::metrics::Outcome;
use crate::issuer::KeyLookupError;
use crate::proxy::OwnBodyFault;
use crate::revocation::EventFault;
use crate::store::StoreError;
use crate::token::{BodySignatureFault, TokenFault};

/// A store that is down is asked again soon: tokens that are revoked are accepted meanwhile.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// Why an event was not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Below the place, where nothing is.
    NotFound,
    /// Not posted.
    Method,
    /// Not JSON.
    MediaType,
    /// The body is too large, or did not come whole.
    Body(OwnBodyFault),
    /// Two signatures: two readers might each believe another one.
    Signatures,
    /// No signature, or none of this party's over this body; the word is for the log alone.
    Unproved(&'static str),
    /// Well signed, and no event.
    Unreadable(EventFault),
    /// It cannot be said now.
    Unavailable(&'static str, Duration),
}

impl From<TokenFault> for Refusal {
    fn from(fault: TokenFault) -> Self {
        Self::Unproved(fault.reason())
    }
}

impl From<BodySignatureFault> for Refusal {
    fn from(fault: BodySignatureFault) -> Self {
        Self::Unproved(match fault {
            BodySignatureFault::Jws(fault) => fault.reason(),
            BodySignatureFault::Token => "token_for_somebody",
            BodySignatureFault::OtherBody => "other_body",
        })
    }
}

impl From<KeyLookupError> for Refusal {
    fn from(error: KeyLookupError) -> Self {
        match error {
            KeyLookupError::NoKey(fault) => Self::Unproved(fault.reason()),
            KeyLookupError::Unavailable { retry_after } => Self::Unavailable("keys_unavailable", retry_after),
        }
    }
}

impl From<OwnBodyFault> for Refusal {
    fn from(fault: OwnBodyFault) -> Self {
        Self::Body(fault)
    }
}

impl From<EventFault> for Refusal {
    fn from(fault: EventFault) -> Self {
        Self::Unreadable(fault)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "an event could not be kept; its sender is asked to send it again");
        Self::Unavailable("store_unavailable", STORE_RETRY)
    }
}

impl Refusal {
    pub(super) const fn outcome(&self) -> Outcome {
        if matches!(self, Self::Unavailable(..)) { Outcome::Unavailable } else { Outcome::Refused }
    }

    /// The word of the log.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::MediaType => "media_type",
            Self::Body(OwnBodyFault::TooLarge) => "body_too_large",
            Self::Body(OwnBodyFault::Incomplete) => "body_incomplete",
            Self::Signatures => "two_signatures",
            Self::Unproved(reason) | Self::Unavailable(reason, _) => reason,
            Self::Unreadable(_) => "no_event",
        }
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        match self {
            Self::NotFound => empty(StatusCode::NOT_FOUND),
            Self::Method => with(empty(StatusCode::METHOD_NOT_ALLOWED), ALLOW, HeaderValue::from_static("POST")),
            Self::MediaType => text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "an event is application/json"),
            Self::Body(OwnBodyFault::TooLarge) => text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::Body(OwnBodyFault::Incomplete) => text(StatusCode::BAD_REQUEST, "the body did not come whole"),
            Self::Signatures => text(StatusCode::BAD_REQUEST, "there is more than one signature"),
            Self::Unproved(_) => empty(StatusCode::UNAUTHORIZED),
            Self::Unreadable(fault) => text(StatusCode::BAD_REQUEST, &fault.to_string()),
            Self::Unavailable(_, after) => {
                let seconds = after.as_secs().max(1);
                with(empty(StatusCode::SERVICE_UNAVAILABLE), RETRY_AFTER, HeaderValue::from(seconds))
            }
        }
    }
}

/// Nothing but the status.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn text(status: StatusCode, text: &str) -> Response<Bytes> {
    let response = empty(status).map(|_| Bytes::from(format!("{text}\n")));
    with(response, CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
}

fn with(mut response: Response<Bytes>, name: http::HeaderName, value: HeaderValue) -> Response<Bytes> {
    response.headers_mut().insert(name, value);
    response
}
