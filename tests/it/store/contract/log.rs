//! The log of revocations, and the closing instants that it moves.

use std::sync::Arc;

use tollgate::store::{Basis, Change, Ended, Expired, Logged, Revocation, Scope, Session, Store, User};

use crate::store::records::*;

type S = Arc<dyn Store>;

async fn revoke(store: &S, revocation: Revocation) -> u64 {
    let committed = store.commit(vec![Change::Revoke(revocation)]).await.unwrap();
    committed.revocations[0].number
}

async fn numbers(store: &S, after: u64, now: u64, most: usize) -> Vec<u64> {
    store.revocations_after(after, at(now), most).await.unwrap().iter().map(|logged| logged.number).collect()
}

pub async fn every_scope_and_basis_is_read_back(store: S) {
    let text = |text: &str| text.to_owned();
    let scopes = [
        Scope::Token(text("jti")),
        Scope::Session(text("sid")),
        Scope::User(text("sub of another issuer")),
        Scope::UserInApplication(text("sub"), text("aud")),
        Scope::Application(text("")),
        Scope::Everything,
    ];
    let bases = [Basis::SignIn, Basis::Issue];
    let entries: Vec<Revocation> =
        scopes.iter().flat_map(|scope| bases.map(|basis| Revocation { basis, ..revocation(scope.clone(), 5, 900) })).collect();
    let committed = store.commit(entries.iter().cloned().map(Change::Revoke).collect()).await.unwrap();
    let written: Vec<&Revocation> = committed.revocations.iter().map(|logged| &logged.revocation).collect();
    assert_eq!((written.len(), written), (12, entries.iter().collect()));
    assert_eq!(store.revocations_after(0, at(1), 99).await.unwrap(), committed.revocations);
}

pub async fn numbers_grow_and_are_never_given_again(store: S) {
    let mut last = 0;
    for _ in 0..3 {
        let changes = vec![Change::Revoke(revocation(Scope::Everything, 1, 10)); 3];
        let committed = store.commit(changes).await.unwrap();
        for Logged { number, .. } in committed.revocations {
            assert!(number > last, "{number} after {last}");
            last = number;
        }
        done(&store, [Change::Sweep(Expired::Revocations(at(11)))]).await;
        assert!(numbers(&store, 0, 0, 99).await.is_empty());
    }
}

pub async fn read_in_order_and_limited(store: S) {
    let mut given = Vec::new();
    for _ in 0..4 {
        given.push(revoke(&store, revocation(Scope::Everything, 1, 10)).await);
    }
    assert_eq!(numbers(&store, 0, 1, 3).await, given[..3]);
    assert_eq!(numbers(&store, given[1], 1, usize::MAX).await, given[2..]);
    assert!(numbers(&store, given[3], 1, 9).await.is_empty());
    assert!(numbers(&store, u64::MAX, 1, 9).await.is_empty());
}

pub async fn ended_entries_are_not_read(store: S) {
    let early = revoke(&store, revocation(Scope::Everything, 1, 10)).await;
    let late = revoke(&store, revocation(Scope::Everything, 1, 20)).await;
    assert_eq!(numbers(&store, 0, 9, 9).await, [early, late]);
    assert_eq!(numbers(&store, 0, 10, 9).await, [late]);
    done(&store, [Change::Sweep(Expired::Revocations(at(10)))]).await;
    assert_eq!(numbers(&store, 0, 0, 9).await, [early, late], "swept is what ended before");
    done(&store, [Change::Sweep(Expired::Revocations(at(11)))]).await;
    assert_eq!(numbers(&store, 0, 0, 9).await, [late]);
}

/// The closing instants of user 1, of `APP`, and of both.
async fn closings(store: &S) -> [Option<u64>; 3] {
    let standing = store.standing(id(1), APP).await.unwrap();
    let user = standing.user.and_then(|user| user.closed);
    [user, standing.application_closed, standing.registration_closed].map(|closed| closed.map(|at| at.millis()))
}

fn scopes() -> [Scope; 3] {
    let (user, application) = (id(1).to_string(), APP.to_string());
    [Scope::User(user.clone()), Scope::Application(application.clone()), Scope::UserInApplication(user, application)]
}

