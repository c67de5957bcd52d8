//! An authority, for tests of whoever takes its settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{
    Application, AuthoritySettings, Expiration, IdentityProvider, Linking, PasswordSettings, ProviderApplication, Signing,
    SingleSignOn, Usage,
};
use crate::clock::Timestamp;
use crate::issuer::{KeySource, OwnKeys, RefreshSettings};
use crate::store::User;
use crate::token::Algorithm;

const HOUR: Duration = Duration::from_secs(3600);

/// One with an application, `wiki`, that has a key of its own.
pub(crate) fn authority() -> AuthoritySettings {
    let wiki = Application {
        id: Uuid::from_u128(2),
        name: "wiki".into(),
        roles: Vec::new(),
        single_sign_on: SingleSignOn::Closed,
        generate_refresh_tokens: false,
        allow_token_refresh: false,
        login_requires_api_key: false,
        usage: Usage::Reusable,
        expiration: Expiration::Fixed,
        access_token_lifetime: None,
        refresh_token_lifetime: None,
        signing: Signing::Own(Algorithm::ES384),
    };
    AuthoritySettings {
        issuer: "https://authority.example".into(),
        host: None,
        algorithm: Algorithm::ES256,
        access_token_lifetime: HOUR,
        refresh_token_lifetime: 24 * HOUR,
        cookie_domain: None,
        own_list_shows_tokens: false,
        vend_max_lifetime: 2 * HOUR,
        tenant_id: None,
        key_rotation: None,
        passwords: PasswordSettings::default(),
        applications: vec![Arc::new(wiki)],
        identity_providers: Vec::new(),
        api_keys: Vec::new(),
        webhooks: Vec::new(),
    }
}

/// A provider of the application that names users by their email addresses.
pub(crate) fn provider() -> IdentityProvider {
    IdentityProvider {
        id: Uuid::from_u128(9),
        name: "partner".into(),
        issuer: "https://partner.example".into(),
        audiences: Some(vec!["tollgate".into()]),
        algorithms: vec![Algorithm::ES256],
        source: KeySource::Own(OwnKeys::default()),
        refresh: RefreshSettings::default(),
        header_key_parameter: "kid".into(),
        default_key: None,
        unique_identity_claim: "email".into(),
        email_claim: "email".into(),
        email_verified_claim: "email_verified".into(),
        username_claim: "preferred_username".into(),
        domains: Vec::new(),
        trust_email: false,
        linking: Linking::Email,
        claim_map: BTreeMap::new(),
        applications: vec![ProviderApplication { id: Uuid::from_u128(2), create_registration: true }],
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
