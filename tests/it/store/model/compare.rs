//! Random changes, done by a store and by the model: both answer alike and are alike afterwards.

use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;
use tollgate::clock::Timestamp;
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{
    Basis, Change, Committed, Ended, Expired, KeyDocument, KeyState, Link, LoginName, RefreshToken, Registration, Revocation,
    Scope, Session, SessionsOf, SigningKeyRecord, Store, StoreError, Unique, User,
};
use uuid::Uuid;

use super::Model;
use crate::store::records::{at, done, entries, id, join_all, refresh_token, registration, session, signing_key, user, value};

/// Ids, instants and versions are few, so that changes meet.
const FEW: u128 = 4;
const APPLICATIONS: u128 = 2;
const VALUES: u128 = 16;

fn few() -> impl Strategy<Value = Uuid> {
    (0..FEW).prop_map(id)
}

fn application() -> impl Strategy<Value = Uuid> {
    (0..APPLICATIONS).prop_map(|number| id(100 + number))
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0..12_u64).prop_map(at)
}

fn version() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0_u64), 2 => Just(1), 1 => Just(2)]
}

fn a_user() -> impl Strategy<Value = User> {
    let name = || prop_oneof![Just(None), (0..FEW, any::<bool>()).prop_map(|(number, upper)| Some(name(number, upper)))];
    (0..FEW, name(), name(), version(), any::<bool>()).prop_map(|(number, email, username, version, active)| User {
        email,
        username,
        version,
        active,
        ..user(number)
    })
}

fn name(number: u128, upper: bool) -> String {
    if upper { format!("NAME{number}") } else { format!("name{number}") }
}

fn a_registration() -> impl Strategy<Value = Registration> {
    (0..FEW, application(), version())
        .prop_map(|(number, application, version)| Registration { version, ..registration(number, application) })
}

fn a_session() -> impl Strategy<Value = Session> {
    (0..FEW, 0..FEW, prop::option::of(application()), instant())
        .prop_map(|(number, user, application, signed_in)| Session { signed_in, ..session(number, user, application) })
}

/// As only such are ever made: the user is the session's.
fn a_token() -> impl Strategy<Value = RefreshToken> {
    let parent = prop::option::of(few());
    (0..FEW, a_session(), application(), parent, 0..VALUES, version(), instant(), instant()).prop_map(
        |(number, session, application, parent, value_number, version, start, inserted)| RefreshToken {
            parent,
            digest: value(&value_number.to_string()),
            version,
            start,
            inserted,
            ..refresh_token(number, &session, application)
        },
    )
}

fn a_key() -> impl Strategy<Value = SigningKeyRecord> {
    let state = prop_oneof![Just(KeyState::Active), Just(KeyState::Retired), Just(KeyState::Revoked)];
    (0..FEW, state, prop::option::of(instant()), version()).prop_map(|(number, state, ends, version)| SigningKeyRecord {
        state,
        ends,
        version,
        ..signing_key(&number.to_string(), 1)
    })
}

fn a_revocation() -> impl Strategy<Value = Revocation> {
    let scope = (0..6_u8, few(), application()).prop_map(|(kind, user, application)| match kind {
        0 => Scope::Token(user.to_string()),
        1 => Scope::Session(user.to_string()),
        2 => Scope::User(user.to_string()),
        3 => Scope::UserInApplication(user.to_string(), application.to_string()),
        4 => Scope::Application(application.to_string()),
        _ => Scope::Everything,
    });
    (scope, instant(), instant(), any::<bool>()).prop_map(|(scope, instant, ends, is_issue)| Revocation {
        issuer: "acme.com".to_owned(),
        scope,
        instant,
        basis: if is_issue { Basis::Issue } else { Basis::SignIn },
        ends,
        user: None,
    })
}

