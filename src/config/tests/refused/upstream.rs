//! Upstreams that are refused. Each test holds the whole message.

use crate::config::tests::refused::{UPSTREAM, changed, with_line};

#[test]
fn an_upstream_without_servers() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        "servers = []",
        r#"t.toml:14:11: upstream.up.servers: found no server; allowed: at least one, such as "http://127.0.0.1:9001""#,
    );
}

#[test]
fn a_server_with_a_path() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["http://127.0.0.1:9001/api"]"#,
        r#"t.toml:14:12: upstream.up.servers[0]: found "http://127.0.0.1:9001/api"; allowed: scheme, host and port without a path, such as "http://127.0.0.1:9001" or "https://orders.internal""#,
    );
}

#[test]
fn a_server_without_scheme() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["127.0.0.1:9001"]"#,
        r#"t.toml:14:12: upstream.up.servers[0]: found "127.0.0.1:9001"; allowed: scheme, host and port without a path, such as "http://127.0.0.1:9001" or "https://orders.internal""#,
    );
}

#[test]
fn servers_of_two_schemes() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["http://a:9001", "https://b:9002"]"#,
        r#"t.toml:14:29: upstream.up.servers[1]: found "https://b:9002"; allowed: one scheme for all servers of an upstream"#,
    );
}

#[test]
fn a_server_twice() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["http://a:80", "http://A"]"#,
        r#"t.toml:14:27: upstream.up.servers[1]: found "http://A" a second time; allowed: each server once"#,
    );
}

#[test]
fn tls_settings_for_plain_servers() {
    with_line(
        UPSTREAM,
        r#"tls = { ca_file = "ca.pem" }"#,
        "t.toml:15:7: upstream.up.tls: found TLS settings for servers without TLS; allowed: only beside https:// servers",
    );
}

#[test]
fn an_empty_upstream_authority_file() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["https://a"]
tls = { ca_file = "empty.pem" }"#,
        r#"t.toml:15:19: upstream.up.tls.ca_file: file "empty.pem" is empty"#,
    );
}

#[test]
fn a_server_name_that_is_none() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["https://a"]
tls = { server_name = "a b" }"#,
        r#"t.toml:15:23: upstream.up.tls.server_name: found "a b"; allowed: a DNS name or an IP address"#,
    );
}

#[test]
fn a_client_key_without_certificate() {
    changed(
        r#"servers = ["http://127.0.0.1:9001"]"#,
        r#"servers = ["https://a"]
tls = { private_key = "tls.key" }"#,
        "t.toml:15:7: upstream.up.tls.certificate: found nothing; `certificate` and `private_key` go together",
    );
}

#[test]
fn an_upstream_host_that_is_none() {
    with_line(
        UPSTREAM,
        r#"host = "a b""#,
        r#"t.toml:15:8: upstream.up.host: found "a b"; allowed: "client" (what the client sent), "server" (the server's own), or a host name"#,
    );
}
