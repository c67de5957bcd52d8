//! Sessions and refresh tokens.

use std::sync::Arc;

use serde_json::json;
use tollgate::store::{
    Ancestor, Basis, Change, Ended, Expired, FoundRefreshToken, Match, RefreshToken, Scope, Session, SessionsOf, Store,
    StoreError,
};

use crate::store::records::*;

type S = Arc<dyn Store>;

pub async fn a_session_and_its_token_are_read_back(store: S) {
    let (session, token) = signed_in(&store).await;
    assert_eq!(store.session(id(20)).await.unwrap(), Some(session.clone()));
    let found = FoundRefreshToken { token: token.clone(), session, matched: Match::Current, ancestors: vec![] };
    assert_eq!(store.refresh_token(id(30)).await.unwrap(), Some(found.clone()));
    assert_eq!(store.refresh_token_by_value(value("value30")).await.unwrap(), Some(found));
    assert_eq!(store.refresh_tokens_of(id(1), 9).await.unwrap(), [token]);
    assert_eq!(matched(&store, "other").await, None);
}

pub async fn a_token_needs_its_session(store: S) {
    let (session, token) = signed_in(&store).await;
    done(&store, [Change::End(Ended::Session(id(20)))]).await;
    let late = refresh_token(31, &session, APP);
    assert_eq!(store.commit(vec![Change::AddRefreshToken(late)]).await, Err(StoreError::Conflict));
    for change in [Change::UseRefreshToken(token.clone()), Change::RotateRefreshToken(rotated(&token, "b"), at(9))] {
        assert_eq!(store.commit(vec![change]).await, Err(StoreError::Conflict));
    }
}

async fn rotate(store: &S, to: &str, when: u64) -> RefreshToken {
    let token = store.refresh_token(id(30)).await.unwrap().unwrap().token;
    done(store, [Change::RotateRefreshToken(rotated(&token, to), at(when))]).await;
    store.refresh_token(id(30)).await.unwrap().unwrap().token
}

pub async fn values_are_matched_through_rotations(store: S) {
    let (_, token) = signed_in(&store).await;
    let after = rotate(&store, "b", 200).await;
    assert_eq!(after, RefreshToken { version: 1, ..rotated(&token, "b") });
    assert_eq!(matched(&store, "value30").await, Some(Match::Previous { replaced: at(200) }));
    assert_eq!(matched(&store, "b").await, Some(Match::Current));
    rotate(&store, "c", 300).await;
    assert_eq!(matched(&store, "value30").await, Some(Match::Spent { replaced: at(200) }));
    assert_eq!(matched(&store, "b").await, Some(Match::Previous { replaced: at(300) }));
    let found = store.refresh_token_by_value(value("value30")).await.unwrap().unwrap();
    assert_eq!((found.token.digest, found.token.version, found.session.id), (value("c"), 2, id(20)));
    // Once the current value has been used, the one before it is none to come back to.
    let used = store.refresh_token(id(30)).await.unwrap().unwrap().token;
    done(&store, [Change::UseRefreshToken(used)]).await;
    assert_eq!(matched(&store, "b").await, Some(Match::Spent { replaced: at(300) }));
    assert_eq!(matched(&store, "c").await, Some(Match::Current));
}

pub async fn a_use_keeps_the_value(store: S) {
    let (_, token) = signed_in(&store).await;
    let changed = RefreshToken {
        start: at(500),
        device: None,
        meta_data: map(json!({ "device": { "lastAccessedAddress": "::1" } })),
        ..token.clone()
    };
    let with_another_value = RefreshToken { sealed: vec![9], digest: value("other"), ..changed.clone() };
    done(&store, [Change::UseRefreshToken(with_another_value)]).await;
    let found = store.refresh_token_by_value(token.digest).await.unwrap().unwrap();
    assert_eq!(found.token, RefreshToken { version: 1, ..changed });
    assert_eq!(matched(&store, "other").await, None);
}

