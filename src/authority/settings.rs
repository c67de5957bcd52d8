//! What an operator decides about the authority, free of file formats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

use super::Webhook;
use crate::issuer::{KeySource, RefreshSettings};
use crate::secret::Secret;
use crate::token::Algorithm;

/// What routes call the authority among their issuers; no other issuer has this name.
pub const AUTHORITY_ISSUER: &str = "authority";

/// What routes call the authority's vended tokens among their issuers; no other issuer has this name.
pub const VEND_ISSUER: &str = "vend";

/// The token authority and everything it knows by configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthoritySettings {
    /// `iss` of its tokens.
    pub issuer: Arc<str>,
    /// Where the API answers, canonical as a route's host is; `None` only where there are no routes: on any host.
    pub host: Option<Box<str>>,
    /// Signs for every application that has no key of its own.
    pub algorithm: Algorithm,
    /// How long an access token lives, where its application says nothing.
    pub access_token_lifetime: Duration,
    /// How long a refresh token lives, where its application says nothing.
    pub refresh_token_lifetime: Duration,
    /// `Domain` of the cookies; absent: host-only.
    pub cookie_domain: Option<Box<str>>,
    /// Whether a user's own JWT lists the values of their refresh tokens.
    pub own_list_shows_tokens: bool,
    /// Longest life of a vended token, and its life where none is asked for is that of an access token or this, the
    /// shorter.
    pub vend_max_lifetime: Duration,
    /// The one tenant; a request that names another is 404.
    pub tenant_id: Option<Uuid>,
    /// How long a signing key signs before the next takes its place; absent: until an operator rotates it.
    pub key_rotation: Option<Duration>,
    /// Passwords.
    pub passwords: PasswordSettings,
    /// The relying services.
    pub applications: Vec<Arc<Application>>,
    /// Parties whose tokens are reconciled.
    pub identity_providers: Vec<Arc<IdentityProvider>>,
    /// Programs that may call the API.
    pub api_keys: Vec<Arc<ApiKey>>,
    /// Addresses that are told what happens.
    pub webhooks: Vec<Arc<Webhook>>,
}

/// How passwords are kept and guessed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// Characters that a new one has at least.
    pub min_length: usize,
    /// Hashes computed at once.
    pub concurrent: usize,
    /// Requests that wait for one; more are 503.
    pub queue: usize,
    /// Failures of one account from one address within `attempts_window`, after which that address waits.
    pub attempts: u32,
    /// In which failures are counted.
    pub attempts_window: Duration,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { min_length: 8, concurrent: cores, queue: 64, attempts: 10, attempts_window: Duration::from_secs(15 * 60) }
    }
}

/// A relying service.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// `aud` and `applicationId` of its tokens.
    pub id: Uuid,
    /// What routes and other blocks call it; metric label.
    pub name: Arc<str>,
    /// The roles that a registration may have.
    pub roles: Vec<Role>,
    /// From where it may be entered by exchange.
    pub single_sign_on: SingleSignOn,
    /// Whether a sign-in makes a refresh token.
    pub generate_refresh_tokens: bool,
    /// Whether refresh tokens are taken.
    pub allow_token_refresh: bool,
    /// Whether `POST /api/login` takes an API key alone.
    pub login_requires_api_key: bool,
    /// What a use does to a refresh token.
    pub usage: Usage,
    /// What a use does to its lifetime.
    pub expiration: Expiration,
    /// In place of the authority's.
    pub access_token_lifetime: Option<Duration>,
    /// In place of the authority's.
    pub refresh_token_lifetime: Option<Duration>,
    /// Which key signs its tokens.
    pub signing: Signing,
}

/// A role of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether a registration made by reconcile has it.
    pub is_default: bool,
}

/// From where an application may be entered by exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SingleSignOn {
    /// From every application.
    Open,
    /// From none.
    Closed,
    /// From these: both the presented token's application and the one that was signed in to must be listed.
    From(Vec<Uuid>),
}

/// What a use does to a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Nothing.
    Reusable,
    /// It is replaced; the former value is good for as long as jwt-api.md's decision table says.
    OneTime {
        /// The least time that the former value stays good.
        grace: Duration,
    },
}

/// What a use does to a refresh token's lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiration {
    /// Nothing.
    Fixed,
    /// It begins anew.
    Sliding,
    /// It begins anew, and ends for good so long after the token was made.
    SlidingWithMaximum(Duration),
}

/// Which key signs an application's tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Signing {
    /// The authority's.
    Authority,
    /// One of its own, for this algorithm; it verifies no other application's tokens.
    Own(Algorithm),
    /// This secret, shared with the application's backends (HS256, HS384, HS512): good on its own routes and at validate
    /// alone.
    Secret(Algorithm, Secret),
}

