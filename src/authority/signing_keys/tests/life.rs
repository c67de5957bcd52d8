//! One gateway: made, published, rotated, retired, revoked.

use super::*;

#[tokio::test]
async fn the_first_start_makes_an_active_and_a_next_key_for_each_place() {
    let gateway = Gateway::start(settings()).await;
    for place in [ACCESS, VEND, Place { application: Some(WIKI), ..ACCESS }] {
        assert_eq!(gateway.count(place).await, [1, 1, 0, 0]);
    }
    assert_eq!(gateway.published().len(), 6);
    assert_eq!(gateway.reason(&gateway.token(SHOP)).await, "ok");
    assert_eq!(gateway.reason(&gateway.token(WIKI)).await, "ok");
    let again = Gateway::beside(&gateway.store, &gateway.clock, settings()).await;
    assert_eq!((again.published(), again.store.commits()), (gateway.published(), 1), "a second start changes nothing");
}

#[tokio::test]
async fn the_private_key_is_sealed_in_the_store_and_gone_once_it_is_retired() {
    let gateway = Gateway::start(settings()).await;
    let private = gateway.keys.ring().signer(KeyPurpose::Access, None).unwrap().pkcs8().unwrap();
    let seed = &private.expose()[16..48];
    for record in gateway.records().await {
        assert!(memchr::memmem::find(&record.sealed, seed).is_none() && !record.sealed.is_empty());
    }
    gateway.keys.rotate(ACCESS, true).await.unwrap();
    let retired = gateway.records().await.into_iter().find(|record| record.state == KeyState::Retired).unwrap();
    assert!(retired.sealed.is_empty());
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_until_its_last_token_has_expired() {
    let gateway = Gateway::start(settings()).await;
    let (first, published) = (gateway.active(ACCESS), gateway.published());
    gateway.clock.advance(24 * HOUR - MINUTE);
    gateway.keys.tend().await.unwrap();
    assert_eq!(gateway.active(ACCESS), first, "it is not due");
    let last_token = gateway.token(SHOP);
    gateway.clock.advance(MINUTE);
    gateway.keys.tend().await.unwrap();
    let second = gateway.active(ACCESS);
    assert!(second != first && published.contains(&second));
    assert!(gateway.published().contains(&first));
    gateway.clock.advance(HOUR - MINUTE - Duration::from_secs(1));
    assert_eq!(gateway.reason(&last_token).await, "ok");
    gateway.clock.advance(3 * MINUTE);
    gateway.keys.tend().await.unwrap();
    assert!(!gateway.published().contains(&first));
    assert_eq!(gateway.count(ACCESS).await, [1, 1, 0, 0], "swept");
    assert_eq!(gateway.reason(&last_token).await, "unknown_key");
}

#[tokio::test]
async fn no_good_token_is_ever_refused_over_many_rotations() {
    let hasty = SigningKeySettings { rotation: Some(30 * MINUTE), ..settings() };
    let gateway = Gateway::start(hasty).await;
    let mut tokens = Vec::new();
    let mut signers = BTreeSet::new();
    for _ in 0..300 {
        gateway.clock.advance(Duration::from_secs(97));
        gateway.keys.tend().await.unwrap();
        signers.insert(gateway.active(ACCESS));
        let now = gateway.clock.now();
        tokens.extend([(now.plus(HOUR), gateway.token(SHOP)), (now.plus(HOUR), gateway.token(WIKI))]);
        tokens.retain(|(expires, _)| now < *expires);
        for (_, token) in &tokens {
            assert_eq!(gateway.reason(token).await, "ok");
        }
    }
    assert!(signers.len() >= 15, "{}", signers.len());
    let [next, active, retired, revoked] = gateway.count(ACCESS).await;
    assert!((next, active, revoked) == (1, 1, 0) && retired <= 3, "{retired}");
}

#[tokio::test]
async fn tokens_of_a_longer_lifetime_than_is_set_now_outlive_a_rotation() {
    let long = SigningKeySettings { longest_lifetime: 48 * HOUR, rotation: None, ..settings() };
    let gateway = Gateway::start(SigningKeySettings { longest_lifetime: HOUR, ..long.clone() }).await;
    gateway.clock.advance(100 * HOUR);
    gateway.keys.reconfigure(long.clone()).await.unwrap();
    let first = gateway.active(ACCESS);
    gateway.keys.reconfigure(SigningKeySettings { longest_lifetime: MINUTE, ..long }).await.unwrap();
    gateway.keys.rotate(ACCESS, false).await.unwrap();
    gateway.clock.advance(48 * HOUR);
    gateway.keys.tend().await.unwrap();
    assert!(gateway.published().contains(&first));
    gateway.clock.advance(HOUR);
    gateway.keys.tend().await.unwrap();
    assert!(!gateway.published().contains(&first));
}

#[tokio::test]
async fn an_operator_rotates_to_a_key_that_verifiers_know_unless_told_otherwise() {
    let gateway = Gateway::start(settings()).await;
    let first = gateway.active(ACCESS);
    let refused = gateway.keys.rotate(ACCESS, false).await.unwrap_err();
    assert!(
        matches!(refused, SigningKeysError::TooYoung { usable_from, .. } if usable_from == START.plus(10 * MINUTE)),
        "{refused}"
    );
    assert_eq!(gateway.active(ACCESS), first);
    gateway.keys.rotate(ACCESS, true).await.unwrap();
    let second = gateway.active(ACCESS);
    assert_ne!(second, first);
    gateway.clock.advance(10 * MINUTE);
    gateway.keys.rotate(ACCESS, false).await.unwrap();
    assert_ne!(gateway.active(ACCESS), second);
    assert_eq!(gateway.count(ACCESS).await, [1, 1, 2, 0]);
    for place in [Place { application: Some(SHOP), ..ACCESS }, Place { purpose: KeyPurpose::Webhook, application: None }] {
        assert!(matches!(gateway.keys.rotate(place, true).await, Err(SigningKeysError::NoSuchPlace)));
    }
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once_and_the_next_signs() {
    let gateway = Gateway::start(settings()).await;
    let (first, published) = (gateway.active(ACCESS), gateway.published());
    let (token, of_another) = (gateway.token(SHOP), gateway.token(WIKI));
    assert_eq!((gateway.reason(&token).await, gateway.reason(&of_another).await), ("ok", "ok"));
    gateway.keys.revoke(&first).await.unwrap();
    assert_eq!((gateway.reason(&token).await, gateway.reason(&of_another).await), ("unknown_key", "ok"));
    assert!(published.contains(&gateway.active(ACCESS)) && !gateway.published().contains(&first));
    assert_eq!(gateway.reason(&gateway.token(SHOP)).await, "ok");
    assert_eq!(gateway.count(ACCESS).await, [1, 1, 0, 1]);
    gateway.keys.revoke(&first).await.unwrap();
    assert_eq!(gateway.count(ACCESS).await, [1, 1, 0, 1], "twice is once");
}

#[tokio::test]
async fn next_and_retired_keys_can_be_revoked_and_unknown_ones_cannot() {
    let gateway = Gateway::start(settings()).await;
    let (first, token) = (gateway.active(ACCESS), gateway.token(SHOP));
    gateway.keys.rotate(ACCESS, true).await.unwrap();
    let second = gateway.active(ACCESS);
    gateway.keys.revoke(&first).await.unwrap();
    assert_eq!((gateway.active(ACCESS), gateway.reason(&token).await), (second.clone(), "unknown_key"));
    let is_next = |record: &&SigningKeyRecord| record.state == KeyState::Next && plan::place(record) == ACCESS;
    let next = gateway.records().await.iter().find(is_next).unwrap().id.clone();
    gateway.keys.revoke(&next).await.unwrap();
    assert_eq!((gateway.active(ACCESS), gateway.count(ACCESS).await), (second, [1, 1, 0, 2]));
    assert!(!gateway.published().contains(&next));
    assert!(matches!(gateway.keys.revoke("other").await, Err(SigningKeysError::NoSuchKey(_))));
}

#[tokio::test]
async fn another_algorithm_signs_at_once_and_what_the_former_signed_stays_good() {
    let gateway = Gateway::start(settings()).await;
    let (first, token) = (gateway.active(ACCESS), gateway.token(SHOP));
    let mut changed = settings();
    changed.slots[0].algorithm = Algorithm::ES256;
    gateway.keys.reconfigure(changed).await.unwrap();
    let ring = gateway.keys.ring();
    assert_eq!(ring.signer(KeyPurpose::Access, Some(SHOP)).unwrap().algorithm(), Algorithm::ES256);
    assert_eq!((gateway.reason(&token).await, gateway.reason(&gateway.token(SHOP)).await), ("ok", "ok"));
    assert!(gateway.published().contains(&first));
    let [next, active, retired, _] = gateway.count(ACCESS).await;
    assert!((next, active) == (1, 1) && retired >= 1);
}

#[tokio::test]
async fn an_application_without_a_key_of_its_own_any_more_is_signed_for_with_the_one_of_all() {
    let gateway = Gateway::start(settings()).await;
    let token = gateway.token(WIKI);
    let mut changed = settings();
    changed.slots.truncate(2);
    gateway.keys.reconfigure(changed).await.unwrap();
    assert_eq!(gateway.active(Place { application: Some(WIKI), ..ACCESS }), gateway.active(ACCESS));
    assert_eq!((gateway.reason(&token).await, gateway.reason(&gateway.token(WIKI)).await), ("ok", "ok"));
}

#[tokio::test]
async fn keys_and_secrets_of_one_application_sign_for_no_other() {
    let gateway = Gateway::start(SigningKeySettings { secrets: vec![secret(NEWS, 9)], ..settings() }).await;
    let ring = gateway.keys.ring();
    for own in [NEWS, WIKI] {
        let key = ring.signer(KeyPurpose::Access, Some(own)).unwrap();
        assert_eq!(gateway.reason(&sign(key, own, START)).await, "ok");
        assert_eq!(gateway.reason(&sign(key, SHOP, START)).await, "key_of_other_audience");
    }
    assert!(ring.signer(KeyPurpose::Access, Some(NEWS)).unwrap().key_id().starts_with("hs-"));
    assert!(gateway.published().iter().all(|id| !id.starts_with("hs-")), "a secret is never published");
    assert_eq!(gateway.reason(&sign(ring.signer(KeyPurpose::Vend, None).unwrap(), SHOP, START)).await, "unknown_key");
}

#[tokio::test]
async fn a_secret_that_two_applications_share_is_refused() {
    let (store, clock) = (Arc::new(MemoryStore::new()), Clock::manual(START));
    let shared = SigningKeySettings { secrets: vec![secret(NEWS, 9), secret(SHOP, 9)], ..settings() };
    assert!(matches!(open(&store, &clock, shared).await, Err(SigningKeysError::SharedSecret(SHOP))));
    let mut short = settings();
    short.secrets = vec![ApplicationSecret { algorithm: Algorithm::HS512, ..secret(NEWS, 9) }];
    assert!(matches!(open(&store, &clock, short).await, Err(SigningKeysError::Secret(NEWS))));
}

#[tokio::test]
async fn a_store_sealed_with_another_key_is_refused_and_keeps_its_keys() {
    let gateway = Gateway::start(settings()).await;
    let store = Arc::clone(&gateway.store) as Arc<dyn Store>;
    let refused = SigningKeys::open(store, sealer(2), gateway.clock.clone(), settings()).await;
    assert!(matches!(refused, Err(SigningKeysError::Unusable(_))), "{refused:?}");
    assert_eq!(gateway.store.commits(), 1);
}

#[tokio::test]
async fn a_record_that_publishes_one_key_and_signs_with_another_is_refused() {
    let gateway = Gateway::start(settings()).await;
    let records = gateway.records().await;
    let of = |state| records.iter().find(|record| record.state == state && plan::place(record) == ACCESS).unwrap().clone();
    let swapped = SigningKeyRecord { public: of(KeyState::Next).public, ..of(KeyState::Active) };
    gateway.store.commit(vec![Change::ReplaceSigningKey(swapped)]).await.unwrap();
    assert!(matches!(open(&gateway.store, &gateway.clock, settings()).await, Err(SigningKeysError::Unusable(_))));
}
