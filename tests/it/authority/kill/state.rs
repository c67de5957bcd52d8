//! What may not be in a store, whatever happened.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Of each: what it is called, and a query that counts it.
const HALF_MADE: [(&str, &str); 7] = [
    (
        "sessions without the refresh token of their sign-in",
        "SELECT count(*) FROM session WHERE NOT EXISTS
            (SELECT 1 FROM refresh_token WHERE refresh_token.session = session.id AND parent IS NULL)",
    ),
    (
        "refresh tokens whose former value was not noted",
        "SELECT count(*) FROM refresh_token WHERE previous IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM replaced_value WHERE digest = previous AND refresh_token = refresh_token.id)",
    ),
    ("current values that were replaced", "SELECT count(*) FROM refresh_token JOIN replaced_value USING (digest)"),
    (
        "refresh tokens with more or fewer replaced values than changes",
        "SELECT count(*) FROM refresh_token WHERE previous IS NOT NULL AND version <>
            (SELECT count(*) FROM replaced_value WHERE refresh_token = refresh_token.id)",
    ),
    (
        "users without the registration they were made with",
        "SELECT count(*) FROM user WHERE id NOT IN (SELECT user FROM registration)",
    ),
    (
        "revoked refresh tokens that are there",
        "SELECT count(*) FROM refresh_token JOIN revocation ON scope = 'token' AND lower(hex(id)) = replace(target, '-', '')",
    ),
    (
        "revoked sessions that are there",
        "SELECT count(*) FROM session JOIN revocation ON scope = 'session' AND lower(hex(id)) = replace(target, '-', '')",
    ),
];

/// Fails where a store, in use or not, is broken or holds something half made.
pub(in crate::authority) fn check_store(file: &Path) {
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sound: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut dangling = store.prepare("PRAGMA foreign_key_check").unwrap();
    assert!(!dangling.exists([]).unwrap(), "a reference to nothing");
    for (what, query) in HALF_MADE {
        let count: i64 = store.query_row(query, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{what}");
    }
}
