//! The signal to stop accepting and to finish what runs.
//!
//! `gateway` holds the one [`DrainHandle`] of a listener (or of the process); every worker and every connection holds a
//! [`Drain`]. A drain is started once and never taken back. Each generation of settings has one too, which a reload
//! starts: a connection ends with whichever comes first.

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
pub struct Drain {
    starts: watch::Receiver<bool>,
    /// Another that counts as well.
    or: Option<watch::Receiver<bool>>,
}

impl Drain {
    /// A drain that has not started, and the handle that starts it.
    pub fn new() -> (DrainHandle, Self) {
        let (sender, receiver) = watch::channel(false);
        (DrainHandle(sender), Self { starts: receiver, or: None })
    }

    /// Whether the drain has started: an atomic load or two, so cheap enough for every wake-up of a connection.
    pub fn has_started(&self) -> bool {
        has_started(&self.starts) || self.or.as_ref().is_some_and(has_started)
    }

    /// One that starts when this or `other` does; neither may be such a pair itself.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self { starts: self.starts.clone(), or: Some(other.starts.clone()) }
    }

    /// Resolves when the drain starts.
    pub async fn started(&self) {
        match &self.or {
            None => started(&self.starts).await,
            Some(or) => tokio::select! {
                () = started(&self.starts) => {}
                () = started(or) => {}
            },
        }
    }
}

fn has_started(starts: &watch::Receiver<bool>) -> bool {
    // The value only ever changes once, from the one this receiver was born with; an error is a dropped handle.
    starts.has_changed().unwrap_or(true)
}

async fn started(starts: &watch::Receiver<bool>) {
    // An error is a dropped handle, which counts as a start.
    let _ = starts.clone().wait_for(|started| *started).await;
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
    async fn either_of_two_starts_both_and_neither_starts_the_other() {
        for starts_first in [true, false] {
            let ((first, one), (second, other)) = (Drain::new(), Drain::new());
            let either = one.or(&other);
            assert!(!either.has_started());
            if starts_first {
                first.start();
            } else {
                second.start();
            }
            assert!(either.has_started() && either.clone().has_started());
            either.started().await;
            assert_eq!((one.has_started(), other.has_started()), (starts_first, !starts_first));
        }
    }

    #[tokio::test]
    async fn dropping_the_handle_starts_the_drain() {
        let (handle, drain) = Drain::new();
        drop(handle);
        assert!(drain.has_started());
        drain.started().await;
    }
}
