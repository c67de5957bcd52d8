//! The tokens that were verified, so that a signature is checked once and not at every request.
//!
//! One for the process; every worker reads it, only the verifier writes it. It answers only for exactly the same
//! token (compared whole, found by a randomly keyed hash), only while the key that verified it and the settings it was
//! judged by are alive, and never past its `exp`. Revocation is no concern of it: that is asked for every token.

use std::convert::Infallible;
use std::sync::Arc;

use ahash::RandomState;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::exchanged::Exchanges;
use super::tally::Tally;
use super::{CacheSettings, Exchanged};
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::revocation::{Descent, Lineage};
use crate::token::{Key, Liveness};

/// A verified token's identity, and those on whose word it stands.
#[derive(Debug)]
pub struct Verified {
    /// Who the caller is.
    pub identity: Identity,
    descent: Descent,
    key: Arc<Key>,
    settings: Arc<Liveness>,
    exchanges: Exchanges,
}

impl Verified {
    /// An identity that `key` proved under an issuer's settings, whose liveness `settings` is.
    pub fn new(identity: Identity, descent: Descent, key: Arc<Key>, settings: Arc<Liveness>) -> Self {
        Self { identity, descent, key, settings, exchanges: Exchanges::default() }
    }

    /// What the revocation table is asked about it.
    pub fn lineage(&self) -> Lineage<'_> {
        Lineage::of(&self.identity.claims, &self.descent)
    }

    /// Whether it was judged by the settings whose liveness this is, not by older or newer ones of the same issuer.
    pub fn was_judged_by(&self, settings: &Arc<Liveness>) -> bool {
        Arc::ptr_eq(&self.settings, settings)
    }

    /// Whether `other` proves the same caller.
    pub fn is_same_caller(&self, other: &Self) -> bool {
        self.identity.claims.is_same_subject(&other.identity.claims)
    }

    /// Whether the same key proved it as `other`, under the same settings.
    fn is_alike(&self, other: &Self) -> bool {
        self.was_judged_by(&other.settings) && Arc::ptr_eq(&self.key, &other.key)
    }

    /// Whether a secret signed it that others than its issuer have.
    pub fn is_by_shared_secret(&self) -> bool {
        self.key.algorithm().is_symmetric()
    }

    /// What it was exchanged for at `application`, if that is remembered.
    pub fn exchanged_for(&self, application: Uuid) -> Option<Arc<Exchanged>> {
        self.exchanges.get(application)
    }

    /// What its memory takes, in bytes: its claims as they are kept, the words taken from them, its exchanges.
    pub(super) fn bytes(&self) -> usize {
        let words = self.identity.roles.iter().chain(&self.identity.scopes).map(|word| word.len() + 16).sum::<usize>();
        let claims = members_bytes(self.identity.claims.document());
        size_of::<Self>() + self.descent.bytes() + words + claims + self.exchanges.bytes()
    }

    /// Whether it may still be believed at `now`: no leeway, which is for clocks that differ, not for memory.
    pub fn holds(&self, now: Timestamp) -> bool {
        !self.is_expired(now) && self.is_vouched_for()
    }

    /// Whether it has expired at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.identity.claims.expires_at()
    }

    /// Whether the key that proved it, and the settings it was judged by, are in force.
    pub fn is_vouched_for(&self) -> bool {
        self.key.liveness().is_alive() && self.settings.is_alive()
    }
}

/// The verified-token cache. Bounded by entries and by estimated bytes.
#[derive(Debug)]
pub struct Remembered {
    entries: Option<Entries>,
    tally: Arc<Tally>,
}

type Entries = Cache<Box<str>, Entry, Weight, RandomState, CountEvictions>;

/// What the cache did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RememberedStats {
    /// Tokens that were answered for.
    pub hits: u64,
    /// Tokens that were not, dead entries included.
    pub misses: u64,
    /// Entries that made room for others, or that were too large to be kept.
    pub evictions: u64,
    /// Entries now.
    pub entries: usize,
}

impl Remembered {
    /// An empty cache; one with a bound of zero remembers nothing and costs nothing.
    pub fn new(settings: &CacheSettings) -> Self {
        let tally = Arc::new(Tally::default());
        let entries = build(settings, &tally);
        Self { entries, tally }
    }

    /// What was verified of exactly this token and still holds at `now`.
    pub fn get(&self, token: &str, now: Timestamp) -> Option<Arc<Verified>> {
        let entries = self.entries.as_ref()?;
        match entries.get(token) {
            Some(entry) if entry.verified.holds(now) => {
                self.tally.hit();
                Some(entry.verified)
            }
            Some(dead) => {
                entries.remove_if(token, |entry| Arc::ptr_eq(&entry.verified, &dead.verified));
                self.tally.miss();
                None
            }
            None => {
                self.tally.miss();
                None
            }
        }
    }