pub async fn versions_decide(store: S) {
    let (_, token) = signed_in(&store).await;
    let stale = RefreshToken { version: 3, ..rotated(&token, "b") };
    for change in [Change::UseRefreshToken(stale.clone()), Change::RotateRefreshToken(stale, at(9))] {
        assert_eq!(store.commit(vec![change]).await, Err(StoreError::Conflict));
    }
    done(&store, [Change::UseRefreshToken(token.clone())]).await;
    let rotation = Change::RotateRefreshToken(rotated(&token, "b"), at(9));
    assert_eq!(store.commit(vec![rotation]).await, Err(StoreError::Conflict));
    assert_eq!((matched(&store, "value30").await, matched(&store, "b").await), (Some(Match::Current), None));
}

pub async fn lists_are_newest_first_and_limited(store: S) {
    let (session, first) = signed_in(&store).await;
    let made = |number, when| RefreshToken { inserted: at(when), ..refresh_token(number, &session, APP) };
    let (newest, middle) = (made(31, 300), made(32, 200));
    done(&store, [newest.clone(), middle.clone()].map(Change::AddRefreshToken)).await;
    assert_eq!(store.refresh_tokens_of(id(1), 2).await.unwrap(), [newest.clone(), middle.clone()]);
    assert_eq!(store.refresh_tokens_of(id(1), usize::MAX).await.unwrap(), [newest, middle, first]);
    assert_eq!(store.refresh_tokens_of(id(1), 0).await.unwrap(), []);
    assert_eq!(store.refresh_tokens_of(id(2), 5).await.unwrap(), []);
    assert_eq!(store.count_refresh_tokens().await, Ok(3));
}

/// Users 1 and 2. Of user 1: session 20 in `APP` with tokens 30 (`APP`), 31 (`OTHER_APP`, made from 30) and 32 (made
/// from 31); session 21 in `OTHER_APP` with 33 (`OTHER_APP`) and 34 (`APP`); session 22 in none. Of user 2: session 23 in
/// `APP` with 35 (`APP`).
async fn crowd(store: &S) {
    let sessions: [Session; 4] =
        [session(20, 1, Some(APP)), session(21, 1, Some(OTHER_APP)), session(22, 1, None), session(23, 2, Some(APP))];
    let token = |number, session: usize, application, parent: Option<u128>| {
        let token = refresh_token(number, &sessions[session], application);
        Change::AddRefreshToken(RefreshToken { parent: parent.map(id), ..token })
    };
    let tokens = [
        token(30, 0, APP, None),
        token(31, 0, OTHER_APP, Some(30)),
        token(32, 0, OTHER_APP, Some(31)),
        token(33, 1, OTHER_APP, None),
        token(34, 1, APP, Some(33)),
        token(35, 3, APP, None),
    ];
    done(store, [Change::AddUser(user(1)), Change::AddUser(user(2))]).await;
    done(store, sessions.clone().map(Change::AddSession)).await;
    done(store, tokens).await;
}

/// Ends this in a crowd; the refresh tokens and sessions that are left.
async fn ended(store: &S, ended: Ended) -> (Vec<u128>, Vec<u128>) {
    crowd(store).await;
    let committed = store.commit(vec![Change::End(ended)]).await.unwrap();
    let tokens = left(store, 30..36).await;
    let mut sessions = Vec::new();
    for number in 20..24 {
        if store.session(id(number)).await.unwrap().is_some() {
            sessions.push(number);
        }
    }
    assert_eq!(committed.refresh_tokens_ended, 6 - tokens.len() as u64);
    assert_eq!(committed.sessions_ended, 4 - sessions.len() as u64);
    (tokens, sessions)
}

