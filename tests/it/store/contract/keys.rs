//! Signing keys, saved key sets, the store's identity.

use std::sync::Arc;

use tollgate::store::{Change, Expired, KeyDocument, KeyPurpose, KeyState, SigningKeyRecord, Store, StoreError, Unique};

use crate::store::records::*;

type S = Arc<dyn Store>;

pub async fn keys_are_read_back_oldest_first(store: S) {
    let purposes = [KeyPurpose::Access, KeyPurpose::Vend, KeyPurpose::Assertion, KeyPurpose::Webhook];
    let states = [KeyState::Next, KeyState::Active, KeyState::Retired, KeyState::Revoked];
    let keys: Vec<SigningKeyRecord> = (0..4)
        .map(|index| SigningKeyRecord {
            purpose: purposes[index],
            state: states[index],
            application: (index > 0).then_some(APP),
            activated: None,
            retired: Some(at(40)),
            ends: Some(at(50)),
            version: 3,
            ..signing_key(&format!("key{index}"), 100 + index as u64)
        })
        .collect();
    done(&store, keys.iter().rev().cloned().map(Change::AddSigningKey)).await;
    assert_eq!(store.signing_keys().await.unwrap(), keys);
    let taken = store.commit(vec![Change::AddSigningKey(keys[0].clone())]).await;
    assert_eq!(taken, Err(StoreError::Taken(Unique::Id)));
}

pub async fn every_change_of_a_key_is_seen(store: S) {
    let key = signing_key("k", 1);
    let dead = SigningKeyRecord { state: KeyState::Revoked, ends: Some(at(5)), ..signing_key("dead", 1) };
    let changes = [
        Change::AddSigningKey(key.clone()),
        Change::AddSigningKey(dead),
        Change::ReplaceSigningKey(key),
        Change::Sweep(Expired::SigningKeys(at(6))),
        Change::RemoveSigningKey("k".to_owned()),
    ];
    let mut seen = vec![store.signing_key_generation().await.unwrap()];
    for change in changes {
        done(&store, [change]).await;
        let generation = store.signing_key_generation().await.unwrap();
        assert!(!seen.contains(&generation), "{generation} in {seen:?}");
        seen.push(generation);
    }
    assert_eq!(store.commit(vec![Change::RemoveSigningKey("k".to_owned())]).await, Err(StoreError::Conflict));
    done(&store, [Change::AddUser(user(1)), Change::Sweep(Expired::SigningKeys(at(6)))]).await;
    assert_eq!(Some(&store.signing_key_generation().await.unwrap()), seen.last());
}

pub async fn keys_are_replaced_by_version(store: S) {
    let key = signing_key("k", 1);
    done(&store, [Change::AddSigningKey(key.clone())]).await;
    let active = SigningKeyRecord { state: KeyState::Active, activated: Some(at(7)), sealed: vec![8], ..key };
    done(&store, [Change::ReplaceSigningKey(active.clone())]).await;
    assert_eq!(store.commit(vec![Change::ReplaceSigningKey(active.clone())]).await, Err(StoreError::Conflict));
    assert_eq!(store.signing_keys().await.unwrap(), [SigningKeyRecord { version: 1, ..active }]);
}

pub async fn dead_keys_are_swept(store: S) {
    let key = |name: &str, state, ends: Option<u64>| {
        Change::AddSigningKey(SigningKeyRecord { state, ends: ends.map(at), ..signing_key(name, 1) })
    };
    let keys = [
        key("a-retired", KeyState::Retired, Some(9)),
        key("b-revoked", KeyState::Revoked, Some(9)),
        key("c-later", KeyState::Retired, Some(10)),
        key("d-active", KeyState::Active, Some(9)),
        key("e-endless", KeyState::Revoked, None),
    ];
    done(&store, keys).await;
    done(&store, [Change::Sweep(Expired::SigningKeys(at(10)))]).await;
    let left: Vec<String> = store.signing_keys().await.unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(left, ["c-later", "d-active", "e-endless"]);
}

pub async fn the_key_check_is_set_once(store: S) {
    assert_eq!(store.identity().await.unwrap().key_check, None);
    done(&store, [Change::SetKeyCheck(vec![1, 2])]).await;
    assert_eq!(store.commit(vec![Change::SetKeyCheck(vec![3])]).await, Err(StoreError::Conflict));
    assert_eq!(store.identity().await.unwrap().key_check, Some(vec![1, 2]));
}

pub async fn documents_replace_each_other(store: S) {
    let document = |issuer: &str, body: &[u8]| KeyDocument {
        issuer: issuer.to_owned(),
        source: "https://issuer.example/jwks".to_owned(),
        fetched: at(5),
        body: body.to_vec(),
    };
    let (first, other, second) = (document("corp", b"{}"), document("other", b"[]"), document("corp", b"\0\xff"));
    done(&store, [first, other.clone(), second.clone()].map(Change::SaveKeyDocument)).await;
    assert_eq!(store.key_document("corp").await.unwrap(), Some(second));
    assert_eq!(store.key_document("other").await.unwrap(), Some(other));
    assert_eq!(store.key_document("Corp").await.unwrap(), None);
}

pub async fn the_identity_stays(store: S) {
    let identity = store.identity().await.unwrap();
    assert!(!identity.id.is_nil());
    assert_eq!((&identity.key_check, identity.not_before), (&None, None));
    signed_in(&store).await;
    assert_eq!(store.identity().await.unwrap(), identity);
}
