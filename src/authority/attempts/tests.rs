//! Guessing in a burst, from many addresses, at many accounts, and with so many names that the table is full.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::clock::Clock;

const WINDOW: Duration = Duration::from_secs(900);
const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn settings() -> PasswordSettings {
    PasswordSettings { attempts: 10, attempts_window: WINDOW, ..PasswordSettings::default() }
}

fn attempts() -> (Attempts, Clock) {
    (Attempts::new(&settings()), Clock::manual(Timestamp::from_seconds(1_700_000_000)))
}

fn elsewhere(number: u32) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number))
}

/// How many of `times` attempts are let through; all fail.
fn tried(attempts: &Attempts, account: &str, address: IpAddr, times: usize, clock: &Clock) -> usize {
    (0..times).filter(|_| attempts.allow(account, address, clock.now()).is_ok()).count()
}

/// An attempt whose fate is of no interest.
fn guess(attempts: &Attempts, account: &str, address: IpAddr, clock: &Clock) {
    let _ = attempts.allow(account, address, clock.now());
}

#[test]
fn one_account_from_one_address_gets_the_limit_in_any_window() {
    let (attempts, clock) = attempts();
    assert_eq!(tried(&attempts, "alice", HOME, 3, &clock), 3);
    clock.advance(WINDOW * 9 / 10);
    assert_eq!(tried(&attempts, "alice", HOME, 20, &clock), 7);
    let RetryAfter(wait) = attempts.allow("alice", HOME, clock.now()).unwrap_err();
    assert!(wait > Duration::ZERO && wait <= WINDOW / 4, "{wait:?}");
    // What was refused is not counted: the three come back when they leave the window, whoever asked meanwhile.
    clock.advance(wait);
    assert_eq!(tried(&attempts, "alice", HOME, 20, &clock), 3);
    clock.advance(WINDOW * 2);
    assert_eq!(tried(&attempts, "alice", HOME, 20, &clock), 10);
}

#[test]
fn no_window_anywhere_holds_more_than_the_limit() {
    let (attempts, clock) = attempts();
    let mut let_through = Vec::new();
    for step in 0..20_000_u64 {
        clock.advance(Duration::from_millis(step * 7919 % 1009));
        if attempts.allow("alice", HOME, clock.now()).is_ok() {
            let_through.push(clock.now());
        }
    }
    assert!(let_through.len() > 50, "{}", let_through.len());
    assert!(let_through.windows(11).all(|eleven| eleven[10].since(eleven[0]) > WINDOW));
}

#[test]
fn a_wait_that_was_named_is_enough() {
    let (attempts, clock) = attempts();
    for round in 0..50_u64 {
        tried(&attempts, "alice", HOME, 1 + usize::try_from(round % 7).unwrap(), &clock);
        if let Err(RetryAfter(wait)) = attempts.allow("alice", HOME, clock.now()) {
            clock.advance(wait);
            assert_eq!(attempts.allow("alice", HOME, clock.now()), Ok(()), "round {round}");
        }
        clock.advance(Duration::from_secs(round * 13 % 40));
    }
}

#[test]
fn a_thousand_simultaneous_guesses_get_the_limit() {
    let (attempts, clock) = attempts();
    let let_through = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| let_through.fetch_add(tried(&attempts, "alice", HOME, 125, &clock), Ordering::Relaxed));
        }
    });
    assert_eq!(let_through.into_inner(), 10);
}

#[test]
fn success_forgets_what_the_account_failed_from_there() {
    let (attempts, clock) = attempts();
    for _ in 0..5 {
        assert_eq!(tried(&attempts, "alice", HOME, 9, &clock), 9);
        attempts.allow("alice", HOME, clock.now()).unwrap();
        attempts.succeeded("alice", HOME, clock.now());
    }
    // The address keeps what failed, not what succeeded.
    assert_eq!(tried(&attempts, "bob", HOME, 100, &clock), 10);
    assert_eq!((0..100).map(|n| tried(&attempts, &format!("u{n}"), HOME, 1, &clock)).sum::<usize>(), 100 - 45 - 10);
}

#[test]
fn a_thousand_sign_ins_from_one_address_are_no_attack() {
    let (attempts, clock) = attempts();
    for number in 0..1000 {
        let account = format!("user-{number}");
        attempts.allow(&account, HOME, clock.now()).unwrap();
        attempts.succeeded(&account, HOME, clock.now());
    }
    assert!(attempts.counted().cells.is_empty());
}

#[test]
fn what_was_never_verified_is_not_counted() {
    let (attempts, clock) = attempts();
    for _ in 0..1000 {
        attempts.allow("alice", HOME, clock.now()).unwrap();
        attempts.withdrawn("alice", HOME, clock.now());
    }
    assert_eq!(tried(&attempts, "alice", HOME, 20, &clock), 10);
}

