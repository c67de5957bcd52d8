//! Guessed passwords: how often one may be tried for an account, from an address, and for both together.
//!
//! An attempt is counted before the password is verified and given back when it was right, so that a thousand guesses at once get no
//! further than one after another. Refused attempts are not counted: whoever is refused may try again when the oldest attempt
//! has left the window, however often they asked meanwhile.
//!
//! Accounts are whatever name was sent, known or not; names are kept only as hashes under a key of this process. An IPv6
//! address counts as its /64, which is what one subscriber has.
//!
//! **A flood of keys.** Cells are bounded. Each new one costs an attacker an attempt that was let through, that is
//! one computed hash, and at most [`WIDER`] times the limit come from one address within the window; so filling a hundred
//! thousand cells takes hundreds of addresses and tens of hashes a second for a whole window. What it buys: at a full table the cells
//! with the fewest attempts give way, among equals those of account and address together, whose counts the other two kinds
//! still bound. To make an account's cell at half its limit give way, the attacker needs a hundred thousand cells with more. A cell
//! at its limit never gives way. Where all are at their limit, keys that have no cell are refused: new addresses wait, nobody gets a
//! guess more.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::PasswordSettings;
use crate::clock::Timestamp;
use crate::store::folded;

mod known;
mod window;

use known::Known;
use window::{Span, Window};

/// How much more than one account from one address may fail from one address over all accounts, or for one account over all
/// addresses.
const WIDER: u32 = 10;
/// Cells of all kinds: about 7 MB.
const CELLS: usize = 100_000;
/// Between searches for cells that may give way, while hardly any does.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Too many attempts failed; the first that may succeed is after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; again in {} s", .0.as_secs())]
pub struct RetryAfter(pub Duration);

/// The attempts of one window.
#[derive(Debug)]
pub struct Attempts {
    hashes: RandomState,
    limit: u32,
    span: Span,
    cells: usize,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    cells: HashMap<Cell, Window>,
    known: Known,
    /// After a search of the full table that found hardly anything to give way, the next is not before this: where an attacker
    /// has filled the table for good, each further key must not cost a search.
    search_after: Option<Timestamp>,
}

/// What is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Cell {
    Both(u64),
    Address(u64),
    Account(u64),
}

/// The three cells of one attempt.
struct Cells {
    both: Cell,
    address: Cell,
    account: Cell,
    /// The pair, as [`Known`] has it.
    pair: (u64, u64),
}

impl Cells {
    fn all(&self) -> [Cell; 3] {
        [self.both, self.address, self.account]
    }
}

impl Attempts {
    /// Nothing counted yet.
    pub fn new(settings: &PasswordSettings) -> Self {
        Self::with_cells(settings, CELLS)
    }

    fn with_cells(settings: &PasswordSettings, cells: usize) -> Self {
        let span = Span::new(settings.attempts_window);
        Self { hashes: RandomState::new(), limit: settings.attempts.max(1), span, cells, counted: Mutex::default() }
    }

    /// Whether a password for `account` may be tried from `address`. The attempt counts as failed until [`Self::succeeded`] or
    /// [`Self::withdrawn`] says otherwise; one whose request is dropped stays counted.
    ///
    /// # Errors
    /// When it may not, and how long that lasts at most.
    pub fn allow(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<(), RetryAfter> {
        let cells = self.cells(account, address);
        let mut counted = self.counted();
        // An owner who signed in from here lately is not locked out by what others do elsewhere.
        let known = counted.known.is_known(cells.pair, now);
        let heeded = cells.all().into_iter().filter(|cell| !(known && *cell == cells.account));
        let waits = heeded.filter_map(|cell| counted.cells.get(&cell)?.wait(self.limit_of(cell), &self.span, now));
        if let Some(longest) = waits.max() {
            return Err(RetryAfter(longest));
        }
        let new = cells.all().iter().filter(|cell| !counted.cells.contains_key(cell)).count();
        if counted.cells.len() + new > self.cells && !self.make_room(&mut counted, &cells, new, now) {
            return Err(RetryAfter(self.span.slice()));
        }
        for cell in cells.all() {
            counted.cells.entry(cell).or_default().add(&self.span, now);
        }
        Ok(())
    }

    /// The password was wrong. It is counted already; this is the place where that is said.
    pub fn failed(&self, _account: &str, _address: IpAddr, _now: Timestamp) {}

    /// The password was right: what this account failed from this address is forgotten, what the address failed for other accounts is
    /// not.
    pub fn succeeded(&self, account: &str, address: IpAddr, now: Timestamp) {
        let cells = self.cells(account, address);
        let mut counted = self.counted();
        counted.cells.remove(&cells.both);
        self.give_back(&mut counted, &[cells.address, cells.account]);
        counted.known.note(cells.pair, now);
    }

    /// The password was not verified (the queue was full, the store away): the attempt never was.
    pub fn withdrawn(&self, account: &str, address: IpAddr, _now: Timestamp) {
        let cells = self.cells(account, address);
        self.give_back(&mut self.counted(), &cells.all());
    }

    fn give_back(&self, counted: &mut Counted, cells: &[Cell]) {
        for cell in cells {
            if counted.cells.get_mut(cell).is_some_and(Window::take_newest_is_last) {
                counted.cells.remove(cell);
            }
        }
    }

    fn limit_of(&self, cell: Cell) -> u32 {
        match cell {
            Cell::Both(_) => self.limit,
            Cell::Address(_) | Cell::Account(_) => self.limit.saturating_mul(WIDER),
        }
    }

    fn cells(&self, account: &str, address: IpAddr) -> Cells {
        let account = folded(account);
        let address = network(address);
        let (by_account, by_address) = (self.hashes.hash_one(("account", &account)), self.hashes.hash_one(("address", address)));
        Cells {
            both: Cell::Both(self.hashes.hash_one((account, address))),
            address: Cell::Address(by_address),
            account: Cell::Account(by_account),
            pair: (by_account, by_address),
        }
    }

    /// Frees at least `new` cells, and a sixteenth of all where that many are below their limit. `keep` stay.
    fn make_room(&self, counted: &mut Counted, keep: &Cells, new: usize, now: Timestamp) -> bool {
        if counted.search_after.is_some_and(|after| now < after) {
            return false;
        }
        self.search(counted, keep, new, now);
        let free = self.cells.saturating_sub(counted.cells.len());
        counted.search_after = (free < self.cells / 64).then(|| now.plus(SEARCH_PAUSE));
        free >= new
    }

    fn search(&self, counted: &mut Counted, keep: &Cells, new: usize, now: Timestamp) {
        counted.cells.retain(|_, window| window.count(&self.span, now) > 0);
        let aim = self.cells - self.cells / 16;
        let excess = (counted.cells.len() + new).saturating_sub(aim);
        if excess == 0 {
            return;
        }
        let mut below: Vec<_> = counted.cells.iter().filter_map(|(cell, window)| self.relevance(*cell, window, now)).collect();
        below.retain(|(_, cell)| !keep.all().contains(cell));
        below.sort_unstable_by_key(|(relevance, _)| *relevance);
        for (_, cell) in below.iter().take(excess) {
            counted.cells.remove(cell);
        }
    }

    /// How much would be lost with a cell, the pairs before the others. `None`: it is at its limit.
    fn relevance(&self, cell: Cell, window: &Window, now: Timestamp) -> Option<((u32, bool), Cell)> {
        let count = window.count(&self.span, now);
        (count < self.limit_of(cell)).then_some(((count, !matches!(cell, Cell::Both(_))), cell))
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An IPv4 address in whatever form, or the /64 of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
