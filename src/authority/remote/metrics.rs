//! What is counted about calls to a remote authority.

use prometheus::{IntCounterVec, Opts, Registry};

/// Why the remote is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Issue,
    Refresh,
    Validate,
    /// A caller's own request to the API.
    Api,
}

impl Operation {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Refresh => "refresh",
            Self::Validate => "validate",
            Self::Api => "api",
        }
    }
}

/// The metric families of remote authorities.
#[derive(Clone, Debug)]
pub struct RemoteMetrics {
    calls: IntCounterVec,
}

impl RemoteMetrics {
    /// Registers the families.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let calls = Opts::new("tollgate_remote_authority_calls_total", "Calls to the remote authority, by operation and result.");
        let calls = IntCounterVec::new(calls, &["operation", "result"])?;
        registry.register(Box::new(calls.clone()))?;
        Ok(Self { calls })
    }

    /// A call ended: with an answer that is one, or without.
    pub(super) fn called(&self, operation: Operation, answered: bool) {
        let result = if answered { "answered" } else { "unavailable" };
        self.calls.with_label_values(&[operation.word(), result]).inc();
    }
}
