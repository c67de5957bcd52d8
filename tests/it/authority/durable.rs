//! No answer leaves before its change is on the disk, as the kernel sees it: the system calls of the running binary, in
//! their order.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::support::authority::*;
use crate::support::{Process, until};

const CALLS: &str = "trace=fdatasync,fsync,pwrite64,write,sendto,sendmsg,writev";

/// Whether this machine lets a process trace its child.
fn may_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let tried = tried.unwrap_or_else(|error| panic!("strace: {error}; get it with: apt-get install strace   (as root)"));
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    let is_forbidden = said.contains("Operation not permitted") || said.contains("Permission denied");
    assert!(tried.status.success() || is_forbidden, "{said}");
    if is_forbidden {
        println!("SKIPPED: tracing is forbidden on this machine: {said}");
    }
    tried.status.success()
}

/// What happened to the log ahead and to the sockets, from a trace.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Written,
    Synced,
    Answered,
}

/// The events of a trace: a write as soon as it begins, a sync not before it has returned, an answer as soon as it begins.
fn events(trace: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut syncing: HashMap<&str, ()> = HashMap::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        if call.starts_with("pwrite64(") && call.contains("store.db-wal>") {
            events.push(Event::Written);
        } else if is_sync && call.contains("store.db-wal>") {
            if call.contains("<unfinished") {
                syncing.insert(thread, ());
            } else if call.ends_with("= 0") {
                events.push(Event::Synced);
            }
        } else if call.starts_with("<... f") && call.contains("sync resumed") {
            if syncing.remove(thread).is_some() && call.ends_with("= 0") {
                events.push(Event::Synced);
            }
        } else if call.contains("<socket:") && call.contains("HTTP/1.1 200") {
            events.push(Event::Answered);
        }
    }
    events
}

/// Runs `changes` on a traced gateway, one after another, and gives what happened from the first on.
fn traced(folder: &Path, changes: impl FnOnce(&ApiClient) -> usize) -> Vec<Event> {
    let trace = folder.join("trace");
    let text = process_text(folder, "access = false");
    // Of the two the gateway is the child, and is what is killed.
    let wrapper = ["strace", "-D", "-f", "-y", "-s", "16", "-e", CALLS, "-o", trace.to_str().unwrap()];
    let mut process = Process::start_by(&wrapper, folder, &text);
    let made = changes(&ApiClient(process.address));
    process.kill();
    // The tracer writes its last line when it sees the end.
    let read = || std::fs::read_to_string(&trace).unwrap();
    until("the end of the trace", || read().contains("killed by SIGKILL"));
    let events = events(&read());
    let answers = events.iter().filter(|event| **event == Event::Answered).count();
    assert_eq!(answers, made, "every answer is in the trace");
    events
}

#[test]
fn no_answer_leaves_before_the_sync_of_its_change_has_returned() {
    if !may_trace() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let events = traced(folder.path(), |api| {
        let body = json!({
            "user": { "username": "ann" }, "registration": { "applicationId": BILLING }, "sendSetPasswordEmail": true,
        });
        let mut tokens = Tokens::of(&api.manage("POST /api/user/registration", Some(&body)));
        for _ in 0..20 {
            tokens = Tokens::of(&api.refresh(&tokens.refresh));
        }
        let own = Tokens::of(&api.issue(&tokens.access, BILLING, Some(&tokens.refresh)));
        api.revoke(&format!("token={}", own.refresh));
        api.revoke(&format!("applicationId={BILLING}"));
        24
    });
    for (at, change) in events.split_inclusive(|event| *event == Event::Answered).enumerate() {
        let Some((Event::Answered, before)) = change.split_last() else { continue };
        assert!(before.contains(&Event::Written), "change {at} wrote nothing");
        assert_eq!(before.last(), Some(&Event::Synced), "change {at} was answered before it was on the disk: {before:?}");
    }
}

#[test]
fn a_trace_is_read_in_the_order_of_ends_of_syncs_and_beginnings_of_answers() {
    let trace = r#"7 pwrite64(11</x/store.db-wal>, "\0"..., 24, 5 <unfinished ...>
9  writev(25<socket:[1]>, [{iov_base="HTTP/1.1 404"}], 1) = 9
7 <... pwrite64 resumed>)             = 24
7 fdatasync(11</x/store.db-wal> <unfinished ...>
9 sendto(25<socket:[1]>, "HTTP/1.1 200 OK\r"..., 9, 0, NULL, 0) = 9
7 <... fdatasync resumed>)              = 0
7 fsync(9</x/store.db>)    = 0
7 fsync(11</x/store.db-wal>)    = -1 EIO
7 fsync(11</x/store.db-wal>)    = 0
"#;
    assert_eq!(events(trace), [Event::Written, Event::Answered, Event::Synced, Event::Synced]);
}
