//! A full table folds and never forgets.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::*;
use super::*;
use crate::store::ScopeKind;

fn session_of(user: Option<&str>, session: &str, instant: u64) -> Logged {
    let mut entry = revocation(Scope::Session(session.into()));
    (entry.user, entry.instant) = (user.map(str::to_owned), at(instant));
    logged(1, entry)
}

fn check(table: &Revocations, user: &str, session: &str, signed_in: u64) -> Result<(), ScopeKind> {
    let token = Lineage { session: Some(session), user, signed_in: at(signed_in), issued: NOW, ..token() };
    table.check(&token, NOW)
}

#[test]
fn the_user_with_most_entries_is_folded_into_one_of_the_latest_instant_and_end() {
    let table = Revocations::new(100);
    for number in 0..60_u64 {
        table.apply(&session_of(Some("mallory"), &format!("m{number}"), THEN + number));
    }
    for number in 0..41 {
        table.apply(&session_of(Some(&format!("user-{number}")), &format!("s{number}"), THEN));
    }
    assert_eq!(table.len(), 42);
    assert_eq!(table.folded(), 60);
    assert_eq!(check(&table, "mallory", "m3", THEN), Err(ScopeKind::User));
    assert_eq!(check(&table, "mallory", "never revoked", THEN + 59), Err(ScopeKind::User));
    assert_eq!(check(&table, "mallory", "signed in after", THEN + 60), Ok(()));
    assert_eq!(check(&table, "user-7", "s7", THEN), Err(ScopeKind::Session));
    assert_eq!(check(&table, "user-7", "another", THEN), Ok(()));
}

#[test]
fn what_cannot_be_folded_is_kept_beyond_the_capacity() {
    let table = Revocations::new(50);
    for number in 0..300 {
        let user = format!("user-{number}");
        table.apply(&session_of((number % 2 == 0).then_some(&*user), &format!("s{number}"), THEN));
    }
    assert_eq!(table.len(), 300);
    for number in 0..300 {
        assert!(check(&table, &format!("user-{number}"), &format!("s{number}"), THEN).is_err());
    }
}

#[test]
fn an_entry_that_two_users_are_named_for_is_not_folded() {
    let table = Revocations::new(4);
    table.apply(&session_of(Some("alice"), "shared", THEN));
    table.apply(&session_of(Some("bob"), "shared", THEN));
    for number in 0..8 {
        table.apply(&session_of(Some("alice"), &format!("a{number}"), THEN));
    }
    assert!(table.folded() > 0);
    assert_eq!(check(&table, "bob", "shared", THEN), Err(ScopeKind::Session));
}

#[test]
fn a_check_beside_a_fold_never_lets_a_revoked_token_through() {
    const ROUNDS: usize = 300;
    let tables: Vec<Revocations> = (0..ROUNDS).map(|_| Revocations::new(100)).collect();
    tables.iter().for_each(|table| table.apply(&session_of(Some("victim"), "first", THEN)));
    let current = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut passed = 0_u64;
            while let Some(table) = tables.get(current.load(Ordering::Relaxed)) {
                passed += u64::from(check(table, "victim", "first", THEN).is_ok());
            }
            passed
        });
        for table in &tables {
            (0..110).for_each(|number| table.apply(&session_of(Some("victim"), &format!("v{number}"), THEN)));
            assert!(table.folded() > 100);
            current.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn sweeping_beside_checks_hides_no_live_entry() {
    let table = Revocations::new(10_000);
    table.apply(&session_of(None, "alive", THEN));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut passed = 0_u64;
            while !done.load(Ordering::Relaxed) {
                passed += u64::from(check(&table, "x", "alive", THEN).is_ok());
            }
            passed
        });
        for round in 0..100 {
            for number in 0..100 {
                let mut brief = revocation(Scope::Token(format!("{round}-{number}")));
                brief.ends = at(THEN);
                table.apply(&logged(1, brief));
            }
            table.sweep(NOW);
            assert_eq!(table.len(), 1);
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(reader.join().unwrap(), 0);
    });
}
