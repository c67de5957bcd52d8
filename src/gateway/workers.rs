//! The data plane's threads: one single-threaded runtime to each, with accept sockets and upstream connections of its
//! own, so that a request never leaves the thread that accepted it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::listener::{Drain, Handler, Listener};
use crate::peer::Peer;
use crate::proxy::{Body, Pipeline};

/// How often unused upstream connections are looked through.
const SWEEP: Duration = Duration::from_secs(1);
/// How often a draining worker looks whether its upgraded connections have ended.
const TUNNEL_POLL: Duration = Duration::from_millis(20);

impl Handler for Pipeline {
    type Body = Body;

    fn handle(&self, peer: &Arc<Peer>, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send + 'static {
        self.serve(Arc::clone(peer), request)
    }
}

/// One accept socket for one worker.
struct Assignment {
    listener: Arc<Listener>,
    socket: TcpListener,
    drain: Drain,
    drain_deadline: Duration,
}

/// The running threads.
#[derive(Debug)]
pub(super) struct Workers {
    assign: Vec<UnboundedSender<Assignment>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads that serve nothing yet.
    pub(super) fn start(count: usize, pipeline: &Pipeline) -> io::Result<Self> {
        let mut workers = Self { assign: Vec::new(), threads: Vec::new() };
        for index in 0..count.max(1) {
            let (assign, assignments) = unbounded_channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let pipeline = pipeline.clone();
            let thread = std::thread::Builder::new().name(format!("worker-{index}"));
            workers.threads.push(thread.spawn(move || runtime.block_on(work(assignments, pipeline)))?);
            workers.assign.push(assign);
        }
        Ok(workers)
    }

    pub(super) fn count(&self) -> usize {
        self.assign.len()
    }

    /// Gives each worker one of `sockets` to serve until `drain` starts.
    pub(super) fn serve(&self, listener: &Arc<Listener>, sockets: Vec<TcpListener>, drain: &Drain, drain_deadline: Duration) {
        for (worker, socket) in self.assign.iter().zip(sockets) {
            let (listener, drain) = (Arc::clone(listener), drain.clone());
            // A worker that is gone has panicked outside a request; the others serve on.
            let _ = worker.send(Assignment { listener, socket, drain, drain_deadline });
        }
    }

    /// Waits for every worker to finish what it serves; the listeners must have been told to drain.
    pub(super) fn join(self) {
        drop(self.assign);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

async fn work(mut assignments: UnboundedReceiver<Assignment>, pipeline: Pipeline) {
    let mut serving = JoinSet::new();
    let mut longest_drain = Duration::ZERO;
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            assignment = assignments.recv() => match assignment {
                Some(assignment) => {
                    longest_drain = longest_drain.max(assignment.drain_deadline);
                    serving.spawn(serve(assignment, pipeline.clone()));
                }
                None => break,
            },
            _ = sweep.tick() => pipeline.sweep(),
            Some(_) = serving.join_next() => {}
        }
    }
    let deadline = Instant::now() + longest_drain;
    while serving.join_next().await.is_some() {}
    // Upgraded connections are not the listener's any more; they may go on until the same deadline, and then end with
    // this runtime.
    let _ = tokio::time::timeout_at(deadline, async {
        while pipeline.has_tunnels() {
            tokio::time::sleep(TUNNEL_POLL).await;
        }
    })
    .await;
}

async fn serve(assignment: Assignment, pipeline: Pipeline) {
    match tokio::net::TcpListener::from_std(assignment.socket) {
        Ok(socket) => assignment.listener.serve(socket, pipeline, assignment.drain).await,
        Err(error) => tracing::error!(%error, "an accept socket could not be used"),
    }
}
