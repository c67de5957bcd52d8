//! Another server as the authority: FusionAuth, or a gateway that has one. Routes have it exchange and renew tokens, callers
//! reach its API through this gateway.
//!
//! The gateway has no credential there. Every call carries what its caller brought, so that whoever takes this gateway over
//! has won no key of the remote's. What comes back is believed only after the gateway's own verifier has proved it.

mod answer;
mod call;
mod in_place;
mod metrics;
mod settings;

use std::sync::Arc;

pub use call::RemoteFault;
pub use metrics::RemoteMetrics;
pub use settings::{RemoteApplication, RemoteSettings};

use crate::token::Liveness;
use crate::upstream::Upstream;

/// The remote authority under one configuration. Made anew at each reload; the connections stay while they are unchanged.
#[derive(Debug)]
pub struct RemoteAuthority {
    settings: RemoteSettings,
    upstream: Arc<Upstream>,
    metrics: RemoteMetrics,
    terms: Arc<Liveness>,
}

impl RemoteAuthority {
    /// The authority of `settings`, reached over `upstream`. What `former` exchanged counts on, where that had the same settings.
    pub fn new(settings: RemoteSettings, upstream: Arc<Upstream>, metrics: RemoteMetrics, former: Option<&Self>) -> Self {
        let former = former.filter(|former| former.settings == settings);
        let terms = former.map(|former| Arc::clone(&former.terms)).unwrap_or_default();
        Self { settings, upstream, metrics, terms }
    }

    /// What the operator decided.
    pub fn settings(&self) -> &RemoteSettings {
        &self.settings
    }

    /// What tokens that were exchanged under these settings were made under.
    pub fn terms(&self) -> &Arc<Liveness> {
        &self.terms
    }
}
