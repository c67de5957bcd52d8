//! Users, registrations and links.

use std::sync::Arc;

use tollgate::store::{Change, LoginName, Registration, Standing, Store, StoreError, Unique, User};

use crate::store::records::*;

type S = Arc<dyn Store>;

async fn find(store: &S, name: LoginName<'_>) -> Option<u128> {
    store.user_by_name(name).await.unwrap().map(|user| user.id.as_u128())
}

pub async fn read_back_whole(store: S) {
    let with = |registrations| User { registrations, ..user(1) };
    let added = with(vec![registration(11, OTHER_APP), registration(10, APP)]);
    done(&store, [Change::AddUser(added), Change::AddUser(bare(2))]).await;
    let found = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(found, with(vec![registration(10, APP), registration(11, OTHER_APP)]));
    assert_eq!(store.user(id(2)).await.unwrap(), Some(bare(2)));
}

fn bare(number: u128) -> User {
    User {
        email: None,
        username: None,
        verified: false,
        active: false,
        password: None,
        password_change_required: false,
        password_last_update: None,
        expiry: None,
        last_login: None,
        profile: Default::default(),
        ..user(number)
    }
}

pub async fn not_found_where_there_is_none(store: S) {
    assert_eq!(store.user(id(1)).await, Ok(None));
    assert_eq!(store.user_by_name(LoginName::Either("")).await, Ok(None));
    assert_eq!(store.linked_user(id(1), "x").await, Ok(None));
    let nothing = Standing { user: None, application_closed: None, registration_closed: None };
    assert_eq!(store.standing(id(1), APP).await, Ok(nothing));
    let absent = [
        Change::ReplaceUser(user(1)),
        Change::UserIsStill(id(1), 0),
        Change::RemoveUser(id(1)),
        Change::AddRegistration(id(1), registration(10, APP)),
        Change::ReplaceRegistration(id(1), registration(10, APP)),
        Change::RemoveRegistration(id(1), APP),
        Change::NoteSignIn(id(1), None, at(1)),
        Change::AddLink(link("s", 1)),
        Change::AddSession(session(20, 1, None)),
    ];
    for change in absent {
        assert_eq!(store.commit(vec![change.clone()]).await, Err(StoreError::Conflict), "{change:?}");
    }
}

pub async fn found_by_name_in_any_case(store: S) {
    done(&store, [Change::AddUser(User { username: Some("Émile".into()), ..user(1) })]).await;
    assert_eq!(find(&store, LoginName::Email("USER1@Example.com")).await, Some(1));
    assert_eq!(find(&store, LoginName::Username("éMILE")).await, Some(1));
    assert_eq!(find(&store, LoginName::Either("émile")).await, Some(1));
    assert_eq!(find(&store, LoginName::Either("user1@example.com")).await, Some(1));
    assert_eq!(find(&store, LoginName::Email("émile")).await, None);
    assert_eq!(find(&store, LoginName::Username("user1@example.com")).await, None);
}

pub async fn an_address_counts_before_a_username(store: S) {
    let squatter = User { username: Some("USER2@example.com".into()), ..user(1) };
    done(&store, [Change::AddUser(squatter), Change::AddUser(user(2))]).await;
    assert_eq!(find(&store, LoginName::Either("user2@example.com")).await, Some(2));
    assert_eq!(find(&store, LoginName::Username("user2@example.com")).await, Some(1));
}

pub async fn unique_without_case(store: S) {
    done(&store, [Change::AddUser(user(1)), Change::AddUser(bare(2)), Change::AddUser(bare(3))]).await;
    let email = User { email: Some("User1@EXAMPLE.com".into()), ..bare(4) };
    let username = User { username: Some("uSER1".into()), ..bare(4) };
    for (named, unique) in [(email, Unique::Email), (username, Unique::Username)] {
        let added = store.commit(vec![Change::AddUser(named.clone())]).await;
        assert_eq!(added, Err(StoreError::Taken(unique)));
        let replaced = store.commit(vec![Change::ReplaceUser(User { id: id(2), ..named })]).await;
        assert_eq!(replaced, Err(StoreError::Taken(unique)));
    }
    let own = User { email: Some("USER1@example.com".into()), ..user(1) };
    done(&store, [Change::ReplaceUser(own)]).await;
}

pub async fn lookalikes_are_different_users(store: S) {
    let kelvin = "mi\u{212a}e@example.com";
    let (mike, other) = (Some("mike@example.com".to_owned()), Some(kelvin.to_owned()));
    done(&store, [Change::AddUser(User { email: mike, ..user(1) }), Change::AddUser(User { email: other, ..user(2) })]).await;
    assert_eq!(find(&store, LoginName::Email("MIKE@example.com")).await, Some(1));
    assert_eq!(find(&store, LoginName::Email(kelvin)).await, Some(2));
}

pub async fn replaced_by_version(store: S) {
    done(&store, [Change::AddUser(user(1))]).await;
    let replaced = User { email: None, active: false, inserted: at(70), updated: at(71), ..user(1) };
    done(&store, [Change::ReplaceUser(replaced.clone())]).await;
    assert_eq!(store.user(id(1)).await.unwrap(), Some(User { version: 8, ..replaced.clone() }));
    assert_eq!(store.commit(vec![Change::ReplaceUser(replaced)]).await, Err(StoreError::Conflict));
    assert_eq!(find(&store, LoginName::Email("user1@example.com")).await, None);
}

