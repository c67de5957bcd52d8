//! What the authority counts. Applications are labelled by their configured names.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::claims::{BY_EXCHANGE, BY_MINT, BY_RECONCILE, BY_REFRESH};
use super::events::EventMetrics;

/// The metric families of the authority.
#[derive(Clone, Debug)]
pub struct AuthorityMetrics {
    issued: IntCounterVec,
    /// Refresh tokens in the store, as the last sweep found them.
    pub(super) refresh_tokens: IntGauge,
    /// Replaced refresh tokens that were used again.
    pub(super) reused: IntCounter,
    /// Events for webhooks.
    pub(super) events: EventMetrics,
}

impl AuthorityMetrics {
    /// Registers the families.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let issued = Opts::new("tollgate_tokens_issued_total", "Access tokens issued, by application and how.");
        let issued = IntCounterVec::new(issued, &["application", "kind"])?;
        let refresh_tokens = IntGauge::new("tollgate_refresh_tokens", "Refresh tokens in the store.")?;
        let reused = "Replaced one-time refresh tokens that were used again; each ended its session.";
        let reused = IntCounter::new("tollgate_refresh_reuse_detected_total", reused)?;
        registry.register(Box::new(issued.clone()))?;
        registry.register(Box::new(refresh_tokens.clone()))?;
        registry.register(Box::new(reused.clone()))?;
        let events = EventMetrics::register(registry)?;
        Ok(Self { issued, refresh_tokens, reused, events })
    }

    /// A token was issued, for `application` or none, with this `authenticationType`.
    pub(super) fn issued(&self, application: Option<&str>, authentication_type: &str) {
        let kind = match authentication_type {
            BY_EXCHANGE => "sso",
            BY_REFRESH => "refresh",
            BY_RECONCILE => "reconcile",
            BY_MINT => "mint",
            _ => "login",
        };
        self.issued.with_label_values(&[application.unwrap_or("none"), kind]).inc();
    }
}
