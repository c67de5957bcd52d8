//! Issuers that are refused. Each test holds the whole message.

use crate::config::tests::refused::{changed, refused};

#[test]
fn an_issuer_without_audiences() {
    changed(
        r#"audiences = ["gateway"]"#,
        "audiences = []",
        "t.toml:8:13: issuer.corp.audiences: found no audience; allowed: at least one value, of which a token's `aud` must contain one (else tokens meant for others are taken)",
    );
}

#[test]
fn an_issuer_with_audiences_left_out() {
    changed(
        r#"audiences = ["gateway"]
"#,
        "",
        "t.toml:5:1: issuer.corp.audiences: found no audience; allowed: at least one value, of which a token's `aud` must contain one (else tokens meant for others are taken)",
    );
}

#[test]
fn an_empty_audience() {
    changed(
        r#"audiences = ["gateway"]"#,
        r#"audiences = ["gateway", ""]"#,
        r#"t.toml:8:25: issuer.corp.audiences[1]: found ""; allowed: a value of a token's `aud`"#,
    );
}

#[test]
fn an_issuer_without_algorithms() {
    changed(
        r#"algorithms = ["ES256"]"#,
        "algorithms = []",
        "t.toml:9:14: issuer.corp.algorithms: found no algorithm; allowed: at least one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512",
    );
}

#[test]
fn an_unknown_algorithm() {
    changed(
        r#"algorithms = ["ES256"]"#,
        r#"algorithms = ["RS265"]"#,
        r#"t.toml:9:15: issuer.corp.algorithms[0]: found "RS265"; did you mean `RS256`?"#,
    );
}

#[test]
fn the_algorithm_none() {
    changed(
        r#"algorithms = ["ES256"]"#,
        r#"algorithms = ["none"]"#,
        r#"t.toml:9:15: issuer.corp.algorithms[0]: found "none"; known: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512"#,
    );
}

#[test]
fn an_algorithm_twice() {
    changed(
        r#"algorithms = ["ES256"]"#,
        r#"algorithms = ["ES256", "ES256"]"#,
        r#"t.toml:9:24: issuer.corp.algorithms[1]: found "ES256" a second time; allowed: each algorithm once"#,
    );
}

#[test]
fn a_symmetric_algorithm_beside_public_keys() {
    changed(
        r#"algorithms = ["ES256"]"#,
        r#"algorithms = ["ES256", "HS256"]"#,
        "t.toml:9:24: issuer.corp.algorithms[1]: found HS256 beside `jwks_file`; allowed: RS, PS, ES algorithms and EdDSA (an HS algorithm needs `secret_file`, in an issuer of its own)",
    );
}

#[test]
fn one_issuer_string_twice() {
    refused(
        &[],
        r#"
[[issuer]]
name = "other"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"
"#,
        &[],
        &[
            "t.toml:16:1: route.all.issuers: found nothing, though 2 issuers are configured; allowed: one or more of corp, other",
            r#"t.toml:23:10: issuer.other.issuer: found "https://issuer.example", which is the issuer of "corp" too; allowed: each `iss` once"#,
        ],
    );
}

#[test]
fn an_issuer_with_spaces() {
    changed(
        r#"issuer = "https://issuer.example""#,
        r#"issuer = " https://issuer.example""#,
        r#"t.toml:7:10: issuer.corp.issuer: found " https://issuer.example"; allowed: the exact `iss` of its tokens, without spaces around it"#,
    );
}

#[test]
fn keys_of_another_algorithm() {
    changed(
        r#"algorithms = ["ES256"]"#,
        r#"algorithms = ["RS256"]"#,
        r#"t.toml:10:13: issuer.corp.jwks_file: file "jwks.json" is of no use for RS256: it has no usable key; key "kid-1": its algorithm is not allowed for this issuer"#,
    );
}
