//! Refresh tokens that each use replaces: one rotation, whoever asks at once; and the end of a session whose token was
//! copied.

use std::sync::Barrier;
use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};

use crate::support::AuthoritySite;
use crate::support::authority::*;

const GRACE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

/// Uses one refresh token `count` times at once, each over a connection of its own.
fn at_once(site: &AuthoritySite, value: &str, count: usize) -> Vec<Tokens> {
    let barrier = Barrier::new(count);
    let use_it = || {
        let mut connection = site.connection_from(1);
        let body = serde_json::json!({ "refreshToken": value });
        let request = ApiClient::request("POST /api/jwt/refresh", &[], Some(&body));
        barrier.wait();
        Tokens::of(&connection.exchange(request))
    };
    std::thread::scope(|scope| {
        let uses: Vec<_> = (0..count).map(|_| scope.spawn(use_it)).collect();
        uses.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// How many values the store has replaced.
fn rotations(site: &AuthoritySite) -> i64 {
    let store = Database::open_with_flags(site.store(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    store.query_row("SELECT count(*) FROM replaced_value", [], |row| row.get(0)).unwrap()
}

#[test]
fn simultaneous_uses_are_one_rotation_and_all_get_the_same_new_value() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let mut tokens = site.sign_in("ann", BILLING);
    for (round, count) in [2, 4, 8, 16, 32, 64].into_iter().enumerate() {
        let answers = at_once(&site, &tokens.refresh, count);
        let first = &answers[0];
        assert_ne!(first.refresh, tokens.refresh);
        for answer in &answers {
            assert_eq!((&answer.refresh, &answer.id), (&first.refresh, &tokens.id), "{count} at once");
        }
        assert_eq!(rotations(&site), i64::try_from(round).unwrap() + 1, "{count} at once");
        let last = answers.last().unwrap();
        assert_eq!((site.validate(&first.access), site.visit("/billing", &last.access)), (200, 200));
        tokens = last.clone();
    }
    assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 0.0);
}

#[test]
fn simultaneous_uses_of_a_reusable_one_leave_it_as_it_is() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    for count in [2, 16, 64] {
        for answer in at_once(&site, &tokens.refresh, count) {
            assert_eq!((answer.refresh, answer.id), (tokens.refresh.clone(), tokens.id.clone()), "{count} at once");
        }
    }
    assert_eq!(rotations(&site), 0);
}

#[test]
fn replaced_value_gets_its_successor_until_that_has_been_used_however_late() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let first = site.sign_in("ann", BILLING);
    let second = Tokens::of(&site.refresh(&first.refresh));
    site.gateway.clock.advance(GRACE * 1000);
    for _ in 0..2 {
        let again = Tokens::of(&site.refresh(&first.refresh));
        assert_eq!((&again.refresh, &again.id), (&second.refresh, &first.id), "the answer may have been lost");
        assert_eq!(site.visit("/billing", &again.access), 200);
    }
    assert_eq!(rotations(&site), 1);
}

#[test]
fn replaced_value_is_forgiven_within_the_grace_and_its_use_after_ends_the_session_alone() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let (first, other) = (site.sign_in("ann", BILLING), site.sign_in("ann", BILLING));
    let second = Tokens::of(&site.refresh(&first.refresh));
    let third = Tokens::of(&site.refresh(&second.refresh));
    site.gateway.clock.advance(GRACE);
    for old in [&first, &second] {
        let forgiven = Tokens::of(&site.refresh(&old.refresh));
        assert_eq!((&forgiven.refresh, &forgiven.id), (&third.refresh, &first.id));
    }
    site.gateway.clock.advance(MOMENT);
    // Two rotations old: its successor has been used, and the grace has passed, whatever was forgiven meanwhile.
    assert_eq!(site.refresh(&first.refresh).status, 401);
    for tokens in [&first, &second, &third] {
        assert_eq!(site.refresh(&tokens.refresh).status, 401);
        site.is_dead(&tokens.access, "reused");
        assert_eq!(site.visit("/billing", &tokens.access), 401);
    }
    assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 1.0);
    assert_eq!(site.visit("/billing", &other.access), 200);
    assert_eq!(site.refresh(&other.refresh).status, 200);
}

#[test]
fn reuse_by_many_at_once_ends_one_session_once_and_no_other() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let (first, other) = (site.sign_in("ann", BILLING), site.sign_in("ann", BILLING));
    let second = Tokens::of(&site.refresh(&first.refresh));
    let third = Tokens::of(&site.refresh(&second.refresh));
    site.gateway.clock.advance(GRACE + MOMENT);
    let barrier = Barrier::new(16);
    std::thread::scope(|scope| {
        for at in 0..16 {
            let (site, barrier, value) = (&site, &barrier, if at % 2 == 0 { &first.refresh } else { &third.refresh });
            scope.spawn(move || {
                barrier.wait();
                // Whoever has the current value may be just before the end.
                let status = site.refresh(value).status;
                assert!(status == 401 || (at % 2 == 1 && status == 200), "{status}");
            });
        }
    });
    site.is_dead(&third.access, "reused");
    assert_eq!(site.refresh(&third.refresh).status, 401);
    assert_eq!(site.refresh(&other.refresh).status, 200);
}

#[test]
fn grace_counts_from_the_rotation_and_survives_a_new_start() {
    let site = AuthoritySite::start();
    site.user("ann", &[BILLING]);
    let first = site.sign_in("ann", BILLING);
    let second = Tokens::of(&site.refresh(&first.refresh));
    site.gateway.clock.advance(GRACE / 2);
    let third = Tokens::of(&site.refresh(&second.refresh));
    let site = site.restarted(|_| {});
    site.gateway.clock.advance(GRACE / 2);
    assert_eq!(Tokens::of(&site.refresh(&first.refresh)).refresh, third.refresh, "the last instant of it");
    site.gateway.clock.advance(MOMENT);
    assert_eq!(Tokens::of(&site.refresh(&second.refresh)).refresh, third.refresh, "the next one's is longer");
    assert_eq!(site.refresh(&first.refresh).status, 401);
    assert_eq!(site.refresh(&third.refresh).status, 401);
}
