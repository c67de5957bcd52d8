//! Routes that are refused. Each test holds the whole message.

use crate::config::tests::refused::refused;

#[test]
fn an_unknown_upstream() {
    refused(
        &[(r#"upstream = "up""#, r#"upstream = "upp""#)],
        "",
        &[],
        &[r#"t.toml:19:12: route.all.upstream: found "upp", which is no upstream; did you mean `up`?"#],
    );
}

#[test]
fn an_unknown_issuer() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
issuers = ["crop"]"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:12: route.all.issuers[0]: found "crop", which is no issuer; did you mean `corp`?"#],
    );
}

#[test]
fn a_route_that_names_no_issuer_of_several() {
    refused(
        &[],
        r#"
[[issuer]]
name = "other"
issuer = "https://other.example"
audiences = ["gateway"]
algorithms = ["RS256"]
jwks_file = "jwks.json"
"#,
        &[],
        &["t.toml:16:1: route.all.issuers: found nothing, though 2 issuers are configured; allowed: one or more of corp, other"],
    );
}

#[test]
fn several_issuers_without_issuer_header() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
issuers = ["corp", "other"]"#,
        )],
        r#"
[[issuer]]
name = "other"
issuer = "https://other.example"
audiences = ["gateway"]
algorithms = ["RS256"]
jwks_file = "jwks.json"
"#,
        &[],
        &[
            r#"t.toml:16:1: route.all.identity_headers: found no header that says which issuer a subject is of; allowed: a header with "iss" where several issuers are accepted, such as `X-Forwarded-Issuer = "iss"`"#,
        ],
    );
}

#[test]
fn an_issuer_named_twice() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
issuers = ["corp", "corp"]
identity_headers = { X-Id = "sub", X-Iss = "iss" }"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:20: route.all.issuers[1]: found "corp" a second time; allowed: each issuer once"#],
    );
}

#[test]
fn an_empty_list_of_issuers() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
issuers = []"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:11: route.all.issuers: found no issuer; allowed: at least one (`anonymous = true` for a route that anyone may call)",
        ],
    );
}

#[test]
fn a_route_without_any_issuer() {
    refused(
        &[(
            r#"[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["RS256"]
jwks_file = "jwks.json"
"#,
            "",
        )],
        "",
        &[],
        &["t.toml:10:1: route.all.issuers: found no `[[issuer]]` whose tokens it could take; add one, or set `anonymous = true`"],
    );
}

#[test]
fn two_routes_alike() {
    refused(
        &[],
        r#"
[[route]]
name = "second"
path = "/"
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:23:8: route.second.path: found the same host, path and methods as in route "all"; nothing could decide between them"#,
        ],
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
fn a_route_behind_a_twin_for_all_methods() {
    refused(
        &[],
        r#"
[[route]]
name = "second"
path = "/"
methods = ["GET"]
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:24:11: route.second.methods: found methods that route "all" serves already, all of them; this route is unreachable"#,
        ],
    );
}

#[test]
fn a_twin_for_all_methods_behind_a_route() {
    refused(
        &[(
            r#"path = "/""#,
            r#"path = "/"
methods = ["GET"]"#,
        )],
        r#"
[[route]]
name = "second"
path = "/"
upstream = "up"
"#,
        &[],
        &[
            r#"t.toml:24:8: route.second.path: found the same host and path as in route "all" and no `methods`; name those that it leaves"#,
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
    refused(
        &[(
            r#"[[route]]
name = "all"
path = "/"
upstream = "up"
"#,
            "",
        )],
        "",
        &[],
        &["t.toml:1:1: route: found nothing; a gateway has at least one `[[route]]`"],
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
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
host = "*example.com""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:8: route.all.host: found "*example.com"; allowed: a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#,
        ],
    );
}

#[test]
fn a_wildcard_in_the_middle() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
host = "a.*.example.com""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:8: route.all.host: found "a.*.example.com"; allowed: a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#,
        ],
    );
}

#[test]
fn a_host_with_port() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
host = "a.example:8443""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:8: route.all.host: found "a.example:8443"; allowed: a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#,
        ],
    );
}

