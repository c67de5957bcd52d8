//! Environment variables that are refused. Each test holds the whole message.

use crate::config::tests::refused::refused;

#[test]
fn a_variable_of_the_wrong_kind() {
    refused(
        &[],
        "",
        &[("TOLLGATE_RUNTIME__WORKERS", "many")],
        &[r#"TOLLGATE_RUNTIME__WORKERS: runtime.workers: found "many"; allowed: a whole number from 0 to 1024"#],
    );
}

#[test]
fn a_variable_with_an_unknown_key() {
    refused(
        &[],
        "",
        &[("TOLLGATE_RUNTIME__WROKERS", "1")],
        &["TOLLGATE_RUNTIME__WROKERS: runtime.wrokers: unknown key; did you mean `workers`?"],
    );
}

#[test]
fn a_variable_for_an_unknown_block() {
    refused(
        &[],
        "",
        &[("TOLLGATE_ISSUER__CROP__LEEWAY", "1s")],
        &["TOLLGATE_ISSUER__CROP__LEEWAY: issuer[CROP__LEEWAY]: found no issuer of the name CROP; did you mean `CORP`?"],
    );
}

#[test]
fn a_variable_into_a_text() {
    refused(
        &[],
        "",
        &[("TOLLGATE_ISSUER__CORP__NAME__X", "1s")],
        &["TOLLGATE_ISSUER__CORP__NAME__X: issuer.corp.name: found a key in it; allowed: the setting itself, its value in TOML"],
    );
}

#[test]
fn a_variable_with_a_bad_reference() {
    refused(
        &[],
        "",
        &[("TOLLGATE_ROUTE__ALL__UPSTREAM", "down")],
        &[r#"TOLLGATE_ROUTE__ALL__UPSTREAM: route.all.upstream: found "down", which is no upstream; known: up"#],
    );
}

#[test]
fn a_variable_with_unknown_keys_in_a_table() {
    refused(
        &[],
        "",
        &[("TOLLGATE_ROUTE__ALL__REQUIRE", r#"{ role = ["a"] }"#)],
        &["TOLLGATE_ROUTE__ALL__REQUIRE: route.all.require.role: unknown key; did you mean `roles`?"],
    );
}

#[test]
fn a_short_secret_in_a_variable_is_not_shown() {
    refused(
        &[
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS256"]"#),
            (
                r#"jwks_file = "jwks.json"
"#,
                "",
            ),
        ],
        "",
        &[("TOLLGATE_ISSUER__CORP__SECRET", "hunter2")],
        &[
            "TOLLGATE_ISSUER__CORP__SECRET: issuer.corp.secret: found a secret of 7 bytes; allowed: at least 32 random bytes, such as those of `openssl rand -base64 32`",
        ],
    );
}

#[test]
fn a_variable_without_key() {
    refused(&[], "", &[("TOLLGATE_ISSUER__CORP", "1")], &["TOLLGATE_ISSUER__CORP: issuer[CORP]: names no key of the issuer"]);
}

#[test]
fn a_variable_that_names_two_blocks() {
    refused(
        &[],
        r#"
[[upstream]]
name = "UP"
servers = ["http://b"]
"#,
        &[("TOLLGATE_UPSTREAM__UP__HOST", "server")],
        &["TOLLGATE_UPSTREAM__UP__HOST: upstream[UP__HOST]: names two of the upstream blocks; their names read alike here"],
    );
}

#[test]
fn a_variable_that_renames_a_block() {
    refused(
        &[],
        "",
        &[("TOLLGATE_UPSTREAM__UP__NAME", "down")],
        &["TOLLGATE_UPSTREAM__UP__NAME: upstream[UP__NAME]: found a name; allowed: in the file only, since others refer to it"],
    );
}
