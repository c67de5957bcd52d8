//! Why a token would be accepted or refused now, step by step, for `explain`: without waiting, fetching, counting or
//! remembering. What it shows of a token's content is the operator's to see, never a client's.

use super::{Refusal, Verifier};
use crate::token::{RawToken, verify};

/// One step of judging a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked at: `structure`, `issuer`, `key`, `claims`.
    pub stage: &'static str,
    /// Whether the token passed.
    pub passed: bool,
    /// What was found; on failure, begins with the stable reason word.
    pub finding: String,
}

impl Step {
    fn passed(stage: &'static str, finding: String) -> Self {
        Self { stage, passed: true, finding }
    }

    fn failed(stage: &'static str, finding: impl Into<String>) -> Self {
        Self { stage, passed: false, finding: finding.into() }
    }
}

impl Verifier {
    /// The steps of judging `token` with the keys there are, up to the first that fails.
    pub fn examine(&self, token: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Err(failed) = self.walk(token, &mut steps) {
            steps.push(failed);
        }
        steps
    }

    fn walk(&self, token: &str, steps: &mut Vec<Step>) -> Result<(), Step> {
        let (raw, issuer) = self.parse(token).map_err(|(refusal, _)| Step::failed(stage(refusal), refusal.reason()))?;
        steps.push(Step::passed("structure", described(&raw)));
        steps.push(Step::passed("issuer", format!("{:?} is issuer {:?}", raw.issuer(), issuer.name())));

        let now = self.now();
        let set = issuer.keys().latest(now).ok_or_else(|| Step::failed("key", "keys_unavailable: no key set is loaded"))?;
        let header = raw.header();
        let key = set.find(header.key_id.as_deref(), header.algorithm).map_err(|fault| {
            let known: Vec<&str> = set.key_ids().collect();
            Step::failed("key", format!("{}: the key set has {known:?}", fault.reason()))
        })?;
        steps.push(Step::passed("key", format!("key {:?} for {}", key.key_id(), key.algorithm())));

        verify(raw, key, issuer.rules(), now).map_err(|fault| Step::failed("claims", fault.reason()))?;
        steps.push(Step::passed("claims", "signature, type, audience and times are good".to_owned()));
        Ok(())
    }
}

fn stage(refusal: Refusal) -> &'static str {
    if refusal == Refusal::UnknownIssuer { "issuer" } else { "structure" }
}

fn described(raw: &RawToken<'_>) -> String {
    let header = raw.header();
    format!("algorithm {}, key id {:?}", header.algorithm, header.key_id)
}
