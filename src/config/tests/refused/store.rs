//! What `[store]` says and is refused. Each test holds the whole message.

use crate::config::tests::refused::refused_beside;

#[test]
fn an_authority_without_store() {
    refused_beside(
        &[(
            r#"[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"

"#,
            "",
        )],
        "",
        &[
            r#"t.toml:5:1: authority: found no `[store]` that it could keep users, sessions and keys in; add one with `url = "sqlite://tollgate.db"` and `encryption_key_file = "tollgate.key"`"#,
        ],
    );
}

#[test]
fn a_store_without_url() {
    refused_beside(
        &[(
            r#"url = "sqlite://tollgate.db"
"#,
            "",
        )],
        "",
        &["t.toml:5:1: store.url: found nothing; this setting is required"],
    );
}

#[test]
fn a_postgresql_store() {
    refused_beside(
        &[(r#"url = "sqlite://tollgate.db""#, r#"url = "postgres://u:hunter2@db/tollgate""#)],
        "",
        &[
            r#"t.toml:6:7: store.url: found "postgres://***@db/tollgate"; allowed: a SQLite file such as "sqlite://tollgate.db" or "sqlite:///var/lib/tollgate/tollgate.db" (this version does not support PostgreSQL)"#,
        ],
    );
}

#[test]
fn a_store_in_memory() {
    refused_beside(
        &[(r#"url = "sqlite://tollgate.db""#, r#"url = "sqlite://:memory:""#)],
        "",
        &[
            r#"t.toml:6:7: store.url: found "sqlite://:memory:"; allowed: a SQLite file such as "sqlite://tollgate.db" or "sqlite:///var/lib/tollgate/tollgate.db""#,
        ],
    );
}

#[test]
fn a_store_of_another_kind() {
    refused_beside(
        &[(r#"url = "sqlite://tollgate.db""#, r#"url = "tollgate.db""#)],
        "",
        &[
            r#"t.toml:6:7: store.url: found "tollgate.db"; allowed: a SQLite file such as "sqlite://tollgate.db" or "sqlite:///var/lib/tollgate/tollgate.db""#,
        ],
    );
}

#[test]
fn a_store_without_key() {
    refused_beside(
        &[(
            r#"encryption_key_file = "tollgate.key"
"#,
            "",
        )],
        "",
        &[
            r#"t.toml:5:1: store.encryption_key_file: found nothing; add `encryption_key_file = "tollgate.key"`, a file that is made together with a new store"#,
        ],
    );
}

#[test]
fn two_encryption_keys() {
    refused_beside(
        &[(
            r#"encryption_key_file = "tollgate.key""#,
            r#"encryption_key_file = "tollgate.key"
encryption_key = "AAAA""#,
        )],
        "",
        &["t.toml:7:23: store.encryption_key_file: found it beside `encryption_key`; allowed: only one of the two"],
    );
}

#[test]
fn an_encryption_key_that_is_none() {
    refused_beside(
        &[(r#"encryption_key_file = "tollgate.key""#, r#"encryption_key = "hunter2""#)],
        "",
        &[
            "t.toml:7:18: store.encryption_key: found a text that is no such key; allowed: 32 random bytes in base64, such as those of `openssl rand -base64 32`",
        ],
    );
}

#[test]
fn a_short_encryption_key_in_a_file() {
    refused_beside(
        &[(r#"encryption_key_file = "tollgate.key""#, r#"encryption_key_file = "short.secret""#)],
        "",
        &[
            r#"t.toml:7:23: store.encryption_key_file: found file "short.secret", which holds no such key; allowed: 32 random bytes in base64, such as those of `openssl rand -base64 32`"#,
        ],
    );
}

#[test]
fn an_encryption_key_file_that_others_can_read() {
    refused_beside(
        &[(r#"encryption_key_file = "tollgate.key""#, r#"encryption_key_file = "open.secret""#)],
        "",
        &[
            r#"t.toml:7:23: store.encryption_key_file: file "open.secret" can be read by others than its owner (mode 644); run `chmod 600` on it"#,
        ],
    );
}