fn ended() -> impl Strategy<Value = Ended> {
    prop_oneof![
        few().prop_map(Ended::Session),
        few().prop_map(Ended::SessionsOf),
        (few(), few()).prop_map(|(user, session)| Ended::OtherSessionsOf(user, session)),
        (few(), 0..4_usize).prop_map(|(user, kept)| Ended::OldestSessionsOf(user, kept)),
        (few(), 0..4_usize).prop_map(|(user, kept)| Ended::OldestExchangedOf(user, kept)),
        application().prop_map(Ended::SessionsOfApplication),
        (few(), application()).prop_map(|(user, application)| Ended::SessionsOfUserInApplication(user, application)),
        few().prop_map(Ended::RefreshToken),
    ]
}

fn expired() -> impl Strategy<Value = Expired> {
    prop_oneof![
        (application(), instant(), prop::option::of(instant())).prop_map(|(application, start, made)| Expired::RefreshTokens(
            application,
            start,
            made
        )),
        prop::collection::vec(application(), 0..3).prop_map(Expired::RefreshTokensOfOthers),
        instant().prop_map(Expired::Sessions),
        instant().prop_map(Expired::Revocations),
        instant().prop_map(Expired::ReplacedValues),
        instant().prop_map(Expired::SigningKeys),
    ]
}

fn a_link() -> impl Strategy<Value = Link> {
    (0..FEW, few()).prop_map(|(subject, user)| Link { provider: id(1), subject: subject.to_string(), user, inserted: at(1) })
}

fn a_document() -> impl Strategy<Value = KeyDocument> {
    (0..2_u8, instant()).prop_map(|(issuer, fetched)| KeyDocument {
        issuer: issuer.to_string(),
        source: String::new(),
        fetched,
        body: Vec::new(),
    })
}

/// What makes records oftener than what ends them, so that there are some.
fn change() -> impl Strategy<Value = Change> {
    let people = prop_oneof![
        4 => a_user().prop_map(Change::AddUser),
        2 => a_user().prop_map(Change::ReplaceUser),
        1 => few().prop_map(Change::RemoveUser),
        1 => (few(), 0_u64..3).prop_map(|(user, version)| Change::UserIsStill(user, version)),
        3 => (few(), a_registration()).prop_map(|(user, registration)| Change::AddRegistration(user, registration)),
        2 => (few(), a_registration()).prop_map(|(user, registration)| Change::ReplaceRegistration(user, registration)),
        1 => (few(), application()).prop_map(|(user, application)| Change::RemoveRegistration(user, application)),
        1 => (few(), prop::option::of(application()), instant())
            .prop_map(|(user, application, at)| Change::NoteSignIn(user, application, at)),
        2 => a_link().prop_map(Change::AddLink),
    ];
    let tokens = prop_oneof![
        4 => a_session().prop_map(Change::AddSession),
        5 => a_token().prop_map(Change::AddRefreshToken),
        2 => a_token().prop_map(Change::UseRefreshToken),
        5 => (a_token(), instant()).prop_map(|(token, at)| Change::RotateRefreshToken(token, at)),
        1 => ended().prop_map(Change::End),
        1 => (ended(), instant()).prop_map(|(ended, at)| Change::EndEach(ended, entries(at.millis()))),
    ];
    let others = prop_oneof![
        2 => a_revocation().prop_map(Change::Revoke),
        1 => a_revocation().prop_map(Change::RevokeForeign),
        2 => a_key().prop_map(Change::AddSigningKey),
        1 => a_key().prop_map(Change::ReplaceSigningKey),
        1 => (0..FEW).prop_map(|number| Change::RemoveSigningKey(number.to_string())),
        1 => a_document().prop_map(Change::SaveKeyDocument),
        1 => Just(Change::SetKeyCheck(vec![1])),
        2 => expired().prop_map(Change::Sweep),
    ];
    prop_oneof![2 => people, 3 => tokens, 1 => others]
}

/// Of several names that are taken a store says one; which is left to it.
fn answer(answer: Result<Committed, StoreError>) -> Result<Committed, StoreError> {
    answer.map_err(|error| if matches!(error, StoreError::Taken(_)) { StoreError::Taken(Unique::Id) } else { error })
}

