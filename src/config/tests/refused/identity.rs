//! What a route says about its callers and is refused. Each test holds the whole message.

use crate::config::tests::refused::{ROUTE, refused, with_line};

#[test]
fn an_unknown_issuer() {
    with_line(
        ROUTE,
        r#"issuers = ["crop"]"#,
        r#"t.toml:20:12: route.all.issuers[0]: found "crop", which is no issuer; did you mean `corp`?"#,
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
algorithms = ["ES256"]
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
    with_line(
        ROUTE,
        r#"issuers = ["corp", "corp"]
identity_headers = { X-Id = "sub", X-Iss = "iss" }"#,
        r#"t.toml:20:20: route.all.issuers[1]: found "corp" a second time; allowed: each issuer once"#,
    );
}

#[test]
fn an_empty_list_of_issuers() {
    with_line(
        ROUTE,
        "issuers = []",
        "t.toml:20:11: route.all.issuers: found no issuer; allowed: at least one (`anonymous = true` for a route that anyone may call)",
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
    with_line(
        ROUTE,
        r#"anonymous = "maybe""#,
        r#"t.toml:20:13: route.all.anonymous: found "maybe"; allowed: true, false or "optional""#,
    );
}

#[test]
fn a_hop_by_hop_header_as_identity() {
    with_line(
        ROUTE,
        r#"identity_headers = { Connection = "sub" }"#,
        "t.toml:20:22: route.all.identity_headers.Connection: found `Connection`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
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
    with_line(
        ROUTE,
        r#"identity_headers = { "X User" = "sub" }"#,
        r#"t.toml:20:22: route.all.identity_headers."X User": found "X User"; allowed: a header name such as `X-User-Id`"#,
    );
}

#[test]
fn two_headers_that_a_backend_confuses() {
    with_line(
        ROUTE,
        r#"identity_headers = { X-User = "sub", X_User = "email" }"#,
        "t.toml:20:38: route.all.identity_headers.X_User: found `X_User`, which a backend may read as another of these names; allowed: each once",
    );
}

#[test]
fn no_identity_header() {
    with_line(
        ROUTE,
        "identity_headers = {}",
        r#"t.toml:20:20: route.all.identity_headers: found no header; allowed: at least one, such as { X-User-Id = "sub" } (leave it out for X-Forwarded-User and so on)"#,
    );
}

#[test]
fn an_identity_header_of_nothing() {
    with_line(
        ROUTE,
        r#"identity_headers = { X-User = "" }"#,
        r#"t.toml:20:31: route.all.identity_headers.X-User: found ""; an empty pointer names the whole document; give a member such as `/roles`"#,
    );
}

#[test]
fn exchanged_authorization_without_an_application() {
    with_line(
        ROUTE,
        r#"authorization = "exchanged""#,
        r#"t.toml:20:17: route.all.authorization: found "exchanged" without `application`; allowed: `application`, for which tokens are exchanged"#,
    );
}

#[test]
fn an_unknown_token_place() {
    with_line(
        ROUTE,
        r#"token_from = ["header", "body"]"#,
        r#"t.toml:20:25: route.all.token_from[1]: found "body"; allowed: "header", "cookie", "query""#,
    );
}

#[test]
fn no_token_place() {
    with_line(
        ROUTE,
        "token_from = []",
        r#"t.toml:20:14: route.all.token_from: found no place; allowed: at least one of "header", "cookie", "query""#,
    );
}

#[test]
fn a_header_of_the_original_request_as_identity() {
    refused(
        &[(
            r#"upstream = "up""#,
            r#"upstream = "up"
identity_headers = { X-Original-URL = "sub", X-Forwarded-Prefix = "sub" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:20:22: route.all.identity_headers.X-Original-URL: found `X-Original-URL`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
            "t.toml:20:46: route.all.identity_headers.X-Forwarded-Prefix: found `X-Forwarded-Prefix`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`",
        ],
    );
}
