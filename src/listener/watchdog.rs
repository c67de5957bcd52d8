//! Drives one connection to its end, under its deadlines and the drain.
//!
//! One alarm to each connection, armed anew only when it rings: it never rings later than the shortest deadline from
//! now, so a phase that began meanwhile is still judged on time, and no request touches the timer.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::drain::Drain;
use super::settings::Deadlines;
use super::vitals::{Due, Protocol, Vitals};

/// How long a connection that never carried a request is waited for when the drain starts: it may come from the accept
/// queue, its request on the way.
pub(super) const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);
/// How long a quiet connection may take to close in good order.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// By its protocol, or because a handler took over the socket.
    Finished,
    /// With an error; `answering` when a request was being answered.
    Failed { error: hyper::Error, answering: bool },
    /// By a deadline.
    Cut(Cut),
}

/// Which deadline cut a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Headers,
    Idle,
    Drain,
}

/// Polls `connection` to its end; `close` asks it to finish what runs and take nothing new.
pub(super) async fn watch<C>(mut connection: Pin<&mut C>, close: impl Fn(Pin<&mut C>), mut watchdog: Watchdog<'_>) -> End
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut alarm = pin!(sleep_until(Instant::now() + watchdog.longest_sleep()));
    let mut draining = pin!(watchdog.drain.started());
    let mut is_enrolled = false;
    std::future::poll_fn(move |cx| {
        // Enrolled once: the task's waker never changes, and asking again at every wake-up would take a lock that all
        // workers share. Whether the drain has started is then a matter of atomic loads.
        if !std::mem::replace(&mut is_enrolled, true) {
            let _ = draining.as_mut().poll(cx);
        }
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(watchdog.end(result));
            }
            match watchdog.order(alarm.as_mut(), cx) {
                Order::Wait => return Poll::Pending,
                Order::Close => close(connection.as_mut()),
                Order::Cut(cut) => return Poll::Ready(End::Cut(cut)),
            }
        }
    })
    .await
}

/// What is to be done with the connection now.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    Wait,
    Close,
    Cut(Cut),
}

/// Judges one connection.
#[derive(Debug)]
pub(super) struct Watchdog<'a> {
    vitals: &'a Vitals,
    deadlines: &'a Deadlines,
    drain: &'a Drain,
    draining_since: Option<Instant>,
    closing_since: Option<Instant>,
}

impl<'a> Watchdog<'a> {
    /// Watches the connection of `vitals`.
    pub(super) fn new(vitals: &'a Vitals, deadlines: &'a Deadlines, drain: &'a Drain) -> Self {
        Self { vitals, deadlines, drain, draining_since: None, closing_since: None }
    }

    fn end(&self, result: hyper::Result<()>) -> End {
        match result {
            Ok(()) => End::Finished,
            Err(error) => End::Failed { error, answering: !self.vitals.is_quiet() },
        }
    }

    fn longest_sleep(&self) -> Duration {
        self.deadlines.headers.min(self.deadlines.idle)
    }

    fn order(&mut self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Order {
        if self.draining_since.is_none() && self.drain.has_started() {
            self.draining_since = Some(Instant::now());
            self.vitals.note_draining();
            alarm.as_mut().reset(Instant::now());
        }
        if self.draining_since.is_some() && self.closing_since.is_none() && self.may_close_for_drain() {
            return self.close(Instant::now());
        }
        while alarm.as_mut().poll(cx).is_ready() {
            match self.judge(Instant::now()) {
                Ok(next) => alarm.as_mut().reset(next),
                Err(Order::Close) => {
                    alarm.as_mut().reset(Instant::now());
                    return self.close(Instant::now());
                }
                Err(order) => return order,
            }
        }
        Order::Wait
    }

    fn close(&mut self, now: Instant) -> Order {
        self.closing_since = Some(now);
        Order::Close
    }

    /// A head that is on its way is waited for, as is a first request; HTTP/2 tells the client where it stopped.
    fn may_close_for_drain(&self) -> bool {
        let between_requests = self.vitals.has_served() && !self.vitals.is_reading_head();
        self.vitals.protocol() == Protocol::Http2 || !self.vitals.is_quiet() || between_requests
    }

    /// What is due at `now`, or when to look again.
    fn judge(&self, now: Instant) -> Result<Instant, Order> {
        let mut next = now + self.longest_sleep();
        let mut await_until = |at: Instant, order: Order| {
            if at <= now {
                return Err(order);
            }
            next = next.min(at);
            Ok(())
        };
        if let Some(since) = self.draining_since {
            await_until(since + self.deadlines.drain, Order::Cut(Cut::Drain))?;
        }
        match self.vitals.due(self.deadlines) {
            Due::Headers(at) => await_until(at, Order::Cut(Cut::Headers))?,
            Due::Idle(at) => self.judge_idle(at, &mut await_until)?,
            Due::Never => {}
        }
        Ok(next)
    }

    /// A client that keeps us from finishing is cut; a quiet connection is closed in good order, which it may not put off.
    fn judge_idle(&self, at: Instant, await_until: &mut impl FnMut(Instant, Order) -> Result<(), Order>) -> Result<(), Order> {
        if !self.vitals.is_quiet() || self.vitals.is_write_blocked() {
            return await_until(at, Order::Cut(Cut::Idle));
        }
        if let Some(since) = self.closing_since {
            return await_until(since + self.close_grace(), Order::Cut(Cut::Idle));
        }
        await_until(self.draining_since.map_or(at, |since| at.min(since + FIRST_REQUEST_GRACE)), Order::Close)
    }

    /// HTTP/2 may still hold the end of an answer for the client's window to open.
    fn close_grace(&self) -> Duration {
        match self.vitals.protocol() {
            Protocol::Http1 => CLOSE_GRACE,
            Protocol::Http2 => self.deadlines.idle,
        }
    }
}
