//! Issuers that are refused. Each test holds the whole message.

use crate::config::tests::refused::refused;

#[test]
fn an_issuer_without_audiences() {
    refused(
        &[(r#"audiences = ["gateway"]"#, "audiences = []")],
        "",
        &[],
        &[
            "t.toml:8:13: issuer.corp.audiences: found no audience; allowed: at least one value, of which a token's `aud` must contain one (else tokens meant for others are taken)",
        ],
    );
}

#[test]
fn an_issuer_with_audiences_left_out() {
    refused(
        &[(
            r#"audiences = ["gateway"]
"#,
            "",
        )],
        "",
        &[],
        &[
            "t.toml:5:1: issuer.corp.audiences: found no audience; allowed: at least one value, of which a token's `aud` must contain one (else tokens meant for others are taken)",
        ],
    );
}

#[test]
fn an_empty_audience() {
    refused(
        &[(r#"audiences = ["gateway"]"#, r#"audiences = ["gateway", ""]"#)],
        "",
        &[],
        &[r#"t.toml:8:25: issuer.corp.audiences[1]: found ""; allowed: a value of a token's `aud`"#],
    );
}

#[test]
fn an_issuer_without_algorithms() {
    refused(
        &[(r#"algorithms = ["RS256"]"#, "algorithms = []")],
        "",
        &[],
        &[
            "t.toml:9:14: issuer.corp.algorithms: found no algorithm; allowed: at least one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512",
        ],
    );
}

#[test]
fn an_unknown_algorithm() {
    refused(
        &[(r#"algorithms = ["RS256"]"#, r#"algorithms = ["RS265"]"#)],
        "",
        &[],
        &[r#"t.toml:9:15: issuer.corp.algorithms[0]: found "RS265"; did you mean `RS256`?"#],
    );
}

#[test]
fn the_algorithm_none() {
    refused(
        &[(r#"algorithms = ["RS256"]"#, r#"algorithms = ["none"]"#)],
        "",
        &[],
        &[
            r#"t.toml:9:15: issuer.corp.algorithms[0]: found "none"; known: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512"#,
        ],
    );
}

#[test]
fn an_algorithm_twice() {
    refused(
        &[(r#"algorithms = ["RS256"]"#, r#"algorithms = ["RS256", "RS256"]"#)],
        "",
        &[],
        &[r#"t.toml:9:24: issuer.corp.algorithms[1]: found "RS256" a second time; allowed: each algorithm once"#],
    );
}

#[test]
fn a_symmetric_algorithm_beside_public_keys() {
    refused(
        &[(r#"algorithms = ["RS256"]"#, r#"algorithms = ["RS256", "HS256"]"#)],
        "",
        &[],
        &[
            "t.toml:9:24: issuer.corp.algorithms[1]: found HS256 beside `jwks_file`; allowed: RS, PS, ES algorithms and EdDSA (an HS algorithm needs `secret_file`, in an issuer of its own)",
        ],
    );
}

#[test]
fn a_public_key_algorithm_beside_a_secret() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"secret_file = "secret""#)],
        "",
        &[],
        &[
            "t.toml:9:15: issuer.corp.algorithms[0]: found RS256 beside `secret_file`; allowed: HS256, HS384, HS512 (an issuer has a secret or public keys, never both)",
        ],
    );
}

#[test]
fn a_secret_beside_public_keys() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
secret_file = "secret""#,
        )],
        "",
        &[],
        &[
            "t.toml:11:15: issuer.corp.secret_file: found it beside `jwks_file`; allowed: only one of `jwks_url`, `discovery_url`, `jwks_file`, `public_key_files`, `fusionauth_url`, `secret_file` or `secret`",
        ],
    );
}

#[test]
fn an_issuer_without_keys() {
    refused(
        &[(
            r#"jwks_file = "jwks.json"
"#,
            "",
        )],
        "",
        &[],
        &[
            "t.toml:5:1: issuer.corp: found no place for keys to come from; allowed: one of `jwks_url`, `discovery_url`, `jwks_file`, `public_key_files`, `fusionauth_url`, `secret_file` or `secret`",
        ],
    );
}

#[test]
fn plain_http_keys_off_loopback() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"jwks_url = "http://keys.example/jwks.json""#)],
        "",
        &[],
        &[
            r#"t.toml:10:12: issuer.corp.jwks_url: found "http://keys.example/jwks.json"; allowed: https (plain http on loopback, or elsewhere with `insecure_http_keys = true`)"#,
        ],
    );
}

#[test]
fn plain_http_discovery_off_loopback() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"discovery_url = "http://keys.example/.well-known/openid-configuration""#)],
        "",
        &[],
        &[
            r#"t.toml:10:17: issuer.corp.discovery_url: found "http://keys.example/.well-known/openid-configuration"; allowed: https (plain http on loopback, or elsewhere with `insecure_http_keys = true`)"#,
        ],
    );
}

#[test]
fn a_key_address_that_is_none() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"jwks_url = "keys.example/jwks.json""#)],
        "",
        &[],
        &[
            r#"t.toml:10:12: issuer.corp.jwks_url: found "keys.example/jwks.json"; allowed: an address such as "https://issuer.example/jwks.json""#,
        ],
    );
}

#[test]
fn a_key_address_with_a_password() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"jwks_url = "https://user:pass@keys.example/""#)],
        "",
        &[],
        &[
            r#"t.toml:10:12: issuer.corp.jwks_url: found "https://user:pass@keys.example/"; allowed: an address such as "https://issuer.example/jwks.json""#,
        ],
    );
}

#[test]
fn a_secret_file_that_others_can_read() {
    refused(
        &[
            (r#"algorithms = ["RS256"]"#, r#"algorithms = ["HS256"]"#),
            (r#"jwks_file = "jwks.json""#, r#"secret_file = "open.secret""#),
        ],
        "",
        &[],
        &[
            r#"t.toml:10:15: issuer.corp.secret_file: file "open.secret" can be read by others than its owner (mode 644); run `chmod 600` on it"#,
        ],
    );
}

#[test]
fn a_short_secret() {
    refused(
        &[
            (r#"algorithms = ["RS256"]"#, r#"algorithms = ["HS256"]"#),
            (r#"jwks_file = "jwks.json""#, r#"secret_file = "short.secret""#),
        ],
        "",
        &[],
        &[
            "t.toml:10:15: issuer.corp.secret_file: found a secret of 7 bytes; allowed: at least 32 random bytes, such as those of `openssl rand -base64 32`",
        ],
    );
}

#[test]
fn a_secret_shorter_than_its_hash() {
    refused(
        &[
            (r#"algorithms = ["RS256"]"#, r#"algorithms = ["HS256", "HS512"]"#),
            (r#"jwks_file = "jwks.json""#, r#"secret_file = "secret""#),
        ],
        "",
        &[],
        &[
            "t.toml:10:15: issuer.corp.secret_file: found a secret of 32 bytes; allowed: at least 64 random bytes, such as those of `openssl rand -base64 64`",
        ],
    );
}

#[test]
fn a_missing_secret_file() {
    refused(
        &[(r#"algorithms = ["RS256"]"#, r#"algorithms = ["HS256"]"#), (r#"jwks_file = "jwks.json""#, r#"secret_file = "none""#)],
        "",
        &[],
        &[r#"t.toml:10:15: issuer.corp.secret_file: file "none" cannot be read (No such file or directory (os error 2))"#],
    );
}

#[test]
fn a_missing_key_set_file() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"jwks_file = "none.json""#)],
        "",
        &[],
        &[r#"t.toml:10:13: issuer.corp.jwks_file: file "none.json" cannot be read (No such file or directory (os error 2))"#],
    );
}

#[test]
fn a_private_key_as_public_key() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"public_key_files = { "kid-1" = "tls.key" }"#)],
        "",
        &[],
        &[
            r#"t.toml:10:32: issuer.corp.public_key_files.kid-1: file "tls.key" has a private key; allowed: public keys (the gateway only verifies)"#,
        ],
    );
}

#[test]
fn no_public_key_file() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, "public_key_files = {}")],
        "",
        &[],
        &[
            r#"t.toml:10:20: issuer.corp.public_key_files: found no key; allowed: files by key id, such as { "kid-1" = "one.pem" }; the id "" where there is none"#,
        ],
    );
}

#[test]
fn a_key_without_id_beside_others() {
    refused(
        &[(r#"jwks_file = "jwks.json""#, r#"public_key_files = { "" = "issuer.pem", "kid-1" = "issuer.pem" }"#)],
        "",
        &[],
        &[
            r#"t.toml:10:27: issuer.corp.public_key_files."": found a key without id beside others; allowed: an id for each key, or one key with the id """#,
        ],
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
algorithms = ["RS256"]
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
fn a_leeway_over_a_minute() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
leeway = "61s""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:11:10: issuer.corp.leeway: found 61 s; allowed: at most "60s" (a longer one keeps expired tokens alive; set the clocks instead)"#,
        ],
    );
}

#[test]
fn a_zero_lifetime() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
max_lifetime = "0s""#,
        )],
        "",
        &[],
        &[
            r#"t.toml:11:16: issuer.corp.max_lifetime: found "0s"; allowed: a duration from "1ms" to "3650d", such as "500ms", "30s", "5m", "1h" or "7d""#,
        ],
    );
}

#[test]
fn a_bad_pointer() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
roles_claim = "/a~2""#,
        )],
        "",
        &[],
        &[r#"t.toml:11:15: issuer.corp.roles_claim: found "/a~2"; `~` in a JSON pointer must be written `~0` (`/` is `~1`)"#],
    );
}

