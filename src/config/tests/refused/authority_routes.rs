//! Routes that are refused on account of an authority, or of none. Each test holds the whole message.

use crate::config::tests::refused::{refused, refused_beside};

#[test]
fn a_route_of_no_application() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"application = "oders"
"#,
        )],
        "",
        &[r#"t.toml:39:15: route.all.application: found "oders", which is no application; did you mean `orders`?"#],
    );
}

#[test]
fn a_route_of_no_application_beside_a_type_error() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"application = "oders"
methods = "GET"
"#,
        )],
        "",
        &[
            r#"t.toml:39:15: route.all.application: found "oders", which is no application; did you mean `orders`?"#,
            r#"t.toml:40:11: route.all.methods: found "GET"; allowed: a list"#,
        ],
    );
}

#[test]
fn a_route_that_names_neither_application_nor_issuers() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            "",
        )],
        "",
        &[
            "t.toml:35:1: route.all.issuers: found neither `application` nor `issuers`; allowed: `application`, the name of the one whose users it is for (or `anonymous = true`)",
        ],
    );
}

#[test]
fn a_route_that_names_neither_beside_an_issuer() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            "",
        )],
        r#"
[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        &[
            "t.toml:35:1: route.all.issuers: found neither `application` nor `issuers`; allowed: `application`, or one or more of corp in `issuers`",
        ],
    );
}

#[test]
fn the_authority_without_application() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"issuers = ["authority"]
"#,
        )],
        "",
        &[
            r#"t.toml:39:12: route.all.issuers[0]: found "authority" without `application`; allowed: `application` beside it, which says for whom its tokens must be made"#,
        ],
    );
}

#[test]
fn an_application_and_another_issuer_without_issuer_header() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"application = "orders"
issuers = ["corp"]
"#,
        )],
        r#"
[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        &[
            r#"t.toml:35:1: route.all.identity_headers: found no header that says which issuer a subject is of; allowed: a header with "iss" where several issuers are accepted, such as `X-Forwarded-Issuer = "iss"`"#,
        ],
    );
}

#[test]
fn an_application_and_vended_tokens_without_issuer_header() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"application = "orders"
issuers = ["vend"]
"#,
        )],
        "",
        &[
            r#"t.toml:35:1: route.all.identity_headers: found no header that says which issuer a subject is of; allowed: a header with "iss" where several issuers are accepted, such as `X-Forwarded-Issuer = "iss"`"#,
        ],
    );
}

#[test]
fn an_application_and_an_unknown_issuer() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"application = "orders"
issuers = ["crop"]
identity_headers = { X-I = "iss" }
"#,
        )],
        r#"
[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        &[r#"t.toml:40:12: route.all.issuers[0]: found "crop", which is no issuer; did you mean `corp`?"#],
    );
}

#[test]
fn an_application_beside_anonymous() {
    refused_beside(
        &[(
            r#"application = "orders"
"#,
            r#"application = "orders"
anonymous = true
"#,
        )],
        "",
        &[
            "t.toml:39:15: route.all.application: found it beside `anonymous = true`, where no credential is looked at; remove one of the two",
        ],
    );
}

