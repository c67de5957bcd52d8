//! Values that tests of the authority and its API begin with.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Application, AuthoritySettings, Expiration, PasswordSettings, Role, Signing, SingleSignOn, Usage};
use crate::clock::Timestamp;
use crate::store::User;
use crate::token::Algorithm;

/// An application with the defaults of the configuration.
pub(crate) fn application(id: u128, name: &str) -> Application {
    Application {
        id: Uuid::from_u128(id),
        name: name.into(),
        roles: vec![Role { name: "admin".into(), is_default: false }, Role { name: "user".into(), is_default: true }],
        single_sign_on: SingleSignOn::Open,
        generate_refresh_tokens: true,
        allow_token_refresh: true,
        login_requires_api_key: true,
        usage: Usage::Reusable,
        expiration: Expiration::Fixed,
        access_token_lifetime: None,
        refresh_token_lifetime: None,
        signing: Signing::Authority,
    }
}

/// An authority with two applications.
pub(crate) fn settings() -> AuthoritySettings {
    AuthoritySettings {
        issuer: "acme.com".into(),
        host: None,
        algorithm: Algorithm::ES256,
        access_token_lifetime: Duration::from_secs(3600),
        refresh_token_lifetime: Duration::from_secs(30 * 24 * 3600),
        cookie_domain: None,
        own_list_shows_tokens: false,
        vend_max_lifetime: Duration::from_secs(3600),
        tenant_id: None,
        key_rotation: None,
        passwords: PasswordSettings::default(),
        applications: vec![Arc::new(application(1, "orders")), Arc::new(application(2, "billing"))],
        identity_providers: Vec::new(),
        api_keys: Vec::new(),
    }
}

/// A user with an email address and no registration.
pub(crate) fn user() -> User {
    User {
        id: Uuid::from_u128(7),
        email: Some("ann@example.com".into()),
        username: None,
        verified: true,
        active: true,
        password: None,
        password_change_required: false,
        password_last_update: None,
        expiry: None,
        profile: serde_json::Map::new(),
        inserted: Timestamp::from_seconds(1),
        updated: Timestamp::from_seconds(1),
        last_login: None,
        closed: None,
        version: 0,
        registrations: Vec::new(),
    }
}
