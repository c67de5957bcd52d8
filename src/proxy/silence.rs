//! How long nothing may come or go on a body or an upgraded stream: a clock that costs nothing while bytes move.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Measures the present silence.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Duration,
    since: Option<Instant>,
    /// Armed by the first silence. It may ring for a former one; then it is armed anew.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(super) fn at_most(limit: Duration) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// Something came or went.
    pub(super) fn broken(&mut self) {
        self.since = None;
    }

    /// Ready when it has lasted too long; asked whenever there was nothing.
    pub(super) fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn too_long(silence: &mut Silence) {
        std::future::poll_fn(|cx| silence.poll_too_long(cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_silence_is_measured_from_its_own_start() {
        let (mut silence, started) = (Silence::at_most(LIMIT), Instant::now());
        for _ in 0..3 {
            let cut = tokio::time::timeout(LIMIT - Duration::from_secs(1), too_long(&mut silence)).await;
            assert!(cut.is_err());
            silence.broken();
        }
        too_long(&mut silence).await;
        assert!(started.elapsed() >= LIMIT * 4 - Duration::from_secs(3) && started.elapsed() < LIMIT * 4);
    }
}
