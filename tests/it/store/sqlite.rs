//! What the SQLite store does beyond the contract: its file, its locks, its queue, backup and restore.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;
use tollgate::clock::Clock;
use tollgate::store::sqlite::{Bounds, CopyError, Existing, OpenError, SqliteStore};
use tollgate::store::{Change, Ended, Match, Room, Scope, Store, StoreError, User};

use super::records::*;

fn empty() -> (Arc<dyn Store>, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store"));
    (store, folder)
}

fn open(path: &Path) -> Arc<dyn Store> {
    open_within(path, Bounds::default())
}

fn open_within(path: &Path, bounds: Bounds) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_within(path, &clock(), bounds).unwrap().store)
}

fn clock() -> Clock {
    Clock::manual(at(1_767_225_600_000))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

super::contract::contract!(crate::store::sqlite::empty);

#[tokio::test]
async fn only_the_first_opening_finds_the_store_new() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let first = SqliteStore::open(&path, &clock()).unwrap();
    assert!(first.is_new);
    let second = SqliteStore::open(&path, &clock()).unwrap();
    assert!(!second.is_new);
    assert_eq!(first.store.identity().await, second.store.identity().await);
    // What a crash before the first migration leaves.
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    assert!(SqliteStore::open(&empty, &clock()).unwrap().is_new);
}

#[tokio::test]
async fn a_store_of_the_first_schema_is_migrated_with_what_is_in_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(include_str!("../../../src/store/sqlite/schema/0001.sql")).unwrap();
    db.execute("INSERT INTO store (only, id, signing_key_generation) VALUES (1, ?1, 7)", [id(9).as_bytes()]).unwrap();
    db.pragma_update(None, "application_id", 0x544f_4c4c).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    drop(db);
    let store = SqliteStore::open(&path, &clock()).unwrap();
    assert!(!store.is_new);
    let store: Arc<dyn Store> = Arc::new(store.store);
    assert_eq!((store.identity().await.unwrap().id, store.signing_key_generation().await), (id(9), Ok(7)));
    done(&store, [Change::AddEvent(event("hook", 1, 5), Room { events: 1, bytes: 1 })]).await;
    assert_eq!(store.due_events("hook", at(5), 9).await.unwrap().len(), 1);
}

#[test]
fn of_many_that_make_a_store_at_once_one_finds_it_new() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || SqliteStore::open(&path, &clock()).unwrap())
        })
        .collect();
    let opened: Vec<_> = opening.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(opened.iter().filter(|opened| opened.is_new).count(), 1);
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(SqliteStore::open(&path, &clock()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path, &clock()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("version 99, and this Tollgate knows versions up to 2; run the newer"), "{error}");
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let (text, database) = (folder.path().join("text"), folder.path().join("database"));
    fs::write(&text, "a letter to somebody, long enough to be taken for a header. ".repeat(20)).unwrap();
    Connection::open(&database).unwrap().execute_batch("CREATE TABLE letters (text)").unwrap();
    for path in [text, database] {
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path, &clock()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
        assert!(matches!(SqliteStore::migrate(&path, &clock()), Err(OpenError::Foreign(_))));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let nowhere = SqliteStore::open(&folder.path().join("no/such/folder"), &clock()).unwrap_err();
    assert!(matches!(nowhere, OpenError::Unusable { .. }), "{nowhere:?}");
}

#[tokio::test]
async fn names_that_sqlite_reads_otherwise_are_files() {
    let folder = TempDir::new().unwrap();
    for name in [":memory:", "file:store?mode=memory", "with space'\"%"] {
        let path = folder.path().join(name);
        done(&open(&path), [Change::AddUser(user(1))]).await;
        assert!(path.is_file(), "{name}");
        assert_eq!(open(&path).user(id(1)).await.unwrap(), Some(user(1)));
    }
}

#[tokio::test]
async fn only_the_owner_reads_the_files() {
    let (store, folder) = empty();
    signed_in(&store).await;
    let path = folder.path().join("store");
    SqliteStore::backup(&path, &beside(&path, ".backup")).unwrap();
    SqliteStore::restore(&beside(&path, ".backup"), &beside(&path, ".restored"), at(1), Existing::Refuse).unwrap();
    for ending in ["", "-wal", "-shm", ".backup", ".restored"] {
        let mode = fs::metadata(beside(&path, ending)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{ending}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_new_start() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = open(&path);
    let (_, token) = signed_in(&store).await;
    done(&store, [Change::RotateRefreshToken(rotated(&token, "b"), at(9))]).await;
    let (identity, found) = (store.identity().await, store.refresh_token(id(30)).await);
    drop(store);
    assert!(!beside(&path, "-wal").exists(), "the last to close merges the log");
    let store = open(&path);
    assert_eq!((store.identity().await, store.refresh_token(id(30)).await), (identity, found));
    assert_eq!(matched(&store, "value30").await, Some(Match::Previous { replaced: at(9) }));
}

/// A process that is killed has merged and closed nothing: what it acknowledged is in the log alone.
#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let (store, folder) = empty();
    signed_in(&store).await;
    let (path, crashed) = (folder.path().join("store"), folder.path().join("crashed"));
    for ending in ["", "-wal"] {
        fs::copy(beside(&path, ending), beside(&crashed, ending)).unwrap();
    }
    assert_eq!(left(&open(&crashed), [30]).await, [30]);
}

#[tokio::test]
async fn two_on_one_file_see_each_other() {
    let (first, folder) = empty();
    let second = open(&folder.path().join("store"));
    let (_, token) = signed_in(&first).await;
    assert_eq!(left(&second, [30]).await, [30]);
    let rotations = (0..64).map(|caller| {
        let store = if caller % 2 == 0 { &first } else { &second };
        store.commit(vec![Change::RotateRefreshToken(rotated(&token, &caller.to_string()), at(9))])
    });
    let answers = join_all(rotations).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(StoreError::Conflict))), "{answers:?}");
    let numbers = join_all((0..32).map(|caller| {
        let store = if caller % 2 == 0 { &first } else { &second };
        store.commit(vec![Change::Revoke(revocation(Scope::Everything, 1, 10))])
    }));
    let logged = numbers.await.into_iter().flat_map(|answer| answer.unwrap().revocations);
    let mut numbers: Vec<u64> = logged.map(|logged| logged.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 32);
}

