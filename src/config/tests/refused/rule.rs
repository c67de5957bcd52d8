//! Rules that are refused. Each test holds the whole message.

use crate::config::tests::refused::{ROUTE, with_line};

#[test]
fn an_empty_list_of_roles() {
    with_line(
        ROUTE,
        "require = { roles = [] }",
        "t.toml:20:21: route.all.require.roles: found an empty list; allowed: at least one name",
    );
}

#[test]
fn an_empty_rule_in_a_rule() {
    with_line(
        ROUTE,
        "require = { not = {} }",
        "t.toml:20:19: route.all.require.not: found an empty rule; allowed: roles, scopes, claims, registered, any, all or not",
    );
}

#[test]
fn a_rule_that_says_nothing() {
    for nothing in ["{}", "{ claims = {} }"] {
        with_line(
            ROUTE,
            &format!("require = {nothing}"),
            "t.toml:20:11: route.all.require: found an empty rule; allowed: roles, scopes, claims, registered, any, all or not \
             (leave `require` out to let in every caller with a token)",
        );
    }
}

#[test]
fn a_scope_with_a_space() {
    with_line(
        ROUTE,
        r#"require = { scopes = ["read write"] }"#,
        r#"t.toml:20:23: route.all.require.scopes[0]: found "read write"; allowed: one scope in each item, without spaces"#,
    );
}

#[test]
fn a_claim_at_a_bad_place() {
    with_line(
        ROUTE,
        r#"require = { claims = { "/a~" = 1 } }"#,
        r#"t.toml:20:24: route.all.require.claims."/a~": found "/a~"; `~` in a JSON pointer must be written `~0` (`/` is `~1`)"#,
    );
}

#[test]
fn an_unknown_key_deep_in_a_rule() {
    with_line(
        ROUTE,
        r#"require = { any = [{ roles = ["a"] }, { not = { role = ["b"] } }] }"#,
        "t.toml:20:49: route.all.require.any[1].not.role: unknown key; did you mean `roles`?",
    );
}

#[test]
fn a_type_error_deep_in_a_rule() {
    with_line(
        ROUTE,
        r#"require = { any = [{ roles = ["a"] }, { not = { roles = "b" } }] }"#,
        r#"t.toml:20:57: route.all.require.any[1].not.roles: found "b"; allowed: a list"#,
    );
}
