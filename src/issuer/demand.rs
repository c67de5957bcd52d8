//! Whether an unknown key id may cost a fetch: the pure half of one issuer's fetching on demand.
//!
//! Asked by `keys` under its lock, told by `refresher` when fetches begin and end. All who ask while a fetch is wanted or
//! under way share it; at most one fetch per window is made on account of unknown ids, whatever an attacker sends
//! (security checklist B4). It knows no network and no timer.

use std::collections::HashSet;
use std::time::Duration;

use ahash::RandomState;

use crate::clock::Timestamp;

/// Ids remembered as absent. More are merely not remembered: the window bounds their fetches just the same.
const MAX_ABSENT: usize = 1024;

/// What is to be done about a missing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Wait for the fetch of this number to end, then look again.
    Wait(u64),
    /// As `Wait`, after waking the task.
    Wake(u64),
    /// A fetch that began after the question did not bring the key, or that was so within this window.
    Absent,
    /// The window's fetch was spent; the issuer was in reach when last asked.
    Suppressed,
    /// The last fetch failed, so nothing is known.
    OutOfReach,
}

/// The fetches of one issuer, numbered from 1, and the ids they did not bring.
pub(super) struct Demand {
    window: Duration,
    begun: u64,
    ended: u64,
    wanted: u64,
    began_at: Timestamp,
    last_was_good: bool,
    quiet_from: Option<Timestamp>,
    absent: HashSet<u64, RandomState>,
    hasher: RandomState,
}