#[test]
fn routes_in_the_place_of_the_api() {
    refused_beside(
        &[(r#"path = "/""#, r#"path = "/api/jwt/x""#)],
        r#"
[[route]]
name = "exact"
host = "Auth.example.com"
path = "/API/Login"
upstream = "up"
application = "orders"

[[route]]
name = "below"
host = "*.example.com"
path = "/oauth2"
upstream = "up"
application = "orders"

[[route]]
name = "keys"
path = "/.well-known/jwks.json"
upstream = "up"
application = "orders"

[[route]]
name = "elsewhere"
host = "orders.example.com"
path = "/api/jwt"
upstream = "up"
application = "orders"
"#,
        &[
            r#"t.toml:37:8: route.all.path: found /api/jwt/x, which is the API's on "auth.example.com" (/api/jwt and what is below); allowed: another path, or another host for this route"#,
            r#"t.toml:44:8: route.exact.path: found /API/Login, which is the API's on "auth.example.com" (/api/login and what is below); allowed: another path, or another host for this route"#,
            r#"t.toml:51:8: route.below.path: found /oauth2, which is the API's on "auth.example.com" (/oauth2 and what is below); allowed: another path, or another host for this route"#,
            r#"t.toml:57:8: route.keys.path: found /.well-known/jwks.json, which is the API's on "auth.example.com" (/.well-known/jwks.json and what is below); allowed: another path, or another host for this route"#,
        ],
    );
}

#[test]
fn routes_outside_the_cookie_domain() {
    refused_beside(
        &[
            (
                r#"host = "auth.example.com""#,
                r#"host = "auth.example.com"
cookie_domain = "example.com""#,
            ),
            (
                r#"path = "/""#,
                r#"path = "/"
host = "orders.example.org""#,
            ),
        ],
        r#"
[[route]]
name = "wide"
host = "*.xample.com"
path = "/"
upstream = "up"
application = "orders"

[[route]]
name = "programs"
host = "orders.example.net"
path = "/"
upstream = "up"
application = "orders"
token_from = ["header"]
"#,
        &[
            r#"t.toml:39:8: route.all.host: found "orders.example.org", which the authority's cookies for "example.com" never reach; allowed: a host in `cookie_domain`, or `token_from = ["header"]` where no cookie is meant"#,
            r#"t.toml:45:8: route.wide.host: found "*.xample.com", which the authority's cookies for "example.com" never reach; allowed: a host in `cookie_domain`, or `token_from = ["header"]` where no cookie is meant"#,
        ],
    );
}

#[test]
fn a_route_of_an_authority_that_is_not_there() {
    refused(
        &[(
            "upstream = \"up\"",
            "upstream = \"up\"\napplication = \"orders\"\nissuers = [\"authority\", \"vend\"]\nidentity_headers = { X-I = \"iss\" }",
        )],
        "",
        &[],
        &[
            "t.toml:20:15: route.all.application: found it without `[authority]`, whose tokens it would take; add the one or remove the other",
            r#"t.toml:21:12: route.all.issuers[0]: found "authority", which is there only with an `[authority]`"#,
            r#"t.toml:21:25: route.all.issuers[1]: found "vend", which is there only with an `[authority]`"#,
        ],
    );
}

#[test]
fn tokens_that_cannot_be_exchanged() {
    refused_beside(
        &[
            (
                "name = \"orders\"",
                "name = \"orders\"\nsigning_algorithm = \"HS256\"\nsigning_secret_file = \"secret\"\nsingle_sign_on = false",
            ),
            ("path = \"/\"", "path = \"/\"\nauthorization = \"exchanged\""),
        ],
        "",
        &[
            r#"t.toml:41:17: route.all.authorization: found "exchanged" for "orders", whose tokens a shared secret signs; allowed: "remove" or "presented", or an application with a key pair"#,
        ],
    );
}

#[test]
fn graces_shorter_than_an_answer_may_take() {
    refused_beside(
        &[("name = \"orders\"", "name = \"orders\"\nrefresh_token_usage = \"one-time\"\none_time_grace = \"59s\"")],
        "",
        &[
            r#"t.toml:17:18: application.orders.one_time_grace: found 59 s, shorter than the 60 s that an answer of route "all" may take; allowed: at least as long, or a shorter `response_timeout` there"#,
        ],
    );
}

#[test]
fn reconciling_with_a_provider_that_is_not_there_or_not_for_the_application() {
    refused_beside(
        &[("path = \"/\"", "path = \"/\"\nreconcile = \"partne\"")],
        r#"
[[route]]
name = "second"
path = "/second"
upstream = "up"
issuers = ["authority"]
reconcile = "partner"

[[application]]
id = "6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b"
name = "other"

[[route]]
name = "third"
path = "/third"
upstream = "up"
application = "other"
reconcile = "partner"
"#,
        &[
            r#"t.toml:38:13: route.all.reconcile: found "partne", which is no identity_provider; did you mean `partner`?"#,
            r#"t.toml:46:12: route.second.issuers[0]: found "authority" without `application`; allowed: `application` beside it, which says for whom its tokens must be made"#,
            r#"t.toml:47:13: route.second.reconcile: found "partner" without `application`; allowed: `application` beside it, whose users the provider's tokens are reconciled to"#,
            r#"t.toml:58:13: route.third.reconcile: found "partner", which may not sign in to the route's application; allowed: a provider that lists the application in its `applications`"#,
        ],
    );
}
