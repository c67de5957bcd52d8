//! What is refused in any section: unknown keys, kinds, names. Each test holds the whole message.

use crate::config::tests::refused::{Bench, GOOD, ROUTE, changed, refused, with_line, with_more};

#[test]
fn every_unknown_key_in_one_pass() {
    refused(
        &[
            (
                r#"path = "/""#,
                r#"pth = "/"
path = "/""#,
            ),
            (
                r#"address = "127.0.0.1:8443""#,
                r#"address = "127.0.0.1:8443"
limits = { conections = 5 }"#,
            ),
        ],
        r#"
[loging]
level = "info"
[log]
lvl = "info"
"#,
        &[],
        &[
            "t.toml:4:12: listener.public.limits.conections: unknown key; did you mean `connections`?",
            "t.toml:19:1: route.all.pth: unknown key; did you mean `path`?",
            "t.toml:23:2: loging: unknown key; did you mean `log`?",
            "t.toml:26:1: log.lvl: unknown key; did you mean `level`?",
        ],
    );
}

#[test]
fn the_first_type_error_of_each_block() {
    refused(
        &[
            (r#"audiences = ["gateway"]"#, r#"audiences = "gateway""#),
            (
                r#"servers = ["http://127.0.0.1:9001"]"#,
                r#"servers = ["http://a"]
max_idle = "many"
title_case_headers = 1"#,
            ),
            (
                r#"upstream = "up""#,
                r#"upstream = 5
methods = "GET""#,
            ),
        ],
        "",
        &[],
        &[
            r#"t.toml:8:13: issuer.corp.audiences: found "gateway"; allowed: a list"#,
            r#"t.toml:15:12: upstream.up.max_idle: found "many"; allowed: a whole number from 0 to 1000000"#,
            r#"t.toml:22:11: route.all.methods: found "GET"; allowed: a list"#,
        ],
    );
}

#[test]
fn a_missing_name() {
    changed(
        r#"name = "public"
"#,
        "",
        "t.toml:1:1: listener[0].name: found nothing; this setting is required",
    );
}

#[test]
fn a_missing_upstream() {
    changed(
        r#"upstream = "up"
"#,
        "",
        "t.toml:16:1: route.all.upstream: found nothing; this setting is required",
    );
}

#[test]
fn a_date() {
    with_line(
        ROUTE,
        "response_timeout = 2026-01-01",
        "t.toml:20:20: route.all.response_timeout: found a date or time; allowed: a string, number, list or table (no setting is a date)",
    );
}

#[test]
fn a_section_that_is_no_table() {
    changed(
        "[[listener]]",
        r#"log = "text"
[[listener]]"#,
        r#"t.toml:1:7: log: found "text"; allowed: a table, written `[log]`"#,
    );
}

#[test]
fn a_setting_of_later_sections() {
    with_more(
        r#"
[[tenant]]
name = "one"
"#,
        "t.toml:21:3: tenant: unknown key; known: listener, admin, runtime, token_cache, log, store, issuer, authority, application, identity_provider, api_key, webhook, upstream, route",
    );
}

#[test]
fn a_name_that_metrics_use_themselves() {
    changed(
        "name = \"corp\"",
        "name = \"unknown\"",
        "t.toml:6:8: issuer.unknown.name: found \"unknown\"; allowed: another name (metrics count tokens of no configured issuer under this one)",
    );
    changed(
        "name = \"all\"",
        "name = \"none\"",
        "t.toml:17:8: route.none.name: found \"none\"; allowed: another name (metrics count requests that match no route under this one)",
    );
}

#[test]
fn a_name_with_control_characters() {
    changed(
        r#"name = "all""#,
        r#"name = "a\u0007ll""#,
        r#"t.toml:17:8: route."a\u{7}ll".name: found "a\u{7}ll"; allowed: a name of at least one character, without control characters"#,
    );
}

#[test]
fn a_broken_reference_beside_a_type_error() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "upp"
issuers = ["corp", "crop"]
methods = "GET""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:19:12: route.all.upstream: found "upp", which is no upstream; did you mean `up`?"#,
            r#"t.toml:20:20: route.all.issuers[1]: found "crop", which is no issuer; did you mean `corp`?"#,
            r#"t.toml:21:11: route.all.methods: found "GET"; allowed: a list"#,
        ],
    );
}

/// Neither in the message nor in the line that is shown with it.
#[test]
fn a_password_in_an_address_is_not_shown() {
    let jwks = r#"jwks_url = "https://u:hunter2@host/keys""#;
    let cases = [
        (
            r#"jwks_file = "jwks.json""#,
            jwks,
            "found \"https://***@host/keys\"; allowed: an address",
            "\"https://*********@host/keys\"",
        ),
        (r#"["http://127.0.0.1:9001"]"#, r#"["http://u:hunter2@a"]"#, "found \"http://***@a\"", "[\"http://*********@a\"]"),
        (
            r#"["http://127.0.0.1:9001"]"#,
            r#""http://u:hunter2@a""#,
            "found \"http://***@a\"; allowed: a list",
            "\"http://*********@a\"",
        ),
        (r#"["http://127.0.0.1:9001"]"#, "http://u:hunter2@a", "not TOML", "= http://*********@a"),
    ];
    for (from, to, message, line) in cases {
        let refusal = Bench::new().refusal(&GOOD.replace(from, to), &[]);
        assert!(refusal.contains(message) && refusal.contains(line) && !refusal.contains("hunter2"), "{refusal}");
    }
}