#[tokio::test]
async fn another_process_backs_up_what_is_in_use() {
    let (store, folder) = empty();
    signed_in(&store).await;
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate")).arg("store").args(arguments).current_dir(&folder).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, err) = run(&["backup", "--store", "store", "copy"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("The encryption key is not in the backup. Keep it elsewhere"), "{out}");
    let (code, out, err) = run(&["restore", "--store", "store", "--force", "copy"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("the store is in use; stop every gateway on it first"), "{err}");
    assert_eq!(left(&store, [30]).await, [30]);
    drop(store);
    assert_eq!(run(&["restore", "--store", "store", "--force", "copy"]).0, Some(0));
    assert_eq!(run(&["migrate", "--store", "store"]).0, Some(0));
    assert_eq!(run(&["migrate"]).0, Some(2));
}

fn lock(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    db
}

#[tokio::test]
async fn a_locked_file_is_unavailable_until_it_is_free() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let bounds = Bounds { busy_timeout: Duration::from_millis(200), ..Bounds::default() };
    let store = open_within(&path, bounds);
    let other = lock(&path);
    let began = Instant::now();
    let add = vec![Change::AddUser(user(1))];
    assert!(matches!(store.commit(add.clone()).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
    assert!(began.elapsed() >= Duration::from_millis(400) && began.elapsed() < Duration::from_secs(10));
    assert_eq!(store.user(id(1)).await, Ok(None), "reads go on, and nothing was changed");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.check().await, Ok(()));
    done(&store, add).await;
}

#[tokio::test]
async fn a_short_lock_is_waited_for() {
    let (store, folder) = empty();
    let other = lock(&folder.path().join("store"));
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.execute_batch("ROLLBACK").unwrap();
    };
    let (added, ()) = tokio::join!(store.commit(vec![Change::AddUser(user(1))]), unlock);
    added.unwrap();
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = open_within(&path, Bounds { queue: 8, ..Bounds::default() });
    let other = lock(&path);
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.execute_batch("ROLLBACK").unwrap();
    };
    let commits = join_all((100..200).map(|number| store.commit(vec![Change::AddUser(user(number))])));
    let (answers, ()) = tokio::join!(commits, unlock);
    let refused = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Unavailable(_)))).count();
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    // One batch may have left the queue before the writer had to wait.
    assert!(done >= 8 && refused >= 50 && done + refused == 100, "{done} done, {refused} refused");
    for (number, answer) in (100..200).zip(answers) {
        assert_eq!(store.user(id(number)).await.unwrap().is_some(), answer.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = open_within(&path, Bounds { pages: Some(120), ..Bounds::default() });
    let large = |number| User { profile: map(serde_json::json!({ "data": "x".repeat(3000) })), ..user(number) };
    let answers = join_all((100..300).map(|number| {
        let store = store.clone();
        let changes = vec![Change::AddUser(large(number)), Change::AddLink(link(&number.to_string(), number))];
        tokio::spawn(async move { (number, store.commit(changes).await) })
    }))
    .await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.is_ok());
    assert!(!bad.is_empty() && bad.iter().all(|(_, answer)| matches!(answer, Err(StoreError::Unavailable(_)))), "{bad:?}");
    let check = async |store: &Arc<dyn Store>| {
        for (number, answer) in good.iter().chain(&bad) {
            assert_eq!(store.user(id(*number)).await.unwrap(), answer.is_ok().then(|| large(*number)));
            assert_eq!(store.linked_user(id(0x1d), &number.to_string()).await.unwrap().is_some(), answer.is_ok());
        }
    };
    check(&store).await;
    drop(store);
    // With room again everything goes on.
    let store = open(&path);
    check(&store).await;
    done(&store, bad.iter().map(|(number, _)| Change::AddUser(large(*number)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_others_write_is_of_one_instant() {
    let (store, folder) = empty();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 1000.. {
                // Only both together are ever committed.
                let changes = vec![Change::AddUser(user(number)), Change::AddLink(link(&number.to_string(), number))];
                if store.commit(changes).await.is_err() || number > 1400 {
                    return;
                }
            }
        })
    };
    for round in 0..5_u128 {
        done(&store, [Change::AddUser(user(round))]).await;
        let (path, copy) = (folder.path().join("store"), folder.path().join(format!("copy{round}")));
        let backup = {
            let copy = copy.clone();
            tokio::task::spawn_blocking(move || SqliteStore::backup(&path, &copy))
        };
        backup.await.unwrap().unwrap();
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 4 + usize::try_from(round).unwrap(), "{names:?}");
        let copied = open(&copy);
        assert_eq!(copied.identity().await, store.identity().await);
        assert!(copied.user(id(round)).await.unwrap().is_some(), "what was acknowledged before is in it");
        for number in 1000..1402 {
            let (user, linked) = (copied.user(id(number)).await, copied.linked_user(id(0x1d), &number.to_string()).await);
            assert_eq!(user.unwrap().is_some(), linked.unwrap().is_some(), "{number}");
        }
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_backup_overwrites_nothing() {
    let (store, folder) = empty();
    signed_in(&store).await;
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    fs::write(&copy, "mine").unwrap();
    assert!(matches!(SqliteStore::backup(&path, &copy), Err(CopyError::Exists(_))));
    assert_eq!(fs::read(&copy).unwrap(), b"mine");
    assert!(matches!(SqliteStore::backup(&copy, &beside(&copy, "2")), Err(CopyError::Open(OpenError::Foreign(_)))));
    let missing = SqliteStore::backup(&beside(&path, "x"), &beside(&copy, "2"));
    assert!(matches!(missing, Err(CopyError::Open(OpenError::Missing(_)))));
    assert!(!beside(&path, "x").exists() && !beside(&copy, "2").exists());
}

#[tokio::test]
async fn a_restored_store_has_its_users_and_refuses_earlier_sign_ins() {
    let (store, folder) = empty();
    let (_, token) = signed_in(&store).await;
    done(&store, [Change::SetKeyCheck(vec![7]), Change::AddRegistration(id(1), registration(10, APP))]).await;
    done(&store, [Change::AddSigningKey(signing_key("k", 1)), Change::RotateRefreshToken(rotated(&token, "b"), at(9))]).await;
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    SqliteStore::backup(&path, &copy).unwrap();
    done(&store, [Change::AddUser(user(2))]).await;
    let identity = store.identity().await.unwrap();

    // A backup can be on a medium that nothing can be written to.
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o400)).unwrap();
    let restore = |existing| SqliteStore::restore(&copy, &path, at(5000), existing);
    assert!(matches!(restore(Existing::Refuse), Err(CopyError::Exists(_))));
    assert!(matches!(restore(Existing::MoveAside), Err(CopyError::InUse(_))));
    assert!(store.user(id(2)).await.unwrap().is_some());
    drop(store);
    let former = restore(Existing::MoveAside).unwrap().moved_to.unwrap();

    let store = open(&path);
    let not_before = Some(at(5000));
    let expected = tollgate::store::StoreIdentity { not_before, ..identity };
    assert_eq!(store.identity().await.unwrap(), expected);
    let kept = User { registrations: vec![registration(10, APP)], version: user(1).version + 1, ..user(1) };
    assert_eq!((store.user(id(1)).await.unwrap(), store.user(id(2)).await.unwrap()), (Some(kept), None));
    assert_eq!(store.signing_keys().await.unwrap(), [signing_key("k", 1)]);
    assert_eq!((store.session(id(20)).await, store.count_refresh_tokens().await), (Ok(None), Ok(0)));
    assert_eq!((matched(&store, "value30").await, matched(&store, "b").await), (None, None));
    let former = open(&former);
    assert!(former.user(id(2)).await.unwrap().is_some(), "the former store is whole");
    assert_eq!(left(&former, [30]).await, [30]);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_the_store_stays() {
    let (store, folder) = empty();
    done(&store, (100..400).map(|number| Change::AddUser(user(number)))).await;
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    SqliteStore::backup(&path, &copy).unwrap();
    drop(store);
    let good = fs::read(&copy).unwrap();
    let mut bytes = good.clone();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 8192].fill(0x5a);
    let newer = {
        let mut bytes = good.clone();
        bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
        bytes
    };
    for bytes in [bytes, newer, good[..good.len() / 2].to_vec(), Vec::new(), b"text".repeat(2000)] {
        fs::write(&copy, bytes).unwrap();
        let refused = SqliteStore::restore(&copy, &path, at(1), Existing::MoveAside);
        assert!(matches!(refused, Err(CopyError::Damaged { .. } | CopyError::Open(_) | CopyError::Failed { .. })), "{refused:?}");
        assert!(open(&path).user(id(100)).await.unwrap().is_some());
    }
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["copy", "store"], "nothing half made is left");
}