#[test]
fn a_login_flood_against_one_account_is_bounded_and_does_not_lock_its_owner_out() {
    let (attempts, clock) = attempts();
    attempts.allow("alice@example.com", HOME, clock.now()).unwrap();
    attempts.succeeded("alice@example.com", HOME, clock.now());
    clock.advance(Duration::from_secs(24 * 3600));
    let flood: usize = (0..5000).map(|number| tried(&attempts, "Alice@Example.com", elsewhere(number), 2, &clock)).sum();
    assert_eq!(flood, 100);
    assert_eq!(attempts.allow("alice@example.com", HOME, clock.now()), Ok(()), "the owner, from where they signed in lately");
    attempts.succeeded("alice@example.com", HOME, clock.now());
    // The owner's success opens nothing for the flood.
    assert!((5000..6000).map(|number| tried(&attempts, "alice@example.com", elsewhere(number), 2, &clock)).sum::<usize>() <= 1);
    // The owner's address has no more than its own limit.
    assert_eq!(tried(&attempts, "alice@example.com", HOME, 50, &clock), 10);
    clock.advance(Duration::from_secs(31 * 24 * 3600));
    (0..5000).for_each(|number| guess(&attempts, "alice@example.com", elsewhere(number), &clock));
    assert!(attempts.allow("alice@example.com", HOME, clock.now()).is_err(), "not lately any more");
}

#[test]
fn spraying_many_accounts_from_one_address_is_bounded() {
    let (attempts, clock) = attempts();
    let sprayed: usize = (0..5000).map(|number| tried(&attempts, &format!("user-{number}"), HOME, 1, &clock)).sum();
    assert_eq!(sprayed, 100);
    assert_eq!(tried(&attempts, "user-1", elsewhere(1), 1, &clock), 1, "others are not concerned");
    // A valid account of their own wins the sprayer nothing.
    clock.advance(WINDOW * 2);
    for number in 0..50 {
        tried(&attempts, &format!("user-{number}"), HOME, 2, &clock);
        if attempts.allow("own", HOME, clock.now()).is_ok() {
            attempts.succeeded("own", HOME, clock.now());
        }
    }
    assert_eq!((0..100).map(|n| tried(&attempts, &format!("more-{n}"), HOME, 1, &clock)).sum::<usize>(), 0);
}

#[test]
fn one_subscriber_is_one_address() {
    let (attempts, clock) = attempts();
    let within = |last: u128| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_0000_0001_u128 << 64 | last));
    let all: usize = (0..100).map(|last| tried(&attempts, "alice", within(last), 1, &clock)).sum();
    assert_eq!(all, 10);
    assert_eq!(tried(&attempts, "alice", "2001:db8:0:2::1".parse().unwrap(), 1, &clock), 1);
    // IPv4 written as IPv6 is that IPv4 address, neither a way around nor one /64 for all of them.
    assert_eq!(tried(&attempts, "bob", HOME, 20, &clock), 10);
    assert_eq!(tried(&attempts, "bob", "::ffff:192.0.2.1".parse().unwrap(), 20, &clock), 0);
    assert_eq!(tried(&attempts, "bob", "::ffff:192.0.2.2".parse().unwrap(), 20, &clock), 10);
}

#[test]
fn a_flood_of_names_cannot_make_a_full_table_forget_who_is_at_the_limit() {
    let attempts = Attempts::with_cells(&settings(), 1000);
    let clock = Clock::manual(Timestamp::from_seconds(1_700_000_000));
    assert_eq!(tried(&attempts, "alice", HOME, 20, &clock), 10);
    let flooded: usize = (0..20_000).map(|n| tried(&attempts, &format!("name-{n}"), elsewhere(n), 1, &clock)).sum();
    assert_eq!(flooded, 20_000, "cells below their limit make room");
    assert!(attempts.counted().cells.len() <= 1000);
    assert_eq!(tried(&attempts, "alice", HOME, 20, &clock), 0);
}

#[test]
fn a_flood_of_names_cannot_reset_an_account_under_attack() {
    let attempts = Attempts::with_cells(&settings(), 1000);
    let clock = Clock::manual(Timestamp::from_seconds(1_700_000_000));
    let mut guesses = 0;
    for number in 0..500_u32 {
        guesses += tried(&attempts, "alice", elsewhere(number), 1, &clock);
        (0..20).for_each(|n| guess(&attempts, &format!("name-{number}-{n}"), elsewhere(10_000 + number * 20 + n), &clock));
    }
    assert!(guesses <= 110, "{guesses}");
}

#[test]
fn a_table_full_of_refused_keys_refuses_new_ones_and_recovers() {
    let attempts = Attempts::with_cells(&PasswordSettings { attempts: 1, ..settings() }, 30);
    let clock = Clock::manual(Timestamp::from_seconds(1_700_000_000));
    for number in 0..100 {
        tried(&attempts, &format!("u{number}"), elsewhere(number), 1, &clock);
        (0..20).for_each(|n| guess(&attempts, &format!("u{number}"), elsewhere(number * 100 + n), &clock));
    }
    assert!(attempts.counted().cells.len() <= 30);
    clock.advance(WINDOW * 2);
    assert_eq!(tried(&attempts, "new", HOME, 1, &clock), 1);
}

#[test]
fn the_most_recent_addresses_of_an_account_are_known() {
    let (attempts, clock) = attempts();
    for number in 0..5 {
        clock.advance(Duration::from_secs(1));
        attempts.allow("alice", elsewhere(number), clock.now()).unwrap();
        attempts.succeeded("alice", elsewhere(number), clock.now());
    }
    (0..500).for_each(|number| guess(&attempts, "alice", elsewhere(1000 + number), &clock));
    let known: Vec<_> = (0..5).map(|number| attempts.allow("alice", elsewhere(number), clock.now()).is_ok()).collect();
    assert_eq!(known, [false, true, true, true, true]);
}
