//! A running gateway: starting it, asking it, reloading it, stopping it.
//!
//! The control plane (issuer tasks, admin listener, file watching) has a runtime of its own, so that nothing it waits
//! for holds up a request.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Runtime;

use super::build::{self, BuildError, Built};
use super::files::Folders;
use super::listeners::{self, Active};
use super::metrics::{Metrics, MetricsError};
use super::workers::Workers;
use crate::clock::{Clock, Timestamp};
use crate::config::{Settings, SourceFile};
use crate::issuer::Registry;
use crate::proxy::Pipeline;
use crate::telemetry::{LogLevel, LogSink};
use crate::upstream::Upstream;
use crate::{admin, config};

/// What a gateway is given beside its configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bind beside another process that holds the addresses.
    pub take_over: bool,
    /// What time it is.
    pub clock: Clock,
    /// Where access lines go.
    pub log: LogSink,
    /// The filter of the process's log, changed by a reload; absent where the process has another.
    pub log_level: Option<LogLevel>,
}

impl Options {
    /// For a gateway that is built and never serves: it logs nothing.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn rehearsal(clock: &Clock) -> io::Result<Self> {
        let (log, _) = LogSink::start(io::sink())?;
        Ok(Self { take_over: false, clock: clock.clone(), log, log_level: None })
    }
}

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

/// What reload, status and the admin listener share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) metrics: Metrics,
    pub(super) pipeline: Pipeline,
    pub(super) running: Mutex<Running>,
    pub(super) options: Options,
    pub(super) draining: AtomicBool,
    pub(super) started_at: Timestamp,
    pub(super) control: tokio::runtime::Handle,
}

/// The configuration in force, and the parts that outlive a reload when they are unchanged.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) settings: Settings,
    pub(super) issuers: Arc<Registry>,
    pub(super) upstreams: Vec<Arc<Upstream>>,
    pub(super) listeners: Vec<Active>,
    /// `None` once the gateway is shutting down.
    pub(super) workers: Option<Workers>,
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
        let parts = build::build(&settings, None, &metrics, &options)?;
        let planned = listeners::plan(&settings.listeners, &[], &metrics.listener).map_err(BuildError::listener)?;
        let bound = listeners::bind(planned, settings.workers.max(1), options.take_over)
            .map_err(|(address, cause)| StartError::Bind { address, cause })?;
        let admin_socket = settings.admin.map(bind_admin).transpose()?;
        let admin_address = admin_socket.as_ref().and_then(|socket| socket.local_addr().ok());

        let Built { snapshot, issuers, upstreams } = parts;
        let pipeline = Pipeline::new(snapshot);
        let workers = Workers::start(settings.workers, &pipeline)?;
        issuers.commit(None, control.handle());
        let mut active = Vec::new();
        listeners::commit(bound, &mut active, &workers);
        let started_at = options.clock.now();
        let running = Running { settings, issuers, upstreams, listeners: active, workers: Some(workers) };
        let shared = Arc::new(Shared {
            metrics,
            pipeline,
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

fn bind_admin(address: SocketAddr) -> Result<std::net::TcpListener, StartError> {
    let bind = |address| {
        let socket = std::net::TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    bind(address).map_err(|cause| StartError::Bind { address, cause })
}

impl Shared {
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the files with what was read from them, not with what they held a moment later: a change during a
    /// reload is one more change.
    async fn follow(&self, file: &Path, reload: &tokio::sync::Notify) {
        let mut files = self.lock().settings.files.clone();
        loop {
            // Watched first, then looked at.
            let folders = Folders::watch(&files);
            while files.iter().all(SourceFile::is_unchanged) {
                tokio::select! {
                    () = reload.notified() => break,
                    () = folders.changed() => {}
                }
            }
            files = self.reload_file(file);
        }
    }

    /// The files that were read, also where the configuration was refused: one of them may be what is wrong.
    fn reload_file(&self, file: &Path) -> Vec<SourceFile> {
        match config::load(file, std::env::vars_os()) {
            Ok(settings) => {
                let files = settings.files.clone();
                match self.reload(settings) {
                    Ok(()) => tracing::info!(file = %file.display(), "configuration reloaded"),
                    Err(error) => tracing::error!(%error, "configuration refused; the former one stays in force"),
                }
                files
            }
            Err(diagnostics) => {
                self.note_reload(false);
                tracing::error!(%diagnostics, "configuration refused; the former one stays in force");
                diagnostics.files
            }
        }
    }
}
