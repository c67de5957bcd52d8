//! Right and wrong passwords, equal work for nobody, bounds on hashes and on the queue.

use std::time::{Duration, Instant};

use super::*;

fn passwords(concurrent: usize, queue: usize) -> Passwords {
    Passwords::new(&PasswordSettings { concurrent, queue, ..PasswordSettings::default() })
}

#[tokio::test]
async fn only_the_password_itself_matches_its_hash() {
    let passwords = passwords(2, 8);
    let stored = passwords.hash("correct horse").await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert_ne!(passwords.hash("correct horse").await.unwrap(), stored, "a salt of its own");
    assert!(!passwords.needs_rehash(&stored));
    for (password, expected) in [("correct horse", true), ("Correct horse", false), ("correct horse ", false), ("", false)] {
        assert_eq!(passwords.verify(password, Some(&stored)).await, Ok(expected), "{password:?}");
    }
}

#[tokio::test]
async fn nobody_has_a_password_and_it_takes_as_long_to_say_so() {
    let passwords = passwords(1, 1);
    let stored = passwords.hash("pass").await.unwrap();
    let mut least = [Duration::MAX; 4];
    for _ in 0..3 {
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        let cases = [("wrong", Some(&*stored)), ("wrong", None), (&*long, Some(&*stored)), ("wrong", Some("$argon2id$broken"))];
        for ((password, stored), least) in cases.into_iter().zip(&mut least) {
            let start = Instant::now();
            assert_eq!(passwords.verify(password, stored).await, Ok(false));
            *least = start.elapsed().min(*least);
        }
    }
    let [user, others @ ..] = least;
    assert!(others.iter().all(|other| *other > user / 3), "{least:?}");
}

#[tokio::test]
async fn nothing_matches_the_hash_of_nobody() {
    // Were its result known to be that of some password, that password would still be refused.
    assert!(bounded(NOBODY).is_some());
    assert_eq!(verify("any", None), Some(false));
    let own = argon2().unwrap().hash_password_with_salt(b"pass", b"nobodynobodynobo").unwrap().to_string();
    assert_eq!(own.rsplit_once('$').unwrap().0, NOBODY.rsplit_once('$').unwrap().0, "same parameters and length of salt");
}

#[tokio::test]
async fn a_long_password_is_refused() {
    let passwords = passwords(1, 1);
    let longest = "x".repeat(MAX_PASSWORD_BYTES);
    let stored = passwords.hash(&longest).await.unwrap();
    assert_eq!(passwords.verify(&longest, Some(&stored)).await, Ok(true));
    let longer = format!("{longest}x");
    assert_eq!(passwords.hash(&longer).await, Err(Unhashed::TooLong));
    let of_none = passwords.hash("").await.unwrap();
    assert_eq!(passwords.verify(&longer, Some(&of_none)).await, Ok(false), "what is hashed in its place opens nothing");
}

#[test]
fn a_tampered_hash_may_not_ask_for_more_than_is_allowed() {
    let salt_and_hash = "bm9ib2R5bm9ib2R5bm9ibw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let cases = [
        (format!("$argon2id$v=19$m=65536,t=3,p=4${salt_and_hash}"), true),
        (format!("$argon2id$v=19$m=4194304,t=2,p=1${salt_and_hash}"), false),
        (format!("$argon2id$v=19$m=4294967295,t=2,p=1${salt_and_hash}"), false),
        (format!("$argon2id$v=19$m=19456,t=4294967295,p=1${salt_and_hash}"), false),
        (format!("$argon2id$v=19$m=65536,t=2,p=64${salt_and_hash}"), false),
        (format!("$argon2i$v=19$m=19456,t=2,p=1${salt_and_hash}"), false),
        (format!("$argon2id$v=16$m=19456,t=2,p=1${salt_and_hash}"), false),
        (format!("$argon2id$m=19456,t=2,p=1${salt_and_hash}"), false),
        ("$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw".into(), false),
        ("$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$AAAAAAAA".into(), false),
        ("$argon2id$v=19$m=19456,t=2,p=1".into(), false),
        ("".into(), false),
        ("plain".into(), false),
    ];
    for (stored, taken) in cases {
        assert_eq!(bounded(&stored).is_some(), taken, "{stored}");
    }
}

#[tokio::test]
async fn a_hash_with_other_parameters_verifies_and_is_due_for_a_new_one() {
    let passwords = passwords(1, 1);
    let params = Params::new(1024, 1, 1, None).unwrap();
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let weak = weak.hash_password_with_salt(b"pass", b"0123456789abcdef").unwrap().to_string();
    assert_eq!(passwords.verify("pass", Some(&weak)).await, Ok(true));
    assert!(passwords.needs_rehash(&weak) && passwords.needs_rehash("plain"));
}

#[tokio::test]
async fn more_than_the_queue_holds_are_told_to_come_back() {
    let passwords = passwords(1, 2);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.verify("pass", None).await })
        })
        .collect();
    let mut busy = 0;
    for task in tasks {
        busy += usize::from(task.await.unwrap() == Err(Busy));
    }
    assert_eq!(busy, 7);
    assert_eq!(passwords.verify("pass", None).await, Ok(false), "and the queue empties");
}

#[tokio::test]
async fn clients_that_hang_up_get_no_more_done_at_once() {
    let passwords = passwords(1, 0);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let asking = passwords.run(move || held.recv());
    assert!(tokio::time::timeout(Duration::from_millis(20), asking).await.is_err(), "the client has gone");
    assert_eq!(passwords.verify("pass", None).await, Err(Busy), "its work has not");
    release.send(()).unwrap();
    while passwords.verify("pass", None).await.is_err() {
        tokio::task::yield_now().await;
    }
}
