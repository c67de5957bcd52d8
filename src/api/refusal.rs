//! Why an operation was not done, and the one table that turns it into an answer.
//!
//! jwt-api.md section 1.4 says which statuses have a body: clients break on a JSON type without one, and on a 400
//! without one.

use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::errors::Errors;
use crate::authority::Denial;
use crate::store::StoreError;

/// Why an operation was not done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// The request is wrong: 400 with the Errors object.
    Bad(Errors),
    /// No credential, or none that is good here: 401, empty.
    Unauthorized,
    /// As [`Refusal::Unauthorized`] where cookies conflict; these clear them, or the browser would send them for ever.
    ConflictingCookies(Vec<HeaderValue>),
    /// As [`Refusal::Unauthorized`], with the Errors object.
    Invalid(Errors),
    /// 404, empty.
    NotFound,
    /// The place takes these methods: 405.
    Method(&'static str),
    /// The account is closed to sign-in: 410, empty.
    Gone,
    /// The body is longer than this many bytes: 413.
    TooLarge(usize),
    /// The body must have this content type: 415.
    MediaType(&'static str),
    /// Too many failed attempts: 429.
    TooMany(Duration),
    /// The store, or something else that is needed, cannot answer now: 503.
    Unavailable(Duration),
    /// A defect: 500, empty; the text is for the log.
    Internal(String),
    /// An error of RFC 6749 section 5.2: this status, `error`, `error_reason`, `error_description`.
    OAuth(StatusCode, &'static str, &'static str, &'static str),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => {
                tracing::warn!(why, "the store is unavailable");
                Self::Unavailable(Duration::from_secs(2))
            }
            // Decided on again too often: as if it were busy.
            StoreError::Conflict => Self::Unavailable(Duration::from_secs(1)),
            StoreError::Taken(unique) => Self::Internal(format!("unexpectedly, another record has this {unique}")),
        }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Unauthorized | Denial::RefreshToken => Self::Unauthorized,
            Denial::NotFound => Self::NotFound,
            Denial::AccountExpired => Self::Gone,
            Denial::Field(rule, field, reason) => Self::field(rule, field, &reason),
            Denial::TooMany(wait) => Self::TooMany(wait),
            Denial::Busy | Denial::Remote => Self::Unavailable(Duration::from_secs(1)),
            Denial::KeysUnavailable(wait) => Self::Unavailable(wait),
            Denial::Store(error) => error.into(),
            Denial::Defect(why) => Self::Internal(why.to_owned()),
        }
    }
}

impl From<Errors> for Refusal {
    fn from(errors: Errors) -> Self {
        Self::Bad(errors)
    }
}

impl Refusal {
    /// One error of one field.
    pub(super) fn field(rule: &str, field: &str, reason: &str) -> Self {
        Self::Bad(Errors::field(rule, field, reason))
    }

    /// The answer.
    pub(super) fn render(self) -> Answer {
        match self {
            Self::Bad(errors) => Answer::json(StatusCode::BAD_REQUEST, &errors.document()),
            Self::Unauthorized => Answer::empty(StatusCode::UNAUTHORIZED).with(WWW_AUTHENTICATE, BEARER),
            Self::ConflictingCookies(cleared) => Self::Unauthorized.render().with_cookies(cleared),
            Self::Invalid(errors) => Answer::json(StatusCode::UNAUTHORIZED, &errors.document()),
            Self::NotFound => Answer::empty(StatusCode::NOT_FOUND),
            Self::Gone => Answer::empty(StatusCode::GONE),
            Self::Method(allow) => {
                let message = format!("This method is not taken here; these are: {allow}.");
                general(StatusCode::METHOD_NOT_ALLOWED, "[methodNotAllowed]", &message)
                    .with(ALLOW, HeaderValue::from_static(allow))
            }
            Self::TooLarge(most) => {
                general(StatusCode::PAYLOAD_TOO_LARGE, "[tooLarge]", &format!("The body is larger than {most} bytes."))
            }
            Self::MediaType(wanted) => {
                let message = format!("The body must have the content type {wanted}.");
                general(StatusCode::UNSUPPORTED_MEDIA_TYPE, "[unsupportedMediaType]", &message)
            }
            Self::TooMany(wait) => {
                let message = "Too many failed attempts. Wait as long as Retry-After says.";
                general(StatusCode::TOO_MANY_REQUESTS, "[tooManyAttempts]", message).with(RETRY_AFTER, seconds(wait))
            }
            Self::Unavailable(wait) => {
                let message = "The request cannot be completed at the moment. Nothing was changed; try again.";
                general(StatusCode::SERVICE_UNAVAILABLE, "[unavailable]", message).with(RETRY_AFTER, seconds(wait))
            }
            Self::Internal(why) => {
                tracing::error!(why, "an operation of the API failed");
                Answer::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::OAuth(status, error, reason, description) => {
                let body: Value = json!({ "error": error, "error_reason": reason, "error_description": description });
                let answer = Answer::json(status, &body);
                if status == StatusCode::UNAUTHORIZED { answer.with(WWW_AUTHENTICATE, BEARER) } else { answer }
            }
        }
    }
}

const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

fn general(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::json(status, &Errors::general(code, message).document())
}

/// Rounded up, so that whoever waits exactly so long is let in.
fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_millis().div_ceil(1000).max(1) as u64)
}
