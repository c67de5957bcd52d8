//! The bound listeners of the running configuration, and their change on reload.
//!
//! A listener is the same one across reloads when name and address are the same: its sockets stay, its certificates
//! and limits are swapped. Sockets of new ones are bound before anything is changed, so a busy address refuses the
//! reload and costs nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::workers::Workers;
use crate::listener::{self, Drain, DrainHandle, Listener, ListenerError, ListenerSettings, Prepared};

/// A listener that is served.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) settings: ListenerSettings,
    pub(super) listener: Arc<Listener>,
    /// Where it listens: the configured address, the port chosen.
    pub(super) address: SocketAddr,
    drain: DrainHandle,
}

/// A listener of a configuration that is built and not yet used.
#[derive(Debug)]
pub(super) enum Planned {
    /// Runs already; takes over new settings.
    Kept(ListenerSettings, Prepared),
    /// Is new.
    New(ListenerSettings, Arc<Listener>),
}

/// A planned listener whose sockets are bound.
#[derive(Debug)]
pub(super) enum Bound {
    Kept(ListenerSettings, Prepared),
    New(ListenerSettings, Arc<Listener>, Vec<TcpListener>),
}

/// Builds the listeners of a configuration beside the running ones.
pub(super) fn plan(
    settings: &[ListenerSettings],
    running: &[Active],
    metrics: &Arc<listener::Metrics>,
) -> Result<Vec<Planned>, (Arc<str>, ListenerError)> {
    let plan_one = |wanted: &ListenerSettings| {
        let kept = running.iter().find(|active| is_same(&active.settings, wanted));
        let planned = match kept {
            Some(active) => active.listener.prepare(wanted.clone()).map(|prepared| Planned::Kept(wanted.clone(), prepared)),
            None => Listener::build(wanted.clone(), Arc::clone(metrics)).map(|listener| Planned::New(wanted.clone(), listener)),
        };
        planned.map_err(|error| (Arc::clone(&wanted.name), error))
    };
    settings.iter().map(plan_one).collect()
}

/// Binds what is new among `planned`.
pub(super) fn bind(planned: Vec<Planned>, sockets: usize, take_over: bool) -> Result<Vec<Bound>, (SocketAddr, io::Error)> {
    let bind_one = |planned| match planned {
        Planned::Kept(settings, prepared) => Ok(Bound::Kept(settings, prepared)),
        Planned::New(settings, listener) => {
            let bound = listener::bind(settings.address, sockets, take_over);
            let bound = bound.map_err(|error| (settings.address, error))?;
            Ok(Bound::New(settings, listener, bound))
        }
    };
    planned.into_iter().map(bind_one).collect()
}

/// Serves `bound` and drains the running listeners that are not among them.
pub(super) fn commit(bound: Vec<Bound>, running: &mut Vec<Active>, workers: &Workers) {
    let mut next = Vec::with_capacity(bound.len());
    for bound in bound {
        match bound {
            Bound::Kept(settings, prepared) => {
                let Some(index) = running.iter().position(|active| is_same(&active.settings, &settings)) else { continue };
                let active = running.swap_remove(index);
                active.listener.apply(prepared);
                next.push(Active { settings, ..active });
            }
            Bound::New(settings, listener, sockets) => next.push(start(settings, listener, sockets, workers)),
        }
    }
    // Dropping the handles of the others starts their drain.
    *running = next;
}

fn start(settings: ListenerSettings, listener: Arc<Listener>, sockets: Vec<TcpListener>, workers: &Workers) -> Active {
    let address = sockets.first().and_then(|socket| socket.local_addr().ok()).unwrap_or(settings.address);
    let (drain, drained) = Drain::new();
    workers.serve(&listener, sockets, &drained, settings.deadlines.drain);
    tracing::info!(listener = &*settings.name, %address, tls = settings.tls.is_some(), "listening");
    Active { settings, listener, address, drain }
}

fn is_same(one: &ListenerSettings, other: &ListenerSettings) -> bool {
    one.name == other.name && one.address == other.address
}

/// Starts the drain of all of them.
pub(super) fn drain(running: &[Active]) {
    running.iter().for_each(|active| active.drain.start());
}
