//! The proof: the signature first, then the type, then every claim that decides acceptance (RFC 7519 section 7.2).
//!
//! Nothing is judged before the signature, so that a forged token learns nothing from the answer and its faults are
//! never logged as facts (golang-jwt CVE-2024-51744). What is judged is type-checked: a claim of the wrong type is a
//! fault, never absent (jsonwebtoken CVE-2026-25537).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::header::TokenType;
use super::{Key, KeySet, RawToken, TokenFault, VerifiedClaims};
use crate::clock::Timestamp;

/// The most leeway that any configuration can give.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// The largest token that [`verify_of_type`] looks at.
const MAX_BYTES: usize = 16 * 1024;

/// 2^53: beyond it not every JSON reader has the same number, and milliseconds still fit 64 bits.
const MAX_SECONDS: u64 = 1 << 53;

/// What one issuer's tokens must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRules {
    /// `iss`, byte for byte.
    pub issuer: Arc<str>,
    /// `aud` must contain one of these.
    pub audiences: Vec<String>,
    /// Tolerated clock difference; more than 60 s counts as 60 s.
    pub leeway: Duration,
    /// Longest `exp - iat`; without `iat`, longest `exp - now`.
    pub max_lifetime: Option<Duration>,
    /// Accepted `typ` values, compared ASCII case-insensitively without a leading `application/`.
    pub types: Vec<String>,
    /// Whether a token must have a `typ`.
    pub require_type: bool,
}

/// Proves `raw` with `key` and judges it by `rules` at the instant `now`.
///
/// # Errors
/// The first fault: algorithm, signature, `typ`, `iss`, `aud` (by the rules, then by the key), `exp`, `nbf`, `iat`, lifetime, `sub`, `jti`.
pub fn verify(raw: RawToken<'_>, key: &Key, rules: &ClaimRules, now: Timestamp) -> Result<VerifiedClaims, TokenFault> {
    prove(raw, key, rules, |_| now, |audience| rules.check_audience(audience))
}

/// As [`verify`], of a token that may have expired: judged at `now` or at the last instant of its life, whichever is earlier.
/// It authenticates nobody; it says which session a browser had, for whoever renews that.
///
/// # Errors
/// As [`verify`], but for its expiry.
pub fn verify_expired(raw: RawToken<'_>, key: &Key, rules: &ClaimRules, now: Timestamp) -> Result<VerifiedClaims, TokenFault> {
    let in_its_time = |times: &Times| Timestamp::from_millis(times.expires_at.millis().saturating_sub(1)).min(now);
    prove(raw, key, rules, in_its_time, |audience| rules.check_audience(audience))
}

/// As [`verify`], of a token that may be for anyone, whatever the rules say of audiences: only where an operator asked
/// for exactly that.
///
/// # Errors
/// As [`verify`].
pub fn verify_for_anyone(raw: RawToken<'_>, key: &Key, rules: &ClaimRules, now: Timestamp) -> Result<VerifiedClaims, TokenFault> {
    prove(raw, key, rules, |_| now, |_| Ok(()))
}

fn prove(
    raw: RawToken<'_>,
    key: &Key,
    rules: &ClaimRules,
    judged_at: impl Fn(&Times) -> Timestamp,
    check_audience: impl Fn(Option<&Value>) -> Result<(), TokenFault>,
) -> Result<VerifiedClaims, TokenFault> {
    key.check_signature(raw.header().algorithm, raw.signed, &raw.signature)?;
    rules.check_type(&raw.header().token_type)?;
    rules.check_issuer(&raw.claims)?;
    check_audience(raw.claims.get("aud"))?;
    key.check_audience(raw.claims.get("aud"))?;
    let times = Times::of(&raw.claims)?;
    rules.check_times(&times, judged_at(&times))?;
    Ok(VerifiedClaims {
        issuer: Arc::clone(&rules.issuer),
        subject: text(&raw.claims, "sub", TokenFault::BadSubject)?,
        token_id: text(&raw.claims, "jti", TokenFault::BadTokenId)?,
        issued_at: times.issued_at,
        expires_at: times.expires_at,
        document: raw.claims,
    })
}

