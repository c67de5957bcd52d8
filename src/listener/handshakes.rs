//! The TLS handshakes under way on one listener, over all workers: a bounded number, the newest in favour.
//!
//! Entered by `arrival`, once for each connection. Where all places are taken the oldest handshake is cut and the new one
//! let in: silent connections would otherwise hold every place for the whole handshake deadline, and a few of them a
//! second would keep everybody out. An honest handshake then fails only where as many newer ones arrive within its own
//! duration as there are places.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The register of one listener. Its lock is held for one look-up, and by no request.
#[derive(Clone, Debug, Default)]
pub(super) struct Handshakes(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    /// The number of the next to come.
    next: u64,
    /// By number, so the oldest first; what to tell each when it is cut.
    cuts: BTreeMap<u64, Arc<Notify>>,
}

impl Handshakes {
    /// Enters a handshake, cutting the oldest so that at most `limit` (one at least) are under way. The bound is given
    /// each time, since a reload may change it.
    pub(super) fn enter(&self, limit: usize) -> Handshake {
        let mut under_way = self.lock();
        while under_way.cuts.len() >= limit.max(1) {
            let Some((_, oldest)) = under_way.cuts.pop_first() else { break };
            oldest.notify_one();
        }
        let number = under_way.next;
        under_way.next += 1;
        let cut = Arc::new(Notify::new());
        under_way.cuts.insert(number, Arc::clone(&cut));
        Handshake { register: self.clone(), number, cut }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One handshake under way, which leaves the register when dropped.
#[derive(Debug)]
pub(super) struct Handshake {
    register: Handshakes,
    number: u64,
    cut: Arc<Notify>,
}

impl Handshake {
    /// Resolves when a newer handshake needs the place.
    pub(super) async fn cut(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.register.lock().cuts.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn is_cut(handshake: &Handshake) -> bool {
        handshake.cut().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_is_cut_for_the_newest_and_who_left_needs_no_cut() {
        let handshakes = Handshakes::default();
        let first = handshakes.enter(2);
        let second = handshakes.enter(2);
        assert!(!is_cut(&first) && !is_cut(&second));
        let third = handshakes.enter(2);
        assert!(is_cut(&first) && !is_cut(&second) && !is_cut(&third));
        drop(second);
        let fourth = handshakes.enter(2);
        assert!(!is_cut(&third) && !is_cut(&fourth));
        drop((first, third, fourth));
        assert!(handshakes.lock().cuts.is_empty());
    }

    #[test]
    fn a_lowered_limit_cuts_as_many_as_it_takes() {
        let handshakes = Handshakes::default();
        let all: Vec<_> = (0..5).map(|_| handshakes.enter(5)).collect();
        let newest = handshakes.enter(2);
        let cut: Vec<_> = all.iter().map(is_cut).collect();
        assert_eq!(cut, [true, true, true, true, false]);
        assert!(!is_cut(&newest));
    }
}