#[test]
fn a_path_with_dot_segments() {
    refused(
        &[(r#"path = "/""#, r#"path = "/a/../b""#)],
        "",
        &[],
        &[r#"t.toml:18:8: route.all.path: found "/a/../b"; a path has no dot segment"#],
    );
}

#[test]
fn a_relative_path() {
    refused(
        &[(r#"path = "/""#, r#"path = "a""#)],
        "",
        &[],
        &[r#"t.toml:18:8: route.all.path: found "a"; a path begins with `/`"#],
    );
}

#[test]
fn a_method_in_small_letters() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
methods = ["get"]"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:12: route.all.methods[0]: found "get"; allowed: a method in capitals, such as "GET", except CONNECT and TRACE"#,
        ],
    );
}

#[test]
fn the_method_connect() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
methods = ["CONNECT"]"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:12: route.all.methods[0]: found "CONNECT"; allowed: a method in capitals, such as "GET", except CONNECT and TRACE"#,
        ],
    );
}

#[test]
fn no_method() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
methods = []"#,
        )],
        "",
        &[],
        &["t.toml:20:11: route.all.methods: found no method; allowed: at least one (leave `methods` out for all)"],
    );
}

#[test]
fn anonymous_beside_a_rule_issuers_and_headers() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
anonymous = true
require = { roles = ["a"] }
issuers = ["corp"]
identity_headers = { X-User = "sub" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:21:11: route.all.require: found it beside `anonymous = true`, where no credential is looked at; remove one of the two",
            "t.toml:22:11: route.all.issuers: found it beside `anonymous = true`, where no credential is looked at; remove one of the two",
            "t.toml:23:20: route.all.identity_headers: found it beside `anonymous = true`, where no credential is looked at; remove one of the two",
        ],
    );
}

#[test]
fn anonymous_as_another_word() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
anonymous = "maybe""#,
        )],
        "",
        &[],
        &[r#"t.toml:20:13: route.all.anonymous: found "maybe"; allowed: true, false or "optional""#],
    );
}

#[test]
fn a_hop_by_hop_header_as_identity() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { Connection = "sub" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:22: route.all.identity_headers.Connection: found `Connection`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
        ],
    );
}

#[test]
fn a_framing_header_as_identity() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { Content-Length = "sub", Transfer_Encoding = "email" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:22: route.all.identity_headers.Content-Length: found `Content-Length`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
            "t.toml:20:46: route.all.identity_headers.Transfer_Encoding: found `Transfer_Encoding`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
        ],
    );
}

#[test]
fn a_routing_header_as_identity() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { Host = "sub", "X_Forwarded-For" = "sub" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:22: route.all.identity_headers.Host: found `Host`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
            "t.toml:20:36: route.all.identity_headers.X_Forwarded-For: found `X_Forwarded-For`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
        ],
    );
}

#[test]
fn a_credential_header_as_identity() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { Authorization = "sub", Cookie = "sub" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:22: route.all.identity_headers.Authorization: found `Authorization`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
            "t.toml:20:45: route.all.identity_headers.Cookie: found `Cookie`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
        ],
    );
}

#[test]
fn a_header_name_that_is_none() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { "X User" = "sub" }"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:22: route.all.identity_headers."X User": found "X User"; allowed: a header name such as `X-User-Id`"#],
    );
}

#[test]
fn two_headers_that_a_backend_confuses() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { X-User = "sub", X_User = "email" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:38: route.all.identity_headers.X_User: found `X_User`, which a backend may read as another of these names; allowed: each once",
        ],
    );
}

#[test]
fn no_identity_header() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = {}"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:20: route.all.identity_headers: found no header; allowed: at least one, such as { X-User-Id = "sub" } (leave it out for X-Forwarded-User and so on)"#,
        ],
    );
}

#[test]
fn an_identity_header_of_nothing() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { X-User = "" }"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:31: route.all.identity_headers.X-User: found ""; an empty pointer names the whole document; give a member such as `/roles`"#,
        ],
    );
}

#[test]
fn exchanged_authorization() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
authorization = "exchanged""#,
        )],
        "",
        &[],
        &[r#"t.toml:20:17: route.all.authorization: found "exchanged"; allowed: "remove", "presented""#],
    );
}