/// Everything that can be read, as text.
async fn everything(store: &dyn Store) -> String {
    let mut all = Vec::new();
    for number in 0..FEW {
        let text = number.to_string();
        all.push(format!("{:?}", store.user(id(number)).await));
        for name in [name(number, true), name(number, false)] {
            all.push(format!("{:?}", store.user_by_name(LoginName::Either(&name)).await));
            all.push(format!("{:?}", store.user_by_name(LoginName::Username(&name)).await));
        }
        for application in 0..APPLICATIONS {
            all.push(format!("{:?}", store.standing(id(number), id(100 + application)).await));
        }
        all.push(format!("{:?}", store.linked_user(id(1), &text).await));
        all.push(format!("{:?}", store.session(id(number)).await));
        all.push(format!("{:?}", store.refresh_token(id(number)).await));
        all.push(format!("{:?}", store.refresh_tokens_of(id(number), 3).await));
        all.push(format!("{:?}", store.sessions(SessionsOf::User(id(number)), 3).await));
        all.push(format!("{:?}", store.key_document(&text).await));
    }
    for number in 0..VALUES {
        all.push(format!("{:?}", store.refresh_token_by_value(value(&number.to_string())).await));
    }
    all.push(format!("{:?} {:?}", store.count_refresh_tokens().await, store.signing_keys().await));
    all.push(format!("{:?}", store.revocations_after(1, at(3), 9).await));
    all.push(format!("{:?} {:?}", store.signing_key_generation().await, store.identity().await.unwrap().key_check));
    all.join("\n")
}

/// Something to change.
fn beginning() -> Vec<Change> {
    let mut changes = Vec::new();
    for number in 0..FEW {
        let session = session(number, number / 2, Some(id(100 + number % APPLICATIONS)));
        let parent = number.checked_sub(1).map(id);
        let token = refresh_token(number, &session, id(100 + number / 2 % APPLICATIONS));
        let token = RefreshToken { parent, digest: value(&number.to_string()), ..token };
        changes.extend([
            Change::AddUser(User { version: 0, email: None, username: None, ..user(number) }),
            Change::AddSession(session),
            Change::AddRefreshToken(token),
        ]);
    }
    changes
}

/// Version 0 stands for the current one, as if the change were decided on what was just read.
async fn decided(model: &Model, change: Change) -> Change {
    match change {
        Change::ReplaceUser(user) if user.version == 0 => {
            let version = model.user(user.id).await.unwrap().map_or(0, |found| found.version);
            Change::ReplaceUser(User { version, ..user })
        }
        Change::UseRefreshToken(token) => Change::UseRefreshToken(current(model, token).await),
        Change::RotateRefreshToken(token, at) => Change::RotateRefreshToken(current(model, token).await, at),
        other => other,
    }
}

async fn current(model: &Model, token: RefreshToken) -> RefreshToken {
    match model.refresh_token(token.id).await.unwrap() {
        Some(found) if token.version == 0 => {
            let RefreshToken { session, user, version, .. } = found.token;
            RefreshToken { session, user, version, ..token }
        }
        _ => token,
    }
}

async fn compare(store: Arc<dyn Store>, commits: Vec<Vec<Change>>) -> Result<(), TestCaseError> {
    let model = Model::default();
    done(&store, beginning()).await;
    model.commit(beginning()).await.unwrap();
    for changes in commits {
        let changes = join_all(changes.into_iter().map(|change| decided(&model, change))).await;
        let expected = answer(model.commit(changes.clone()).await);
        let given = answer(store.commit(changes.clone()).await);
        prop_assert_eq!(&given, &expected, "{:#?}", changes);
        if given.is_ok() {
            prop_assert_eq!(everything(&*store).await, everything(&model).await, "{:#?}", changes);
        }
    }
    prop_assert_eq!(everything(&*store).await, everything(&model).await);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_does_as_the_model_does(commits in prop::collection::vec(prop::collection::vec(change(), 1..3), 1..60)) {
        let folder = TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = SqliteStore::open(&folder.path().join("store"), &tollgate::clock::Clock::manual(at(1))).unwrap().store;
        runtime.block_on(compare(Arc::new(store), commits))?;
    }
}
