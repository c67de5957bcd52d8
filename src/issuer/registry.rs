//! Every issuer of one configuration, found by a token's exact `iss`.
//!
//! `gateway` builds a registry from settings (which reads and fetches nothing), and commits it once the whole
//! configuration stands; until then it has no effect, on the network or on the registry before it. What is unchanged is
//! carried over: an issuer whole, or at least its keys.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;

use super::archive::Archive;
use super::keys::Keys;
use super::metrics::{IssuerMeters, IssuerMetrics};
use super::source::{Source, SourceError};
use super::{IssuerSettings, IssuerStatus, Remote};
use crate::clock::{Clock, Timestamp};
use crate::fetch::{Fetcher, TrustRoots};
use crate::token::{ClaimRules, Liveness};

/// One issuer: its rules, its keys, and whether its settings still stand.
#[derive(Debug)]
pub struct Issuer {
    settings: IssuerSettings,
    rules: ClaimRules,
    keys: Arc<Keys>,
    liveness: Arc<Liveness>,
    pub(super) meters: Arc<IssuerMeters>,
}

impl Issuer {
    /// An issuer by itself, of no registry: what is unchanged since `previous` is carried over. Starts nothing.
    pub(super) fn build(
        settings: IssuerSettings,
        previous: Option<&Arc<Self>>,
        clock: &Clock,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Arc<Self>, RegistryProblem> {
        let previous = previous.filter(|previous| previous.settings.issuer == settings.issuer);
        Builder { clock, metrics, fetchers: HashMap::new() }.issuer(settings, previous)
    }

    /// What the operator decided.
    pub fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// What its tokens must say.
    pub fn rules(&self) -> &ClaimRules {
        &self.rules
    }

    /// Its keys.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Ends when its settings change or it is dropped; what was verified under them ends too.
    pub fn liveness(&self) -> &Arc<Liveness> {
        &self.liveness
    }

    /// The configured name.
    pub fn name(&self) -> &Arc<str> {
        &self.settings.name
    }
}

/// Why an issuer cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("issuer \"{issuer}\": {problem}")]
pub struct RegistryError {
    /// The configured name.
    pub issuer: Arc<str>,
    /// What is wrong.
    pub problem: RegistryProblem,
}

/// What is wrong with an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryProblem {
    /// Its keys.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Another issuer has the same `iss`, so a token could not say which it means.
    #[error("its `issuer` is also that of \"{0}\"")]
    SameIssuer(Arc<str>),
}

/// The issuers of one configuration.
#[derive(Debug)]
pub struct Registry {
    in_order: Vec<Arc<Issuer>>,
    by_issuer: HashMap<Arc<str>, Arc<Issuer>, RandomState>,
    largest_token: usize,
    metrics: Arc<IssuerMetrics>,
}

impl Registry {
    /// Builds the issuers of `settings`, carrying over from `previous` what is unchanged. Parses key files and secrets;
    /// starts nothing.
    ///
    /// # Errors
    /// Every issuer that cannot be built, with the reason.
    pub fn build(
        settings: Vec<IssuerSettings>,
        previous: Option<&Self>,
        clock: &Clock,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Self, Vec<RegistryError>> {
        let mut builder = Builder { clock, metrics, fetchers: HashMap::new() };
        let mut registry = Self::empty(metrics);
        let mut errors = Vec::new();
        for settings in settings {
            let issuer = Arc::clone(&settings.name);
            let former = previous.and_then(|previous| previous.find(&settings.issuer));
            match builder.issuer(settings, former).and_then(|issuer| registry.add(issuer)) {
                Ok(()) => {}
                Err(problem) => errors.push(RegistryError { issuer, problem }),
            }
        }
        if errors.is_empty() { Ok(registry) } else { Err(errors) }
    }

    fn empty(metrics: &Arc<IssuerMetrics>) -> Self {
        Self { in_order: Vec::new(), by_issuer: HashMap::default(), largest_token: 0, metrics: Arc::clone(metrics) }
    }

    fn add(&mut self, issuer: Arc<Issuer>) -> Result<(), RegistryProblem> {
        if let Some(other) = self.by_issuer.get(&issuer.settings.issuer) {
            return Err(RegistryProblem::SameIssuer(Arc::clone(other.name())));
        }
        self.largest_token = self.largest_token.max(issuer.settings.max_token_bytes);
        self.by_issuer.insert(Arc::clone(&issuer.settings.issuer), Arc::clone(&issuer));
        self.in_order.push(issuer);
        Ok(())
    }

    /// Has the key sets that are fetched from now on saved in `archive`, and believed after a restart as they were before.
    /// Call it before [`Registry::commit`]; keys that were carried over keep the archive they have.
    pub fn keep_in(&self, archive: &Archive) {
        self.in_order.iter().for_each(|issuer| issuer.keys.keep_in(archive));
    }

    /// Makes this registry the one in force after `previous`: fetching begins on `runtime`, and what was verified under
    /// settings that are no longer so ends. Call it when nothing can fail any more, before requests see this registry.
    /// Dropped issuers' tasks end with the last handle on `previous`.
    pub fn commit(&self, previous: Option<&Self>, runtime: &tokio::runtime::Handle) {
        self.in_order.iter().for_each(|issuer| issuer.keys.start(runtime));
        let replaced = previous.iter().flat_map(|previous| &previous.in_order).filter(|issuer| !self.has(issuer));
        replaced.for_each(|issuer| issuer.liveness.end());
        self.metrics.show(self.in_order.iter().map(|issuer| (issuer.name(), issuer.keys())));
    }

    fn has(&self, issuer: &Arc<Issuer>) -> bool {
        self.by_issuer.get(&issuer.settings.issuer).is_some_and(|ours| Arc::ptr_eq(ours, issuer))
    }

    /// The issuer whose `iss` is exactly this.
    pub fn find(&self, issuer: &str) -> Option<&Arc<Issuer>> {
        self.by_issuer.get(issuer)
    }

    /// The issuer of this configured name.
    pub fn named(&self, name: &str) -> Option<&Arc<Issuer>> {
        self.in_order.iter().find(|issuer| &**issuer.name() == name)
    }

    /// Every issuer, in the order of the configuration.
    pub fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.in_order.iter()
    }

