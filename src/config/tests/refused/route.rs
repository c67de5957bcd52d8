//! Routes that are refused. Each test holds the whole message.

use crate::config::tests::refused::{ROUTE, changed, refused, with_line, with_more};

#[test]
fn an_unknown_upstream() {
    changed(
        r#"upstream = "up""#,
        r#"upstream = "upp""#,
        r#"t.toml:19:12: route.all.upstream: found "upp", which is no upstream; did you mean `up`?"#,
    );
}

#[test]
fn a_route_that_names_no_issuer_of_several() {
    with_more(
        r#"
[[issuer]]
name = "other"
issuer = "https://other.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        "t.toml:16:1: route.all.issuers: found nothing, though 2 issuers are configured; allowed: one or more of corp, other",
    );
}

#[test]
fn a_route_without_any_issuer() {
    changed(
        r#"[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        "",
        "t.toml:10:1: route.all.issuers: found no `[[issuer]]` whose tokens it could take; add one, or set `anonymous = true`",
    );
}

#[test]
fn two_routes_alike() {
    with_more(
        r#"
[[route]]
name = "second"
path = "/"
upstream = "up"
"#,
        r#"t.toml:23:8: route.second.path: found the same host, path and methods as in route "all"; nothing could decide between them"#,
    );
}

#[test]
fn two_routes_alike_but_for_spelling() {
    refused(
        &[(
            r#"path = "/""#,
            r#"path = "/a"
host = "A.example""#,
        )],
        r#"
[[route]]
name = "second"
host = "a.example"
path = "/a/"
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:25:8: route.second.path: found the same host, path and methods as in route "all"; nothing could decide between them"#,
        ],
    );
}

#[test]
fn a_route_whose_methods_a_twin_serves() {
    refused(
        &[(
            r#"path = "/""#,
            r#"path = "/"
methods = ["GET", "POST"]"#,
        )],
        r#"
[[route]]
name = "second"
path = "/"
methods = ["GET"]
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:25:11: route.second.methods: found methods that route "all" serves already, all of them; this route is unreachable"#,
        ],
    );
}

#[test]
fn twins_that_share_a_method() {
    refused(
        &[(
            r#"path = "/""#,
            r#"path = "/"
methods = ["GET", "POST"]"#,
        )],
        r#"
[[route]]
name = "second"
path = "/"
methods = ["GET", "PUT"]
upstream = "up"
"#,
        &[],
        &[r#"t.toml:25:11: route.second.methods: found GET, which route "all" serves too; allowed: each method in one of them"#],
    );
}

#[test]
fn no_route_at_all() {
    changed(
        r#"[[route]]
name = "all"
path = "/"
upstream = "up"
"#,
        "",
        "t.toml:1:1: route: found nothing; a gateway has at least one `[[route]]`",
    );
}

#[test]
fn duplicate_names() {
    refused(
        &[],
        r#"
[[upstream]]
name = "up"
servers = ["http://b"]

[[route]]
name = "all"
path = "/b"
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:22:8: upstream.up.name: found "up" a second time; allowed: each upstream has a name of its own"#,
            r#"t.toml:26:8: route.all.name: found "all" a second time; allowed: each route has a name of its own"#,
        ],
    );
}

#[test]
fn a_wildcard_host_that_is_none() {
    with_line(
        ROUTE,
        r#"host = "*example.com""#,
        r#"t.toml:20:8: route.all.host: found "*example.com"; allowed: a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#,
    );
}

#[test]
fn a_wildcard_in_the_middle() {
    with_line(
        ROUTE,
        r#"host = "a.*.example.com""#,
        r#"t.toml:20:8: route.all.host: found "a.*.example.com"; allowed: a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#,
    );
}

#[test]
fn a_host_with_port() {
    with_line(
        ROUTE,
        r#"host = "a.example:8443""#,
        r#"t.toml:20:8: route.all.host: found "a.example:8443"; allowed: a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#,
    );
}