#[test]
fn an_issuer_with_spaces() {
    refused(
        &[(r#"issuer = "https://issuer.example""#, r#"issuer = " https://issuer.example""#)],
        "",
        &[],
        &[
            r#"t.toml:7:10: issuer.corp.issuer: found " https://issuer.example"; allowed: the exact `iss` of its tokens, without spaces around it"#,
        ],
    );
}

#[test]
fn an_authority_file_for_keys_that_are_not_fetched() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
ca_file = "ca.pem""#,
        )],
        "",
        &[],
        &["t.toml:11:11: issuer.corp.ca_file: found it in an issuer whose keys are not fetched; allowed: beside an address"],
    );
}

#[test]
fn an_empty_authority_file() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_url = "https://keys.example/"
ca_file = "empty.pem""#,
        )],
        "",
        &[],
        &[r#"t.toml:11:11: issuer.corp.ca_file: file "empty.pem" is empty"#],
    );
}

#[test]
fn an_authority_file_without_certificate() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_url = "https://keys.example/"
ca_file = "noise.pem""#,
        )],
        "",
        &[],
        &[r#"t.toml:11:11: issuer.corp.ca_file: file "noise.pem" has no certificate in PEM"#],
    );
}

#[test]
fn fusionauth_applications_alone() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
fusionauth_applications = []"#,
        )],
        "",
        &[],
        &["t.toml:11:27: issuer.corp.fusionauth_applications: found it without `fusionauth_url`; allowed: only beside it"],
    );
}

#[test]
fn a_fusionauth_application_that_is_no_id() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"fusionauth_url = "https://fusionauth.example"
fusionauth_applications = ["orders"]"#,
        )],
        "",
        &[],
        &[r#"t.toml:11:28: issuer.corp.fusionauth_applications[0]: found "orders"; allowed: an application's id, a UUID"#],
    );
}

#[test]
fn refresh_intervals_out_of_order() {
    refused(
        &[(
            r#"jwks_file = "jwks.json""#,
            r#"jwks_file = "jwks.json"
keys = { min_interval = "1h" }"#,
        )],
        "",
        &[],
        &[
            "t.toml:11:25: issuer.corp.keys.min_interval: found 3600 s, longer than `max_interval` (900 s); allowed: at most `max_interval`",
        ],
    );
}
