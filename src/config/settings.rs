//! Everything an operator decided, compiled and checked; what the gateway is built from.

use std::net::SocketAddr;

use crate::authority::{AuthoritySettings, RemoteSettings};
use crate::config::{Diagnostic, SourceFile};
use crate::events::EventsSettings;
use crate::issuer::{CacheSettings, IssuerSettings};
use crate::listener::ListenerSettings;
use crate::route::RouteSettings;
use crate::store::StoreSettings;
use crate::telemetry::LogSettings;
use crate::upstream::UpstreamSettings;

/// A whole configuration. Every cross-reference in it holds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Public listeners; at least one.
    pub listeners: Vec<ListenerSettings>,
    /// Where metrics, health and status answer; `None`: nowhere.
    pub admin: Option<SocketAddr>,
    /// Data-plane threads; at least one (0 in the file is one per core).
    pub workers: usize,
    /// Bounds of the verified-token cache.
    pub token_cache: CacheSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Parties whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// Events that are taken from parties among these.
    pub events: Vec<EventsSettings>,
    /// What issues tokens here; `None`: another server, or tokens are only verified.
    pub authority: Option<AuthoritySettings>,
    /// Another server that issues the authority's tokens, in place of `authority`; it is among the issuers and the upstreams too.
    pub remote: Option<RemoteSettings>,
    /// Where the authority's state is kept; there wherever there is an authority.
    pub store: Option<StoreSettings>,
    /// Where requests go.
    pub upstreams: Vec<UpstreamSettings>,
    /// What is served; none only where there is an authority.
    pub routes: Vec<RouteSettings>,
    /// Every file that was read, for the watcher: the configuration itself, certificates, keys, key sets, secrets.
    pub files: Vec<SourceFile>,
    /// What the operator should know though the configuration is used.
    pub warnings: Vec<Diagnostic>,
}
