//! What a token was exchanged for, remembered with it: its exchanges go when it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use uuid::Uuid;

use super::Verified;
use crate::clock::Timestamp;
use crate::token::Liveness;

/// The most exchanges that one token remembers; further ones take the place of the oldest.
const MOST: usize = 32;

/// A token that another one was exchanged for.
#[derive(Debug)]
pub struct Exchanged {
    /// The application that it is for.
    pub application: Uuid,
    /// The token.
    pub token: Box<str>,
    /// Its proof.
    pub verified: Arc<Verified>,
    terms: Arc<Liveness>,
    /// The version of the user that was decided on.
    pub user_version: u64,
    /// When it was last known to be what an exchange would give, in milliseconds.
    confirmed: AtomicU64,
}

impl Exchanged {
    /// A token for `application`, made at `now` under the settings whose liveness `terms` is.
    pub fn new(
        application: Uuid,
        token: String,
        verified: Verified,
        terms: Arc<Liveness>,
        user_version: u64,
        now: Timestamp,
    ) -> Self {
        let confirmed = AtomicU64::new(now.millis());
        Self { application, token: token.into(), verified: Arc::new(verified), terms, user_version, confirmed }
    }

    /// Whether it may be believed at `now` as far as its own life and the settings whose liveness `terms` is are concerned.
    pub fn holds(&self, terms: &Arc<Liveness>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.terms, terms) && self.verified.holds(now)
    }

    /// Whether it was last known to be true `span` before `now` or longer ago.
    pub fn is_due(&self, span: Duration, now: Timestamp) -> bool {
        is_due(self.confirmed.load(Ordering::Relaxed), span, now)
    }

    /// Whether it is due, and the caller is the one who is to ask: for others it is known from here on.
    pub fn takes_turn(&self, span: Duration, now: Timestamp) -> bool {
        let confirmed = self.confirmed.load(Ordering::Relaxed);
        is_due(confirmed, span, now)
            && self.confirmed.compare_exchange(confirmed, now.millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Notes that it is true no more: whoever finds it asks.
    pub fn doubt(&self) {
        self.confirmed.store(0, Ordering::Relaxed);
    }

    /// What its memory takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.token.len() + self.verified.bytes()
    }
}

fn is_due(confirmed: u64, span: Duration, now: Timestamp) -> bool {
    now.since(Timestamp::from_millis(confirmed)) >= span
}

/// The exchanges of one token.
#[derive(Debug, Default)]
pub(super) struct Exchanges(ArcSwapOption<Vec<Arc<Exchanged>>>);

impl Exchanges {
    pub(super) fn get(&self, application: Uuid) -> Option<Arc<Exchanged>> {
        let exchanges = self.0.load();
        exchanges.as_ref()?.iter().find(|exchanged| exchanged.application == application).map(Arc::clone)
    }

    /// Adds one, in place of another for the same application.
    pub(super) fn add(&self, exchanged: &Arc<Exchanged>) {
        self.0.rcu(|former| {
            let former = former.iter().flat_map(|former| former.iter());
            let mut kept: Vec<_> = former.filter(|other| other.application != exchanged.application).map(Arc::clone).collect();
            kept.drain(..(kept.len() + 1).saturating_sub(MOST));
            kept.push(Arc::clone(exchanged));
            Some(Arc::new(kept))
        });
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.load().iter().flat_map(|exchanges| exchanges.iter()).map(|exchanged| exchanged.bytes()).sum()
    }
}
