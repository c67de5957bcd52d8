//! From a presented token to a proved identity.
//!
//! Called by `proxy::authenticate` for every credential. A remembered token is answered without waiting or allocating;
//! any other is parsed, its issuer and key are found, and it is proved once. It asks nothing about revocation, which the
//! caller does for remembered tokens too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::metrics::IssuerMetrics;
use super::{Exchanged, Issuer, KeyLookupError, Refusal, Registry, Remembered, Verified, VerifyError};
use crate::clock::{Clock, Timestamp};
use crate::identity::{Identity, names_at, words_at};
use crate::revocation::Descent;
use crate::token::{Key, NoKey, RawToken, TokenFault, VerifiedClaims, verify, verify_expired};

/// Verifies tokens of one configuration's issuers. Made anew at each reload; the memory of verified tokens stays.
#[derive(Debug)]
pub struct Verifier {
    registry: Arc<Registry>,
    remembered: Arc<Remembered>,
    metrics: Arc<IssuerMetrics>,
    clock: Clock,
}

impl Verifier {
    /// A verifier for the issuers of `registry`.
    pub fn new(registry: Arc<Registry>, remembered: Arc<Remembered>, metrics: Arc<IssuerMetrics>, clock: Clock) -> Self {
        Self { registry, remembered, metrics, clock }
    }

    /// The clock that tokens are judged by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The issuers.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Proves `token`. Waits only where its key is unknown, and then for at most one shared fetch.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] for a token that is not to be accepted, [`VerifyError::KeysUnavailable`] where its
    /// issuer's keys are out of reach.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>, VerifyError> {
        let started = Instant::now();
        match self.recall(token, started) {
            Some(verified) => Ok(verified),
            // Boxed: a remembered token must not pay for moving the state of a proof about.
            None => Box::pin(self.prove(token, started)).await,
        }
    }

    /// What is remembered of `token`, as far as its issuer's keys are still believed (staleness ends memory too) and it
    /// was judged by this configuration: while a reload is under way, two are in force at once.
    fn recall(&self, token: &str, started: Instant) -> Option<Arc<Verified>> {
        let now = self.clock.now();
        let verified = self.remembered.get(token, now)?;
        let issuer = self.registry.find(verified.identity.issuer())?;
        let counts = verified.was_judged_by(issuer.liveness()) && issuer.keys().are_usable(now);
        counts.then(|| issuer.meters.recalled(started.elapsed()))?;
        Some(verified)
    }

    async fn prove(&self, token: &str, started: Instant) -> Result<Arc<Verified>, VerifyError> {
        let (raw, issuer) = self.parse(token).map_err(|(refusal, issuer)| {
            let meters = issuer.map_or(&self.metrics.unknown, |issuer| &issuer.meters);
            meters.refused(refusal, started.elapsed());
            VerifyError::Refused { refusal, issuer: issuer.map(|issuer| Arc::clone(issuer.name())) }
        })?;
        match self.prove_parsed(raw, issuer).await {
            Ok(verified) => {
                issuer.meters.accepted(started.elapsed());
                Ok(self.remember(token, verified))
            }
            Err(error) => Err(failed(issuer, error, started.elapsed())),
        }
    }

    /// Proves a token that was made for this process to use itself: neither remembered nor counted.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn verify_apart(&self, token: &str) -> Result<Verified, VerifyError> {
        let refused = |refusal| VerifyError::Refused { refusal, issuer: None };
        let (raw, issuer) = self.parse(token).map_err(|(refusal, _)| refused(refusal))?;
        let proved = self.prove_parsed(raw, issuer).await;
        proved.map_err(|failure| failed(issuer, failure, Duration::ZERO))
    }

    /// What a token of the authority was, whose time may be over.
    pub async fn look_back(&self, token: &str) -> Past {
        let found = self.parse(token).ok().filter(|(_, issuer)| issuer.settings().is_authority);
        let Some((raw, issuer)) = found else { return Past::Nothing };
        let (key_id, algorithm) = (raw.header().key_id.clone(), raw.header().algorithm);
        match issuer.keys().key_for(key_id.as_deref(), algorithm, self.now()).await {
            Ok(key) => match verify_expired(raw, &key, issuer.rules(), self.now()) {
                Ok(claims) => Past::Good(Box::new(proved(issuer, claims, key))),
                Err(_) => Past::Nothing,
            },
            Err(KeyLookupError::NoKey(NoKey::UnknownId)) => Past::KeyGone,
            Err(_) => Past::Nothing,
        }
    }

    /// Remembers with `token`, whose proof `verified` is, what it was exchanged for.
    pub fn remember_exchange(&self, token: &str, verified: &Arc<Verified>, exchanged: &Arc<Exchanged>) {
        self.remembered.insert_exchange(token, Arc::clone(verified), exchanged);
    }

    /// The token's structure, and the issuer it names.
    pub(super) fn parse<'s, 't>(&'s self, token: &'t str) -> Result<(RawToken<'t>, &'s Arc<Issuer>), Unparsed<'s>> {
        let raw = RawToken::parse(token, self.registry.largest_token()).map_err(|fault| (fault.into(), None))?;
        let issuer = self.registry.find(raw.issuer()).ok_or((Refusal::UnknownIssuer, None))?;
        if token.len() > issuer.settings().max_token_bytes {
            return Err((TokenFault::TooLarge.into(), Some(issuer)));
        }
        Ok((raw, issuer))
    }

    async fn prove_parsed(&self, raw: RawToken<'_>, issuer: &Arc<Issuer>) -> Result<Verified, Failure> {
        let header = raw.header();
        let key = issuer.keys().key_for(header.key_id.as_deref(), header.algorithm, self.clock.now()).await?;
        // Read again: finding the key may have taken seconds.
        let claims = verify(raw, &key, issuer.rules(), self.clock.now())?;
        Ok(proved(issuer, claims, key))
    }

    /// A token that is accepted by leeway alone is not remembered: memory has none.
    fn remember(&self, token: &str, verified: Verified) -> Arc<Verified> {
        let verified = Arc::new(verified);
        if !verified.holds(self.clock.now()) {
            return verified;
        }
        self.remembered.insert_proof(token, verified)
    }

    /// The present instant, as tokens are judged by it.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What a token was.
