//! Unknown key ids: rotations, floods, and what they cost an issuer.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::*;
use crate::issuer::demand::Turn;
use crate::token::KeySet;

/// Presents tokens with `count` new key ids at the same time; how many were refused as unknown.
async fn flood(gateway: &Gateway, attacker: &Signer, count: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let token = attacker.token_as(&format!("flood-{id}"), "https://corp");
        let verifier = gateway.verifier.clone();
        tasks.spawn(async move { verifier.verify(&token).await.map_or_else(|error| error.reason(), |_| "ok") });
    }
    tasks.join_all().await.into_iter().filter(|reason| *reason == "unknown_key").count()
}

#[tokio::test]
async fn everybody_shares_the_first_fetch() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::After(Duration::from_millis(100), body.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    let mut tasks = JoinSet::new();
    for subject in 0..50 {
        let (token, verifier) = (signer.token("https://corp", &subject.to_string()), gateway.verifier.clone());
        tasks.spawn(async move { verifier.verify(&token).await.is_ok() });
    }
    assert!(tasks.join_all().await.into_iter().all(|good| good));
    assert_eq!(mock.count(), 1);
}

#[tokio::test]
async fn ten_thousand_unknown_ids_cost_one_fetch_per_window_while_good_tokens_pass() {
    let (signer, attacker) = (Signer::new("k1"), Signer::new("none"));
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::After(Duration::from_millis(50), body.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "first")).await, "ok");
    assert_eq!(mock.count(), 1);

    for window in 1..=3 {
        let good = async {
            let begun = std::time::Instant::now();
            for subject in 0..100 {
                let token = signer.token("https://corp", &format!("{window}-{subject}"));
                assert_eq!(gateway.reason(&token).await, "ok");
            }
            begun.elapsed()
        };
        let (refused, took) = tokio::join!(flood(&gateway, &attacker, 10_000), good);
        assert_eq!(refused, 10_000);
        assert!(took < Duration::from_secs(5), "good tokens waited for the flood: {took:?}");
        assert_eq!(mock.count(), 1 + window, "one fetch for each window");
        assert_eq!(flood(&gateway, &attacker, 100).await, 100);
        assert_eq!(mock.count(), 1 + window);
        gateway.clock.advance(Duration::from_secs(10));
    }
    let suppressed = gateway.metric("tollgate_key_fetches_suppressed_total{issuer=\"corp\"}");
    assert_eq!(suppressed, Some(300.0), "those that came after their window's fetch");
}

