//! Events that wait for webhooks, and what is known beforehand of what a change ends.

use std::sync::Arc;

use tollgate::store::{Change, Ended, Event, Expired, Known, QueuedEvent, RefreshToken, Room, Store, StoreError};
use uuid::Uuid;

use crate::store::records::*;

type S = Arc<dyn Store>;

const HOOK: &str = "hook";
const AMPLE: Room = Room { events: 100, bytes: 1_000_000 };

async fn add(store: &S, event: &Event) -> Option<u64> {
    store.commit(vec![Change::AddEvent(event.clone(), AMPLE)]).await.unwrap().events[0]
}

/// The numbers of what is due for `HOOK`.
async fn due(store: &S, now: u64, most: usize) -> Vec<u64> {
    store.due_events(HOOK, at(now), most).await.unwrap().iter().map(|it| it.number).collect()
}

async fn defer(store: &S, number: u64, version: u64, due: u64) -> Result<(), StoreError> {
    store.commit(vec![Change::DeferEvent { number, version, attempts: 3, due: at(due) }]).await.map(drop)
}

pub async fn an_event_is_read_back_until_it_is_removed(store: S) {
    let event = Event { body: vec![0, 255], ..event(HOOK, 1, 5) };
    let number = add(&store, &event).await.unwrap();
    let expected = QueuedEvent { number, event, attempts: 0, due: at(5), version: 0 };
    assert_eq!(store.due_events(HOOK, at(4), 9).await.unwrap(), []);
    assert_eq!(store.due_events(HOOK, at(5), 9).await.unwrap(), [expected]);
    assert_eq!((store.count_events(HOOK).await, store.count_events("other").await), (Ok(1), Ok(0)));
    done(&store, [Change::RemoveEvent(number)]).await;
    assert_eq!((due(&store, 9, 9).await, store.count_events(HOOK).await), (vec![], Ok(0)));
    done(&store, [Change::RemoveEvent(number)]).await;
}

pub async fn only_the_first_of_an_ordering_is_due(store: S) {
    let first = add(&store, &event(HOOK, 1, 5)).await.unwrap();
    let second = add(&store, &event(HOOK, 1, 1)).await.unwrap();
    let third = add(&store, &event(HOOK, 1, 1)).await.unwrap();
    let other = add(&store, &event(HOOK, 2, 3)).await.unwrap();
    add(&store, &event("other", 1, 1)).await.unwrap();
    assert_eq!(due(&store, 4, 9).await, [other], "what is behind one that is not due waits");
    assert_eq!(due(&store, 5, 9).await, [other, first]);
    assert_eq!(due(&store, 5, 1).await, [other]);
    done(&store, [Change::RemoveEvent(first)]).await;
    assert_eq!(due(&store, 5, 9).await, [second, other]);
    done(&store, [Change::RemoveEvent(third)]).await;
    assert_eq!(due(&store, 5, 9).await, [second, other]);
    done(&store, [Change::RemoveEvent(second), Change::RemoveEvent(other)]).await;
    let number = add(&store, &event(HOOK, 1, 5)).await.unwrap();
    assert!(number > other, "numbers are never given again");
    assert_eq!(due(&store, 5, 9).await, [number]);
}

pub async fn of_two_that_take_an_event_one_succeeds(store: S) {
    let number = add(&store, &event(HOOK, 1, 5)).await.unwrap();
    assert_eq!(defer(&store, number, 0, 50).await, Ok(()));
    assert_eq!(defer(&store, number, 0, 60).await, Err(StoreError::Conflict));
    assert_eq!(defer(&store, number + 1, 0, 60).await, Err(StoreError::Conflict));
    assert!(due(&store, 49, 9).await.is_empty());
    let found = store.due_events(HOOK, at(50), 9).await.unwrap();
    assert_eq!((found[0].attempts, found[0].version, found[0].due), (3, 1, at(50)));
}

pub async fn without_room_an_event_is_left_out_and_nothing_else(store: S) {
    let add = |body: usize, room| Change::AddEvent(Event { body: vec![1; body], ..event(HOOK, 1, 5) }, room);
    let few = Room { events: 2, bytes: 10 };
    let changes = vec![add(4, few), add(7, few), add(4, few), add(1, few), add(1, Room { events: 3, ..few })];
    let committed = store.commit(changes).await.unwrap();
    assert_eq!(committed.events.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true, false, true]);
    assert_eq!(store.count_events(HOOK).await, Ok(3));
    let first = due(&store, 5, 9).await[0];
    done(&store, [Change::RemoveEvent(first)]).await;
    let committed = store.commit(vec![add(5, Room { events: 9, ..few })]).await.unwrap();
    assert!(committed.events[0].is_some(), "room is there again");
}

