//! Listeners, the admin address and logging that are refused. Each test holds the whole message.

use crate::config::tests::refused::{LISTENER, changed, refused, with_line, with_more};

#[test]
fn two_listeners_at_one_address() {
    with_more(
        r#"
[[listener]]
name = "second"
address = "127.0.0.1:8443"
"#,
        r#"t.toml:23:11: listener.second.address: found 127.0.0.1:8443, which is the address of listener "public" too; allowed: an address of its own"#,
    );
}

#[test]
fn an_address_without_port() {
    changed(
        r#"address = "127.0.0.1:8443""#,
        r#"address = "127.0.0.1""#,
        r#"t.toml:3:11: listener.public.address: found "127.0.0.1"; allowed: an IP address with a port, such as "0.0.0.0:8443" or "[::]:8443""#,
    );
}

#[test]
fn an_address_by_name() {
    changed(
        r#"address = "127.0.0.1:8443""#,
        r#"address = "localhost:8443""#,
        r#"t.toml:3:11: listener.public.address: found "localhost:8443"; allowed: an IP address with a port, such as "0.0.0.0:8443" or "[::]:8443""#,
    );
}

#[test]
fn no_listener_at_all() {
    changed(
        r#"[[listener]]
name = "public"
address = "127.0.0.1:8443"
"#,
        "",
        "t.toml:1:1: listener: found nothing; a gateway has at least one `[[listener]]`",
    );
}

#[test]
fn a_missing_certificate_file() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "none.crt", private_key = "tls.key" }"#,
        r#"t.toml:4:23: listener.public.tls.certificate: file "none.crt" cannot be read (No such file or directory (os error 2))"#,
    );
}

#[test]
fn a_certificate_file_without_certificate() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.key", private_key = "tls.key" }"#,
        r#"t.toml:4:23: listener.public.tls.certificate: file "tls.key" has no certificate in PEM"#,
    );
}

#[test]
fn a_key_file_without_key() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "secret" }"#,
        r#"t.toml:4:48: listener.public.tls.private_key: file "secret" has no private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)"#,
    );
}

#[test]
fn a_key_that_is_not_the_certificates() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "other.key" }"#,
        r#"t.toml:4:48: listener.public.tls.private_key: file "other.key" has a private key that is not the certificate's"#,
    );
}

#[test]
fn a_private_key_that_others_can_read() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "open.key" }"#,
        r#"t.toml:4:48: listener.public.tls.private_key: file "open.key" can be read by others than its owner (mode 644); run `chmod 600` on it"#,
    );
}

#[test]
fn a_certificate_without_key() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt" }"#,
        "t.toml:4:7: listener.public.tls.private_key: found nothing; `certificate` and `private_key` go together",
    );
}

#[test]
fn tls_without_certificate() {
    with_line(
        LISTENER,
        r#"tls = { client_auth = "none" }"#,
        "t.toml:4:7: listener.public.tls.certificate: found nothing; `certificate` and `private_key` go together",
    );
}

#[test]
fn client_authentication_without_authorities() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "tls.key", client_auth = "required" }"#,
        "t.toml:4:7: listener.public.tls.client_ca: found nothing; `client_auth` needs the file of the authorities that clients' certificates come from",
    );
}

#[test]
fn client_authorities_that_nobody_asks() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "tls.key", client_ca = "ca.pem" }"#,
        r#"t.toml:4:71: listener.public.tls.client_ca: found authorities for clients that nobody asks; set `client_auth` to "optional" or "required""#,
    );
}

#[test]
fn empty_client_authorities() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "tls.key", client_auth = "optional", client_ca = "empty.pem" }"#,
        r#"t.toml:4:97: listener.public.tls.client_ca: file "empty.pem" is empty"#,
    );
}

#[test]
fn an_unknown_client_authentication() {
    with_line(
        LISTENER,
        r#"tls = { certificate = "tls.crt", private_key = "tls.key", client_auth = "maybe" }"#,
        r#"t.toml:4:73: listener.public.tls.client_auth: found "maybe"; allowed: "none", "optional", "required""#,
    );
}

#[test]
fn one_name_for_two_certificates() {
    with_line(
        LISTENER,
        r#"certificate = [{ certificate = "tls.crt", private_key = "tls.key", names = ["a.example"] }, { certificate = "tls.crt", private_key = "tls.key", names = ["A.example"] }]"#,
        r#"t.toml:4:154: listener.public.certificate[1].names[0]: found "a.example" a second time; allowed: each name once in a listener"#,
    );
}