/// The claims of a token of exactly the type `token_type` by one of `keys`, in its time, whatever it says of issuer and
/// audience: for tokens whose type and keys are no other's. `None` for any other token.
pub fn verify_of_type(text: &str, token_type: &str, keys: &KeySet, now: Timestamp) -> Option<Map<String, Value>> {
    let raw = RawToken::parse_of_any_issuer(text, MAX_BYTES).ok()?;
    let header = raw.header();
    if !matches!(&header.token_type, TokenType::Named(name) if **name == *token_type) {
        return None;
    }
    let key = keys.find(Some(header.key_id.as_deref()?), header.algorithm).ok()?;
    key.check_signature(header.algorithm, raw.signed, &raw.signature).ok()?;
    let times = Times::of(&raw.claims).ok()?;
    let holds = now < times.expires_at && times.not_before.is_none_or(|instant| instant <= now);
    holds.then_some(raw.claims)
}

impl ClaimRules {
    fn check_type(&self, token_type: &TokenType) -> Result<(), TokenFault> {
        let accepted = match token_type {
            TokenType::Absent => !self.require_type,
            TokenType::Named(name) => self.types.iter().any(|wanted| bare(wanted).eq_ignore_ascii_case(bare(name))),
            TokenType::NotText => false,
        };
        if accepted { Ok(()) } else { Err(TokenFault::WrongType) }
    }

    fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), TokenFault> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if **issuer == *self.issuer => Ok(()),
            _ => Err(TokenFault::WrongIssuer),
        }
    }

    fn check_audience(&self, audience: Option<&Value>) -> Result<(), TokenFault> {
        let accepted = match audience {
            Some(Value::String(name)) => self.audiences.contains(name),
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                names.iter().filter_map(Value::as_str).any(|name| self.audiences.iter().any(|wanted| wanted == name))
            }
            _ => return Err(TokenFault::BadAudience),
        };
        if accepted { Ok(()) } else { Err(TokenFault::WrongAudience) }
    }

    fn check_times(&self, times: &Times, now: Timestamp) -> Result<(), TokenFault> {
        self.check_expiry(times.expires_at, now)?;
        self.check_not_before(times.not_before, now)?;
        self.check_issued_at(times.issued_at, now)?;
        self.check_lifetime(times, now)
    }

    fn check_expiry(&self, expires_at: Timestamp, now: Timestamp) -> Result<(), TokenFault> {
        if now >= expires_at.plus(self.leeway()) { Err(TokenFault::Expired) } else { Ok(()) }
    }

    fn check_not_before(&self, not_before: Option<Timestamp>, now: Timestamp) -> Result<(), TokenFault> {
        let early = not_before.is_some_and(|instant| instant > now.plus(self.leeway()));
        if early { Err(TokenFault::NotYetValid) } else { Ok(()) }
    }

    fn check_issued_at(&self, issued_at: Option<Timestamp>, now: Timestamp) -> Result<(), TokenFault> {
        let early = issued_at.is_some_and(|instant| instant > now.plus(self.leeway()));
        if early { Err(TokenFault::IssuedInFuture) } else { Ok(()) }
    }

    fn check_lifetime(&self, times: &Times, now: Timestamp) -> Result<(), TokenFault> {
        let lifetime = times.expires_at.since(times.issued_at.unwrap_or(now));
        if self.max_lifetime.is_some_and(|longest| lifetime > longest) { Err(TokenFault::LifetimeTooLong) } else { Ok(()) }
    }

    fn leeway(&self) -> Duration {
        self.leeway.min(MAX_LEEWAY)
    }
}

/// One check of [`verify`], made by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was checked: `signature`, the name of a header member or claim, or `lifetime`.
    pub what: &'static str,
    /// What the token says there.
    pub found: Option<Value>,
    /// What is wrong with it.
    pub fault: Option<TokenFault>,
}

