//! What is remembered, for whom, and for how long.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::token::tests::signer::Signer;
use crate::token::{Algorithm, ClaimRules, KeySet, RawToken, verify};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const EXPIRES: Timestamp = Timestamp::from_seconds(1_700_000_300);

/// A token and what was verified of it.
struct Sample {
    token: String,
    verified: Arc<Verified>,
    keys: KeySet,
    settings: Arc<Liveness>,
}

fn sample(subject: &str) -> Sample {
    let signer = Signer::new(Algorithm::EdDSA);
    let token = signer.token(&json!({"iss": "i", "aud": "a", "sub": subject, "exp": EXPIRES.seconds()}));
    let rules = ClaimRules {
        issuer: "i".into(),
        audiences: vec!["a".into()],
        leeway: Duration::from_secs(60),
        max_lifetime: None,
        types: vec!["JWT".into()],
        require_type: false,
    };
    let keys = signer.key_set();
    let key = Arc::clone(keys.keys().next().unwrap());
    let claims = verify(RawToken::parse(&token, 8192).unwrap(), &key, &rules, NOW).unwrap();
    let identity = Identity { issuer_name: "corp".into(), roles: vec![], scopes: vec![], registered: false, claims };
    let settings = Arc::new(Liveness::new());
    let descent = Descent::foreign(&identity.claims);
    Sample { verified: Arc::new(Verified::new(identity, descent, key, Arc::clone(&settings))), token, keys, settings }
}

fn cache(capacity: usize, bytes: u64) -> Remembered {
    Remembered::new(&CacheSettings { capacity, bytes })
}

#[test]
fn a_remembered_token_is_answered_with_the_same_identity() {
    let (cache, alice) = (cache(100, 1 << 20), sample("alice"));
    assert!(cache.get(&alice.token, NOW).is_none());
    cache.insert(&alice.token, Arc::clone(&alice.verified));
    assert!(Arc::ptr_eq(&cache.get(&alice.token, NOW).unwrap(), &alice.verified));
    assert_eq!(cache.stats(), RememberedStats { hits: 1, misses: 1, evictions: 0, entries: 1 });
}

#[test]
fn another_token_is_never_answered_not_even_one_with_another_spelling_of_its_signature() {
    let (cache, alice) = (cache(100, 1 << 20), sample("alice"));
    cache.insert(&alice.token, Arc::clone(&alice.verified));
    for place in 0..alice.token.len() {
        let mut other = alice.token.clone().into_bytes();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        assert!(cache.get(std::str::from_utf8(&other).unwrap(), NOW).is_none(), "{place}");
    }
    assert!(cache.get(&alice.token[..alice.token.len() - 1], NOW).is_none());
    assert!(cache.get(&format!("{}A", alice.token), NOW).is_none());
}

#[test]
fn nothing_is_answered_at_or_past_its_expiry_and_leeway_does_not_count() {
    let (cache, alice) = (cache(100, 1 << 20), sample("alice"));
    cache.insert(&alice.token, Arc::clone(&alice.verified));
    assert!(cache.get(&alice.token, Timestamp::from_millis(EXPIRES.millis() - 1)).is_some());
    assert!(cache.get(&alice.token, EXPIRES).is_none());
    assert_eq!(cache.stats().entries, 0, "a dead entry is removed");
    assert!(cache.get(&alice.token, NOW).is_none(), "and does not come back when the clock does");
}

