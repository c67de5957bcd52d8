//! The encryption key and backups: what must not start, and what a restored store refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tollgate::store::sqlite::{Existing, SqliteStore};

use crate::support::AuthoritySite;
use crate::support::authority::*;

#[track_caller]
fn refused(site: &mut AuthoritySite, between: impl FnOnce(&AuthoritySite)) -> String {
    site.restart(between).expect_err("it started")
}

#[test]
fn lost_encryption_key_stops_the_start_and_none_is_made() {
    let mut site = AuthoritySite::start();
    let why = refused(&mut site, |site| fs::remove_file(site.key_file()).unwrap());
    assert!(why.contains("encryption key is missing") && why.contains("store.key"), "{why}");
    assert!(why.contains("put the file back"), "{why}");
    assert!(!site.key_file().exists());
}

#[test]
fn different_encryption_key_stops_the_start() {
    let (other, mut site) = (AuthoritySite::start(), AuthoritySite::start());
    let why = refused(&mut site, |site| assert!(fs::copy(other.key_file(), site.key_file()).is_ok()));
    assert!(why.contains("different encryption key"), "{why}");
    let why = refused(&mut AuthoritySite::start(), |site| fs::write(site.key_file(), "c2hvcnQ=").unwrap());
    assert!(why.contains("holds no such key; allowed: 32 random bytes in base64"), "{why}");
}

#[test]
fn encryption_key_that_others_can_read_stops_the_start() {
    let why = refused(&mut AuthoritySite::start(), |site| {
        fs::set_permissions(site.key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    });
    assert!(why.contains("can be read by others than its owner") && why.contains("chmod 600"), "{why}");
}

#[test]
fn users_sessions_and_tokens_go_on_after_a_new_start() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", ORDERS);
    let site = site.restarted(|_| {});
    assert_eq!((site.visit("/orders", &tokens.access), site.refresh(&tokens.refresh).status), (200, 200));
    assert_eq!(site.issue(&tokens.access, BILLING, Some(&tokens.refresh)).status, 200);
}

#[test]
fn restored_backup_refuses_every_session_and_token_of_before_and_lets_new_sign_ins_in() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, BILLING]);
    site.user("bob", &[ORDERS]);
    let of_backup = site.sign_in("ann", ORDERS);
    let backup = site.folder.path().join("backup");
    SqliteStore::backup(&site.store(), &backup).unwrap();
    // Ended after the backup: must not live again. Begun after the backup: the store does not know it.
    let ended = site.sign_in("bob", ORDERS);
    site.revoke(&format!("token={}", ended.refresh));
    let after_backup = site.sign_in("ann", BILLING);
    site.gateway.clock.advance(Duration::from_secs(60));
    let now = site.gateway.clock.now();
    let site = site.restarted(|site| drop(SqliteStore::restore(&backup, &site.store(), now, Existing::MoveAside).unwrap()));
    for _ in 0..2 {
        for (tokens, path) in [(&of_backup, "/orders"), (&ended, "/orders"), (&after_backup, "/billing")] {
            site.is_dead(&tokens.access, path);
            assert_eq!(site.visit(path, &tokens.access), 401, "{path}");
            assert_eq!(site.refresh(&tokens.refresh).status, 401, "{path}");
        }
        site.gateway.clock.advance(Duration::from_millis(1));
        let new = site.sign_in("ann", ORDERS);
        let exchanged = Tokens::of(&site.issue(&new.access, BILLING, Some(&new.refresh)));
        assert_eq!((site.visit("/orders", &new.access), site.visit("/billing", &exchanged.access)), (200, 200));
        assert_eq!(site.refresh(&new.refresh).status, 200);
    }
    // And after one more start, when the restore is no news.
    let site = site.restarted(|_| {});
    site.is_dead(&of_backup.access, "of the backup");
}