/// A party whose tokens are reconciled to users.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityProvider {
    /// What a request calls it.
    pub id: Uuid,
    /// For people; log field.
    pub name: Arc<str>,
    /// `iss` of its tokens, byte for byte.
    pub issuer: Arc<str>,
    /// `aud` must contain one of these; `None`: any, and absent (`insecure_any_audience`).
    pub audiences: Option<Vec<String>>,
    /// The allow-list of algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Its keys.
    pub source: KeySource,
    /// When they are fetched.
    pub refresh: RefreshSettings,
    /// The header member that names the key; `kid` as a rule.
    pub header_key_parameter: String,
    /// The key of tokens without that member.
    pub default_key: Option<String>,
    /// The claim that names the user for good; the link is by it.
    pub unique_identity_claim: String,
    /// Where the email address is.
    pub email_claim: String,
    /// Where it is said whether the address is the user's.
    pub email_verified_claim: String,
    /// Where a username is.
    pub username_claim: String,
    /// Mail domains that it speaks for, in lower case; empty: any may sign in, and none links to a user that is there.
    pub domains: Vec<String>,
    /// Whether its addresses need no verified claim.
    pub trust_email: bool,
    /// Which user a token without a link means.
    pub linking: Linking,
    /// A member of the user (`firstName`, ..., `UserData`, `RegistrationData`) by claim.
    pub claim_map: BTreeMap<String, String>,
    /// The applications that it may sign in to, with whether a registration is made there.
    pub applications: Vec<ProviderApplication>,
}

/// An application that an identity provider may sign in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderApplication {
    /// The application.
    pub id: Uuid,
    /// Whether a user without a registration gets one, with the default roles.
    pub create_registration: bool,
}

/// Which user a token without a link means (FusionAuth's linking strategies).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// The one with its email address, else a new one.
    Email,
    /// The one with its email address.
    ExistingEmail,
    /// The one with its username, else a new one.
    Username,
    /// The one with its username.
    ExistingUsername,
    /// A new one without a name.
    Anonymous,
    /// None: links are made otherwise.
    Disabled,
}

/// A program that may call the API.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// For people; log field.
    pub name: Arc<str>,
    /// SHA-256 of the key. Keys have at least 128 random bits.
    pub sha256: [u8; 32],
    /// What it may call.
    pub permissions: Permissions,
    /// Whether lists show it the values of refresh tokens.
    pub show_refresh_tokens: bool,
}

impl ApiKey {
    /// Characters that a key has at least; of random base64url ones that is more than 128 bits.
    pub const SHORTEST: usize = 32;

    /// What is kept of a key. Its bits are random, so nothing needs to slow a guess down.
    pub fn digest(key: &[u8]) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, key).as_ref());
        bytes
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What an API key may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everything.
    All,
    /// These methods of these paths (`/api/jwt/refresh`) and of what is below them.
    Only(BTreeMap<String, Vec<http::Method>>),
}

impl AuthoritySettings {
    /// The API key that `value` is. Every key is compared, and each in constant time.
    pub fn api_key(&self, value: &[u8]) -> Option<&Arc<ApiKey>> {
        let presented = ApiKey::digest(value);
        let is_it = |key: &&Arc<ApiKey>| verify_slices_are_equal(&key.sha256, &presented).is_ok();
        // To the last one, wherever it was found.
        self.api_keys.iter().fold(None, |found, key| if is_it(&key) { Some(key) } else { found })
    }

    /// The application of this id.
    pub fn application(&self, id: Uuid) -> Option<&Arc<Application>> {
        self.applications.iter().find(|application| application.id == id)
    }

    /// The application of this name.
    pub fn application_named(&self, name: &str) -> Option<&Arc<Application>> {
        self.applications.iter().find(|application| &*application.name == name)
    }

    /// How long an access token for `application` lives.
    pub fn access_token_lifetime(&self, application: Option<&Application>) -> Duration {
        application.and_then(|application| application.access_token_lifetime).unwrap_or(self.access_token_lifetime)
    }

    /// How long a refresh token for `application` lives.
    pub fn refresh_token_lifetime(&self, application: &Application) -> Duration {
        application.refresh_token_lifetime.unwrap_or(self.refresh_token_lifetime)
    }

    /// How long any token signed under these settings may live.
    pub fn longest_token_lifetime(&self) -> Duration {
        let own = self.applications.iter().filter_map(|application| application.access_token_lifetime).max();
        self.access_token_lifetime.max(own.unwrap_or_default())
    }
}

impl Application {
    /// The roles that a registration made by reconcile has.
    pub fn default_roles(&self) -> Vec<String> {
        self.roles.iter().filter(|role| role.is_default).map(|role| role.name.clone()).collect()
    }

    /// Whether it has a role of this name.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role.name == name)
    }
}
