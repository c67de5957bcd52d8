//! Several gateways on one store.

use super::*;

async fn two() -> (Gateway, Gateway) {
    let (store, clock) = (Arc::new(MemoryStore::new()), Clock::manual(START));
    (Gateway::beside(&store, &clock, settings()).await, Gateway::beside(&store, &clock, settings()).await)
}

#[tokio::test]
async fn two_first_starts_at_once_agree_on_one_key_for_each_place() {
    let (store, clock) = (Arc::new(MemoryStore::new()), Clock::manual(START));
    let (one, other) = tokio::join!(Gateway::beside(&store, &clock, settings()), Gateway::beside(&store, &clock, settings()));
    // Whoever was overtaken hears of it by the poll.
    one.keys.refresh().await.unwrap();
    other.keys.refresh().await.unwrap();
    for place in [ACCESS, VEND, Place { application: Some(WIKI), ..ACCESS }] {
        assert_eq!(one.active(place), other.active(place));
        let [next, active, ..] = one.count(place).await;
        assert_eq!((next, active), (1, 1));
    }
    assert_eq!(other.reason(&one.token(SHOP)).await, "ok");
}

#[tokio::test]
async fn two_gateways_whose_rotation_is_due_rotate_once() {
    let (one, other) = two().await;
    let first = one.active(ACCESS);
    one.clock.advance(24 * HOUR);
    let (a, b) = tokio::join!(one.keys.tend(), other.keys.tend());
    a.unwrap();
    b.unwrap();
    assert_eq!(one.active(ACCESS), other.active(ACCESS));
    assert_ne!(one.active(ACCESS), first);
    assert_eq!(one.count(ACCESS).await, [1, 1, 1, 0]);
}

#[tokio::test]
async fn two_operators_who_rotate_at_once_rotate_once() {
    let (one, other) = two().await;
    one.clock.advance(HOUR);
    let (a, b) = tokio::join!(one.keys.rotate(ACCESS, false), other.keys.rotate(ACCESS, false));
    a.unwrap();
    b.unwrap();
    assert_eq!(one.count(ACCESS).await, [1, 1, 1, 0]);
}

#[tokio::test]
async fn a_key_revoked_while_it_is_rotated_ends_revoked() {
    let (one, other) = two().await;
    let first = one.active(ACCESS);
    let token = one.token(SHOP);
    let (a, b) = tokio::join!(one.keys.rotate(ACCESS, true), other.keys.revoke(&first));
    a.unwrap();
    b.unwrap();
    one.keys.refresh().await.unwrap();
    assert_eq!((one.reason(&token).await, other.reason(&token).await), ("unknown_key", "unknown_key"));
    let [next, active, _, revoked] = one.count(ACCESS).await;
    assert_eq!((next, active, revoked), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_another_gateway_revokes_is_refused_within_two_seconds() {
    let (one, other) = two().await;
    let token = one.token(SHOP);
    assert_eq!(other.reason(&token).await, "ok");
    let following = other.keys.follow(&tokio::runtime::Handle::current());
    one.keys.revoke(&one.active(ACCESS)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(other.reason(&token).await, "unknown_key");
    assert_eq!(other.active(ACCESS), one.active(ACCESS));

    drop(following);
    one.keys.revoke(&one.active(ACCESS)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_ne!(other.active(ACCESS), one.active(ACCESS), "it ended with its handle");
}

#[tokio::test(start_paused = true)]
async fn the_calendar_is_looked_at_each_minute() {
    let (one, _) = two().await;
    let first = one.active(ACCESS);
    let _following = one.keys.follow(&tokio::runtime::Handle::current());
    one.clock.advance(24 * HOUR);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_ne!(one.active(ACCESS), first);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_takes_no_key_away() {
    let (one, _) = two().await;
    let token = one.token(SHOP);
    let _following = one.keys.follow(&tokio::runtime::Handle::current());
    one.store.be_down(true);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!((one.reason(&token).await, one.reason(&one.token(SHOP)).await), ("ok", "ok"));
    assert!(matches!(one.keys.revoke(&one.active(ACCESS)).await, Err(SigningKeysError::Store(StoreError::Unavailable(_)))));
    one.store.be_down(false);
    one.keys.revoke(&one.active(ACCESS)).await.unwrap();
    assert_eq!(one.reason(&token).await, "unknown_key");
}

#[tokio::test]
async fn a_damaged_key_does_not_keep_a_revocation_from_being_obeyed() {
    let (one, other) = two().await;
    let token = one.token(SHOP);
    let damaged = |record: &&SigningKeyRecord| record.state == KeyState::Next && plan::place(record) == ACCESS;
    let damaged = SigningKeyRecord { sealed: vec![1], ..one.records().await.iter().find(damaged).unwrap().clone() };
    one.store.commit(vec![Change::ReplaceSigningKey(damaged)]).await.unwrap();
    let first = one.active(ACCESS);
    assert!(matches!(one.keys.revoke(&first).await, Err(SigningKeysError::Unusable(_))));
    assert!(other.keys.refresh().await.is_err());
    assert_eq!((one.reason(&token).await, other.reason(&token).await), ("unknown_key", "unknown_key"));
}
