//! Keys that the gateway signs with itself: handed over, replaced, withdrawn.

use super::*;
use crate::token::{OwnKey, OwnMaterial, SigningKey};

fn signer(id: &str) -> SigningKey {
    SigningKey::generate(id, Algorithm::EdDSA).unwrap()
}

fn own(key: &SigningKey) -> OwnKey {
    let material = OwnMaterial::Public(key.public().unwrap().der().into());
    OwnKey { id: key.key_id().into(), algorithm: key.algorithm(), material, only_audience: None }
}

fn token(key: &SigningKey, subject: &str) -> String {
    let claims = json!({ "iss": "https://own", "aud": "gw", "sub": subject, "exp": START.seconds() + LIFETIME });
    key.sign("JWT", &claims).unwrap()
}

fn gateway(keys: &OwnKeys) -> Gateway {
    Gateway::start(vec![settings_with("own", KeySource::Own(keys.clone()))])
}

#[tokio::test]
async fn a_key_that_is_withdrawn_is_dead_before_anything_else_happens() {
    let (one, other) = (signer("one"), signer("other"));
    let keys = OwnKeys::default();
    keys.replace(&[own(&one), own(&other)]);
    let gateway = gateway(&keys);
    let (dead, alive) = (token(&one, "a"), token(&other, "a"));
    let remembered = gateway.verify(&alive).await.unwrap();
    assert_eq!(gateway.reason(&dead).await, "ok");
    keys.replace(&[own(&other)]);
    // The runtime has one thread, and nobody else had a turn.
    assert_eq!(gateway.reason(&dead).await, "unknown_key");
    assert!(Arc::ptr_eq(&remembered, &gateway.verify(&alive).await.unwrap()), "what stays stays remembered");
    keys.replace(&[own(&one), own(&other)]);
    assert_eq!(gateway.reason(&dead).await, "ok", "a key that comes back verifies anew");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_refused_at_once_and_asked_for_nowhere() {
    let keys = OwnKeys::default();
    let gateway = gateway(&keys);
    let key = signer("k");
    let began = tokio::time::Instant::now();
    assert_eq!(gateway.status("own").state, KeysState::Empty);
    for subject in ["a", "b"] {
        assert_eq!(gateway.reason(&token(&key, subject)).await, "unknown_key");
    }
    gateway.keys("own").refresh();
    assert_eq!(began.elapsed(), Duration::ZERO);
    keys.replace(&[own(&key)]);
    assert_eq!(gateway.reason(&token(&key, "a")).await, "ok");
    gateway.clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(gateway.reason(&token(&key, "b")).await, "ok", "they never go stale");
    let status = gateway.status("own");
    assert_eq!(
        (status.from.word(), status.key_ids.as_slice(), status.fetches, status.age),
        ("authority", &["k".to_owned()][..], 0, None)
    );
}

#[tokio::test]
async fn a_reload_keeps_the_keys_and_both_configurations_hear_of_changes() {
    let key = signer("k");
    let keys = OwnKeys::default();
    keys.replace(&[own(&key)]);
    let mut gateway = gateway(&keys);
    let issuer = gateway.verifier.registry().named("own").unwrap().clone();
    gateway.reload(vec![settings_with("own", KeySource::Own(keys.clone()))]);
    assert!(Arc::ptr_eq(&issuer, gateway.verifier.registry().named("own").unwrap()));

    let other_algorithms = IssuerSettings {
        algorithms: vec![Algorithm::EdDSA, Algorithm::ES256],
        ..settings_with("own", KeySource::Own(keys.clone()))
    };
    let former = gateway.verifier.clone();
    gateway.reload(vec![other_algorithms]);
    assert!(!Arc::ptr_eq(issuer.keys(), gateway.keys("own")));
    assert_eq!(gateway.reason(&token(&key, "a")).await, "ok");
    keys.replace(&[]);
    assert_eq!(gateway.reason(&token(&key, "a")).await, "unknown_key");
    assert_eq!(former.verify(&token(&key, "b")).await.unwrap_err().reason(), "unknown_key");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_said_and_harms_no_other() {
    let key = signer("k");
    let keys = OwnKeys::default();
    keys.replace(&[own(&key), OwnKey { id: "broken".into(), material: OwnMaterial::Public([1, 2].into()), ..own(&key) }]);
    let gateway = gateway(&keys);
    assert_eq!(gateway.reason(&token(&key, "a")).await, "ok");
    let status = gateway.status("own");
    assert_eq!((status.count, status.skipped[0].key_id.as_deref()), (1, Some("broken")));
}
