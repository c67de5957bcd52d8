//! Work that many requests ask for at once and one task does: all of them get its outcome, whoever of them is still there.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Outcomes under way and lately known; more are not kept once everybody who waited has them.
const MOST_KEPT: usize = 10_000;

type Outcome<T> = watch::Receiver<Option<T>>;

/// What is under way, by what it is about, on all workers.
#[derive(Debug)]
pub(super) struct Flights<K, T>(Mutex<HashMap<K, Outcome<T>>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The outcome of the work under way about `key`, or of `work`, which goes on although whoever asked for it leaves. It is
    /// given to later callers for as long as `keep` says. `None` where the worker that did it has ended.
    pub(super) async fn join<F>(self: &Arc<Self>, key: K, keep: fn(&T) -> Duration, work: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut outcome = self.board(key, keep, work);
        let landed = outcome.wait_for(Option::is_some).await.ok()?;
        landed.clone()
    }

    fn board<F>(self: &Arc<Self>, key: K, keep: fn(&T) -> Duration, work: impl FnOnce() -> F) -> Outcome<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut flights = self.flights();
        if let Some(outcome) = flights.get(&key) {
            return outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        flights.insert(key.clone(), outcome.clone());
        drop(flights);
        let seat = Seat { flights: Arc::clone(self), key, outcome: outcome.clone() };
        let work = work();
        tokio::spawn(async move {
            let found = work.await;
            let keep = if seat.flights.flights().len() > MOST_KEPT { Duration::ZERO } else { keep(&found) };
            sender.send_replace(Some(found));
            if !keep.is_zero() {
                tokio::time::sleep(keep).await;
            }
            drop(seat);
        });
        outcome
    }
}

impl<K: Eq + Hash, T> Flights<K, T> {
    /// Forgets an outcome that `is_it`, so that the next caller has the work done anew: once for all who found it bad at the
    /// same time.
    pub(super) fn forget(&self, key: &K, is_it: impl FnOnce(&T) -> bool) {
        let mut flights = self.flights();
        if flights.get(key).is_some_and(|listed| listed.borrow().as_ref().is_some_and(is_it)) {
            flights.remove(key);
        }
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<K, Outcome<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the list when the work is done, or its task is dropped with its worker.
struct Seat<K: Eq + Hash, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
    outcome: Outcome<T>,
}

impl<K: Eq + Hash, T> Drop for Seat<K, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.flights();
        // Another flight may have taken the place of one that was forgotten.
        if flights.get(&self.key).is_some_and(|listed| listed.same_channel(&self.outcome)) {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const KEEP: fn(&usize) -> Duration = |_| Duration::from_secs(5);
    const DROP: fn(&usize) -> Duration = |_| Duration::ZERO;

    async fn fly(flights: &Arc<Flights<u8, usize>>, done: &Arc<AtomicUsize>, keep: fn(&usize) -> Duration) -> Option<usize> {
        let done = Arc::clone(done);
        let work = || async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            done.fetch_add(1, Ordering::Relaxed) + 1
        };
        flights.join(1, keep, work).await
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_at_once_shares_one_outcome_and_later_ones_while_it_is_kept() {
        let (flights, done) = (Arc::default(), Arc::default());
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (flights, done) = (Arc::clone(&flights), Arc::clone(&done));
            asking.spawn(async move { fly(&flights, &done, KEEP).await });
        }
        assert_eq!(asking.join_all().await, vec![Some(1); 64]);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(fly(&flights, &done, KEEP).await, Some(1));
        flights.forget(&1, |outcome| *outcome == 2);
        assert_eq!(fly(&flights, &done, KEEP).await, Some(1), "another outcome is not the bad one");
        flights.forget(&1, |outcome| *outcome == 1);
        assert_eq!(fly(&flights, &done, KEEP).await, Some(2));
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(fly(&flights, &done, KEEP).await, Some(2), "the end of the first flight is none of the second");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(flights.flights().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_goes_on_when_its_first_caller_leaves() {
        let (flights, done) = (Arc::default(), Arc::default());
        let first = tokio::time::timeout(Duration::from_millis(10), fly(&flights, &done, DROP)).await;
        assert!(first.is_err());
        assert_eq!(fly(&flights, &done, DROP).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_dies_with_its_worker_is_no_outcome_and_is_not_waited_for() {
        let flights: Arc<Flights<u8, usize>> = Arc::default();
        let dies = || async { panic!("the worker ends") };
        assert_eq!(flights.join(1, DROP, dies).await, None);
        assert!(flights.flights().is_empty());
    }
}