pub async fn replacing_keeps_what_is_not_its_own(store: S) {
    let added = User { registrations: vec![registration(10, APP)], ..user(1) };
    done(&store, [Change::AddUser(added.clone())]).await;
    let other = User { last_login: None, closed: Some(at(9)), registrations: Vec::new(), ..user(1) };
    done(&store, [Change::ReplaceUser(other)]).await;
    assert_eq!(store.user(id(1)).await.unwrap(), Some(User { version: 8, ..added }));
}

pub async fn removed_with_all_that_is_theirs(store: S) {
    signed_in(&store).await;
    done(&store, [Change::AddRegistration(id(1), registration(10, APP)), Change::AddLink(link("s", 1))]).await;
    let committed = store.commit(vec![Change::RemoveUser(id(1))]).await.unwrap();
    assert_eq!((committed.sessions_ended, committed.refresh_tokens_ended), (1, 1));
    assert_eq!(store.session(id(20)).await, Ok(None));
    assert_eq!(matched(&store, "value30").await, None);
    assert_eq!(store.linked_user(id(0x1d), "s").await, Ok(None));
    // Every id and name is free again.
    signed_in(&store).await;
    done(&store, [Change::AddRegistration(id(1), registration(10, APP)), Change::AddLink(link("s", 1))]).await;
}

pub async fn registrations_come_and_go(store: S) {
    done(&store, [Change::AddUser(user(1)), Change::AddUser(user(2))]).await;
    done(&store, [Change::AddRegistration(id(1), registration(10, APP))]).await;
    let twice = [registration(11, APP), registration(10, OTHER_APP)];
    for registration in twice {
        let refused = store.commit(vec![Change::AddRegistration(id(1), registration)]).await;
        assert_eq!(refused, Err(StoreError::Taken(Unique::Id)));
    }
    let changed = Registration { roles: vec![], username: None, last_login: None, updated: at(50), ..registration(10, APP) };
    let of_another = store.commit(vec![Change::ReplaceRegistration(id(2), changed.clone())]).await;
    assert_eq!(of_another, Err(StoreError::Conflict));
    done(&store, [Change::ReplaceRegistration(id(1), changed.clone())]).await;
    let again = store.commit(vec![Change::ReplaceRegistration(id(1), changed.clone())]).await;
    assert_eq!(again, Err(StoreError::Conflict));
    let expected = Registration { last_login: Some(at(6)), version: 1, ..changed };
    let found = store.user(id(1)).await.unwrap().unwrap();
    // Each change of a registration is one of the user: whoever signs in on what they read before must see it.
    assert_eq!((found.registrations.as_slice(), found.version), (&[expected][..], 9));
    assert_eq!(store.commit(vec![Change::UserIsStill(id(1), 8)]).await, Err(StoreError::Conflict));
    done(&store, [Change::RemoveRegistration(id(1), APP)]).await;
    assert_eq!(store.commit(vec![Change::RemoveRegistration(id(1), APP)]).await, Err(StoreError::Conflict));
    assert_eq!(store.user(id(1)).await.unwrap(), Some(User { version: 10, ..user(1) }));
}

pub async fn sign_ins_are_noted(store: S) {
    done(&store, [Change::AddUser(User { registrations: vec![registration(10, APP)], ..user(1) })]).await;
    let instants = async || {
        let user = store.user(id(1)).await.unwrap().unwrap();
        assert_eq!((user.version, user.registrations[0].version), (7, 0));
        (user.last_login.unwrap().millis(), user.registrations[0].last_login.unwrap().millis())
    };
    done(&store, [Change::NoteSignIn(id(1), None, at(50))]).await;
    assert_eq!(instants().await, (50, 6));
    done(&store, [Change::NoteSignIn(id(1), Some(APP), at(60))]).await;
    assert_eq!(instants().await, (60, 60));
    done(&store, [Change::NoteSignIn(id(1), Some(OTHER_APP), at(70))]).await;
    assert_eq!(instants().await, (70, 60));
    done(&store, [Change::NoteSignIn(id(1), Some(APP), at(65))]).await;
    assert_eq!(instants().await, (70, 65));
}

pub async fn links_lead_to_users(store: S) {
    done(&store, [Change::AddUser(user(1)), Change::AddUser(user(2)), Change::AddLink(link("Subject", 1))]).await;
    assert_eq!(store.linked_user(id(0x1d), "Subject").await.unwrap(), Some(user(1)));
    assert_eq!(store.linked_user(id(0x1d), "subject").await, Ok(None));
    assert_eq!(store.linked_user(id(0x1e), "Subject").await, Ok(None));
    assert_eq!(store.commit(vec![Change::AddLink(link("Subject", 2))]).await, Err(StoreError::Taken(Unique::Id)));
}

pub async fn standing_knows_one_registration(store: S) {
    let registrations = vec![registration(10, APP), registration(11, OTHER_APP)];
    done(&store, [Change::AddUser(User { registrations, ..user(1) })]).await;
    let standing = async |application| store.standing(id(1), application).await.unwrap().user.unwrap().registrations;
    assert_eq!(standing(OTHER_APP).await, [registration(11, OTHER_APP)]);
    assert_eq!(standing(id(0xff)).await, []);
}

pub async fn ids_are_unique(store: S) {
    let (session, token) = signed_in(&store).await;
    let named_apart = User { email: None, username: None, ..user(1) };
    let other_token = refresh_token(31, &session, APP);
    let taken = [
        Change::AddUser(named_apart),
        Change::AddSession(session.clone()),
        Change::AddRefreshToken(refresh_token(30, &session, APP)),
        Change::AddRefreshToken(tollgate::store::RefreshToken { digest: token.digest, ..other_token }),
    ];
    for change in taken {
        assert_eq!(store.commit(vec![change.clone()]).await, Err(StoreError::Taken(Unique::Id)), "{change:?}");
    }
}
