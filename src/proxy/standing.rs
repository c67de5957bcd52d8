//! Whether the caller of an upgraded connection or of an answer that still streams may still be believed: both last for
//! hours, and must not outlive what let them in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::metrics::Metrics;
use crate::clock::Clock;
use crate::issuer::Verified;
use crate::revocation::Followed;

/// How often an open stream looks; it ends within twice that after the news, whatever the worker is busy with.
const LOOK: Duration = Duration::from_millis(500);
/// Frames after which an answer that never rests is taken for a stream. A short answer has one or two.
const MANY: u8 = 16;

/// Why an open stream ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explanation())]
pub(super) enum Ended {
    /// A token that let it in was revoked, by whatever scope.
    Revoked,
    /// One has expired, and the route minds.
    Expired,
    /// A key that proved one, or the settings of its issuer, are no more.
    KeyWithdrawn,
}

impl Ended {
    pub(super) const ALL: [Self; 3] = [Self::Revoked, Self::Expired, Self::KeyWithdrawn];

    /// The stable word: metric label, and detail in the logs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::KeyWithdrawn => "key_withdrawn",
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::Revoked => "its caller's token was revoked",
            Self::Expired => "its caller's token has expired",
            Self::KeyWithdrawn => "the key or the issuer of its caller's token was withdrawn",
        }
    }
}

/// The tokens that let a request in: the one that was presented, and the one it was exchanged for. All must stand;
/// nobody in particular has none, and nothing to lose.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs([Option<Arc<Verified>>; 2]);

impl Proofs {
    fn iter(&self) -> impl Iterator<Item = &Verified> {
        self.0.iter().flatten().map(|proof| &**proof)
    }
}

impl From<Arc<Verified>> for Proofs {
    fn from(presented: Arc<Verified>) -> Self {
        Self([Some(presented), None])
    }
}

impl From<(Arc<Verified>, Arc<Verified>)> for Proofs {
    fn from((presented, exchanged): (Arc<Verified>, Arc<Verified>)) -> Self {
        Self([Some(presented), Some(exchanged)])
    }
}

/// The proofs of one request, and whether their expiry counts on its route.
#[derive(Debug, Default)]
pub(super) struct Standing {
    proofs: Proofs,
    at_expiry: bool,
}

impl Standing {
    pub(super) fn new(proofs: Proofs, at_expiry: bool) -> Self {
        Self { proofs, at_expiry }
    }

    /// What has become of it. Not counted as a refusal: no request is refused.
    fn ended(&self, court: &Court) -> Option<Ended> {
        let now = court.clock.now();
        self.proofs.iter().find_map(|proof| {
            let is_revoked = || court.revocations.table().check(&proof.lineage(), now).is_err();
            match proof {
                proof if !proof.is_vouched_for() => Some(Ended::KeyWithdrawn),
                _ if is_revoked() => Some(Ended::Revoked),
                proof if self.at_expiry && proof.is_expired(now) => Some(Ended::Expired),
                _ => None,
            }
        })
    }

    fn is_nothing_to_lose(&self) -> bool {
        self.proofs.iter().next().is_none()
    }
}

/// What standings are held against.
#[derive(Clone, Debug)]
pub(super) struct Court {
    pub(super) clock: Clock,
    pub(super) revocations: Arc<Followed>,
    pub(super) metrics: Metrics,
}

/// The looking. It costs nothing until it has begun.
#[derive(Debug, Default)]
pub(super) struct Watch {
    standing: Standing,
    timer: Option<Pin<Box<Sleep>>>,
    frames: u8,
}

impl Watch {
    pub(super) fn over(standing: Standing) -> Self {
        Self { standing, timer: None, frames: 0 }
    }