#[tokio::test]
async fn a_store_that_is_no_database_any_more_is_moved_aside() {
    let (store, folder) = empty();
    signed_in(&store).await;
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    SqliteStore::backup(&path, &copy).unwrap();
    drop(store);
    fs::write(&path, "garbage ".repeat(1000)).unwrap();
    fs::write(beside(&path, "-wal"), "left").unwrap();
    let former = SqliteStore::restore(&copy, &path, at(1), Existing::MoveAside).unwrap().moved_to.unwrap();
    assert!(fs::read(&former).unwrap().starts_with(b"garbage"));
    assert!(open(&path).user(id(1)).await.unwrap().is_some());
}

/// It would be taken for the log of the restored store.
#[tokio::test]
async fn a_log_without_its_store_is_in_the_way_of_a_restore() {
    let (store, folder) = empty();
    signed_in(&store).await;
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    SqliteStore::backup(&path, &copy).unwrap();
    let destination = folder.path().join("new");
    fs::copy(beside(&path, "-wal"), beside(&destination, "-wal")).unwrap();
    let restore = |existing| SqliteStore::restore(&copy, &destination, at(1), existing);
    assert!(matches!(restore(Existing::Refuse), Err(CopyError::Exists(path)) if path.ends_with("new-wal")));
    restore(Existing::MoveAside).unwrap();
    assert_eq!(left(&open(&destination), [30]).await, []);
}