#[tokio::test]
async fn a_new_key_is_found_at_its_first_token() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let (before, after) = (jwks(&[&old]), jwks(&[&old, &new]));
    let mock = Mock::start(move |_| Reply::Json(before.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    assert_eq!(gateway.reason(&old.token("https://corp", "a")).await, "ok");
    mock.now_does(move |_| Reply::Json(after.clone()));
    assert_eq!(gateway.reason(&new.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.reason(&old.token("https://corp", "b")).await, "ok");
    assert_eq!(mock.count(), 2);
    assert_eq!(gateway.status("corp").key_ids, ["k1", "k2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_during_a_flood_refuses_no_good_token_where_the_issuer_publishes_first() {
    let (old, new, attacker) = (Signer::new("k1"), Signer::new("k2"), Signer::new("none"));
    let (before, after) = (jwks(&[&old]), jwks(&[&old, &new]));
    let mock = Mock::start(move |_| Reply::Json(before.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    assert_eq!(gateway.reason(&old.token("https://corp", "a")).await, "ok");

    // The attacker also guesses the id of the key to come, so that it is remembered as absent.
    assert_eq!(gateway.reason(&attacker.token_as("k2", "https://corp")).await, "unknown_key");
    assert_eq!(flood(&gateway, &attacker, 1000).await, 1000);
    mock.now_does(move |_| Reply::Json(after.clone()));
    gateway.clock.advance(Duration::from_secs(10));
    let signed = async {
        for subject in 0..50 {
            assert_eq!(gateway.reason(&new.token("https://corp", &subject.to_string())).await, "ok");
            assert_eq!(gateway.reason(&old.token("https://corp", &subject.to_string())).await, "ok");
        }
    };
    tokio::join!(signed, flood(&gateway, &attacker, 1000));
    assert_eq!(mock.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_rotations_under_load_refuse_no_good_token_and_cost_one_fetch_each() {
    let mut signers = vec![Signer::new("k0")];
    let body = jwks(&[&signers[0]]);
    let mock = Mock::start(move |_| Reply::After(Duration::from_millis(5), body.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    assert_eq!(gateway.reason(&signers[0].token("https://corp", "first")).await, "ok");
    for round in 1..=10 {
        let load = |signer: &Signer, name: &str| {
            let tokens = (0..40).map(|subject| signer.token("https://corp", &format!("{name}-{round}-{subject}")));
            let mut tasks = JoinSet::new();
            for token in tokens {
                let verifier = gateway.verifier.clone();
                tasks.spawn(async move { verifier.verify(&token).await.map_or_else(|error| error.reason(), |_| "ok") });
            }
            tasks
        };
        let old = signers.last().unwrap();
        let before = load(old, "before");
        let new = Signer::new(&format!("k{round}"));
        let body = jwks(&[old, &new]);
        mock.now_does(move |_| Reply::After(Duration::from_millis(5), body.clone()));
        gateway.clock.advance(Duration::from_secs(10));
        let (after, still) = (load(&new, "after"), load(old, "still"));
        for outcomes in [before.join_all().await, after.join_all().await, still.join_all().await] {
            assert!(outcomes.iter().all(|outcome| *outcome == "ok"), "{round}: {outcomes:?}");
        }
        signers.push(new);
    }
    assert_eq!(mock.count(), 11);
}

#[test]
fn a_set_published_between_look_and_turn_is_not_missed() {
    let signer = Signer::new("k1");
    let clock = Clock::manual(START);
    let remembered = Arc::new(Remembered::new(&CacheSettings { capacity: 0, bytes: 0 }));
    let metrics = IssuerMetrics::register(&prometheus::Registry::new(), &remembered, clock.clone()).unwrap();
    let meters = metrics.issuer(&"corp".into());
    let shared = lookup::Shared::new("corp".into(), KeysFrom::Issuer, None, RefreshSettings::default(), clock, meters);
    let settle = |turn| shared.settle(Some("k1"), Algorithm::EdDSA, turn).is_ok();
    for turn in [Turn::Absent, Turn::Suppressed, Turn::OutOfReach] {
        assert!(!settle(turn));
    }
    let set = KeySet::from_jwks(jwks(&[&signer]).as_bytes(), &[Algorithm::EdDSA]).unwrap().set;
    shared.publish(set, Vec::new(), START);
    for turn in [Turn::Absent, Turn::Suppressed, Turn::OutOfReach] {
        assert!(settle(turn));
    }
}

#[tokio::test]
async fn a_question_during_a_fetch_that_misses_the_key_gets_one_of_its_own() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let (before, after) = (jwks(&[&old]), jwks(&[&old, &new]));
    let first = before.clone();
    let mock = Mock::start(move |_| Reply::Json(first.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    assert_eq!(gateway.reason(&old.token("https://corp", "a")).await, "ok");

    // A scheduled fetch is on its way with the old answer when the new key's first token comes.
    mock.now_does(move |_| Reply::After(Duration::from_millis(100), before.clone()));
    gateway.keys("corp").refresh();
    until(|| mock.count() == 2).await;
    mock.now_does(move |_| Reply::Json(after.clone()));
    assert_eq!(gateway.reason(&new.token("https://corp", "a")).await, "ok");
    assert_eq!(mock.count(), 3);
}

#[tokio::test]
async fn fixed_keys_are_never_asked_for_more() {
    let signer = Signer::new("k1");
    let file = KeyFile { path: "keys.json".into(), content: jwks(&[&signer]).into_bytes() };
    let gateway = Gateway::start(vec![settings_with("corp", KeySource::JwksFile(file))]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.reason(&signer.token_as("k2", "https://corp")).await, "unknown_key");
    let status = gateway.status("corp");
    assert_eq!((status.state, status.age, status.next_fetch), (KeysState::Ready, None, None));
}

#[test]
fn requests_on_other_runtimes_share_the_tasks_fetch() {
    let control = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let (mock, gateway) = control.block_on(async {
        let mock = Mock::start(move |_| Reply::After(Duration::from_millis(50), body.clone())).await;
        let gateway = Gateway::start(vec![settings("corp", &mock)]);
        (mock, gateway)
    });
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (signer, gateway) = (&signer, &gateway);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let token = signer.token("https://corp", &worker.to_string());
                assert_eq!(runtime.block_on(gateway.reason(&token)), "ok");
            });
        }
    });
    assert_eq!(mock.count(), 1);
}