pub async fn sessions_are_listed_newest_first_and_limited(store: S) {
    crowd(&store).await;
    let newest = Session { signed_in: at(101), ..session(19, 2, None) };
    done(&store, [Change::AddSession(newest)]).await;
    let listed = async |of, most| {
        let sessions = store.sessions(of, most).await.unwrap();
        sessions.iter().map(|session| session.id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(listed(SessionsOf::All, 9).await, [19, 23, 22, 21, 20]);
    assert_eq!(listed(SessionsOf::All, 2).await, [19, 23]);
    assert_eq!(listed(SessionsOf::User(id(1)), 2).await, [22, 21]);
    // Signed in to it, or with a refresh token for it.
    assert_eq!(listed(SessionsOf::Application(APP), 9).await, [23, 21, 20]);
    assert_eq!(listed(SessionsOf::UserInApplication(id(1), APP), 9).await, [21, 20]);
    assert_eq!(listed(SessionsOf::UserInApplication(id(2), OTHER_APP), 9).await, []);
}

pub async fn a_session_ends_with_its_tokens(store: S) {
    assert_eq!(ended(&store, Ended::Session(id(20))).await, (vec![33, 34, 35], vec![21, 22, 23]));
}

pub async fn all_sessions_of_a_user_end(store: S) {
    assert_eq!(ended(&store, Ended::SessionsOf(id(1))).await, (vec![35], vec![23]));
}

pub async fn all_but_one_session_end(store: S) {
    assert_eq!(ended(&store, Ended::OtherSessionsOf(id(1), id(21))).await, (vec![33, 34, 35], vec![21, 23]));
}

pub async fn sessions_of_an_application_end(store: S) {
    assert_eq!(ended(&store, Ended::SessionsOfApplication(APP)).await, (vec![33], vec![21, 22]));
}

pub async fn sessions_of_a_user_in_an_application_end(store: S) {
    let left = (vec![33, 35], vec![21, 22, 23]);
    assert_eq!(ended(&store, Ended::SessionsOfUserInApplication(id(1), APP)).await, left);
}

pub async fn a_token_ends_with_those_made_from_it(store: S) {
    assert_eq!(ended(&store, Ended::RefreshToken(id(30))).await, (vec![33, 34, 35], vec![20, 21, 22, 23]));
}

pub async fn ending_nothing_is_no_fault(store: S) {
    crowd(&store).await;
    let nothing = [
        Ended::Session(id(99)),
        Ended::SessionsOf(id(99)),
        Ended::SessionsOfApplication(id(99)),
        Ended::SessionsOfUserInApplication(id(99), APP),
        Ended::RefreshToken(id(99)),
    ];
    let committed = store.commit(nothing.map(Change::End).to_vec()).await.unwrap();
    assert_eq!((committed.refresh_tokens_ended, committed.sessions_ended), (0, 0));
}

/// Session 22 of a crowd, with token 36 (`OTHER_APP`), 37 (`APP`, made from 36) and 38 (`OTHER_APP`, made from 37).
async fn with_a_line(store: &S) {
    crowd(store).await;
    let session = session(22, 1, None);
    let token = |number, application, parent: Option<u128>| {
        Change::AddRefreshToken(RefreshToken { parent: parent.map(id), ..refresh_token(number, &session, application) })
    };
    done(store, [token(36, OTHER_APP, None), token(37, APP, Some(36)), token(38, OTHER_APP, Some(37))]).await;
}

pub async fn what_is_made_from_a_token_for_an_application_ends_with_it(store: S) {
    with_a_line(&store).await;
    done(&store, [Change::End(Ended::SessionsOfApplication(APP))]).await;
    assert_eq!(left(&store, 30..39).await, [33, 36]);
}

pub async fn a_token_knows_its_ancestors(store: S) {
    with_a_line(&store).await;
    let ancestors = async |number| store.refresh_token(id(number)).await.unwrap().unwrap().ancestors;
    let (first, second) = (Ancestor { id: id(36), application: OTHER_APP }, Ancestor { id: id(37), application: APP });
    assert_eq!((ancestors(36).await, ancestors(37).await, ancestors(38).await), (vec![], vec![first], vec![second, first]));
    let renewal = store.renewal(value("value38")).await.unwrap().unwrap().0;
    assert_eq!(renewal.ancestors, [second, first]);
}

/// The scopes and users of the entries that ending this leaves in the log, and whether the log has them.
async fn logged(store: &S, ended: Ended) -> Vec<(Scope, Option<String>)> {
    let committed = store.commit(vec![Change::EndEach(ended, entries(500))]).await.unwrap();
    assert_eq!(store.revocations_after(0, at(1), 99).await.unwrap(), committed.revocations);
    let revocations = committed.revocations.into_iter().map(|logged| logged.revocation);
    let each = revocations.map(|it| {
        assert_eq!((&*it.issuer, it.instant, it.ends, it.basis), ("acme.com", at(500), at(1200), Basis::SignIn));
        (it.scope, it.user)
    });
    each.collect()
}

fn of_session(number: u128, user: u128) -> (Scope, Option<String>) {
    (Scope::Session(id(number).to_string()), Some(id(user).to_string()))
}

fn of_token(number: u128) -> (Scope, Option<String>) {
    (Scope::Token(id(number).to_string()), Some(id(1).to_string()))
}

pub async fn each_session_that_ends_leaves_an_entry(store: S) {
    with_a_line(&store).await;
    let others = Ended::OtherSessionsOf(id(1), id(21));
    assert_eq!(logged(&store, others.clone()).await, [of_session(20, 1), of_session(22, 1)]);
    let none = store.commit(vec![Change::EndEach(others, entries(500))]).await.unwrap();
    assert_eq!(none, Default::default(), "what has ended does not end again");
}

pub async fn each_token_that_ends_alone_leaves_an_entry(store: S) {
    with_a_line(&store).await;
    let expected = [of_session(20, 1), of_session(23, 2), of_token(34), of_token(37), of_token(38)];
    assert_eq!(logged(&store, Ended::SessionsOfApplication(APP)).await, expected);
}

pub async fn an_entry_is_no_older_than_its_sign_in(store: S) {
    let late = Session { signed_in: at(900), ..session(20, 1, Some(APP)) };
    done(&store, [Change::AddUser(user(1)), Change::AddSession(late)]).await;
    let committed = store.commit(vec![Change::EndEach(Ended::SessionsOf(id(1)), entries(500))]).await.unwrap();
    let entry = &committed.revocations[0].revocation;
    assert_eq!((entry.instant, entry.ends), (at(900), at(1600)));
}

pub async fn the_oldest_sessions_make_room(store: S) {
    crowd(&store).await;
    let older = Session { signed_in: at(99), ..session(24, 1, None) };
    done(&store, [Change::AddSession(older)]).await;
    assert_eq!(logged(&store, Ended::OldestSessionsOf(id(1), 4)).await, []);
    // Those that nothing renews first; of what is equally old the smaller id.
    assert_eq!(logged(&store, Ended::OldestSessionsOf(id(1), 2)).await, [of_session(22, 1), of_session(24, 1)]);
    assert_eq!(left(&store, 30..36).await, [30, 31, 32, 33, 34, 35]);
    done(&store, [Change::End(Ended::OldestSessionsOf(id(1), 1))]).await;
    assert_eq!(left(&store, 30..36).await, [33, 34, 35]);
    done(&store, [Change::End(Ended::OldestSessionsOf(id(1), 0))]).await;
    assert_eq!((store.sessions(SessionsOf::User(id(1)), 9).await, left(&store, 30..36).await), (Ok(vec![]), vec![35]));
}

/// Partners' tokens make sessions that nothing renews; however many there are, a browser's is not ended for them.
pub async fn sessions_that_nothing_renews_make_room_first(store: S) {
    let (old, newer) = (session(20, 1, Some(APP)), Session { signed_in: at(101), ..session(21, 1, None) });
    done(&store, [Change::AddUser(user(1)), Change::AddSession(old.clone()), Change::AddSession(newer)]).await;
    done(&store, [Change::AddRefreshToken(refresh_token(30, &old, APP))]).await;
    done(&store, [Change::AddSession(Session { signed_in: at(102), ..session(22, 1, None) })]).await;
    assert_eq!(logged(&store, Ended::OldestSessionsOf(id(1), 1)).await, [of_session(21, 1), of_session(22, 1)]);
    assert_eq!(left(&store, 30..31).await, [30]);
}

pub async fn the_oldest_exchanged_tokens_make_room(store: S) {
    with_a_line(&store).await;
    let newer = RefreshToken { parent: Some(id(36)), inserted: at(101), ..refresh_token(29, &session(22, 1, None), APP) };
    done(&store, [Change::AddRefreshToken(newer)]).await;
    // Of user 1 are exchanged 31, 32 of 31, 34, 37, 38 of 37, and 29, which is the newest.
    assert_eq!(logged(&store, Ended::OldestExchangedOf(id(1), 6)).await, []);
    assert_eq!(logged(&store, Ended::OldestExchangedOf(id(1), 5)).await, [of_token(31), of_token(32)]);
    assert_eq!(left(&store, 29..39).await, [29, 30, 33, 34, 35, 36, 37, 38]);
    done(&store, [Change::End(Ended::OldestExchangedOf(id(1), 1))]).await;
    assert_eq!(left(&store, 29..39).await, [29, 30, 33, 35, 36]);
}

pub async fn expired_tokens_are_swept(store: S) {
    let session = session(20, 1, None);
    let token = |number, application, start, inserted| {
        let token = refresh_token(number, &session, application);
        Change::AddRefreshToken(RefreshToken { start: at(start), inserted: at(inserted), ..token })
    };
    done(&store, [Change::AddUser(user(1)), Change::AddSession(session.clone())]).await;
    let tokens = [token(30, APP, 99, 99), token(31, APP, 100, 50), token(32, APP, 150, 49), token(33, OTHER_APP, 10, 10)];
    done(&store, tokens).await;
    let sweep = async |made| {
        let expired = Expired::RefreshTokens(APP, at(100), made);
        store.commit(vec![Change::Sweep(expired)]).await.unwrap().refresh_tokens_ended
    };
    assert_eq!((sweep(None).await, left(&store, 30..34).await), (1, vec![31, 32, 33]));
    assert_eq!((sweep(Some(at(50))).await, left(&store, 30..34).await), (1, vec![31, 33]));
}

pub async fn tokens_of_unknown_applications_are_swept(store: S) {
    crowd(&store).await;
    let sweep = async |known: &[uuid::Uuid]| {
        let expired = Expired::RefreshTokensOfOthers(known.to_vec());
        store.commit(vec![Change::Sweep(expired)]).await.unwrap().refresh_tokens_ended
    };
    assert_eq!(sweep(&[APP, OTHER_APP, id(5)]).await, 0);
    assert_eq!((sweep(&[OTHER_APP]).await, left(&store, 30..36).await), (3, vec![31, 32, 33]));
    assert_eq!(sweep(&[]).await, 3);
}

pub async fn sessions_without_tokens_are_swept(store: S) {
    crowd(&store).await;
    let sweep = async |before| store.commit(vec![Change::Sweep(Expired::Sessions(at(before)))]).await.unwrap().sessions_ended;
    assert_eq!(sweep(100).await, 0);
    assert_eq!(sweep(101).await, 1);
    assert_eq!(store.session(id(22)).await, Ok(None));
    assert!(store.session(id(20)).await.unwrap().is_some());
}

pub async fn replaced_values_are_swept(store: S) {
    signed_in(&store).await;
    rotate(&store, "b", 200).await;
    rotate(&store, "c", 300).await;
    done(&store, [Change::Sweep(Expired::ReplacedValues(at(300)))]).await;
    assert_eq!(matched(&store, "value30").await, None);
    assert_eq!(matched(&store, "b").await, Some(Match::Previous { replaced: at(300) }));
    done(&store, [Change::Sweep(Expired::ReplacedValues(at(301)))]).await;
    assert_eq!((matched(&store, "b").await, matched(&store, "c").await), (None, Some(Match::Current)));
}
