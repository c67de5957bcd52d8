//! Records to put into a store, small numbers for ids.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate::clock::Timestamp;
use tollgate::store::{
    Basis, Change, Digest, Entries, Event, KeyPurpose, KeyState, Link, Match, RefreshToken, Registration, Revocation, Scope,
    Session, SigningKeyRecord, Store, User,
};
use uuid::Uuid;

pub const APP: Uuid = id(0xa0);
pub const OTHER_APP: Uuid = id(0xa1);

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("{value} is no map") };
    map
}

pub fn value(text: &str) -> Digest {
    Digest::of(text)
}

/// A user with every member, those of `AddUser` that a store keeps to itself absent.
pub fn user(number: u128) -> User {
    User {
        id: id(number),
        email: Some(format!("user{number}@example.com")),
        username: Some(format!("User{number}")),
        verified: true,
        active: true,
        password: Some("$argon2id$v=19$...".to_owned()),
        password_change_required: true,
        password_last_update: Some(at(11)),
        expiry: Some(at(1 << 50)),
        profile: map(json!({ "firstName": "Änn\u{0}\"", "data": { "deep": [1, -2.5, null, true] } })),
        inserted: at(1),
        updated: at(2),
        last_login: Some(at(3)),
        closed: None,
        version: 7,
        registrations: Vec::new(),
    }
}

pub fn registration(number: u128, application: Uuid) -> Registration {
    Registration {
        id: id(number),
        application,
        roles: vec!["user".to_owned(), "gone".to_owned()],
        username: Some("in here".to_owned()),
        profile: map(json!({ "timezone": "Europe/Berlin" })),
        inserted: at(4),
        updated: at(5),
        last_login: Some(at(6)),
        version: 0,
    }
}

pub fn session(number: u128, user: u128, application: Option<Uuid>) -> Session {
    Session { id: id(number), user: id(user), application, authentication_type: "PASSWORD".to_owned(), signed_in: at(100) }
}

/// A refresh token whose value is `value<number>`.
pub fn refresh_token(number: u128, session: &Session, application: Uuid) -> RefreshToken {
    RefreshToken {
        id: id(number),
        session: session.id,
        user: session.user,
        application,
        parent: None,
        digest: value(&format!("value{number}")),
        sealed: vec![0, 1, 255],
        start: at(100),
        inserted: at(100),
        device: Some("phone".to_owned()),
        meta_data: map(json!({ "device": { "name": "x" } })),
        version: 0,
    }
}

/// `token` as a rotation to this value makes it.
pub fn rotated(token: &RefreshToken, to: &str) -> RefreshToken {
    RefreshToken { digest: value(to), sealed: to.as_bytes().to_vec(), ..token.clone() }
}

pub fn link(subject: &str, user: u128) -> Link {
    Link { provider: id(0x1d), subject: subject.to_owned(), user: id(user), inserted: at(9) }
}

pub fn signing_key(name: &str, created: u64) -> SigningKeyRecord {
    SigningKeyRecord {
        id: name.to_owned(),
        purpose: KeyPurpose::Access,
        application: Some(APP),
        algorithm: "ES256".to_owned(),
        state: KeyState::Next,
        sealed: vec![1, 2],
        public: vec![3, 4],
        created: at(created),
        activated: Some(at(2)),
        retired: None,
        ends: None,
        version: 0,
    }
}

pub fn revocation(scope: Scope, instant: u64, ends: u64) -> Revocation {
    Revocation { issuer: "acme.com".to_owned(), scope, instant: at(instant), basis: Basis::SignIn, ends: at(ends), user: None }
}

/// What entries of ended sessions say.
pub fn entries(instant: u64) -> Entries {
    Entries { issuer: "acme.com".to_owned(), instant: at(instant), lifetime: Duration::from_millis(700) }
}

pub fn event(webhook: &str, ordering: u128, created: u64) -> Event {
    Event { webhook: webhook.to_owned(), ordering: id(ordering), id: id(8), body: vec![1], created: at(created) }
}

/// Commits changes that nothing refuses.
pub async fn done(store: &Arc<dyn Store>, changes: impl IntoIterator<Item = Change>) {
    store.commit(changes.into_iter().collect()).await.unwrap();
}

/// A user, a session of theirs, and a refresh token of it.
pub async fn signed_in(store: &Arc<dyn Store>) -> (Session, RefreshToken) {
    let session = session(20, 1, Some(APP));
    let token = refresh_token(30, &session, APP);
    let changes = [Change::AddUser(user(1)), Change::AddSession(session.clone()), Change::AddRefreshToken(token.clone())];
    done(store, changes).await;
    (session, token)
}

/// How this value is matched.
pub async fn matched(store: &Arc<dyn Store>, text: &str) -> Option<Match> {
    store.refresh_token_by_value(value(text)).await.unwrap().map(|found| found.matched)
}

/// Which of these refresh tokens there are, by their number.
pub async fn left(store: &Arc<dyn Store>, numbers: impl IntoIterator<Item = u128>) -> Vec<u128> {
    let mut left = BTreeMap::new();
    for number in numbers {
        left.insert(number, store.refresh_token(id(number)).await.unwrap().is_some());
    }
    left.into_iter().filter(|(_, there)| *there).map(|(number, _)| number).collect()
}

/// All of `futures` at once; what they give, in their order.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, output) in running.iter_mut().zip(&mut outputs).filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
