//! Whatever the receiver does, every event arrives, in order for each session, and nobody waits for it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::{BOTH, REVOKE, site};
use crate::support::authority::*;
use crate::support::{AuthoritySite, Manner, Process, Receiver, until};

/// Lets the time of what was sent in vain come, again and again, until as many were taken.
#[track_caller]
fn wait_through_backoff(site: &AuthoritySite, receiver: &Receiver, count: usize) -> Vec<Value> {
    until("events", || {
        site.gateway.clock.advance(Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(50));
        receiver.taken().len() >= count
    });
    receiver.taken()
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[test]
fn what_fails_is_sent_again_until_it_is_taken() {
    let receiver = Receiver::start();
    let (site, _) = site(&receiver, REVOKE, "timeout = \"300ms\"");
    let failures = [Manner::Answers(500), Manner::Answers(301), Manner::Hangs, Manner::Closes, Manner::Answers(400)];
    receiver.will(failures);
    let token = site.sign_in("ann", ORDERS);
    site.revoke(&format!("token={}", token.refresh));
    wait_through_backoff(&site, &receiver, 1);
    let received = receiver.received();
    assert_eq!(received.iter().map(|it| it.manner).collect::<Vec<_>>(), [&failures[..], &[Manner::Takes]].concat());
    assert!(received.iter().all(|it| it.body == received[0].body), "the same event");
    let count = |result: &str| site.gateway.metric("tollgate_webhook_deliveries_total", &["webhook=\"hook\"", result]);
    until("counters", || count("result=\"delivered\"") == 1.0);
    assert_eq!((count("result=\"refused\""), count("result=\"unreachable\"")), (3.0, 2.0));
    until("nothing waits", || site.gateway.metric("tollgate_webhook_events_pending", &["webhook=\"hook\""]) == 0.0);
    assert_eq!(site.gateway.metric("tollgate_webhook_events_dropped_total", &[]), 0.0);
}

/// Each use of one session comes after the one before, although those in between fail.
#[test]
fn of_one_session_everything_comes_in_order() {
    let receiver = Receiver::start();
    let (site, _) = site(&receiver, BOTH, "include_tokens = true");
    receiver.will([Manner::Slowly(50), Manner::Answers(500), Manner::Takes, Manner::Answers(503), Manner::Closes]);
    let mut tokens = site.sign_in("ann", BILLING);
    let mut values = Vec::new();
    for _ in 0..8 {
        values.push(tokens.refresh.clone());
        tokens = Tokens::of(&site.refresh(&tokens.refresh));
    }
    site.revoke(&format!("token={}", tokens.refresh));
    let events = wait_through_backoff(&site, &receiver, 9);
    let told: Vec<&str> = events.iter().filter_map(|event| event["refreshToken"].as_str()).collect();
    assert_eq!(told, values);
    assert_eq!(events[8]["type"], "jwt.refresh-token.revoke");
}

#[test]
fn one_session_whose_events_hang_holds_up_no_other() {
    let receiver = Receiver::start();
    let (site, ann) = site(&receiver, BOTH, "timeout = \"5s\"");
    site.user("bob", &[ORDERS]);
    receiver.about(&ann, Manner::Hangs);
    let (of_ann, of_bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
    assert_eq!(site.refresh(&of_ann.refresh).status, 200);
    until("an attempt", || receiver.received().len() == 1);
    let begun = Instant::now();
    (0..20).for_each(|_| assert_eq!(site.refresh(&of_bob.refresh).status, 200));
    receiver.wait(20);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// The time that so many refreshes take.
fn refreshes(site: &AuthoritySite, token: &Tokens) -> Duration {
    let begun = Instant::now();
    (0..100).for_each(|_| assert_eq!(site.refresh(&token.refresh).status, 200));
    begun.elapsed()
}

#[test]
fn a_receiver_that_hangs_delays_no_operation() {
    let receiver = Receiver::start();
    receiver.always(Manner::Hangs);
    let (site, _) = site(&receiver, BOTH, "timeout = \"60s\"");
    let token = site.sign_in("ann", ORDERS);
    let took = refreshes(&site, &token);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let begun = Instant::now();
    site.revoke(&format!("token={}", token.refresh));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn what_waits_outlives_a_new_start() {
    let receiver = Receiver::start();
    receiver.always(Manner::Answers(503));
    let (site, _) = site(&receiver, REVOKE, "");
    for _ in 0..3 {
        let token = site.sign_in("ann", ORDERS);
        site.revoke(&format!("token={}", token.refresh));
    }
    until("an attempt", || !receiver.received().is_empty());
    let site = site.restarted(|_| receiver.always(Manner::Takes));
    let events = wait_through_backoff(&site, &receiver, 3);
    assert_eq!(ids(&events).into_iter().collect::<HashSet<_>>().len(), 3);
}

#[test]
fn a_webhook_that_is_added_is_told_and_one_that_is_removed_is_not() {
    let (first, second) = (Receiver::start(), Receiver::start());
    let site = AuthoritySite::edited(|text| text + &first.block(REVOKE, ""));
    site.user("ann", &[ORDERS]);
    let revoke = || site.revoke(&format!("token={}", site.sign_in("ann", ORDERS).refresh));
    revoke();
    first.wait(1);
    site.reload_edited(|text| text.replace(&first.block(REVOKE, ""), &second.block(REVOKE, "")));
    revoke();
    second.wait(1);
    assert_eq!(first.taken().len(), 1);
    site.reload_edited(|text| text.replace(&first.block(REVOKE, ""), ""));
    revoke();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!((first.taken().len(), second.taken().len()), (1, 1));
}

/// Between commit and delivery, and while an event is on its way.
#[test]
fn killed_between_commit_and_delivery_it_still_delivers_every_event() {
    let (receiver, folder) = (Receiver::start(), TempDir::new().unwrap());
    let text = process_text(folder.path(), "access = false") + &receiver.block(BOTH, "timeout = \"1s\"");
    receiver.always(Manner::Hangs);
    let mut process = Process::start(folder.path(), &text);
    let api = ApiClient(process.address);
    api.user("ann", &[ORDERS]);
    let mut told = 0;
    for round in 0..3 {
        let api = ApiClient(process.address);
        let token = api.sign_in("ann", ORDERS);
        (0..3).for_each(|_| assert_eq!(api.refresh(&token.refresh).status, 200));
        api.revoke(&format!("token={}", token.refresh));
        told += 4;
        process.kill();
        if round == 2 {
            receiver.always(Manner::Takes);
        }
        process = Process::start(folder.path(), &text);
    }
    let distinct = || ids(&receiver.taken()).into_iter().map(str::to_owned).collect::<HashSet<_>>().len();
    let end = Instant::now() + Duration::from_secs(40);
    while distinct() < told && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(distinct(), told);
    let kinds: Vec<Value> = receiver.taken().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "jwt.refresh-token.revoke").count(), 3, "{kinds:?}");
}

#[test]
fn what_is_a_week_old_is_given_up_and_said() {
    let receiver = Receiver::start();
    receiver.always(Manner::Answers(503));
    let (site, _) = site(&receiver, REVOKE, "");
    site.revoke(&format!("token={}", site.sign_in("ann", ORDERS).refresh));
    until("an attempt", || !receiver.received().is_empty());
    site.gateway.clock.advance(Duration::from_secs(7 * 24 * 3600 + 1));
    let site = site.restarted(|_| receiver.always(Manner::Takes));
    until("the loss", || site.gateway.metric("tollgate_webhook_events_dropped_total", &["webhook=\"hook\""]) == 1.0);
    until("nothing waits", || site.gateway.metric("tollgate_webhook_events_pending", &[]) == 0.0);
    assert!(receiver.taken().is_empty());
}

#[test]
fn what_waits_for_a_webhook_that_is_removed_is_forgotten() {
    let receiver = Receiver::start();
    receiver.always(Manner::Answers(503));
    let (site, _) = site(&receiver, REVOKE, "");
    site.revoke(&format!("token={}", site.sign_in("ann", ORDERS).refresh));
    until("an attempt", || !receiver.received().is_empty());
    site.reload_edited(|text| text.replace(&receiver.block(REVOKE, ""), ""));
    let store = Connection::open(site.store()).unwrap();
    let waiting = || store.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)).unwrap();
    until("the sweep", || waiting() == 0);
    assert_eq!(site.gateway.metric("tollgate_webhook_events_pending", &["hook"]), 0.0);
}
