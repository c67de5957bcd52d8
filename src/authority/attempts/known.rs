//! From where an account signed in lately.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;

/// How long a sign-in is remembered.
const LATELY: Duration = Duration::from_secs(30 * 24 * 3600);
/// Addresses remembered of one account: someone with many addresses and one password takes only their own places.
const ADDRESSES: usize = 4;
/// Accounts remembered, about 4 MB; at more those that signed in longest ago go. Making others go takes as many valid accounts.
const ACCOUNTS: usize = 50_000;

/// Hashes of accounts, each with hashes of addresses and the time of the last sign-in there, 0 where there is none.
#[derive(Debug, Default)]
pub(super) struct Known {
    accounts: HashMap<u64, [(u64, u64); ADDRESSES]>,
}

impl Known {
    pub(super) fn is_known(&self, (account, address): (u64, u64), now: Timestamp) -> bool {
        let recent = |at: u64| at > 0 && now.since(Timestamp::from_millis(at)) < LATELY;
        self.accounts.get(&account).is_some_and(|known| known.iter().any(|(known, at)| *known == address && recent(*at)))
    }

    pub(super) fn note(&mut self, (account, address): (u64, u64), now: Timestamp) {
        if self.accounts.len() >= ACCOUNTS && !self.accounts.contains_key(&account) {
            self.make_room();
        }
        let known = self.accounts.entry(account).or_default();
        let same = known.iter().position(|(known, at)| *known == address && *at > 0);
        let oldest = known.iter().enumerate().min_by_key(|(_, (_, at))| *at).map(|(place, _)| place);
        if let Some(place) = same.or(oldest).and_then(|place| known.get_mut(place)) {
            *place = (address, now.millis().max(1));
        }
    }

    /// Forgets the sixteenth of the accounts that signed in longest ago.
    fn make_room(&mut self) {
        let last = |known: &[(u64, u64); ADDRESSES]| known.iter().map(|(_, at)| *at).max().unwrap_or(0);
        let mut times: Vec<(u64, u64)> = self.accounts.iter().map(|(account, known)| (last(known), *account)).collect();
        times.sort_unstable();
        for (_, account) in times.iter().take(ACCOUNTS / 16) {
            self.accounts.remove(account);
        }
    }
}
