//! Events as they are sent (jwt-api.md section 5.1).

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::EventKind;
use crate::authority::AuthoritySettings;
use crate::authority::documents::{refresh_token_document, user_document};
use crate::clock::Timestamp;
use crate::store::{RefreshToken, User};

/// Which refresh tokens ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Revoked {
    /// One.
    Token(Box<RefreshToken>),
    /// All of a user, who had some for these applications.
    OfUser(Uuid, Vec<Uuid>),
    /// Those of a user for an application.
    OfUserInApplication(Uuid, Uuid),
    /// Those for an application.
    OfApplication(Uuid),
}

/// What was used, and what came of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::authority) struct Refresh<'a> {
    /// The refresh token, as it was read.
    pub(in crate::authority) used: &'a RefreshToken,
    /// The value that was sent.
    pub(in crate::authority) value: &'a str,
    /// The new access token.
    pub(in crate::authority) token: &'a str,
    /// The access token that was sent along, where it was verified as the same user's.
    pub(in crate::authority) original: Option<&'a str>,
    /// Where from.
    pub(in crate::authority) address: Option<IpAddr>,
}

/// What every event says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Common {
    pub(super) id: Uuid,
    pub(super) created: Timestamp,
    pub(super) tenant: Option<Uuid>,
}

impl Common {
    fn members(&self, kind: EventKind) -> Map<String, Value> {
        let mut event = Map::new();
        event.insert("createInstant".into(), json!(self.created.millis()));
        event.insert("id".into(), json!(self.id));
        if let Some(tenant) = self.tenant {
            event.insert("tenantId".into(), json!(tenant));
        }
        event.insert("type".into(), json!(kind.word()));
        event
    }
}

impl Revoked {
    /// Events about one session, or else one user or application, are told in their order.
    pub(super) fn ordering(&self) -> Uuid {
        match self {
            Self::Token(token) => token.session,
            Self::OfUser(user, _) | Self::OfUserInApplication(user, _) => *user,
            Self::OfApplication(application) => *application,
        }
    }

    fn user(&self) -> Option<Uuid> {
        match self {
            Self::Token(token) => Some(token.user),
            Self::OfUser(user, _) | Self::OfUserInApplication(user, _) => Some(*user),
            Self::OfApplication(_) => None,
        }
    }

    fn applications(&self) -> &[Uuid] {
        match self {
            Self::Token(token) => std::slice::from_ref(&token.application),
            Self::OfUser(_, applications) => applications,
            Self::OfUserInApplication(_, application) | Self::OfApplication(application) => std::slice::from_ref(application),
        }
    }

    /// The body. `user` is whose they were, where there is one still; `value` that of the one token.
    pub(super) fn body(&self, common: &Common, settings: &AuthoritySettings, user: Option<&User>, value: Option<&str>) -> Value {
        let mut event = common.members(EventKind::Revoke);
        let applications = self.applications();
        if let ([application], false) = (applications, matches!(self, Self::OfUser(..))) {
            event.insert("applicationId".into(), json!(application));
        }
        let lifetime = |id: &Uuid| {
            let application = settings.application(*id).map(|it| &**it);
            (id.to_string(), json!(settings.access_token_lifetime(application).as_secs()))
        };
        let lifetimes: Map<String, Value> = applications.iter().map(lifetime).collect();
        event.insert("applicationTimeToLiveInSeconds".into(), Value::Object(lifetimes));
        if let Some(id) = self.user() {
            event.insert("userId".into(), json!(id));
            if let Some(user) = user.filter(|user| user.id == id) {
                event.insert("user".into(), user_document(user));
            }
        }
        if let Self::Token(token) = self {
            event.insert("refreshToken".into(), refresh_token_document(token, value));
        }
        json!({ "event": event })
    }
}

impl Refresh<'_> {
    /// The body; tokens are named only where the webhook is to have them.
    pub(super) fn body(&self, common: &Common, with_tokens: bool) -> Value {
        let mut event = common.members(EventKind::Refresh);
        event.insert("applicationId".into(), json!(self.used.application));
        event.insert("userId".into(), json!(self.used.user));
        if let Some(address) = self.address {
            event.insert("info".into(), json!({ "ipAddress": address.to_string() }));
        }
        if with_tokens {
            event.insert("token".into(), json!(self.token));
            event.insert("refreshToken".into(), json!(self.value));
            if let Some(original) = self.original {
                event.insert("original".into(), json!(original));
            }
        }
        json!({ "event": event })
    }
}
