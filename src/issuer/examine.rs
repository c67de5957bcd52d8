//! Why a token would be accepted or refused now, step by step, for `explain`: without waiting, fetching, counting or
//! remembering. What it shows of a token's content is the operator's to see, never a client's.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Issuer, KeySource, Refusal, Verifier};
use crate::clock::Timestamp;
use crate::token::{Check, Key, RawToken, examine};

/// One step of judging a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked at: `structure`, `issuer`, `key`, `signature`, a claim by its name.
    pub stage: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found; on failure, begins with the stable reason word. May be empty.
    pub finding: String,
}

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The token passed.
    Good,
    /// The token is refused.
    Refused,
    /// It cannot be said without asking the issuer.
    Unknown,
}

impl Outcome {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl Step {
    fn good(stage: &'static str, finding: String) -> Self {
        Self { stage, outcome: Outcome::Good, finding }
    }

    fn refused(stage: &'static str, finding: impl Into<String>) -> Self {
        Self { stage, outcome: Outcome::Refused, finding: finding.into() }
    }

    fn unknown(stage: &'static str, finding: impl Into<String>) -> Self {
        Self { stage, outcome: Outcome::Unknown, finding: finding.into() }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{:<9}  {:<7}  {}", self.stage, self.outcome.word(), self.finding);
        f.write_str(line.trim_end())
    }
}

impl Verifier {
    /// The steps of judging `token` with the keys there are. Where its issuer is known, all of them: a token may be
    /// wrong in more than the one way that its refusal names.
    pub fn examine(&self, token: &str) -> Vec<Step> {
        let (raw, issuer) = match self.parse(token) {
            Ok(parsed) => parsed,
            Err((refusal, _)) => return vec![Step::refused(stage(refusal), refusal.reason())],
        };
        let mut steps = vec![
            Step::good("structure", described(&raw)),
            Step::good("issuer", format!("{:?} is issuer {:?}", raw.issuer(), issuer.name())),
        ];
        let now = self.now();
        let key = find_key(&raw, issuer, now, &mut steps);
        if key.is_none() {
            steps.push(Step::unknown("signature", "not checked; what follows was not proved"));
        }
        let checks = examine(&raw, key.as_deref(), issuer.rules(), now);
        steps.extend(checks.iter().map(|check| judged(check, issuer, now)));
        steps
    }
}

fn find_key(raw: &RawToken<'_>, issuer: &Issuer, now: Timestamp, steps: &mut Vec<Step>) -> Option<Arc<Key>> {
    let Some(set) = issuer.keys().latest(now) else {
        steps.push(Step::unknown("key", absent_keys(&issuer.settings().source)));
        return None;
    };
    match set.find(raw.header().key_id.as_deref(), raw.header().algorithm) {
        Ok(key) => {
            steps.push(Step::good("key", format!("{} for {}", named(key.key_id()), key.algorithm())));
            Some(Arc::clone(key))
        }
        Err(fault) => {
            let known: Vec<&str> = set.key_ids().collect();
            steps.push(Step::refused("key", format!("{}: the key set has {known:?}", fault.reason())));
            None
        }
    }
}

fn absent_keys(source: &KeySource) -> String {
    match source {
        KeySource::Discovery(remote) | KeySource::JwksUrl(remote) | KeySource::FusionAuth(remote, _) => {
            format!("no key set is loaded; the gateway fetches it from {}", remote.url)
        }
        KeySource::Own(_) => "the authority's keys are in the store, which is not looked at".to_owned(),
        KeySource::JwksFile(_) | KeySource::PublicKeyFiles(_) | KeySource::Secret(_) => "no key set is loaded".to_owned(),
    }
}

fn stage(refusal: Refusal) -> &'static str {
    if refusal == Refusal::UnknownIssuer { "issuer" } else { "structure" }
}

fn described(raw: &RawToken<'_>) -> String {
    let header = raw.header();
    format!("algorithm {}, key id {}", header.algorithm, named(header.key_id.as_deref()))
}

fn named(key_id: Option<&str>) -> String {
    key_id.map_or_else(|| "absent".to_owned(), |id| format!("{id:?}"))
}

fn judged(check: &Check, issuer: &Issuer, now: Timestamp) -> Step {
    let found = match (&check.found, check.what) {
        (None, "signature" | "lifetime") => String::new(),
        (None, _) => "absent".to_owned(),
        (Some(value), "exp" | "nbf" | "iat") => instant(value),
        (Some(value), _) => value.to_string(),
    };
    let Some(fault) = check.fault else { return Step::good(check.what, found) };
    let texts = [fault.reason().to_owned(), found, expected(check.what, issuer, now)];
    let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    Step::refused(check.what, texts.join("; "))
}

/// What would have been accepted, where it is not the same for all tokens.
fn expected(what: &str, issuer: &Issuer, now: Timestamp) -> String {
    let rules = issuer.rules();
    match what {
        "typ" => format!("accepted: {}", rules.types.join(", ")),
        "aud" => format!("accepted: {}", rules.audiences.join(", ")),
        "exp" | "nbf" | "iat" => format!("it is {now}, and {} s are tolerated", rules.leeway.as_secs()),
        "lifetime" => rules.max_lifetime.map_or_else(String::new, |longest| format!("accepted: {} s", longest.as_secs())),
        _ => String::new(),
    }
}

/// The claim as it stands, and as a date where it is one.
fn instant(value: &Value) -> String {
    let date = value.as_u64().map(|seconds| format!(" ({})", Timestamp::from_seconds(seconds)));
    format!("{value}{}", date.unwrap_or_default())
}