#[test]
fn a_path_with_dot_segments() {
    changed(r#"path = "/""#, r#"path = "/a/../b""#, r#"t.toml:18:8: route.all.path: found "/a/../b"; a path has no dot segment"#);
}

#[test]
fn a_relative_path() {
    changed(r#"path = "/""#, r#"path = "a""#, r#"t.toml:18:8: route.all.path: found "a"; a path begins with `/`"#);
}

#[test]
fn a_method_in_small_letters() {
    with_line(
        ROUTE,
        r#"methods = ["get"]"#,
        r#"t.toml:20:12: route.all.methods[0]: found "get"; allowed: a method in capitals, such as "GET", except CONNECT and TRACE"#,
    );
}

#[test]
fn the_method_connect() {
    with_line(
        ROUTE,
        r#"methods = ["CONNECT"]"#,
        r#"t.toml:20:12: route.all.methods[0]: found "CONNECT"; allowed: a method in capitals, such as "GET", except CONNECT and TRACE"#,
    );
}

#[test]
fn no_method() {
    with_line(
        ROUTE,
        "methods = []",
        "t.toml:20:11: route.all.methods: found no method; allowed: at least one (leave `methods` out for all)",
    );
}

#[test]
fn an_origin_with_a_path() {
    with_line(
        ROUTE,
        r#"origins = ["https://app.example.com/"]"#,
        r#"t.toml:20:12: route.all.origins[0]: found "https://app.example.com/"; an origin has no path, not even `/`"#,
    );
}

#[test]
fn an_origin_that_is_everybodys() {
    with_line(
        ROUTE,
        r#"origins = ["*"]"#,
        r#"t.toml:20:12: route.all.origins[0]: found "*"; an origin is written `https://host` or `https://host:port`"#,
    );
}

#[test]
fn a_sign_in_address_of_another_scheme() {
    with_line(
        ROUTE,
        r#"sign_in_url = "javascript:alert(1)""#,
        r#"t.toml:20:15: route.all.sign_in_url: found "javascript:alert(1)"; allowed: an http(s) address or a path, such as "https://login.example.com/?rd={return_to}" or "/sign-in""#,
    );
}

#[test]
fn a_sign_in_address_without_scheme() {
    with_line(
        ROUTE,
        r#"sign_in_url = "//evil.example""#,
        r#"t.toml:20:15: route.all.sign_in_url: found "//evil.example"; allowed: an http(s) address or a path, such as "https://login.example.com/?rd={return_to}" or "/sign-in""#,
    );
}

#[test]
fn a_sign_in_address_with_backslash() {
    with_line(
        ROUTE,
        r#"sign_in_url = '/\evil.example'"#,
        r#"t.toml:20:15: route.all.sign_in_url: found "/\\evil.example"; allowed: an http(s) address or a path, such as "https://login.example.com/?rd={return_to}" or "/sign-in""#,
    );
}

#[test]
fn an_unknown_allowance() {
    with_line(
        ROUTE,
        r#"allow = ["encoded_slashes"]"#,
        r#"t.toml:20:10: route.all.allow[0]: found "encoded_slashes"; allowed: "encoded_slash""#,
    );
}

#[test]
fn an_upgrade_to_h2c() {
    with_line(
        ROUTE,
        r#"upgrades = ["websocket", "h2c"]"#,
        r#"t.toml:20:26: route.all.upgrades[1]: found "h2c"; allowed: protocols that carry no further requests, such as "websocket" (h2c would bypass the gateway's checks)"#,
    );
}

#[test]
fn a_body_limit_that_is_none() {
    with_line(
        ROUTE,
        r#"max_body = "10M""#,
        r#"t.toml:20:12: route.all.max_body: found "10M"; allowed: a size of at least "1B", such as "64KiB", "10MB" or "1GiB", or "unlimited""#,
    );
}

#[test]
fn paths_that_differ_in_capitals_alone() {
    refused(
        &[(r#"path = "/""#, r#"path = "/Admin""#)],
        r#"
[[route]]
name = "second"
path = "/admin/x"
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:23:8: route.second.path: found /admin/x, which differs from that of route "all" only in capitals; allowed: paths that stay apart when a server ignores case"#,
        ],
    );
}
