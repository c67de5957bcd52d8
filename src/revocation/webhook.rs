//! An identity server's event, read: which tokens it ends (jwt-api.md section 5.1). Pure; who sent it was proved before.
//!
//! Strict where it matters: an event that names a user in a way that is not understood must never be read as one about
//! everybody in an application.

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::store::{Basis, Revocation, Scope};
use crate::token::unambiguous_object;

/// Far more than any id has; names are kept hashed.
const MOST_ID_BYTES: usize = 255;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its `id`, by which a repetition is told, where it has one.
    pub id: Option<String>,
    /// What happened.
    pub news: News,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// `jwt.refresh-token.revoke`: these ended at this instant of the sender's clock.
    Revoked(Vec<Scope>, Timestamp),
    /// `jwt.public-key.update`: keys changed.
    KeysChanged,
    /// Of no account here.
    Other,
}

/// Why a body is no event; in words for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// The body is no unambiguous JSON object.
    #[error("the body cannot be read: {0}")]
    NotAnObject(&'static str),
    /// A member is not there, and the event is none without it.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member is not what it must be.
    #[error("`{0}` is not what it must be: {1}")]
    Malformed(&'static str, &'static str),
    /// A revocation of nothing.
    #[error("the revocation names no refresh token, no user and no application")]
    NamesNothing,
}

/// A sender's clock that is further ahead than this, beyond what is tolerated, is wrong.
const MOST_AHEAD: std::time::Duration = std::time::Duration::from_secs(300);

/// Whose tokens events end, and for how long that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The `iss` of the tokens.
    pub issuer: String,
    /// No token of the issuer is accepted for longer than this after its `iat`, tolerated clock differences included.
    pub longest: std::time::Duration,
    /// How far the issuer's clock may be ahead: tokens with an `iat` so far ahead are accepted, and must be reached.
    pub ahead: std::time::Duration,
}

impl Event {
    /// Reads the body of a webhook.
    ///
    /// # Errors
    /// [`EventFault`].
    pub fn parse(body: &[u8]) -> Result<Self, EventFault> {
        let mut document = unambiguous_object(body).map_err(EventFault::NotAnObject)?;
        let event = match document.remove("event") {
            None => return Err(EventFault::Missing("event")),
            Some(Value::Object(event)) => event,
            Some(_) => return Err(EventFault::Malformed("event", "an object")),
        };
        let id = name(&event, "id", "event.id")?.map(str::to_owned);
        let news = match name(&event, "type", "event.type")? {
            None => return Err(EventFault::Missing("event.type")),
            Some("jwt.refresh-token.revoke") => News::Revoked(scopes(&event)?, instant(&event)?),
            Some("jwt.public-key.update") => News::KeysChanged,
            Some(_) => News::Other,
        };
        Ok(Self { id, news })
    }
}

impl Reach {
    /// The entries for `scopes` that ended at `instant`, as it is told at `now`; none where no token can be alive any more
    /// that they would end.
    pub fn revocations(&self, scopes: Vec<Scope>, instant: Timestamp, now: Timestamp) -> Vec<Revocation> {
        // Its sender's tokens are refused for the same reason; and kept for ever it could be told anew for ever.
        if instant > now.plus(self.ahead).plus(MOST_AHEAD) {
            tracing::warn!(issuer = self.issuer, "an event of a clock that is far ahead was ignored");
            return Vec::new();
        }
        let instant = instant.min(now.plus(self.ahead));
        let ends = instant.plus(self.longest);
        if ends <= now {
            return Vec::new();
        }
        let entry = |scope| Revocation { issuer: self.issuer.clone(), scope, instant, basis: Basis::SignIn, ends, user: None };
        scopes.into_iter().map(entry).collect()
    }
}

/// The table of jwt-api.md section 5.1.
fn scopes(event: &Map<String, Value>) -> Result<Vec<Scope>, EventFault> {
    let application = name(event, "applicationId", "event.applicationId")?.map(str::to_owned);
    if let Some(id) = inner_id(event, "refreshToken", "event.refreshToken", "event.refreshToken.id")? {
        // `sid` of its tokens, and what other tokens say that they were derived from.
        return Ok(vec![Scope::Session(id.clone()), Scope::Token(id)]);
    }
    Ok(vec![match (user(event)?, application) {
        (Some(user), Some(application)) => Scope::UserInApplication(user, application),
        (Some(user), None) => Scope::User(user),
        (None, Some(application)) => Scope::Application(application),
        (None, None) => return Err(EventFault::NamesNothing),
    }])
}

/// The user by either member; an event that has one that is not understood is not about all users.
fn user(event: &Map<String, Value>) -> Result<Option<String>, EventFault> {
    let named = name(event, "userId", "event.userId")?.map(str::to_owned);
    let shown = inner_id(event, "user", "event.user", "event.user.id");
    match named {
        Some(named) => Ok(Some(named)),
        None => shown,
    }
}

/// The `id` of an object that is a member; `None` where there is no such member.
fn inner_id(
    event: &Map<String, Value>,
    member: &str,
    path: &'static str,
    id_path: &'static str,
) -> Result<Option<String>, EventFault> {
    match event.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => match name(inner, "id", id_path)? {
            Some(id) => Ok(Some(id.to_owned())),
            None => Err(EventFault::Missing(id_path)),
        },
        Some(_) => Err(EventFault::Malformed(path, "an object")),
    }
}

/// A member that is a name, where there is one. An explicit null is none.
fn name<'e>(object: &'e Map<String, Value>, member: &str, path: &'static str) -> Result<Option<&'e str>, EventFault> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if (1..=MOST_ID_BYTES).contains(&text.len()) => Ok(Some(text)),
        Some(_) => Err(EventFault::Malformed(path, "a string of 1 to 255 bytes")),
    }
}

/// When it happened, by the sender's clock.
fn instant(event: &Map<String, Value>) -> Result<Timestamp, EventFault> {
    const PATH: &str = "event.createInstant";
    match event.get("createInstant") {
        None | Some(Value::Null) => Err(EventFault::Missing(PATH)),
        Some(value) => {
            let millis = value.as_u64().ok_or(EventFault::Malformed(PATH, "milliseconds since 1970, a whole number"));
            Ok(Timestamp::from_millis(millis?))
        }
    }
}

#[cfg(test)]
mod tests;
