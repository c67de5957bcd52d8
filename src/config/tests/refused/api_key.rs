//! `[[api_key]]` blocks that are refused. Each test holds the whole message.

use crate::config::tests::refused::refused_beside;
use crate::config::tests::{AUTHORITY, Bench};

#[test]
fn neither_hash_nor_key() {
    refused_beside(
        &[(
            r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef"
"#,
            "",
        )],
        "",
        &["t.toml:26:1: api_key.ops.sha256: found nothing; `tollgate hash-key` makes a key and its `sha256`; or give `key_file`"],
    );
}

#[test]
fn hash_and_key() {
    refused_beside(
        &[(
            r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef""#,
            r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef"
key_file = "secret""#,
        )],
        "",
        &["t.toml:29:12: api_key.ops.key_file: found it beside `sha256`; allowed: only one of the two"],
    );
}

#[test]
fn a_hash_that_is_none_is_not_shown() {
    refused_beside(
        &[(
            r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef""#,
            r#"sha256 = "hunter2hunter2hunter2""#,
        )],
        "",
        &[
            "t.toml:28:10: api_key.ops.sha256: found a text of 21 characters; allowed: the 64 hexadecimal digits that `tollgate hash-key` prints",
        ],
    );
}

#[test]
fn a_short_key() {
    refused_beside(
        &[(r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef""#, r#"key_file = "short.secret""#)],
        "",
        &[
            r#"t.toml:28:12: api_key.ops.key_file: found file "short.secret" with a key of 7 characters; allowed: at least 32 random ones, such as those of `tollgate hash-key`"#,
        ],
    );
}

#[test]
fn a_key_that_others_can_read() {
    refused_beside(
        &[(r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef""#, r#"key_file = "open.secret""#)],
        "",
        &[
            r#"t.toml:28:12: api_key.ops.key_file: file "open.secret" can be read by others than its owner (mode 644); run `chmod 600` on it"#,
        ],
    );
}

#[test]
fn a_key_file_with_more_than_a_key() {
    refused_beside(
        &[(r#"sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef""#, r#"key_file = "tls.key""#)],
        "",
        &[
            r#"t.toml:28:12: api_key.ops.key_file: found file "tls.key" with more than a key; allowed: one line of letters, digits and punctuation, without spaces"#,
        ],
    );
}

#[test]
fn names_and_hashes_twice() {
    refused_beside(
        &[],
        r#"
[[api_key]]
name = "ops"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
"#,
        &[
            r#"t.toml:42:8: api_key.ops.name: found "ops" a second time; allowed: each api_key has a name of its own"#,
            r#"t.toml:43:10: api_key.ops.sha256: found the sha256 of API key "ops" a second time; allowed: each API key has its own"#,
        ],
    );
}

#[test]
fn unknown_paths_of_the_api() {
    refused_beside(
        &[(
            r#"permissions = { "/api/jwt/refresh" = ["GET", "DELETE"] }"#,
            r#"permissions = { "/api/jwt/refersh" = ["GET"], "/api/jwt" = ["GET"] }"#,
        )],
        "",
        &[
            r#"t.toml:29:17: api_key.ops.permissions."/api/jwt/refersh": found "/api/jwt/refersh", which is no path of the API; did you mean `/api/jwt/refresh`?"#,
            r#"t.toml:29:47: api_key.ops.permissions."/api/jwt": found "/api/jwt", which is no path of the API; did you mean `/api/jwt/vend`?"#,
        ],
    );
}

#[test]
fn methods_that_are_none() {
    refused_beside(
        &[(
            r#"permissions = { "/api/jwt/refresh" = ["GET", "DELETE"] }"#,
            r#"permissions = { "/api/jwt/refresh" = ["get"], "/api/user" = [], "/api/login" = ["POST", "POST"] }"#,
        )],
        "",
        &[
            r#"t.toml:29:39: api_key.ops.permissions."/api/jwt/refresh"[0]: found "get"; allowed: "GET", "POST", "PUT", "PATCH", "DELETE""#,
            r#"t.toml:29:61: api_key.ops.permissions."/api/user": found no method; allowed: at least one (leave the path out where there is none)"#,
            r#"t.toml:29:81: api_key.ops.permissions."/api/login"[0]: found "POST" more than once; allowed: each method once"#,
            r#"t.toml:29:89: api_key.ops.permissions."/api/login"[1]: found "POST" more than once; allowed: each method once"#,
        ],
    );
}

#[test]
fn permissions_by_another_word() {
    refused_beside(
        &[(r#"permissions = { "/api/jwt/refresh" = ["GET", "DELETE"] }"#, r#"permissions = "everything""#)],
        "",
        &[
            r#"t.toml:29:15: api_key.ops.permissions: found "everything"; allowed: "all", or methods by path such as { "/api/jwt/refresh" = ["GET", "DELETE"] }"#,
        ],
    );
}

/// Neither in the message nor in the line that is shown with it.
#[test]
fn a_key_in_place_of_its_hash_is_not_shown() {
    for value in ["\"hunter2hunter2hunter2\"", "[\"hunter2hunter2hunter2\"]"] {
        let sha256 = "\"0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef\"";
        let refusal = Bench::new().refusal(&AUTHORITY.replace(sha256, value), &[]);
        assert!(refusal.contains("api_key.ops.sha256: found ") && !refusal.contains("hunter2"), "{refusal}");
    }
}
