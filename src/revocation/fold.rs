//! What a full table does: users' entries take the place of their tokens' and sessions', and nothing is forgotten.
//!
//! A user's entry of the latest instant among those folded refuses all that they refused (each concerned sign-ins before its own
//! instant), and besides them the user's other sessions of that time: they sign in again, which is the price of the bound.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::entry::{Before, Ends, Entry};
use super::fingerprint::{BuildThrough, Fingerprint};
use super::table::{Revocations, Writer};
use crate::store::ScopeKind;

impl Revocations {
    /// Folds the users with the most entries until a sixteenth of the capacity is free. Where that is not to be had, the table grows
    /// by a sixteenth before the next attempt, so that each costs little for each entry that came between.
    pub(super) fn fold(&self, writer: &mut Writer) {
        let share = (self.capacity / 16).max(1);
        let goal = share + self.len().saturating_sub(self.capacity);
        let folds = self.totals(self.worthwhile(goal));
        // A check that finds a token's entry gone must find the user's: added first, removed after.
        for (owner, (before, ends)) in &folds {
            self.put(*owner, ScopeKind::User, Entry::Dated { sign_in: *before, issue: Before::NOTHING, ends: *ends });
        }
        let removed = match folds.is_empty() {
            true => 0,
            false => self.remove_if(|entry| matches!(entry, Entry::Owned { owner, .. } if folds.contains_key(owner))),
        };
        self.tidy_after(writer, removed);
        self.folded.fetch_add(u64::try_from(removed).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.report(writer, folds.len(), removed, share);
    }

    fn report(&self, writer: &mut Writer, users: usize, removed: usize, share: usize) {
        let entries = self.len();
        // Little room above what is left would bring the next scan after a few entries.
        writer.fold_above = self.capacity.max(entries + share / 2);
        if entries <= self.capacity {
            tracing::warn!(
                users,
                removed,
                entries,
                "the revocation table is full; users' entries took the place of their tokens'"
            );
        } else {
            tracing::error!(entries, capacity = self.capacity, "the revocation table grows beyond its capacity: nothing to fold");
        }
    }

    /// The users whose folding frees most, until `goal` entries are free.
    fn worthwhile(&self, goal: usize) -> Vec<Fingerprint> {
        let mut owners = Vec::new();
        self.each_shard(|shard| {
            owners.extend(shard.values().filter_map(|entry| match entry {
                Entry::Owned { owner, .. } => Some(*owner),
                Entry::Named { .. } | Entry::Dated { .. } => None,
            }));
        });
        owners.sort_unstable();
        let gain = |run: &[Fingerprint]| {
            let owner = *run.first()?;
            // The user's entry takes a place of its own, unless it is there.
            let freed = run.len() - usize::from(self.get(owner).is_none());
            (freed > 0).then_some((freed, owner))
        };
        let mut gains: Vec<_> = owners.chunk_by(|a, b| a == b).filter_map(gain).collect();
        gains.sort_unstable_by_key(|(freed, _)| std::cmp::Reverse(*freed));
        let mut sum = 0;
        let enough = gains.into_iter().take_while(|(freed, _)| {
            let wanted = sum < goal;
            sum += freed;
            wanted
        });
        enough.map(|(_, owner)| owner).collect()
    }

    /// The latest instant and end among each owner's entries.
    fn totals(&self, owners: Vec<Fingerprint>) -> HashMap<Fingerprint, (Before, Ends), BuildThrough> {
        let least = (Before::NOTHING, Ends::at(crate::clock::Timestamp::from_millis(0)));
        let mut totals: HashMap<_, _, BuildThrough> = owners.into_iter().map(|owner| (owner, least)).collect();
        self.each_shard(|shard| {
            for entry in shard.values() {
                if let Entry::Owned { owner, before, ends } = entry
                    && let Some(total) = totals.get_mut(owner)
                {
                    *total = (total.0.max(*before), total.1.max(*ends));
                }
            }
        });
        totals
    }
}
