//! A party whose tokens are handed over under its own name: no token chooses it by its `iss`, and no registry has it.
//!
//! So each party's keys are tried on what is said to be its tokens and on nothing else, though another party should have the
//! same `iss` and the same key ids.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::runtime::Handle;

use super::metrics::IssuerMetrics;
use super::registry::Issuer;
use super::verifier::{Failure, failed, proved};
use super::{Archive, IssuerSettings, RegistryProblem, Verified, VerifyError};
use crate::clock::Clock;
use crate::token::{RawToken, TokenFault, verify, verify_for_anyone};

/// The header member that names the key as a rule.
const KEY_ID: &str = "kid";

/// What an operator decides about one party.
#[derive(Clone, Debug, PartialEq)]
pub struct PartySettings {
    /// As for any issuer.
    pub issuer: IssuerSettings,
    /// Its tokens may be for anyone, whatever the issuer's audiences are.
    pub any_audience: bool,
    /// The header member that names the key.
    pub key_parameter: String,
    /// The key of tokens without that member.
    pub default_key: Option<String>,
}

/// A party with its keys.
#[derive(Debug)]
pub struct Party {
    issuer: Arc<Issuer>,
    any_audience: bool,
    key_parameter: String,
    default_key: Option<String>,
    clock: Clock,
}

impl Party {
    /// The party of `settings`; its keys are those of `previous` where nothing about them has changed. Starts nothing.
    ///
    /// # Errors
    /// Where its keys cannot be read.
    pub fn build(
        settings: PartySettings,
        previous: Option<&Self>,
        clock: &Clock,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Self, RegistryProblem> {
        let PartySettings { issuer, any_audience, key_parameter, default_key } = settings;
        let issuer = Issuer::build(issuer, previous.map(|previous| &previous.issuer), clock, metrics)?;
        Ok(Self { issuer, any_audience, key_parameter, default_key, clock: clock.clone() })
    }

    /// Begins to fetch its keys on `runtime`, where they are fetched at all and that has not begun.
    pub fn start(&self, runtime: &Handle, archive: &Archive) {
        self.issuer.keys().keep_in(archive);
        self.issuer.keys().start(runtime);
    }

    /// Proves `token` as this party's.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] for a token that is not to be accepted, [`VerifyError::KeysUnavailable`] where its keys are
    /// out of reach.
    pub async fn verify(&self, token: &str) -> Result<Verified, VerifyError> {
        let started = Instant::now();
        match self.prove(token).await {
            Ok(verified) => {
                self.issuer.meters.accepted(started.elapsed());
                Ok(verified)
            }
            Err(failure) => Err(failed(&self.issuer, failure, started.elapsed())),
        }
    }

    async fn prove(&self, token: &str) -> Result<Verified, Failure> {
        let raw = RawToken::parse(token, self.issuer.settings().max_token_bytes)?;
        // Nobody's key ids but its own make it fetch.
        if raw.issuer() != &*self.issuer.settings().issuer {
            return Err(TokenFault::WrongIssuer.into());
        }
        let key_id = self.key_id(&raw)?;
        let key = self.issuer.keys().key_for(key_id.as_deref(), raw.header().algorithm, self.clock.now()).await?;
        let proof = if self.any_audience { verify_for_anyone } else { verify };
        // Read again: finding the key may have taken seconds.
        let claims = proof(raw, &key, self.issuer.rules(), self.clock.now())?;
        Ok(proved(&self.issuer, claims, key))
    }

    /// Whether `verified` was judged by this party as it is now, and its keys are still believed.
    pub fn stands_by(&self, verified: &Verified) -> bool {
        verified.was_judged_by(self.issuer.liveness()) && self.issuer.keys().are_usable(self.clock.now())
    }

    /// `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer.settings().issuer
    }

    /// The key that the token means.
    fn key_id(&self, raw: &RawToken<'_>) -> Result<Option<String>, TokenFault> {
        let named = match self.key_parameter.as_str() {
            KEY_ID => raw.header().key_id.as_deref().map(str::to_owned),
            name => match raw.header_member(name) {
                None => None,
                Some(Value::String(id)) => Some(id),
                Some(_) => return Err(TokenFault::BadKeyId),
            },
        };
        Ok(named.or_else(|| self.default_key.clone()))
    }
}