#[derive(Debug)]
pub enum Past {
    /// A good one, though it may have expired.
    Good(Box<Verified>),
    /// Nobody can say: the key that it names is gone, with whatever it signed.
    KeyGone,
    /// No token of the authority that was ever good.
    Nothing,
}

/// Why a token is refused before its key is looked for, and the issuer it names if that is known.
type Unparsed<'s> = (Refusal, Option<&'s Arc<Issuer>>);

/// Why a parsed token is not proved.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    Token(TokenFault),
    Key(KeyLookupError),
}

impl From<TokenFault> for Failure {
    fn from(fault: TokenFault) -> Self {
        Self::Token(fault)
    }
}

impl From<KeyLookupError> for Failure {
    fn from(error: KeyLookupError) -> Self {
        Self::Key(error)
    }
}

/// Counts a failure and says it.
pub(super) fn failed(issuer: &Issuer, failure: Failure, took: Duration) -> VerifyError {
    let refusal = match failure {
        Failure::Token(fault) => Refusal::Token(fault),
        Failure::Key(KeyLookupError::NoKey(fault)) => Refusal::Key(fault),
        Failure::Key(KeyLookupError::Unavailable { retry_after }) => {
            issuer.meters.unavailable(took);
            return VerifyError::KeysUnavailable { issuer: Arc::clone(issuer.name()), retry_after };
        }
    };
    issuer.meters.refused(refusal, took);
    VerifyError::Refused { refusal, issuer: Some(Arc::clone(issuer.name())) }
}

pub(super) fn proved(issuer: &Issuer, claims: VerifiedClaims, key: Arc<Key>) -> Verified {
    let settings = issuer.settings();
    let descent = if settings.is_authority { Descent::of_authority(&claims) } else { Descent::foreign(&claims) };
    let identity = Identity {
        issuer_name: Arc::clone(issuer.name()),
        roles: settings.roles_claim.as_ref().map(|at| names_at(&claims, at)).unwrap_or_default(),
        scopes: settings.scope_claim.as_ref().map(|at| words_at(&claims, at)).unwrap_or_default(),
        registered: settings.is_authority && claims.document().contains_key("applicationId"),
        claims,
    };
    Verified::new(identity, descent, key, Arc::clone(issuer.liveness()))
}