pub async fn closing_instants_only_grow(store: S) {
    done(&store, [Change::AddUser(user(1))]).await;
    assert_eq!(closings(&store).await, [None; 3]);
    let mut expected = [None; 3];
    for (index, scope) in scopes().into_iter().enumerate() {
        for (instant, is_then) in [(50, 50), (40, 50), (60, 60)] {
            revoke(&store, revocation(scope.clone(), instant, 900)).await;
            expected[index] = Some(is_then);
            assert_eq!(closings(&store).await, expected);
        }
    }
    let found = store.user(id(1)).await.unwrap();
    assert_eq!(found, Some(User { closed: Some(at(60)), ..user(1) }), "the version stays");
    assert_eq!(store.standing(id(1), OTHER_APP).await.unwrap().application_closed, None);
}

pub async fn closing_instants_outlive_what_they_closed(store: S) {
    let added = User { registrations: vec![registration(10, APP)], ..user(1) };
    done(&store, [Change::AddUser(added.clone())]).await;
    for scope in scopes() {
        revoke(&store, revocation(scope, 50, 900)).await;
    }
    done(&store, [Change::RemoveRegistration(id(1), APP), Change::Sweep(Expired::Revocations(at(901)))]).await;
    assert_eq!(closings(&store).await, [Some(50); 3]);
    done(&store, [Change::RemoveUser(id(1))]).await;
    assert_eq!(closings(&store).await, [None, Some(50), Some(50)]);
    done(&store, [Change::AddUser(added)]).await;
    assert_eq!(closings(&store).await, [Some(50); 3], "whoever comes back is closed to old sessions still");
}

pub async fn a_lost_role_closes_nothing(store: S) {
    done(&store, [Change::AddUser(user(1))]).await;
    for scope in scopes() {
        revoke(&store, Revocation { basis: Basis::Issue, ..revocation(scope, 50, 900) }).await;
    }
    for scope in [Scope::Token(id(1).to_string()), Scope::Session(id(1).to_string()), Scope::Everything] {
        revoke(&store, revocation(scope, 50, 900)).await;
    }
    assert_eq!(closings(&store).await, [None; 3]);
}

pub async fn another_party_closes_nothing(store: S) {
    done(&store, [Change::AddUser(user(1))]).await;
    let mut expected = Vec::new();
    for scope in scopes() {
        let entry = Revocation { issuer: "https://elsewhere.example".to_owned(), ..revocation(scope, 50, 900) };
        let committed = store.commit(vec![Change::RevokeForeign(entry.clone())]).await.unwrap();
        expected.extend(committed.revocations);
    }
    assert_eq!(closings(&store).await, [None; 3]);
    assert_eq!(expected.len(), 3);
    assert_eq!(store.revocations_after(0, at(1), 9).await.unwrap(), expected, "it is followed all the same");
}

/// The clock was set back, or the revocation is another machine's.
pub async fn an_entry_reaches_the_sign_ins_that_end_with_it(store: S) {
    let late = |number, user| Session { signed_in: at(400 + u64::try_from(number).unwrap()), ..session(number, user, Some(APP)) };
    done(&store, [Change::AddUser(user(1)), Change::AddUser(user(2))]).await;
    let ends = [
        (Ended::SessionsOf(id(1)), Scope::User(id(1).to_string())),
        (Ended::SessionsOfUserInApplication(id(1), APP), Scope::UserInApplication(id(1).to_string(), APP.to_string())),
        (Ended::SessionsOfApplication(APP), Scope::Application(APP.to_string())),
    ];
    for (ended, scope) in ends {
        done(&store, [Change::AddSession(late(20, 1)), Change::AddSession(late(21, 1))]).await;
        let entry = revocation(scope, 50, 900);
        let committed = store.commit(vec![Change::End(ended), Change::Revoke(entry.clone())]).await.unwrap();
        let expected = Revocation { instant: at(421), ends: at(900 + 371), ..entry };
        assert_eq!(committed.revocations[0].revocation, expected);
        assert_eq!(store.revocations_after(committed.revocations[0].number - 1, at(1), 1).await.unwrap(), committed.revocations);
    }
    assert_eq!(closings(&store).await, [Some(421); 3]);
    // What compares no sign-ins, or ends nothing later, stays as it is.
    done(&store, [Change::AddSession(late(20, 2))]).await;
    let lost = Revocation { basis: Basis::Issue, ..revocation(Scope::User(id(2).to_string()), 50, 900) };
    let later = revocation(Scope::User(id(2).to_string()), 800, 900);
    let changes = vec![Change::End(Ended::SessionsOf(id(2))), Change::Revoke(lost.clone()), Change::Revoke(later.clone())];
    let committed = store.commit(changes).await.unwrap();
    assert_eq!(committed.revocations.into_iter().map(|it| it.revocation).collect::<Vec<_>>(), [lost, later]);
}
