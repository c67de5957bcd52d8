//! What `[authority]` says and is refused, and what is refused beside it. Each test holds the whole message.

use crate::config::tests::refused::{refused, refused_beside};

#[test]
fn an_authority_without_issuer() {
    refused_beside(
        &[(
            r#"issuer = "acme.com"
"#,
            "",
        )],
        "",
        &["t.toml:9:1: authority.issuer: found nothing; this setting is required"],
    );
}

#[test]
fn an_empty_issuer() {
    refused_beside(
        &[(r#"issuer = "acme.com""#, r#"issuer = """#)],
        "",
        &[r#"t.toml:10:10: authority.issuer: found ""; allowed: the `iss` of its tokens, without spaces around it"#],
    );
}

#[test]
fn an_issuer_that_is_another_partys_too() {
    refused_beside(
        &[],
        r#"
[[issuer]]
name = "corp"
issuer = "acme.com"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        &[r#"t.toml:10:10: authority.issuer: found "acme.com", which is the issuer of "corp" too; allowed: each `iss` once"#],
    );
}

#[test]
fn reserved_names_of_issuers() {
    refused_beside(
        &[],
        r#"
[[issuer]]
name = "authority"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"

[[issuer]]
name = "vend"
issuer = "https://vend.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        &[
            r#"t.toml:42:8: issuer.authority.name: found "authority"; allowed: another name (routes call the gateway's own authority so)"#,
            r#"t.toml:49:8: issuer.vend.name: found "vend"; allowed: another name (routes call the authority's vended tokens so)"#,
        ],
    );
}

#[test]
fn an_authority_without_host_beside_routes() {
    refused_beside(
        &[(
            r#"host = "auth.example.com"
"#,
            "",
        )],
        "",
        &[
            r#"t.toml:9:1: authority.host: found nothing; beside routes the API needs a host, such as `host = "auth.example.com"`"#,
        ],
    );
}

#[test]
fn a_wildcard_host() {
    refused_beside(
        &[(r#"host = "auth.example.com""#, r#"host = "*.example.com""#)],
        "",
        &[r#"t.toml:11:8: authority.host: found "*.example.com"; allowed: one host, such as "auth.example.com""#],
    );
}

#[test]
fn a_symmetric_algorithm() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
signing_algorithm = "HS256""#,
        )],
        "",
        &[
            r#"t.toml:12:21: authority.signing_algorithm: found "HS256"; allowed: an algorithm with a public key, such as "ES256" (an application may have HS256 for itself alone)"#,
        ],
    );
}

#[test]
fn an_unknown_algorithm() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
signing_algorithm = "ES265""#,
        )],
        "",
        &[
            r#"t.toml:12:21: authority.signing_algorithm: found "ES265"; allowed: "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA""#,
        ],
    );
}

#[test]
fn lifetimes_below_a_second() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
access_token_lifetime = "999ms"
refresh_token_lifetime = "1ms"
vend_max_lifetime = "1ms""#,
        )],
        "",
        &[
            r#"t.toml:12:25: authority.access_token_lifetime: found 999 ms; allowed: at least "1s""#,
            r#"t.toml:13:26: authority.refresh_token_lifetime: found 1 ms; allowed: at least "1s""#,
            r#"t.toml:14:21: authority.vend_max_lifetime: found 1 ms; allowed: at least "1s""#,
        ],
    );
}

#[test]
fn a_rotation_that_is_no_duration() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
signing_key_rotation = "sometimes""#,
        )],
        "",
        &[
            r#"t.toml:12:24: authority.signing_key_rotation: found "sometimes"; allowed: a duration from "1ms" to "3650d", such as "90d", or "never""#,
        ],
    );
}

#[test]
fn a_tenant_that_is_no_uuid() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
tenant_id = "3c219e58ed0e4b18ad48f4f92793ae32""#,
        )],
        "",
        &[
            r#"t.toml:12:13: authority.tenant_id: found "3c219e58ed0e4b18ad48f4f92793ae32"; allowed: a UUID such as "3c219e58-ed0e-4b18-ad48-f4f92793ae32""#,
        ],
    );
}

#[test]
fn a_short_least_password() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
password_min_length = 7"#,
        )],
        "",
        &["t.toml:12:23: authority.password_min_length: found 7; allowed: a whole number from 8 to 256"],
    );
}

#[test]
fn no_login_attempt() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
login_attempts = 0"#,
        )],
        "",
        &["t.toml:12:18: authority.login_attempts: found 0; allowed: a whole number from 1 to 1000000"],
    );
}

#[test]
fn a_cookie_domain_of_one_label() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
cookie_domain = "com""#,
        )],
        "",
        &[
            r#"t.toml:12:17: authority.cookie_domain: found "com", below which strangers have names that would share the cookies; allowed: a domain of your own, such as "example.com" (leave it out for one host alone)"#,
        ],
    );
}

#[test]
fn a_public_suffix_as_cookie_domain() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
cookie_domain = "Co.UK""#,
        )],
        "",
        &[
            r#"t.toml:12:17: authority.cookie_domain: found "Co.UK", below which strangers have names that would share the cookies; allowed: a domain of your own, such as "example.com" (leave it out for one host alone)"#,
        ],
    );
}

#[test]
fn a_cookie_domain_with_a_dot_before_it() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
cookie_domain = ".example.com""#,
        )],
        "",
        &[
            r#"t.toml:12:17: authority.cookie_domain: found ".example.com"; allowed: a domain such as "example.com", without dots around it (leave it out for an address)"#,
        ],
    );
}

#[test]
fn an_address_as_cookie_domain() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
cookie_domain = "127.0.0.1""#,
        )],
        "",
        &[
            r#"t.toml:12:17: authority.cookie_domain: found "127.0.0.1"; allowed: a domain such as "example.com", without dots around it (leave it out for an address)"#,
        ],
    );
}

#[test]
fn a_host_outside_the_cookie_domain() {
    refused_beside(
        &[(
            r#"host = "auth.example.com""#,
            r#"host = "auth.example.com"
cookie_domain = "xample.com""#,
        )],
        "",
        &[
            r#"t.toml:11:8: authority.host: found "auth.example.com", from which no browser takes cookies for `cookie_domain`; allowed: a host in "xample.com""#,
        ],
    );
}

#[test]
fn a_plain_listener_off_loopback() {
    refused_beside(
        &[(r#"address = "127.0.0.1:8443""#, r#"address = "0.0.0.0:8443""#)],
        "",
        &[
            "t.toml:3:11: listener.public.address: found 0.0.0.0:8443 without TLS beside an `[authority]`; allowed: `tls`, or a loopback address (or `insecure_plain_http = true` behind a proxy that ends TLS)",
        ],
    );
}

#[test]
fn parts_of_an_authority_that_is_not_there() {
    refused(
        &[],
        r#"
[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
name = "orders"
[[identity_provider]]
name = "partner"
[[api_key]]
name = "ops"
"#,
        &[],
        &[
            "t.toml:21:1: application: found `[[application]]` without `[authority]`, which it belongs to; add the one or remove the other",
            "t.toml:24:1: identity_provider: found `[[identity_provider]]` without `[authority]`, which it belongs to; add the one or remove the other",
            "t.toml:26:1: api_key: found `[[api_key]]` without `[authority]`, which it belongs to; add the one or remove the other",
        ],
    );
}
