//! What an operator decides about a remote authority, free of file formats.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::authority::AUTHORITY_ISSUER;
use crate::identity::Pointer;
use crate::issuer::{IssuerSettings, KeySource, RefreshSettings, Remote};
use crate::token::Algorithm;
use crate::upstream::UpstreamSettings;

/// As for any issuer whose block does not say.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A remote authority and what is known here of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteSettings {
    /// `iss` of its tokens.
    pub issuer: Arc<str>,
    /// Where its API answers here, canonical as a route's host is; `None` only where there are no routes: on any host.
    pub host: Option<Box<str>>,
    /// `Domain` of the cookies; absent: host-only.
    pub cookie_domain: Option<Box<str>>,
    /// How long a browser keeps a refresh token that was renewed on a route.
    pub refresh_token_lifetime: Duration,
    /// Named in the calls that routes cause.
    pub tenant_id: Option<Uuid>,
    /// How long one call may take in all.
    pub timeout: Duration,
    /// Longest life of an access token.
    pub max_lifetime: Duration,
    /// Tolerated clock difference.
    pub leeway: Duration,
    /// The algorithms that its keys may have.
    pub algorithms: Vec<Algorithm>,
    /// Its base address, and whom to believe for it: where keys are fetched.
    pub keys: Remote,
    /// When they are fetched.
    pub refresh: RefreshSettings,
    /// The same address as a server that requests are sent to.
    pub upstream: UpstreamSettings,
    /// The relying services that have routes here.
    pub applications: Vec<Arc<RemoteApplication>>,
}

/// A relying service, as much as is known of it here: roles and single sign-on are the remote's to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteApplication {
    /// `aud` and `applicationId` of its tokens.
    pub id: Uuid,
    /// What routes call it.
    pub name: Arc<str>,
}

impl RemoteSettings {
    /// The application of this id.
    pub fn application(&self, id: Uuid) -> Option<&Arc<RemoteApplication>> {
        self.applications.iter().find(|application| application.id == id)
    }

    /// The remote as an issuer among others: how its tokens are verified on routes.
    pub fn issuer(&self) -> IssuerSettings {
        let ids: Vec<String> = self.applications.iter().map(|application| application.id.to_string()).collect();
        let mut audiences = ids.clone();
        // For the authority itself, which no route is.
        audiences.push(self.issuer.to_string());
        IssuerSettings {
            name: AUTHORITY_ISSUER.into(),
            issuer: Arc::clone(&self.issuer),
            audiences,
            algorithms: self.algorithms.clone(),
            source: KeySource::FusionAuth(self.keys.clone(), ids),
            refresh: self.refresh.clone(),
            roles_claim: Pointer::parse("/roles").ok(),
            scope_claim: None,
            max_lifetime: Some(self.max_lifetime),
            leeway: self.leeway,
            types: vec!["JWT".to_owned()],
            require_type: true,
            max_token_bytes: MAX_TOKEN_BYTES,
            is_authority: true,
        }
    }
}
