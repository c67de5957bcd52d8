//! Which events were taken already. Bounded: what is forgotten too early is taken once more, which ends nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use aws_lc_rs::digest;

use crate::clock::Timestamp;
use crate::revocation::Event;

/// About 15 MB where all are there.
const MOST: usize = 100_000;

/// An event of one party, in 32 bytes however long its id is.
pub(super) type EventName = [u8; 32];

/// The name of `event`, whose body this is, from the party that speaks for `issuer`. An event without an id is told by its
/// body.
pub(super) fn event_name(issuer: &str, event: &Event, body: &[u8]) -> EventName {
    let (kind, told_by): (&[u8], &[u8]) = match &event.id {
        Some(id) => (b"id", id.as_bytes()),
        None => (b"body", body),
    };
    let mut context = digest::Context::new(&digest::SHA256);
    // Each part after its length, so that no two names are built of the same bytes.
    for part in [issuer.as_bytes(), kind, told_by] {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut name = [0; 32];
    name.copy_from_slice(context.finish().as_ref());
    name
}

/// The events that were taken and could still matter.
#[derive(Debug)]
pub(super) struct Seen {
    names: Mutex<Names>,
    most: usize,
}

#[derive(Debug, Default)]
struct Names {
    /// Until when each is remembered.
    until: HashMap<EventName, Timestamp, RandomState>,
    /// In the order of arrival.
    order: VecDeque<EventName>,
}

impl Default for Seen {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Seen {
    fn of(most: usize) -> Self {
        Self { names: Mutex::default(), most }
    }

    /// Whether this event was taken before `now`.
    pub(super) fn has(&self, name: &EventName, now: Timestamp) -> bool {
        self.names().until.get(name).is_some_and(|until| now < *until)
    }

    /// This event was taken at `now`, and is remembered until then, or until too many came after it.
    pub(super) fn add(&self, name: EventName, until: Timestamp, now: Timestamp) {
        let mut names = self.names();
        if names.until.insert(name, until).is_none() {
            names.order.push_back(name);
        }
        while let Some(first) = names.order.front().copied() {
            let is_over = names.until.get(&first).is_none_or(|until| *until <= now);
            if names.order.len() <= self.most && !is_over {
                break;
            }
            names.order.pop_front();
            names.until.remove(&first);
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::News;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn named(id: Option<&str>, issuer: &str, body: &[u8]) -> EventName {
        event_name(issuer, &Event { id: id.map(str::to_owned), news: News::Other }, body)
    }

    #[test]
    fn an_event_is_known_until_it_cannot_matter() {
        let seen = Seen::default();
        let name = named(Some("e"), "iss", b"");
        assert!(!seen.has(&name, at(1)));
        seen.add(name, at(10), at(1));
        assert!(seen.has(&name, at(9)) && !seen.has(&name, at(10)));
    }

    #[test]
    fn the_oldest_are_forgotten_and_no_more_than_needed() {
        let seen = Seen::of(3);
        let names: Vec<EventName> = (0..5).map(|number| named(Some(&number.to_string()), "iss", b"")).collect();
        for name in &names {
            seen.add(*name, at(10), at(1));
            seen.add(*name, at(10), at(1));
        }
        let known: Vec<bool> = names.iter().map(|name| seen.has(name, at(1))).collect();
        assert_eq!(known, [false, false, true, true, true]);
        seen.add(named(Some("last"), "iss", b""), at(30), at(20));
        assert_eq!((seen.names().order.len(), seen.names().until.len()), (1, 1), "what is over goes first");
    }

    #[test]
    fn the_same_id_of_another_party_is_another_event() {
        let all = [
            named(Some("e"), "one", b"x"),
            named(Some("e"), "two", b"x"),
            named(None, "one", b"e"),
            named(None, "one", b"x"),
            named(Some("x"), "one", b"e"),
        ];
        for (index, name) in all.iter().enumerate() {
            assert!(!all[..index].contains(name), "{index}");
        }
        assert_eq!(named(Some("e"), "one", b"x"), named(Some("e"), "one", b"y"), "an id counts before a body");
    }
}