#[test]
fn a_proxy_network_of_everybody() {
    with_line(
        LISTENER,
        r#"trusted_proxies = ["0.0.0.0/0"]"#,
        r#"t.toml:4:20: listener.public.trusted_proxies[0]: found "0.0.0.0/0", which is everybody; allowed: the networks of your own proxies"#,
    );
}

#[test]
fn a_proxy_network_with_host_bits() {
    with_line(
        LISTENER,
        r#"trusted_proxies = ["10.0.0.1/8"]"#,
        r#"t.toml:4:20: listener.public.trusted_proxies[0]: found "10.0.0.1/8"; allowed: "10.0.0.0/8", the network it lies in"#,
    );
}

#[test]
fn a_proxy_network_that_is_none() {
    with_line(
        LISTENER,
        r#"trusted_proxies = ["proxy.internal"]"#,
        r#"t.toml:4:20: listener.public.trusted_proxies[0]: found "proxy.internal"; allowed: a network such as "10.0.0.0/8" or "2001:db8::/32", or one address"#,
    );
}

#[test]
fn a_limit_of_nothing() {
    with_line(
        LISTENER,
        "limits = { connections = 0 }",
        "t.toml:4:26: listener.public.limits.connections: found 0; allowed: a whole number from 1 to 10000000",
    );
}

#[test]
fn a_deadline_of_nothing() {
    with_line(
        LISTENER,
        r#"deadlines = { idle = "0s" }"#,
        r#"t.toml:4:22: listener.public.deadlines.idle: found "0s"; allowed: a duration from "1ms" to "3650d", such as "500ms", "30s", "5m", "1h" or "7d""#,
    );
}

#[test]
fn a_deadline_without_unit() {
    with_line(
        LISTENER,
        r#"deadlines = { idle = "30" }"#,
        r#"t.toml:4:22: listener.public.deadlines.idle: found "30"; allowed: a duration from "1ms" to "3650d", such as "500ms", "30s", "5m", "1h" or "7d""#,
    );
}

#[test]
fn a_deadline_as_number() {
    with_line(
        LISTENER,
        "deadlines = { idle = 30 }",
        r#"t.toml:4:22: listener.public.deadlines.idle: found 30; allowed: a duration from "1ms" to "3650d", such as "500ms", "30s", "5m", "1h" or "7d""#,
    );
}

#[test]
fn a_size_without_unit() {
    with_line(
        LISTENER,
        r#"limits = { header_bytes = "65536" }"#,
        r#"t.toml:4:27: listener.public.limits.header_bytes: found "65536"; allowed: a size of at least "1B", such as "64KiB", "10MB" or "1GiB""#,
    );
}

#[test]
fn a_listener_as_single_table() {
    changed("[[listener]]", "[listener]", "t.toml:1:1: listener: found a table; allowed: tables, each written `[[listener]]`");
}

#[test]
fn an_admin_address_of_a_listener() {
    with_more(
        r#"
[admin]
address = "127.0.0.1:8443"
"#,
        r#"t.toml:22:11: admin.address: found 127.0.0.1:8443, which is the address of listener "public" too; allowed: an address of its own (metrics and status are never public), or "off""#,
    );
}

#[test]
fn an_admin_address_that_overlaps_a_listeners() {
    let overlapping =
        [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "[::]"), ("[::]", "0.0.0.0"), ("[::]", "[::1]")];
    for (public, admin) in overlapping {
        refused(
            &[("127.0.0.1:8443", &format!("{public}:8443"))],
            &format!("\n[admin]\naddress = \"{admin}:8443\"\n"),
            &[],
            &[&format!(
                "t.toml:22:11: admin.address: found {admin}:8443, which overlaps the address {public}:8443 of listener \"public\"; \
                 allowed: an address of its own (metrics and status are never public), or \"off\""
            )],
        );
    }
}

#[test]
fn a_log_level_that_is_none() {
    with_more(
        r#"
[log]
level = "inof"
"#,
        r#"t.toml:22:9: log.level: found "inof"; allowed: "error", "warn", "info", "debug", "trace" or "off", and for a module "info,tollgate::issuer=debug""#,
    );
}

#[test]
fn a_log_format_that_is_none() {
    with_more(
        r#"
[log]
format = "xml"
"#,
        r#"t.toml:22:10: log.format: found "xml"; allowed: "json", "text""#,
    );
}

#[test]
fn a_subject_key_that_others_can_read() {
    with_more(
        r#"
[log]
subject_key_file = "open.secret"
"#,
        r#"t.toml:22:20: log.subject_key_file: file "open.secret" can be read by others than its owner (mode 644); run `chmod 600` on it"#,
    );
}