pub async fn old_events_and_those_of_others_are_swept(store: S) {
    for (webhook, created) in [(HOOK, 5), (HOOK, 9), ("other", 5), ("third", 9)] {
        add(&store, &event(webhook, 1, created)).await.unwrap();
    }
    let committed = store.commit(vec![Change::Sweep(Expired::Events(HOOK.to_owned(), at(9)))]).await.unwrap();
    assert_eq!((committed.events_swept, store.count_events(HOOK).await), (1, Ok(1)));
    assert_eq!(due(&store, 9, 9).await.len(), 1, "the next is the first now");
    let known = vec![HOOK.to_owned(), "none".to_owned()];
    let committed = store.commit(vec![Change::Sweep(Expired::EventsOfOthers(known))]).await.unwrap();
    assert_eq!((committed.events_swept, store.count_events("other").await, store.count_events(HOOK).await), (2, Ok(0), Ok(1)));
}

pub async fn a_refused_list_adds_no_event(store: S) {
    let changes = vec![Change::AddEvent(event(HOOK, 1, 5), AMPLE), Change::RemoveUser(id(9))];
    assert_eq!(store.commit(changes).await, Err(StoreError::Conflict));
    assert_eq!(store.count_events(HOOK).await, Ok(0));
}

/// Three sessions of two users, with refresh tokens 30 to 34.
async fn some_tokens(store: &S) -> Vec<RefreshToken> {
    let sessions = [session(20, 1, Some(APP)), session(21, 1, None), session(22, 2, Some(APP))];
    let tokens = vec![
        refresh_token(30, &sessions[0], APP),
        RefreshToken { parent: Some(id(30)), inserted: at(101), ..refresh_token(31, &sessions[0], OTHER_APP) },
        RefreshToken { inserted: at(102), ..refresh_token(32, &sessions[1], OTHER_APP) },
        RefreshToken { inserted: at(103), ..refresh_token(33, &sessions[2], APP) },
        RefreshToken { inserted: at(104), ..refresh_token(34, &sessions[1], APP) },
    ];
    let added = [Change::AddUser(user(1)), Change::AddUser(user(2))];
    let sessions = sessions.into_iter().map(Change::AddSession);
    done(store, added.into_iter().chain(sessions).chain(tokens.iter().cloned().map(Change::AddRefreshToken))).await;
    tokens
}

/// Everything that can end, with the numbers of the tokens that do.
fn endings() -> [(Ended, &'static [u128]); 7] {
    [
        (Ended::Session(id(20)), &[30, 31]),
        (Ended::SessionsOf(id(1)), &[30, 31, 32, 34]),
        (Ended::OtherSessionsOf(id(1), id(20)), &[32, 34]),
        (Ended::SessionsOfApplication(APP), &[30, 31, 33, 34]),
        (Ended::SessionsOfUserInApplication(id(1), APP), &[30, 31, 34]),
        (Ended::RefreshToken(id(30)), &[30, 31]),
        (Ended::Session(id(99)), &[]),
    ]
}

pub async fn what_would_end_is_what_ends(store: S) {
    let tokens = some_tokens(&store).await;
    for (ended, numbers) in endings() {
        let of = |tokens: &[RefreshToken]| -> Vec<Uuid> { tokens.iter().map(|it| it.id).collect() };
        let expected: Vec<Uuid> = numbers.iter().map(|number| id(*number)).collect();
        let found = store.ending(ended.clone(), None, 9).await.unwrap();
        assert_eq!(of(&found.tokens), expected, "{ended:?}");
        assert!(found.tokens.iter().all(|it| tokens.contains(it)));
        let applications = [APP, OTHER_APP].into_iter().filter(|it| found.tokens.iter().any(|token| token.application == *it));
        assert_eq!(found.applications, applications.collect::<Vec<_>>(), "{ended:?}");
        let others = store.ending(ended.clone(), Some(APP), 1).await.unwrap();
        assert!(others.tokens.len() <= 1 && others.tokens.iter().all(|it| it.application == OTHER_APP), "{ended:?}");
        assert_eq!(others.applications, found.applications, "{ended:?}");
    }
}

pub async fn what_would_end_and_is_not_known_is_a_conflict(store: S) {
    some_tokens(&store).await;
    for (ended, numbers) in endings() {
        let check = async |applications: Vec<Uuid>, tokens: Vec<Uuid>| {
            let known = Known { applications, tokens };
            store.commit(vec![Change::EndsOnly(ended.clone(), known)]).await.is_ok()
        };
        let all: Vec<Uuid> = numbers.iter().map(|number| id(*number)).collect();
        assert!(check(vec![APP, OTHER_APP], vec![]).await, "{ended:?}");
        assert!(check(vec![], all.clone()).await, "{ended:?}");
        assert_eq!(check(vec![], all.iter().skip(1).copied().collect()).await, all.is_empty(), "{ended:?}");
    }
    assert!(store.refresh_token(id(30)).await.unwrap().is_some(), "nothing ended");
}