impl Demand {
    /// The first fetch is wanted from birth, so that whoever asks before the task runs shares it.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            begun: 0,
            ended: 0,
            wanted: 1,
            began_at: Timestamp::from_millis(0),
            last_was_good: false,
            quiet_from: None,
            absent: HashSet::default(),
            hasher: RandomState::new(),
        }
    }

    /// The number of the last fetch that had begun when a question arrived; later ones can answer it for certain.
    pub(super) fn arrival(&self) -> u64 {
        self.begun
    }

    /// What to do at `now` about `id` (or about having no key at all), asked at `arrival` and not in the latest set.
    pub(super) fn ask(&mut self, id: Option<&str>, arrival: u64, now: Timestamp) -> Turn {
        // Attacker-chosen ids are kept only as keyed hashes: bounded in size, and no collision can be prepared.
        let id = id.map(|id| self.hasher.hash_one(id));
        if self.ended > arrival {
            return self.answered(id);
        }
        if id.is_some_and(|id| self.absent.contains(&id)) && self.is_quiet(now) {
            return Turn::Absent;
        }
        match self.pending() {
            Some(fetch) => Turn::Wait(fetch),
            None if self.is_quiet(now) => self.unasked(),
            None => self.want(now),
        }
    }

    /// Wants a fetch regardless of the window, for an operator or the issuer's own notice. Its number.
    pub(super) fn insist(&mut self) -> u64 {
        self.wanted = self.wanted.max(self.begun + 1);
        self.wanted
    }

    /// Whether a fetch is wanted that has not begun.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted > self.begun
    }

    /// The task begins the next fetch.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.begun += 1;
        self.wanted = self.wanted.max(self.begun);
        self.began_at = now;
    }

    /// The fetch that was begun last has ended. A failed one closes the window, so that demand adds nothing to the
    /// attempts on an issuer in trouble; a good one forgets the absent ids.
    pub(super) fn end(&mut self, good: bool) -> u64 {
        self.ended = self.begun;
        self.last_was_good = good;
        if good {
            self.absent.clear();
        } else {
            self.quiet_from = Some(self.began_at);
        }
        self.ended
    }

    fn answered(&mut self, id: Option<u64>) -> Turn {
        if !self.last_was_good {
            return Turn::OutOfReach;
        }
        if let Some(id) = id
            && self.absent.len() < MAX_ABSENT
        {
            self.absent.insert(id);
        }
        Turn::Absent
    }

    fn pending(&self) -> Option<u64> {
        let latest = self.wanted.max(self.begun);
        // One under way answers first, even where another is wanted after it.
        if self.begun > self.ended { Some(self.begun) } else { (latest > self.ended).then_some(latest) }
    }

    fn unasked(&self) -> Turn {
        if self.last_was_good { Turn::Suppressed } else { Turn::OutOfReach }
    }

    fn want(&mut self, now: Timestamp) -> Turn {
        self.quiet_from = Some(now);
        Turn::Wake(self.insist())
    }

    /// Within a window of the last demanded or failed fetch. Distance, not order: threads read the clock a little
    /// apart, and a clock set back must not silence demand for longer than a window.
    fn is_quiet(&self, now: Timestamp) -> bool {
        self.quiet_from.is_some_and(|from| now.since(from).max(from.since(now)) < self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1000 + seconds)
    }

    /// After a good first fetch at second 0.
    fn ready() -> Demand {
        let mut demand = Demand::new(WINDOW);
        demand.begin(at(0));
        demand.end(true);
        demand
    }

    fn ask(demand: &mut Demand, id: &str, now: u64) -> Turn {
        demand.ask(Some(id), demand.arrival(), at(now))
    }

    #[test]
    fn the_first_fetch_is_shared_before_it_begins() {
        let mut demand = Demand::new(WINDOW);
        assert_eq!(ask(&mut demand, "k", 0), Turn::Wait(1));
        demand.begin(at(0));
        assert_eq!(ask(&mut demand, "k", 0), Turn::Wait(1));
    }

    #[test]
    fn an_unknown_id_costs_one_fetch_that_all_share() {
        let mut demand = ready();
        let arrival = demand.arrival();
        assert_eq!(ask(&mut demand, "a", 1), Turn::Wake(2));
        assert_eq!(ask(&mut demand, "b", 1), Turn::Wait(2));
        demand.begin(at(1));
        assert_eq!(ask(&mut demand, "c", 1), Turn::Wait(2));
        demand.end(true);
        assert_eq!(demand.ask(Some("a"), arrival, at(2)), Turn::Absent);
        assert_eq!(ask(&mut demand, "a", 2), Turn::Absent, "remembered");
        assert_eq!(ask(&mut demand, "new", 2), Turn::Suppressed);
        assert_eq!(ask(&mut demand, "new", 11), Turn::Wake(3), "the window has passed");
    }

    #[test]
    fn an_absent_id_is_asked_again_after_the_window_so_it_cannot_be_poisoned_ahead_of_a_rotation() {
        let mut demand = ready();
        let arrival = demand.arrival();
        ask(&mut demand, "next", 1);
        demand.begin(at(1));
        demand.end(true);
        assert_eq!(demand.ask(Some("next"), arrival, at(1)), Turn::Absent);
        assert_eq!(ask(&mut demand, "next", 10), Turn::Absent);
        assert_eq!(ask(&mut demand, "next", 11), Turn::Wake(3));
    }

    #[test]
    fn a_fetch_that_began_before_the_question_does_not_decide_it() {
        let mut demand = ready();
        demand.begin(at(100));
        let arrival = demand.arrival();
        assert_eq!(demand.ask(Some("k"), arrival, at(100)), Turn::Wait(2));
        demand.end(true);
        assert_eq!(demand.ask(Some("k"), arrival, at(100)), Turn::Wake(3));
    }

    #[test]
    fn every_good_fetch_forgets_the_absent_ids() {
        let mut demand = ready();
        let arrival = demand.arrival();
        ask(&mut demand, "k", 1);
        demand.begin(at(1));
        demand.end(true);
        demand.ask(Some("k"), arrival, at(1));
        demand.begin(at(3));
        demand.end(true);
        assert_eq!(ask(&mut demand, "k", 4), Turn::Suppressed);
    }

    #[test]
    fn after_a_failure_nothing_is_known_and_demand_is_quiet() {
        let mut demand = ready();
        demand.begin(at(20));
        demand.end(false);
        assert_eq!(ask(&mut demand, "k", 21), Turn::OutOfReach);
        assert_eq!(ask(&mut demand, "k", 30), Turn::Wake(3));
    }

    #[test]
    fn a_clock_set_back_silences_demand_for_no_longer_than_a_window() {
        let mut demand = ready();
        ask(&mut demand, "a", 500);
        demand.begin(at(500));
        demand.end(true);
        assert_eq!(ask(&mut demand, "b", 499), Turn::Suppressed, "two threads read the clock a little apart");
        assert_eq!(ask(&mut demand, "b", 100), Turn::Wake(3));
    }

    #[test]
    fn absent_ids_are_bounded() {
        let mut demand = ready();
        for id in 0..5000 {
            let arrival = demand.arrival();
            demand.begin(at(0));
            demand.last_was_good = true;
            demand.ended = demand.begun;
            assert_eq!(demand.ask(Some(&id.to_string()), arrival, at(0)), Turn::Absent);
        }
        assert_eq!(demand.absent.len(), MAX_ABSENT);
    }

    proptest! {
        /// Any order of questions, passing time and fetches: demanded fetches begin at least a window apart.
        #[test]
        fn at_most_one_demanded_fetch_per_window(steps in proptest::collection::vec((0..4u8, 0..4000u64, 0..50u32), 1..300)) {
            let mut demand = ready();
            let mut now = at(0);
            let mut wakes: Vec<Timestamp> = Vec::new();
            for (step, millis, id) in steps {
                now = now.plus(Duration::from_millis(millis));
                match step {
                    0 if demand.begun == demand.ended && demand.is_wanted() => demand.begin(now),
                    1 if demand.begun > demand.ended => { demand.end(millis % 3 != 0); }
                    _ => {
                        let arrival = demand.arrival();
                        if let Turn::Wake(_) = demand.ask(Some(&id.to_string()), arrival, now) {
                            wakes.push(now);
                        }
                    }
                }
            }
            prop_assert!(wakes.windows(2).all(|pair| pair[1].since(pair[0]) >= WINDOW));
        }
    }
}
