//! Whether the caller of an upgraded connection may still be believed: a tunnel lives for hours, and must not outlive
//! what opened it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::issuer::Verified;

/// How often a tunnel looks.
const LOOK: Duration = Duration::from_secs(1);

/// A caller's proof and the clock it is held against; nobody in particular has none, and ends nothing.
#[derive(Debug)]
pub(super) struct Standing {
    proof: Option<Arc<Verified>>,
    clock: Clock,
}

impl Standing {
    pub(super) fn new(proof: Option<Arc<Verified>>, clock: Clock) -> Self {
        Self { proof, clock }
    }

    /// Looks from now on.
    pub(super) fn watch(self) -> Watch {
        let watched = self.proof.map(|proof| {
            let mut ticks = interval(LOOK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            (proof, ticks)
        });
        Watch { watched, clock: self.clock }
    }
}

/// The looking.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Option<(Arc<Verified>, Interval)>,
    clock: Clock,
}

impl Watch {
    /// Ready when the proof holds no more. To be asked before anything else of the same task: timers too are silent
    /// once a task has used up its turn, so a stream that never rests would never be looked at.
    pub(super) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((proof, ticks)) = &mut self.watched else { return Poll::Pending };
        while ticks.poll_tick(cx).is_ready() {
            if !proof.holds(self.clock.now()) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}
