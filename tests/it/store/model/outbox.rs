//! Events that wait, and what would end, the plainest way.

use tollgate::clock::Timestamp;
use tollgate::store::{Committed, Ended, Ending, Event, Known, QueuedEvent, RefreshToken, Room, StoreError};
use uuid::Uuid;

use super::Records;
use super::change::Done;

impl Records {
    fn would_end(&self, ended: &Ended) -> Vec<RefreshToken> {
        let (_, ids) = self.ends(ended);
        let tokens = self.tokens.values().map(|it| &it.record).filter(|it| ids.contains(&it.id));
        let mut tokens: Vec<RefreshToken> = tokens.cloned().collect();
        tokens.sort_by_key(|it| (it.inserted, it.id));
        tokens
    }

    pub(super) fn ending(&self, ended: &Ended, but_for: Option<Uuid>, most: usize) -> Ending {
        let mut tokens = self.would_end(ended);
        let mut applications: Vec<Uuid> = tokens.iter().map(|it| it.application).collect();
        applications.sort_unstable();
        applications.dedup();
        tokens.retain(|it| Some(it.application) != but_for);
        tokens.truncate(most);
        Ending { applications, tokens }
    }

    pub(super) fn ends_only(&self, ended: &Ended, known: &Known) -> Done {
        let is_known = |it: &RefreshToken| known.applications.contains(&it.application) || known.tokens.contains(&it.id);
        if self.would_end(ended).iter().all(is_known) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    pub(super) fn add_event(&mut self, event: Event, room: Room, committed: &mut Committed) -> Done {
        let waiting = self.events.iter().filter(|it| it.event.webhook == event.webhook);
        let (count, bytes) = waiting.fold((0, 0), |(count, bytes), it| (count + 1, bytes + it.event.body.len() as u64));
        if count >= room.events || bytes + event.body.len() as u64 > room.bytes {
            committed.events.push(None);
            return Ok(());
        }
        self.last_event += 1;
        let due = event.created;
        self.events.push(QueuedEvent { number: self.last_event, event, attempts: 0, due, version: 0 });
        committed.events.push(Some(self.last_event));
        Ok(())
    }

    pub(super) fn defer_event(&mut self, number: u64, version: u64, attempts: u64, due: Timestamp) -> Done {
        let mut events = self.events.iter_mut();
        let event = events.find(|it| it.number == number && it.version == version).ok_or(StoreError::Conflict)?;
        *event = QueuedEvent { attempts, due, version: version + 1, ..event.clone() };
        Ok(())
    }

    pub(super) fn sweep_events(&mut self, committed: &mut Committed, is_over: impl Fn(&QueuedEvent) -> bool) {
        let before = self.events.len();
        self.events.retain(|it| !is_over(it));
        committed.events_swept += (before - self.events.len()) as u64;
    }

    pub(super) fn due_events(&self, webhook: &str, now: Timestamp, most: usize) -> Vec<QueuedEvent> {
        let mut seen = Vec::new();
        let mut due = Vec::new();
        for it in self.events.iter().filter(|it| it.event.webhook == webhook) {
            if !seen.contains(&it.event.ordering) {
                seen.push(it.event.ordering);
                due.push(it.clone());
            }
        }
        due.retain(|it| it.due <= now);
        due.sort_by_key(|it| (it.due, it.number));
        due.truncate(most);
        due
    }
}