#[test]
fn oathkeeper_cve_2026_33496_an_answer_ends_with_its_key_and_with_its_issuers_settings() {
    let (cache, alice, bob) = (cache(100, 1 << 20), sample("alice"), sample("bob"));
    for one in [&alice, &bob] {
        cache.insert(&one.token, Arc::clone(&one.verified));
        assert!(cache.get(&one.token, NOW).is_some());
    }
    alice.keys.retire_all();
    assert!(cache.get(&alice.token, NOW).is_none());
    assert!(cache.get(&bob.token, NOW).is_some(), "another key's tokens live on");
    bob.settings.end();
    assert!(cache.get(&bob.token, NOW).is_none());
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn a_key_that_stays_through_a_refresh_keeps_its_tokens() {
    let (cache, signer) = (cache(100, 1 << 20), Signer::new(Algorithm::ES256));
    let alice = sample("alice");
    let settings = Arc::new(Liveness::new());
    let first = signer.key_set();
    let key = Arc::clone(first.keys().next().unwrap());
    let identity = Arc::try_unwrap(alice.verified).unwrap().identity;
    let descent = Descent::foreign(&identity.claims);
    cache.insert(&alice.token, Arc::new(Verified::new(identity, descent, key, settings)));
    let second = signer.key_set().succeed(&first);
    assert!(cache.get(&alice.token, NOW).is_some());
    let _third = Signer::new(Algorithm::ES256).key_set().succeed(&second);
    assert!(cache.get(&alice.token, NOW).is_none());
}

#[test]
fn both_bounds_hold_and_evictions_are_counted() {
    let alice = sample("alice");
    let insert = |cache: &Remembered, count: usize| {
        (0..count).for_each(|i| cache.insert(&format!("{}{i}", alice.token), Arc::clone(&alice.verified)));
    };
    let by_entries = cache(10, 1 << 30);
    insert(&by_entries, 100);
    let stats = by_entries.stats();
    assert!((1..=10).contains(&stats.entries), "{stats:?}");
    assert_eq!(stats.evictions, 100 - stats.entries as u64);

    let each = estimated_bytes(&alice.token, &alice.verified) as usize;
    let by_bytes = cache(1_000_000, 20 * each as u64);
    insert(&by_bytes, 100);
    assert!((1..=20).contains(&by_bytes.stats().entries), "{:?}", by_bytes.stats());
}

#[test]
fn one_that_is_larger_than_the_cache_is_not_kept() {
    let (cache, alice) = (cache(1, 64), sample("alice"));
    cache.insert(&alice.token, Arc::clone(&alice.verified));
    assert!(cache.get(&alice.token, NOW).is_none());
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn a_bound_of_zero_remembers_nothing() {
    let alice = sample("alice");
    for cache in [cache(0, 1 << 20), cache(100, 0)] {
        cache.insert(&alice.token, Arc::clone(&alice.verified));
        assert!(cache.get(&alice.token, NOW).is_none());
        assert_eq!(cache.stats(), RememberedStats::default());
    }
}

#[test]
fn the_estimate_grows_with_the_claims() {
    let (small, large) = (sample("a"), sample(&"a".repeat(1000)));
    let bytes = |one: &Sample| estimated_bytes(&one.token, &one.verified);
    assert!(bytes(&large) > bytes(&small) + 2000);
    let nested = json!({"a": ["xx", {"b": "yyy"}], "c": 1});
    assert!(members_bytes(nested.as_object().unwrap()) > 5 * size_of::<Value>());
}

#[test]
fn traefik_cve_2026_71326_many_threads_never_get_each_others_identity() {
    let (cache, samples) = (cache(64, 1 << 24), (0..8).map(|i| sample(&format!("user-{i}"))).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for offset in 0..4 {
            let (cache, samples) = (&cache, &samples);
            scope.spawn(move || {
                for i in 0..2000 {
                    let one = &samples[(i * 3 + offset) % samples.len()];
                    match cache.get(&one.token, NOW) {
                        Some(found) => assert_eq!(found.identity.subject(), one.verified.identity.subject()),
                        None => cache.insert(&one.token, Arc::clone(&one.verified)),
                    }
                }
            });
        }
    });
    let stats = cache.stats();
    assert_eq!(stats.hits + stats.misses, 8000);
}

/// Another proof of the same token, as a request makes that came at the same time.
fn proved_again(one: &Sample, settings: &Arc<Liveness>) -> Arc<Verified> {
    let identity = Arc::into_inner(sample("alice").verified).unwrap().identity;
    let descent = Descent::foreign(&identity.claims);
    Arc::new(Verified::new(identity, descent, Arc::clone(&one.verified.key), Arc::clone(settings)))
}

#[test]
fn a_later_proof_of_the_same_token_does_not_take_its_exchange_away() {
    let (cache, alice, other) = (cache(100, 1 << 20), sample("alice"), sample("alice"));
    let application = Uuid::from_u128(1);
    let verified = Arc::into_inner(other.verified).unwrap();
    let exchanged = Arc::new(Exchanged::new(application, other.token, verified, Arc::default(), 1, NOW));
    cache.insert_proof(&alice.token, Arc::clone(&alice.verified));
    cache.insert_exchange(&alice.token, Arc::clone(&alice.verified), &exchanged);

    let later = cache.insert_proof(&alice.token, proved_again(&alice, &alice.settings));
    assert!(Arc::ptr_eq(&later.exchanged_for(application).unwrap(), &exchanged));

    let reloaded = Arc::new(Liveness::new());
    let judged_anew = cache.insert_proof(&alice.token, proved_again(&alice, &reloaded));
    assert!(judged_anew.exchanged_for(application).is_none(), "other settings may give something else");
    assert!(cache.get(&alice.token, NOW).unwrap().was_judged_by(&reloaded));
}
