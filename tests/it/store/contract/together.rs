//! Lists of changes, and callers at the same time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use tollgate::store::{Change, Ended, KeyDocument, Match, Scope, Store, StoreError, Unique, User};

use crate::store::records::*;

type S = Arc<dyn Store>;

pub async fn a_refused_change_takes_the_others_along(store: S) {
    let (session, token) = signed_in(&store).await;
    let key = signing_key("k", 1);
    let mut changes = vec![
        Change::AddUser(user(2)),
        Change::ReplaceUser(User { active: false, ..user(1) }),
        Change::AddRegistration(id(1), registration(10, APP)),
        Change::NoteSignIn(id(1), None, at(900)),
        Change::AddLink(link("s", 1)),
        Change::RotateRefreshToken(rotated(&token, "b"), at(9)),
        Change::AddRefreshToken(refresh_token(31, &session, APP)),
        Change::Revoke(revocation(Scope::User(id(1).to_string()), 9, 99)),
        Change::AddSigningKey(key),
        Change::SetKeyCheck(vec![1]),
        Change::SaveKeyDocument(KeyDocument { issuer: "corp".into(), source: String::new(), fetched: at(1), body: vec![] }),
        Change::End(Ended::SessionsOf(id(1))),
    ];
    changes.push(Change::RemoveUser(id(99)));
    let before = (store.signing_key_generation().await, store.identity().await);
    assert_eq!(store.commit(changes.clone()).await, Err(StoreError::Conflict));
    assert_eq!(store.user(id(1)).await.unwrap(), Some(user(1)));
    assert_eq!(store.user(id(2)).await, Ok(None));
    assert_eq!(store.linked_user(id(0x1d), "s").await, Ok(None));
    assert_eq!((matched(&store, "value30").await, matched(&store, "b").await), (Some(Match::Current), None));
    assert_eq!(left(&store, 30..32).await, [30]);
    assert_eq!(store.revocations_after(0, at(1), 9).await, Ok(vec![]));
    assert_eq!(store.key_document("corp").await, Ok(None));
    assert_eq!((store.signing_key_generation().await, store.identity().await), before);
    changes.pop();
    done(&store, changes).await;
}

pub async fn a_refused_list_leaves_other_lists_alone(store: S) {
    done(&store, [Change::AddUser(user(1))]).await;
    let commits = (10..74_u128).map(|number| {
        let mut changes = vec![Change::AddUser(user(number))];
        if number % 2 == 1 {
            changes.push(Change::AddUser(User { id: id(number + 1000), ..user(1) }));
        }
        store.commit(changes)
    });
    for (number, answer) in (10..74_u128).zip(join_all(commits).await) {
        let refused = number % 2 == 1;
        assert_eq!(answer.is_err(), refused, "{number}: {answer:?}");
        assert_eq!(store.user(id(number)).await.unwrap().is_none(), refused, "{number}");
    }
}

pub async fn of_simultaneous_rotations_one_succeeds(store: S) {
    signed_in(&store).await;
    for callers in [2, 3, 8, 64] {
        let token = store.refresh_token(id(30)).await.unwrap().unwrap().token;
        let rotations = (0..callers).map(|caller| {
            let (store, change) = (store.clone(), rotated(&token, &format!("{callers}-{caller}")));
            tokio::spawn(async move { store.commit(vec![Change::RotateRefreshToken(change, at(callers))]).await })
        });
        let answers: Vec<_> = join_all(rotations).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<usize> = (0..answers.len()).filter(|caller| answers[*caller].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == Err(StoreError::Conflict)).count(), answers.len() - 1);
        for caller in 0..callers {
            let current = matched(&store, &format!("{callers}-{caller}")).await == Some(Match::Current);
            assert_eq!(current, winners.contains(&usize::try_from(caller).unwrap()));
        }
        let found = store.refresh_token_by_value(token.digest).await.unwrap().unwrap();
        assert_eq!((found.matched, found.token.version), (Match::Previous { replaced: at(callers) }, token.version + 1));
    }
}

pub async fn of_simultaneous_names_one_is_taken(store: S) {
    let adds = (0..16_u128).map(|number| {
        let named = User { email: Some("one@example.com".into()), ..user(number) };
        let store = store.clone();
        tokio::spawn(async move { store.commit(vec![Change::AddUser(named)]).await })
    });
    let answers: Vec<_> = join_all(adds).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Err(StoreError::Taken(Unique::Email))).count(), 15);
}

pub async fn a_dropped_future_harms_nobody(store: S) {
    for number in 10..40 {
        let commit = store.commit(vec![Change::AddUser(user(number)), Change::AddLink(link(&number.to_string(), number))]);
        timeout(Duration::from_micros(u64::try_from(number).unwrap() * 10), commit).await.ok();
        timeout(Duration::ZERO, store.user(id(number))).await.ok();
    }
    done(&store, [Change::AddUser(user(1))]).await;
    for number in 10..40 {
        let (user, linked) = (store.user(id(number)).await, store.linked_user(id(0x1d), &number.to_string()).await);
        assert_eq!(user.unwrap(), linked.unwrap(), "{number}: whole or not at all");
    }
}

pub async fn reads_see_what_was_committed(store: S) {
    let callers = (0..32_u128).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            done(&store, [Change::AddUser(user(number))]).await;
            store.user(id(number)).await.unwrap().is_some()
        })
    });
    assert!(join_all(callers).await.into_iter().all(Result::unwrap));
}

pub async fn large_records_are_kept(store: S) {
    let profile = map(json!({ "data": "ü".repeat(300_000) }));
    let large = User { profile, ..user(1) };
    done(&store, [Change::AddUser(large.clone())]).await;
    assert_eq!(store.user(id(1)).await.unwrap(), Some(large));
    done(&store, (100..1100).map(|number| Change::AddUser(user(number)))).await;
}

pub async fn it_answers(store: S) {
    assert_eq!(store.check().await, Ok(()));
    assert_eq!(store.commit(Vec::new()).await, Ok(Default::default()));
}
