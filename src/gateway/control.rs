//! A gateway from start to shutdown.
//!
//! The control plane (issuer tasks, admin listener, file watching) has a runtime of its own, so that nothing it waits
//! for holds up a request.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;

use super::authority::Estate;
use super::build::{self, BuildError, Built, Purpose};
use super::events;
use super::listeners;
use super::metrics::{Metrics, MetricsError};
use super::opened_store::OpenedStore;
use super::options::Options;
use super::revocations::RevocationLog;
use super::running::{Running, Shared};
use super::saved_keys::SavedKeys;
use super::workers::Workers;
use crate::admin;
use crate::config::Settings;
use crate::proxy::Pipeline;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be served.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An address cannot be bound.
    #[error("{address}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The system refused a thread or a timer.
    #[error("starting a thread: {0}")]
    Thread(#[from] io::Error),
    /// Two metric families have one name: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] MetricsError),
}

/// A running gateway. Dropping it cuts everything off; [`Gateway::shutdown`] lets requests finish.
#[derive(Debug)]
pub struct Gateway {
    pub(super) shared: Arc<Shared>,
    admin_address: Option<SocketAddr>,
    control: Runtime,
}

impl Gateway {
    /// Builds everything, binds every address, then serves.
    ///
    /// # Errors
    /// When a part cannot be built or an address cannot be bound; then nothing was served.
    pub fn start(settings: Settings, options: Options) -> Result<Self, StartError> {
        let control =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("control").enable_all().build()?;
        let metrics = Metrics::register(&settings.token_cache, &options.clock)?;
        let opened = open_store(&settings, &options, &control)?;
        let opened = opened.as_ref();
        // No token is accepted before the revocations are known.
        let revocations = opened.map(|opened| open_log(opened, &metrics, &options, &control)).transpose()?;
        let estate = opened.map(|opened| open_estate(opened, &settings, &metrics, &options, &control));
        let estate = estate.transpose()?.flatten();
        let (archive, events_archive) = (opened.map(SavedKeys::of_issuers), opened.map(SavedKeys::of_events));
        let inbox = events::inbox(opened, &metrics, &options);
        let parts = build::build(&settings, None, estate.as_ref(), &inbox, &metrics, &options, Purpose::Service)?;
        let planned = listeners::plan(&settings.listeners, &[], &metrics.listener).map_err(BuildError::listener)?;
        let bound = listeners::bind(planned, settings.workers.max(1), options.take_over)
            .map_err(|(address, cause)| StartError::Bind { address, cause })?;
        let admin_socket = settings.admin.map(bind_admin).transpose()?;
        let admin_address = admin_socket.as_ref().and_then(|socket| socket.local_addr().ok());

        let Built { snapshot, issuers, authority, remote, events, upstreams } = parts;
        let pipeline = Pipeline::new(snapshot);
        let workers = Workers::start(settings.workers, &pipeline)?;
        archive.iter().for_each(|archive| issuers.keep_in(archive));
        issuers.commit(None, control.handle());
        events.iter().for_each(|receiver| receiver.start(control.handle(), events_archive.as_ref()));
        if let Some((estate, authority)) = estate.as_ref().zip(authority) {
            estate.commit(authority);
        }
        let mut active = Vec::new();
        listeners::commit(bound, &mut active, &workers);
        let started_at = options.clock.now();
        let running = Running {
            settings,
            issuers,
            upstreams,
            estate,
            remote,
            archive,
            events,
            events_archive,
            _revocations: revocations,
            listeners: active,
            workers: Some(workers),
        };
        let shared = Arc::new(Shared {
            metrics,
            pipeline,
            inbox,
            running: Mutex::new(running),
            options,
            draining: AtomicBool::new(false),
            started_at,
            control: control.handle().clone(),
        });
        shared.note_reload(true);
        if let Some(socket) = admin_socket {
            let source = Arc::clone(&shared);
            control.spawn(async move {
                if let Ok(socket) = tokio::net::TcpListener::from_std(socket) {
                    admin::serve(socket, source).await;
                }
            });
        }
        Ok(Self { shared, admin_address, control })
    }

    /// Where the listener called `name` listens; with port 0 in the configuration, the port that was chosen.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        let running = self.shared.lock();
        running.listeners.iter().find(|active| &*active.settings.name == name).map(|active| active.address)
    }

    /// Where the admin listener listens.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Reloads `file` whenever it or a file it names changes, and whenever `reload` is notified.
    pub fn follow(&self, file: &Path, reload: Arc<tokio::sync::Notify>) {
        let shared = Arc::clone(&self.shared);
        let file = file.to_path_buf();
        self.control.spawn(async move { shared.follow(&file, &reload).await });
    }

    /// Runs `future` on the control plane's runtime, for whoever waits for signals.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.control.block_on(future)
    }

    /// Starts `task` on the control plane's runtime; it ends with the gateway.
    pub fn on_control(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.control.spawn(task);
    }

    /// Stops accepting, lets requests and upgraded connections finish until their listener's drain deadline, then ends.
    pub fn shutdown(self) {
        self.shared.draining.store(true, Ordering::Release);
        let workers = {
            let mut running = self.shared.lock();
            listeners::drain(&running.listeners);
            running.workers.take()
        };
        if let Some(workers) = workers {
            workers.join();
        }
        self.control.shutdown_background();
    }
}

/// The store, where the configuration has one.
fn open_store(settings: &Settings, options: &Options, control: &Runtime) -> Result<Option<OpenedStore>, BuildError> {
    let Some(store) = &settings.store else { return Ok(None) };
    let opened = control.block_on(OpenedStore::open_or_make(store, &options.clock));
    opened.map(Some).map_err(BuildError::Store)
}

/// The revocations in the store, read and followed.
fn open_log(opened: &OpenedStore, metrics: &Metrics, options: &Options, control: &Runtime) -> Result<RevocationLog, BuildError> {
    let log = control.block_on(RevocationLog::open(opened, &metrics.revocations, &options.clock, control.handle()));
    log.map_err(|error| BuildError::Store(error.into()))
}

/// What the authority has in the store, where the configuration has an authority.
fn open_estate(
    opened: &OpenedStore,
    settings: &Settings,
    metrics: &Metrics,
    options: &Options,
    control: &Runtime,
) -> Result<Option<Estate>, BuildError> {
    let Some(authority) = &settings.authority else { return Ok(None) };
    Ok(Some(control.block_on(Estate::open(opened, authority, metrics, &options.clock, control.handle()))?))
}

fn bind_admin(address: SocketAddr) -> Result<std::net::TcpListener, StartError> {
    let bind = |address| {
        let socket = std::net::TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    bind(address).map_err(|cause| StartError::Bind { address, cause })
}