/// Every check that [`verify`] makes of `raw`, in its order, whatever came of those before: for whoever explains a
/// refusal to an operator. Without a `key` the signature is left out. Nothing is proved by it.
pub fn examine(raw: &RawToken<'_>, key: Option<&Key>, rules: &ClaimRules, now: Timestamp) -> Vec<Check> {
    let claims = &raw.claims;
    let signature = key.map(|key| key.check_signature(raw.header().algorithm, raw.signed, &raw.signature));
    let not_before = optional_instant(claims, "nbf", TokenFault::BadNotBefore);
    let issued_at = optional_instant(claims, "iat", TokenFault::BadIssuedAt);
    let audience = claims.get("aud");
    let outcomes = [
        ("typ", rules.check_type(&raw.header().token_type)),
        ("iss", rules.check_issuer(claims)),
        ("aud", rules.check_audience(audience).and_then(|()| key.map_or(Ok(()), |key| key.check_audience(audience)))),
        ("exp", expiry(claims).and_then(|instant| rules.check_expiry(instant, now))),
        ("nbf", not_before.and_then(|instant| rules.check_not_before(instant, now))),
        ("iat", issued_at.and_then(|instant| rules.check_issued_at(instant, now))),
        ("lifetime", Times::of(claims).map_or(Ok(()), |times| rules.check_lifetime(&times, now))),
        ("sub", text(claims, "sub", TokenFault::BadSubject).map(drop)),
        ("jti", text(claims, "jti", TokenFault::BadTokenId).map(drop)),
    ];
    let found = |what| match (what, &raw.header().token_type) {
        ("typ", TokenType::Named(name)) => Some(Value::from(&**name)),
        _ => claims.get(what).cloned(),
    };
    let signature = signature.map(|outcome| ("signature", outcome));
    let outcomes = signature.into_iter().chain(outcomes);
    outcomes.map(|(what, outcome)| Check { what, found: found(what), fault: outcome.err() }).collect()
}

/// The instants of a claims set, type-checked.
struct Times {
    expires_at: Timestamp,
    not_before: Option<Timestamp>,
    issued_at: Option<Timestamp>,
}

impl Times {
    fn of(claims: &Map<String, Value>) -> Result<Self, TokenFault> {
        Ok(Self {
            expires_at: expiry(claims)?,
            not_before: optional_instant(claims, "nbf", TokenFault::BadNotBefore)?,
            issued_at: optional_instant(claims, "iat", TokenFault::BadIssuedAt)?,
        })
    }
}

fn expiry(claims: &Map<String, Value>) -> Result<Timestamp, TokenFault> {
    claims.get("exp").and_then(instant).ok_or(TokenFault::BadExpiry)
}

fn optional_instant(claims: &Map<String, Value>, name: &str, fault: TokenFault) -> Result<Option<Timestamp>, TokenFault> {
    claims.get(name).map(|value| instant(value).ok_or(fault)).transpose()
}

/// A NumericDate (RFC 7519 section 2) from 0 to 2^53, rounded down to a second.
fn instant(value: &Value) -> Option<Timestamp> {
    let Value::Number(number) = value else { return None };
    let seconds = match number.as_u64() {
        Some(seconds) => seconds,
        None => whole_seconds(number.as_f64()?)?,
    };
    (seconds <= MAX_SECONDS).then(|| Timestamp::from_seconds(seconds))
}

/// `seconds` rounded down, where it is in range: the comparison is false for what is not a number, and the range is
/// looked at before the conversion, which would saturate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn whole_seconds(seconds: f64) -> Option<u64> {
    (0.0..=MAX_SECONDS as f64).contains(&seconds).then_some(seconds as u64)
}

/// A claim that is a string if it is there.
fn text(claims: &Map<String, Value>, name: &str, fault: TokenFault) -> Result<Option<Box<str>>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str().into())),
        Some(_) => Err(fault),
    }
}

/// A media type without a leading `application/` (RFC 7515 section 4.1.9).
fn bare(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.get(..PREFIX.len()) {
        Some(head) if head.eq_ignore_ascii_case(PREFIX) => &media_type[PREFIX.len()..],
        _ => media_type,
    }
}