    /// Looks from now on, where there is anything to look for; wakes the task of `cx`.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) {
        if self.timer.is_none() && !self.standing.is_nothing_to_lose() {
            let timer = self.timer.insert(Box::pin(sleep_until(Instant::now() + LOOK)));
            // Not over yet: it was made just now.
            let _ = timer.as_mut().poll(cx);
        }
    }

    /// Notes how the stream went on: one that rests, or goes on and on, is looked at from now on.
    pub(super) fn heard<T>(&mut self, polled: &Poll<T>, cx: &mut Context<'_>) {
        self.frames = self.frames.saturating_add(1);
        if polled.is_pending() || self.frames == MANY {
            self.begin(cx);
        }
    }

    /// Ready when the caller is believed no more. To be asked before anything else of the same task: timers too are silent
    /// once a task has used up its turn, so a stream that never rests would never be looked at.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>, court: impl FnOnce() -> Court) -> Poll<Ended> {
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let court = court();
        if let Some(ended) = self.standing.ended(&court) {
            court.metrics.stream_ended(ended);
            return Poll::Ready(ended);
        }
        timer.as_mut().reset(Instant::now() + LOOK);
        // Asks to be woken; it is not over yet.
        let _ = timer.as_mut().poll(cx);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, Opts, Registry};
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::identity::tests::identity;
    use crate::revocation::{Descent, Progress, RevocationMetrics, Revocations};
    use crate::store::{Basis, Logged, Revocation, Scope};
    use crate::token::tests::signer::Signer;
    use crate::token::{Algorithm, KeySet, Liveness};

    /// Within the life of [`identity`]'s tokens.
    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_100);

    fn court() -> Court {
        let (registry, clock) = (Registry::new(), Clock::manual(NOW));
        let (table, progress) = (Arc::new(Revocations::new(100)), Arc::new(Progress::default()));
        let counted = RevocationMetrics::register(&registry, &table, &progress, clock.clone()).unwrap();
        let ambiguous = IntCounterVec::new(Opts::new("ambiguous", "-"), &["kind"]).unwrap();
        let metrics = Metrics::register(&registry, ambiguous).unwrap();
        Court { clock, revocations: Arc::new(Followed::new(table, progress, counted)), metrics }
    }

    fn proof(subject: &str) -> (Arc<Verified>, Arc<Liveness>, KeySet) {
        let identity = identity(&json!({ "sub": subject }), &[], &[]);
        let (keys, settings) = (Signer::new(Algorithm::EdDSA).key_set(), Arc::new(Liveness::new()));
        let (key, descent) = (Arc::clone(keys.keys().next().unwrap()), Descent::foreign(&identity.claims));
        (Arc::new(Verified::new(identity, descent, key, Arc::clone(&settings))), settings, keys)
    }

    #[test]
    fn of_two_proofs_both_must_stand() {
        for subject in ["presented", "exchanged"] {
            let (court, first, second) = (court(), proof("presented"), proof("exchanged"));
            let standing = Standing::new((first.0, second.0).into(), false);
            assert_eq!(standing.ended(&court), None);
            let revocation = Revocation {
                issuer: "https://issuer.example".into(),
                scope: Scope::User(subject.into()),
                instant: NOW,
                basis: Basis::SignIn,
                ends: NOW.plus(Duration::from_secs(600)),
                user: None,
            };
            court.revocations.table().apply(&Logged { number: 1, revocation });
            assert_eq!(standing.ended(&court), Some(Ended::Revoked), "{subject}");
            let settings = if subject == "presented" { first.1 } else { second.1 };
            settings.end();
            assert_eq!(standing.ended(&court), Some(Ended::KeyWithdrawn), "{subject}");
        }
    }

    #[test]
    fn expiry_counts_where_the_route_minds_and_nobody_in_particular_loses_nothing() {
        let (court, (proof, ..)) = (court(), proof("alice"));
        court.clock.advance(Duration::from_secs(200));
        assert_eq!(Standing::new(Arc::clone(&proof).into(), true).ended(&court), Some(Ended::Expired));
        assert_eq!(Standing::new(proof.into(), false).ended(&court), None);
        assert!(Standing::default().is_nothing_to_lose() && Standing::default().ended(&court).is_none());
    }
}
