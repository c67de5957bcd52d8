//! A store that cannot be written: another process holds its lock, or the disk is full. Said to the client, and over when
//! the cause is; what was acknowledged is there.

use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use serde_json::json;
use tempfile::TempDir;

use super::kill::check_store;
use crate::support::authority::*;
use crate::support::{Answer, Process, until};

#[track_caller]
fn sign_in(api: &ApiClient, name: &str) -> Tokens {
    let body = json!({
        "user": { "username": name }, "registration": { "applicationId": BILLING }, "sendSetPasswordEmail": true,
    });
    Tokens::of(&api.manage("POST /api/user/registration", Some(&body)))
}

#[track_caller]
fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let body = answer.json();
    assert_eq!((&body["generalErrors"][0]["code"], &body["fieldErrors"]), (&json!("[unavailable]"), &json!({})));
    assert_eq!((answer.header("cache-control"), set_cookies(answer).len()), (Some("no-store"), 0));
}

#[test]
fn locked_store_is_503_reads_go_on_and_nothing_acknowledged_is_lost() {
    let folder = TempDir::new().unwrap();
    let process = Process::start(folder.path(), &process_text(folder.path(), "access = false"));
    let api = ApiClient(process.address);
    let (ann, bob) = (sign_in(&api, "ann"), sign_in(&api, "bob"));
    let last = Tokens::of(&api.refresh(&ann.refresh));
    let lock = Database::open(folder.path().join("store.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let waiting = [
            scope.spawn(|| api.refresh(&last.refresh)),
            scope.spawn(|| api.manage(&format!("DELETE /api/jwt/refresh?token={}", bob.refresh), None)),
            scope.spawn(|| {
                api.manage("POST /api/user", Some(&json!({ "user": { "username": "eve" }, "sendSetPasswordEmail": true })))
            }),
        ];
        // Whoever only reads does not wait for a writer.
        assert_eq!((api.validate(&last.access), api.issue(&last.access, BILLING, None).status), (200, 200));
        assert!(begun.elapsed() < Duration::from_secs(4), "reads waited");
        waiting.into_iter().for_each(|one| is_unavailable(&one.join().unwrap()));
    });
    assert!(begun.elapsed() < Duration::from_secs(25), "it waited for {:?}", begun.elapsed());
    assert_eq!(api.ask("GET /api/status", &[], None).status, 503);
    lock.execute_batch("ROLLBACK").unwrap();
    until("the status to say so", || api.ask("GET /api/status", &[], None).status == 200);
    // Nothing was done, and all can be done now.
    let renewed = Tokens::of(&api.refresh(&last.refresh));
    assert!(renewed.id == ann.id && renewed.refresh != last.refresh);
    assert_eq!((api.validate(&bob.access), api.refresh(&bob.refresh).status), (200, 200));
    assert_eq!(api.manage("GET /api/user?username=eve", None).status, 404);
    let output = process.output();
    assert!(output.contains("the store does not write") && output.contains("the store writes again"), "{output}");
    check_store(&folder.path().join("store.db"));
}

#[test]
fn short_lock_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let process = Process::start(folder.path(), &process_text(folder.path(), "access = false"));
    let api = ApiClient(process.address);
    let ann = sign_in(&api, "ann");
    let lock = Database::open(folder.path().join("store.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| api.refresh(&ann.refresh));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!waiting.is_finished(), "it did not wait");
        lock.execute_batch("ROLLBACK").unwrap();
        assert_eq!(waiting.join().unwrap().status, 200);
    });
}

/// No file may grow beyond 768 KiB: what a full disk is, to one process.
const FULL: [&str; 4] = ["sh", "-c", "trap '' XFSZ; ulimit -S -f 1536; exec \"$@\"", "sh"];

#[test]
fn full_disk_is_503_until_there_is_room_and_nothing_acknowledged_is_lost() {
    let folder = TempDir::new().unwrap();
    let text = process_text(folder.path(), "access = false");
    let mut process = Process::start_by(&FULL, folder.path(), &text);
    let api = ApiClient(process.address);
    let mut last = sign_in(&api, "ann");
    let revoked = sign_in(&api, "bob");
    api.revoke(&format!("token={}", revoked.refresh));
    let mut uses = 0;
    let refused = loop {
        let answer = api.refresh(&last.refresh);
        if answer.status != 200 {
            break answer;
        }
        last = Tokens::of(&answer);
        uses += 1;
        assert!(uses < 2000, "the disk is never full");
    };
    is_unavailable(&refused);
    is_unavailable(&api.refresh(&last.refresh));
    assert_eq!((api.validate(&last.access), api.validate(&revoked.access)), (200, 401), "reads go on");
    let room = ["--pid", &process.id().to_string(), "--fsize=unlimited"];
    assert!(Command::new("prlimit").args(room).status().unwrap().success());
    let renewed = Tokens::of(&api.refresh(&last.refresh));
    assert!(renewed.id == last.id && renewed.refresh != last.refresh, "after {uses} uses");
    process.kill();
    let process = Process::start(folder.path(), &text);
    let api = ApiClient(process.address);
    assert_eq!(Tokens::of(&api.refresh(&renewed.refresh)).id, last.id);
    assert_eq!((api.validate(&revoked.access), api.refresh(&revoked.refresh).status), (401, 401));
    check_store(&folder.path().join("store.db"));
}
