//! Replacing the configuration: build everything, bind everything, then swap.

use std::net::SocketAddr;
use std::sync::Arc;

use super::authority::Estate;
use super::build::{self, BuildError, Built, Purpose};
use super::control::Gateway;
use super::listeners;
use super::running::{Running, Shared};
use crate::authority::AuthoritySettings;
use crate::config::Settings;
use crate::upstream::Upstream;

/// Why a configuration was not taken over. The former one is in force, unchanged.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration cannot be served.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A new listener's address cannot be bound.
    #[error("{address}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A setting that is fixed at start differs.
    #[error("{0} cannot change while the gateway runs; restart it (with --take-over, no accepted request is lost)")]
    Fixed(&'static str),
    /// The gateway is shutting down.
    #[error("the gateway is shutting down")]
    Draining,
}

impl Gateway {
    /// Puts `settings` in force.
    ///
    /// # Errors
    /// [`ReloadError`]; then nothing changed.
    pub fn reload(&self, settings: Settings) -> Result<(), ReloadError> {
        self.shared.reload(settings)
    }
}

impl Shared {
    pub(super) fn reload(&self, settings: Settings) -> Result<(), ReloadError> {
        let result = self.replace(&mut self.lock(), settings);
        self.note_reload(result.is_ok());
        result
    }

    fn replace(&self, running: &mut Running, settings: Settings) -> Result<(), ReloadError> {
        let workers = running.workers.as_ref().ok_or(ReloadError::Draining)?;
        check_fixed(&running.settings, &settings)?;
        let estate = running.estate.as_ref();
        let (inbox, purpose) = (&self.inbox, Purpose::Service);
        let built = build::build(&settings, Some(running), estate, inbox, &self.metrics, &self.options, purpose)?;
        let planned = listeners::plan(&settings.listeners, &running.listeners, &self.metrics.listener);
        let planned = planned.map_err(BuildError::listener)?;
        let bound = listeners::bind(planned, workers.count(), self.options.take_over);
        let bound = bound.map_err(|(address, cause)| ReloadError::Bind { address, cause })?;

        if let Some((estate, authority)) = estate.zip(settings.authority.as_ref()) {
            self.reconfigure(estate, authority)?;
        }
        // From here on nothing can fail.
        let Built { snapshot, issuers, authority, remote, events, upstreams } = built;
        if let Some((estate, authority)) = estate.zip(authority) {
            estate.commit(authority);
        }
        self.pipeline.replace(snapshot);
        running.archive.iter().for_each(|archive| issuers.keep_in(archive));
        issuers.commit(Some(&running.issuers), &self.control);
        events.iter().for_each(|receiver| receiver.start(&self.control, running.events_archive.as_ref()));
        running.events = events;
        running.remote = remote;
        listeners::commit(bound, &mut running.listeners, workers);
        if let Some(level) = &self.options.log_level {
            level.set(&settings.log.level);
        }
        running.issuers = issuers;
        let is_in_force = |former: &Arc<Upstream>| upstreams.iter().any(|upstream| Arc::ptr_eq(upstream, former));
        running.upstreams.iter().filter(|former| !is_in_force(former)).for_each(|former| former.retire());
        running.upstreams = upstreams;
        running.settings = settings;
        Ok(())
    }

    /// Waits for the store, from whatever kind of thread a reload is asked for.
    fn reconfigure(&self, estate: &Estate, settings: &AuthoritySettings) -> Result<(), BuildError> {
        let reconfigured = || self.control.block_on(estate.reconfigure(settings)).map_err(BuildError::from);
        match tokio::runtime::Handle::try_current() {
            Ok(_) => tokio::task::block_in_place(reconfigured),
            Err(_) => reconfigured(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
    pub(super) fn note_reload(&self, success: bool) {
        self.metrics.reload_success.set(i64::from(success));
        if success {
            self.metrics.reload_timestamp.set(self.options.clock.now().millis() as f64 / 1000.0);
        }
    }
}

/// Threads, the admin address and the cache are made once.
fn check_fixed(running: &Settings, wanted: &Settings) -> Result<(), ReloadError> {
    if running.workers != wanted.workers {
        return Err(ReloadError::Fixed("runtime.workers"));
    }
    if running.admin != wanted.admin {
        return Err(ReloadError::Fixed("admin.address"));
    }
    if running.store != wanted.store {
        return Err(ReloadError::Fixed("store"));
    }
    if running.remote.is_some() && wanted.authority.is_some() || running.authority.is_some() && wanted.remote.is_some() {
        return Err(ReloadError::Fixed("whether the authority is a remote one"));
    }
    if running.authority.is_some() != wanted.authority.is_some() || running.remote.is_some() != wanted.remote.is_some() {
        return Err(ReloadError::Fixed("whether there is an authority"));
    }
    if let (Some(running), Some(wanted)) = (&running.authority, &wanted.authority)
        && running.passwords != wanted.passwords
    {
        return Err(ReloadError::Fixed("how the authority's passwords are kept"));
    }
    if running.token_cache != wanted.token_cache {
        return Err(ReloadError::Fixed("token_cache"));
    }
    if running.log.format != wanted.log.format {
        return Err(ReloadError::Fixed("log.format"));
    }
    Ok(())
}