    /// The largest token that any issuer takes, in bytes.
    pub fn largest_token(&self) -> usize {
        self.largest_token
    }

    /// How every issuer stands at `now`, in the order of the configuration.
    pub fn status(&self, now: Timestamp) -> Vec<IssuerStatus> {
        let status = |issuer: &Arc<Issuer>| IssuerStatus {
            name: Arc::clone(issuer.name()),
            issuer: Arc::clone(&issuer.settings.issuer),
            keys: issuer.keys.status(now),
        };
        self.in_order.iter().map(status).collect()
    }
}

/// Builds issuers, loading each set of certificate authorities once.
struct Builder<'a> {
    clock: &'a Clock,
    metrics: &'a Arc<IssuerMetrics>,
    fetchers: HashMap<TrustRoots, Fetcher>,
}

impl Builder<'_> {
    /// `previous` has the same `iss`.
    fn issuer(&mut self, settings: IssuerSettings, previous: Option<&Arc<Issuer>>) -> Result<Arc<Issuer>, RegistryProblem> {
        let (keys, meters) = match previous {
            Some(previous) if previous.settings == settings => return Ok(Arc::clone(previous)),
            Some(previous) if same_keys(&previous.settings, &settings) => {
                (Arc::clone(&previous.keys), Arc::clone(&previous.meters))
            }
            _ => self.keys(&settings)?,
        };
        let rules = rules(&settings);
        Ok(Arc::new(Issuer { settings, rules, keys, liveness: Arc::new(Liveness::new()), meters }))
    }

    fn keys(&mut self, settings: &IssuerSettings) -> Result<(Arc<Keys>, Arc<IssuerMeters>), SourceError> {
        let source = Source::build(settings, |remote| self.fetcher(remote))?;
        let meters = self.metrics.issuer(&settings.name);
        let name = Arc::clone(&settings.name);
        let keys = Keys::new(name, source, settings.refresh.clone(), self.clock.clone(), Arc::clone(&meters));
        Ok((Arc::new(keys), meters))
    }

    fn fetcher(&mut self, remote: &Remote) -> Fetcher {
        let fetcher = self.fetchers.entry(remote.roots.clone()).or_insert_with(|| Fetcher::new(&remote.roots));
        fetcher.clone()
    }
}

/// Whether the keys of one serve the other: all that decides where they come from, which are taken, and how they are
/// named in logs. (The `iss` is the same already.)
fn same_keys(a: &IssuerSettings, b: &IssuerSettings) -> bool {
    a.name == b.name && a.source == b.source && a.refresh == b.refresh && a.algorithms == b.algorithms
}

fn rules(settings: &IssuerSettings) -> ClaimRules {
    ClaimRules {
        issuer: Arc::clone(&settings.issuer),
        audiences: settings.audiences.clone(),
        leeway: settings.leeway,
        max_lifetime: settings.max_lifetime,
        types: settings.types.clone(),
        require_type: settings.require_type,
    }
}
