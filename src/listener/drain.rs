//! The signal to stop accepting and to finish what runs.
//!
//! `gateway` holds the one [`DrainHandle`] of a listener (or of the process); every worker and every connection holds a
//! [`Drain`]. A drain is started once and never taken back.

use tokio::sync::watch;

/// Starts the drain, by [`DrainHandle::start`] or by being dropped.
#[derive(Debug)]
pub struct DrainHandle(watch::Sender<bool>);

impl DrainHandle {
    /// Tells every holder of the [`Drain`] to stop accepting and finish.
    pub fn start(&self) {
        self.0.send_replace(true);
    }
}

/// Knows whether the drain has started.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<bool>);

impl Drain {
    /// A drain that has not started, and the handle that starts it.
    pub fn new() -> (DrainHandle, Self) {
        let (sender, receiver) = watch::channel(false);
        (DrainHandle(sender), Self(receiver))
    }

    /// Whether the drain has started: one atomic load, so cheap enough for every wake-up of a connection.
    pub fn has_started(&self) -> bool {
        // The value only ever changes once, from the one this receiver was born with; an error is a dropped handle.
        self.0.has_changed().unwrap_or(true)
    }

    /// Resolves when the drain starts.
    pub async fn started(&self) {
        let mut receiver = self.0.clone();
        // An error is a dropped handle, which counts as a start.
        let _ = receiver.wait_for(|started| *started).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_holder_sees_the_start_also_one_cloned_afterwards() {
        let (handle, drain) = Drain::new();
        let early = drain.clone();
        assert!(!early.has_started());
        handle.start();
        assert!(early.has_started() && drain.clone().has_started());
        early.started().await;
        drain.clone().started().await;
    }

    #[tokio::test]
    async fn dropping_the_handle_starts_the_drain() {
        let (handle, drain) = Drain::new();
        drop(handle);
        assert!(drain.has_started());
        drain.started().await;
    }
}
