//! What is to change about the stored keys, decided on what was read; nothing here waits or writes.
//!
//! Every step that could be taken twice replaces a record at the version it was read with, so that of two gateways that
//! decide the same only one succeeds. Where both began on an empty store, both added; the later keys are then retired.

use std::time::Duration;

use super::settings::{Place, SigningKeySettings, Slot};
use super::{SigningKeysError, is_over};
use crate::clock::Timestamp;
use crate::store::{KeyState, SigningKeyRecord};
use crate::token::Algorithm;

/// How much longer a stopped key is believed than its tokens live: other gateways sign with it until they hear of it.
const HEARD_BY_ALL: Duration = Duration::from_secs(60);

/// What is to change.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Records as they should be.
    pub(super) replaced: Vec<SigningKeyRecord>,
    /// Keys to make.
    pub(super) made: Vec<(Slot, KeyState)>,
    /// Whether some have ended and can go.
    pub(super) sweep: bool,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.replaced.is_empty() && self.made.is_empty() && !self.sweep
    }
}

/// Decides at one instant under one set of settings.
pub(super) struct Planner<'a> {
    pub(super) records: &'a [SigningKeyRecord],
    pub(super) settings: &'a SigningKeySettings,
    pub(super) now: Timestamp,
}

impl Planner<'_> {
    /// Brings the keys to what the settings want: one active and one next key in each slot, in the wanted algorithm, none
    /// elsewhere; rotates what is due; forgets what has ended.
    pub(super) fn tend(&self) -> Plan {
        let mut plan = Plan { sweep: self.records.iter().any(|record| is_over(record, self.now)), ..Plan::default() };
        let is_unwanted = |record: &&SigningKeyRecord| !self.settings.slots.iter().any(|slot| slot.place == place(record));
        let unwanted = self.living().filter(is_unwanted);
        plan.replaced.extend(unwanted.map(|record| self.retired(record)));
        for slot in &self.settings.slots {
            self.tend_slot(slot, &mut plan);
        }
        plan
    }

    fn tend_slot(&self, slot: &Slot, plan: &mut Plan) {
        let (active, next) = (self.one(slot, KeyState::Active), self.one(slot, KeyState::Next));
        let others = self.living().filter(|record| place(record) == slot.place);
        let others = others.filter(|record| ![active, next].iter().flatten().any(|kept| kept.id == record.id));
        plan.replaced.extend(others.map(|record| self.retired(record)));
        match (active, next) {
            (Some(active), Some(next)) if self.is_due(active, next) => self.succeed(slot, active, next, plan),
            (Some(active), Some(_)) => plan.replaced.extend(self.outlived(active)),
            (Some(active), None) => {
                // Replaced also where nothing changes, so that only one gateway makes the next.
                plan.replaced.push(self.outlived(active).unwrap_or_else(|| active.clone()));
                plan.made.push((*slot, KeyState::Next));
            }
            // One that was published is better than one that nobody knows.
            (None, Some(next)) => {
                plan.replaced.push(self.activated(next));
                plan.made.push((*slot, KeyState::Next));
            }
            (None, None) => plan.made.extend([(*slot, KeyState::Active), (*slot, KeyState::Next)]),
        }
    }

    /// The next key of a slot takes the place of the active one.
    pub(super) fn rotate(&self, at: Place, despite_its_age: bool) -> Result<Plan, SigningKeysError> {
        let slot = self.settings.slots.iter().find(|slot| slot.place == at).ok_or(SigningKeysError::NoSuchPlace)?;
        let (Some(active), Some(next)) = (self.one(slot, KeyState::Active), self.one(slot, KeyState::Next)) else {
            return Err(SigningKeysError::NoSuchPlace);
        };
        if !despite_its_age && self.now < self.usable_from(next) {
            return Err(SigningKeysError::TooYoung { id: next.id.clone(), usable_from: self.usable_from(next) });
        }
        let mut plan = Plan::default();
        self.succeed(slot, active, next, &mut plan);
        Ok(plan)
    }

    /// The key of this id is dead; where it signed, the next takes its place.
    pub(super) fn revoke(&self, id: &str) -> Result<Plan, SigningKeysError> {
        let record = self.records.iter().find(|record| record.id == id);
        let record = record.ok_or_else(|| SigningKeysError::NoSuchKey(id.to_owned()))?;
        let mut plan = Plan::default();
        if record.state == KeyState::Revoked {
            return Ok(plan);
        }
        plan.replaced.push(SigningKeyRecord { state: KeyState::Revoked, ..self.retired(record) });
        let Some(slot) = self.settings.slots.iter().find(|slot| slot.place == place(record)) else { return Ok(plan) };
        match (record.state, self.one(slot, KeyState::Next).filter(|next| next.id != id)) {
            (KeyState::Active, Some(next)) => {
                plan.replaced.push(self.activated(next));
                plan.made.push((*slot, KeyState::Next));
            }
            (KeyState::Active, None) => plan.made.extend([(*slot, KeyState::Active), (*slot, KeyState::Next)]),
            (KeyState::Next, _) => plan.made.push((*slot, KeyState::Next)),
            _ => {}
        }
        Ok(plan)
    }

    /// The id of the key that signs in a place.
    pub(super) fn active(&self, at: Place) -> Option<&str> {
        let slot = self.settings.slots.iter().find(|slot| slot.place == at)?;
        self.one(slot, KeyState::Active).map(|record| record.id.as_str())
    }

    fn succeed(&self, slot: &Slot, active: &SigningKeyRecord, next: &SigningKeyRecord, plan: &mut Plan) {
        plan.replaced.extend([self.retired(active), self.activated(next)]);
        plan.made.push((*slot, KeyState::Next));
    }

    fn is_due(&self, active: &SigningKeyRecord, next: &SigningKeyRecord) -> bool {
        let began = active.activated.unwrap_or(active.created);
        self.settings.rotation.is_some_and(|rotation| began.plus(rotation) <= self.now) && self.usable_from(next) <= self.now
    }

    fn usable_from(&self, next: &SigningKeyRecord) -> Timestamp {
        next.created.plus(self.settings.published_before_use())
    }

    /// Active and next keys.
    fn living(&self) -> impl Iterator<Item = &SigningKeyRecord> {
        self.records.iter().filter(|record| matches!(record.state, KeyState::Active | KeyState::Next))
    }

    /// The key of this state in the slot, in its algorithm; of several the first that was made, which every gateway agrees on.
    fn one(&self, slot: &Slot, state: KeyState) -> Option<&SigningKeyRecord> {
        let fits = |record: &&SigningKeyRecord| {
            place(record) == slot.place
                && record.state == state
                && Algorithm::from_name(&record.algorithm) == Some(slot.algorithm)
        };
        self.records.iter().filter(fits).min_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)))
    }

    fn activated(&self, next: &SigningKeyRecord) -> SigningKeyRecord {
        let ends = Some(self.now.plus(self.settings.longest_lifetime));
        SigningKeyRecord { state: KeyState::Active, activated: Some(self.now), ends, ..next.clone() }
    }

    /// An active key that remembers a shorter lifetime than its tokens have now.
    fn outlived(&self, active: &SigningKeyRecord) -> Option<SigningKeyRecord> {
        let longest = self.settings.longest_lifetime;
        let ends = Some(active.activated.unwrap_or(active.created).plus(longest));
        (longest_lifetime(active) < longest).then(|| SigningKeyRecord { ends, ..active.clone() })
    }

    /// A key that signs nothing more. What signs is forgotten with it: no copy of the store can sign by it later.
    fn retired(&self, record: &SigningKeyRecord) -> SigningKeyRecord {
        let lifetime = longest_lifetime(record).max(self.settings.longest_lifetime).saturating_add(HEARD_BY_ALL);
        let ends = match record.state {
            KeyState::Active => self.now.plus(lifetime),
            // It never signed here; another gateway may have made it sign a moment ago, which the version tells.
            KeyState::Next => self.now,
            KeyState::Retired | KeyState::Revoked => record.ends.unwrap_or_else(|| self.now.plus(lifetime)),
        };
        let retired = record.retired.or(Some(self.now));
        SigningKeyRecord { state: KeyState::Retired, sealed: Vec::new(), retired, ends: Some(ends), ..record.clone() }
    }
}

pub(super) fn place(record: &SigningKeyRecord) -> Place {
    Place { purpose: record.purpose, application: record.application }
}

/// The longest life of any token that an active key signed: so long after it began is its end put down while it signs.
fn longest_lifetime(record: &SigningKeyRecord) -> Duration {
    match (record.state, record.activated, record.ends) {
        (KeyState::Active, Some(activated), Some(ends)) => ends.since(activated),
        _ => Duration::ZERO,
    }
}
