//! Assertions that nobody could sign or check, and streams without a token to end with.

use crate::config::tests::refused::{ROUTE, UPSTREAM, refused_beside, with_line};

#[test]
fn an_assertion_without_an_authority() {
    with_line(
        ROUTE,
        "assertion = true",
        "t.toml:20:13: route.all.assertion: found it without `[authority]`, whose key signs assertions; add the one or remove the other",
    );
}

#[test]
fn an_assertion_or_an_end_at_expiry_beside_anonymous() {
    refused_beside(
        &[("application = \"orders\"\n", "anonymous = true\nassertion = true\nend_streams_at_expiry = true\n")],
        "",
        &[
            "t.toml:40:13: route.all.assertion: found it beside `anonymous = true`, where no credential is looked at; remove one of the two",
            "t.toml:41:25: route.all.end_streams_at_expiry: found it beside `anonymous = true`, where no credential is looked at; remove one of the two",
        ],
    );
}

#[test]
fn an_assertion_for_servers_that_are_told_different_hosts() {
    let servers = "servers = [\"http://127.0.0.1:9001\", \"http://127.0.0.1:9002\"]\nhost = \"server\"";
    let route = "application = \"orders\"\nassertion = true\n";
    refused_beside(
        &[(UPSTREAM, servers), ("application = \"orders\"\n", route)],
        "",
        &[
            "t.toml:41:13: route.all.assertion: found it for an upstream of several servers with `host = \"server\"`, where the `Host` that it must say is not known when it is signed; allowed: one server, or another `host`",
        ],
    );
}