/// Run by hand: `cargo test --test it -- --ignored --nocapture commits_per_second`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn commits_per_second() {
    let (store, _folder) = empty();
    let session = session(20, 1, Some(APP));
    done(&store, [Change::AddUser(user(1)), Change::AddSession(session.clone())]).await;
    done(&store, (1000..1064).map(|number| Change::AddRefreshToken(refresh_token(number, &session, APP)))).await;
    let began = Instant::now();
    let rounds = 500;
    let callers = (1000..1064_u128).map(|number| {
        let (store, token) = (store.clone(), refresh_token(number, &session, APP));
        tokio::spawn(async move {
            for version in 0..rounds {
                let used = tollgate::store::RefreshToken { version, ..token.clone() };
                store.commit(vec![Change::UseRefreshToken(used)]).await.unwrap();
            }
        })
    });
    join_all(callers).await.into_iter().for_each(Result::unwrap);
    let written = began.elapsed();
    let began = Instant::now();
    let readers = (0..64).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..rounds {
                store.refresh_token(id(1000 + u128::from(number) % 64)).await.unwrap().unwrap();
            }
        })
    });
    join_all(readers).await.into_iter().for_each(Result::unwrap);
    let per_second = |took: Duration| 64.0 * 500.0 / took.as_secs_f64();
    println!("{:.0} commits/s, {:.0} reads/s", per_second(written), per_second(began.elapsed()));
}

/// Run by hand: `cargo test --test it -- --ignored --nocapture application_of_many`.
#[tokio::test]
#[ignore = "a measurement"]
async fn an_application_of_many_sessions_ends() {
    let (store, _folder) = empty();
    for part in 0..100_u128 {
        let number = |at: u128| 10_000 + part * 1000 + at;
        let users = (0..100).map(|at| Change::AddUser(user(number(at))));
        let sessions = (0..1000).map(|at| session(number(at), number(at % 100), Some(APP)));
        let with_tokens = sessions.flat_map(|session| {
            let token = refresh_token(session.id.as_u128(), &session, APP);
            [Change::AddSession(session), Change::AddRefreshToken(token)]
        });
        done(&store, users.chain(with_tokens)).await;
    }
    let began = Instant::now();
    let revoked = Change::Revoke(revocation(Scope::Application(APP.to_string()), 5, 900));
    let committed = store.commit(vec![Change::End(Ended::SessionsOfApplication(APP)), revoked]).await.unwrap();
    println!("{} sessions in {:?}", committed.sessions_ended, began.elapsed());
}