#[test]
fn an_unknown_token_place() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
token_from = ["header", "body"]"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:25: route.all.token_from[1]: found "body"; allowed: "header", "cookie", "query""#],
    );
}

#[test]
fn no_token_place() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
token_from = []"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:14: route.all.token_from: found no place; allowed: at least one of "header", "cookie", "query""#],
    );
}

#[test]
fn an_origin_with_a_path() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
origins = ["https://app.example.com/"]"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:12: route.all.origins[0]: found "https://app.example.com/"; allowed: an origin such as "https://app.example.com", without path; never "*" or "null""#,
        ],
    );
}

#[test]
fn an_origin_that_is_everybodys() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
origins = ["*"]"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:12: route.all.origins[0]: found "*"; allowed: an origin such as "https://app.example.com", without path; never "*" or "null""#,
        ],
    );
}

#[test]
fn a_sign_in_address_of_another_scheme() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
sign_in_url = "javascript:alert(1)""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:15: route.all.sign_in_url: found "javascript:alert(1)"; allowed: an http(s) address or a path, such as "https://login.example.com/" or "/sign-in""#,
        ],
    );
}

#[test]
fn a_sign_in_address_without_scheme() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
sign_in_url = "//evil.example""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:15: route.all.sign_in_url: found "//evil.example"; allowed: an http(s) address or a path, such as "https://login.example.com/" or "/sign-in""#,
        ],
    );
}

#[test]
fn a_sign_in_address_with_backslash() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
sign_in_url = '/\evil.example'"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:15: route.all.sign_in_url: found "/\\evil.example"; allowed: an http(s) address or a path, such as "https://login.example.com/" or "/sign-in""#,
        ],
    );
}

#[test]
fn an_unknown_allowance() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
allow = ["encoded_slashes"]"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:10: route.all.allow[0]: found "encoded_slashes"; allowed: "encoded_slash""#],
    );
}

#[test]
fn an_upgrade_to_h2c() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
upgrades = ["websocket", "h2c"]"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:26: route.all.upgrades[1]: found "h2c"; allowed: protocols that carry no further requests, such as "websocket" (h2c would bypass the gateway's checks)"#,
        ],
    );
}

#[test]
fn a_body_limit_that_is_none() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
max_body = "10M""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:12: route.all.max_body: found "10M"; allowed: a size of at least "1B", such as "64KiB", "10MB" or "1GiB", or "unlimited""#,
        ],
    );
}

#[test]
fn an_empty_list_of_roles() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
require = { roles = [] }"#,
        )],
        "",
        &[],
        &["t.toml:20:21: route.all.require.roles: found an empty list; allowed: at least one name"],
    );
}

#[test]
fn an_empty_rule_in_a_rule() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
require = { not = {} }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:19: route.all.require.not: found an empty rule; allowed: roles, scopes, claims, registered, any, all or not",
        ],
    );
}

#[test]
fn a_scope_with_a_space() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
require = { scopes = ["read write"] }"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:23: route.all.require.scopes[0]: found "read write"; allowed: one scope in each item, without spaces"#],
    );
}

#[test]
fn a_claim_at_a_bad_place() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
require = { claims = { "/a~" = 1 } }"#,
        )],
        "",
        &[],
        &[
            r#"t.toml:20:24: route.all.require.claims."/a~": found "/a~"; `~` in a JSON pointer must be written `~0` (`/` is `~1`)"#,
        ],
    );
}

#[test]
fn an_unknown_key_deep_in_a_rule() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
require = { any = [{ roles = ["a"] }, { not = { role = ["b"] } }] }"#,
        )],
        "",
        &[],
        &["t.toml:20:49: route.all.require.any[1].not.role: unknown key; did you mean `roles`?"],
    );
}

#[test]
fn a_type_error_deep_in_a_rule() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
require = { any = [{ roles = ["a"] }, { not = { roles = "b" } }] }"#,
        )],
        "",
        &[],
        &[r#"t.toml:20:57: route.all.require.any[1].not.roles: found "b"; allowed: a list"#],
    );
}