    /// Remembers `token`, which was verified just now.
    pub fn insert(&self, token: &str, verified: Arc<Verified>) {
        if let Some(entries) = &self.entries {
            let bytes = estimated_bytes(token, &verified);
            entries.insert(token.into(), Entry { verified, bytes });
        }
    }

    /// Remembers `token` unless it is already. What is remembered stays where it was judged alike: requests that came with a new
    /// token at once each prove it, and what one of them exchanged it for must not go with another's proof.
    pub fn insert_proof(&self, token: &str, verified: Arc<Verified>) -> Arc<Verified> {
        let Some(entries) = &self.entries else { return verified };
        let bytes = estimated_bytes(token, &verified);
        let entry = || Ok::<_, Infallible>(Entry { verified: Arc::clone(&verified), bytes });
        let Ok(known) = entries.get_or_insert_with(&Box::<str>::from(token), entry);
        if known.verified.is_alike(&verified) {
            return known.verified;
        }
        self.insert(token, Arc::clone(&verified));
        verified
    }

    /// Remembers with `token`, whose proof `verified` is, what it was exchanged for; its share of the bytes grows by it. The proof
    /// that is remembered already stays, with its other exchanges, where it was judged alike.
    pub fn insert_exchange(&self, token: &str, verified: Arc<Verified>, exchanged: &Arc<Exchanged>) -> Arc<Verified> {
        let known = self.entries.as_ref().and_then(|entries| entries.peek(token)).map(|entry| entry.verified);
        let known = known.filter(|known| known.is_alike(&verified));
        let verified = known.unwrap_or(verified);
        verified.exchanges.add(exchanged);
        // Taken out first: what is put in another's place counts as an eviction.
        self.entries.iter().for_each(|entries| drop(entries.remove(token)));
        self.insert(token, Arc::clone(&verified));
        verified
    }

    /// Counters and size, read without stopping anyone.
    pub fn stats(&self) -> RememberedStats {
        let entries = self.entries.as_ref().map_or(0, Cache::len);
        RememberedStats { hits: self.tally.hits(), misses: self.tally.misses(), evictions: self.tally.evictions(), entries }
    }
}

fn build(settings: &CacheSettings, tally: &Arc<Tally>) -> Option<Entries> {
    let capacity = u64::try_from(settings.capacity).unwrap_or(u64::MAX);
    if capacity == 0 || settings.bytes == 0 {
        return None;
    }
    let weight = Weight { least: settings.bytes.div_ceil(capacity) };
    // The estimate sizes tables ahead of time: what fits the bytes at two kilobytes a token, not all that is allowed.
    let likely = settings.capacity.min(usize::try_from(settings.bytes / LIKELY_BYTES).unwrap_or(usize::MAX)).max(1);
    let options = OptionsBuilder::new().estimated_items_capacity(likely).weight_capacity(settings.bytes).build().ok()?;
    Some(Cache::with_options(options, weight, RandomState::new(), CountEvictions(Arc::clone(tally))))
}

/// A usual token with its claims.
const LIKELY_BYTES: u64 = 2048;

#[derive(Clone, Debug)]
struct Entry {
    verified: Arc<Verified>,
    bytes: u64,
}

/// Weighs entries so that the bound on bytes is the bound on entries too: none weighs less than its even share.
#[derive(Clone, Debug)]
struct Weight {
    least: u64,
}

impl Weighter<Box<str>, Entry> for Weight {
    fn weight(&self, _: &Box<str>, entry: &Entry) -> u64 {
        entry.bytes.max(self.least)
    }
}

#[derive(Clone, Debug)]
struct CountEvictions(Arc<Tally>);

impl Lifecycle<Box<str>, Entry> for CountEvictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Box<str>, _: Entry) {
        self.0.eviction();
    }
}

fn estimated_bytes(token: &str, verified: &Verified) -> u64 {
    u64::try_from(token.len() + verified.bytes()).unwrap_or(u64::MAX)
}

/// A tree keeps about half of its places empty, so each member counts twice its own size.
fn members_bytes(members: &Map<String, Value>) -> usize {
    members.iter().map(|(name, value)| 2 * size_of::<(String, Value)>() + name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size_of::<Value>() + value_bytes(item)).sum(),
        Value::Object(members) => members_bytes(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests;
