//! Sources of keys that are refused. Each test holds the whole message.

use crate::config::load_at;
use crate::config::tests::refused::{ISSUER, changed, refused, with_line};
use crate::config::tests::{Bench, GOOD, NOW};

#[test]
fn a_public_key_algorithm_beside_a_secret() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"secret_file = "secret""#,
        "t.toml:9:15: issuer.corp.algorithms[0]: found ES256 beside `secret_file`; allowed: HS256, HS384, HS512 (an issuer has a secret or public keys, never both)",
    );
}

#[test]
fn a_secret_beside_public_keys() {
    with_line(
        ISSUER,
        r#"secret_file = "secret""#,
        "t.toml:11:15: issuer.corp.secret_file: found it beside `jwks_file`; allowed: only one of `jwks_url`, `discovery_url`, `jwks_file`, `public_key_files`, `fusionauth_url`, `secret_file` or `secret`",
    );
}

#[test]
fn an_issuer_without_keys() {
    changed(
        r#"jwks_file = "jwks.json"
"#,
        "",
        "t.toml:5:1: issuer.corp: found no place for keys to come from; allowed: one of `jwks_url`, `discovery_url`, `jwks_file`, `public_key_files`, `fusionauth_url`, `secret_file` or `secret`",
    );
}

#[test]
fn plain_http_keys_off_loopback() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_url = "http://keys.example/jwks.json""#,
        r#"t.toml:10:12: issuer.corp.jwks_url: found "http://keys.example/jwks.json"; allowed: https (plain http on loopback, or elsewhere with `insecure_http_keys = true`)"#,
    );
}

#[test]
fn plain_http_discovery_off_loopback() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"discovery_url = "http://keys.example/.well-known/openid-configuration""#,
        r#"t.toml:10:17: issuer.corp.discovery_url: found "http://keys.example/.well-known/openid-configuration"; allowed: https (plain http on loopback, or elsewhere with `insecure_http_keys = true`)"#,
    );
}

#[test]
fn a_key_address_that_is_none() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_url = "keys.example/jwks.json""#,
        r#"t.toml:10:12: issuer.corp.jwks_url: found "keys.example/jwks.json"; allowed: an address such as "https://issuer.example/jwks.json""#,
    );
}

#[test]
fn a_key_address_with_a_password() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_url = "https://user:pass@keys.example/""#,
        r#"t.toml:10:12: issuer.corp.jwks_url: found "https://***@keys.example/"; allowed: an address such as "https://issuer.example/jwks.json""#,
    );
}

#[test]
fn a_secret_file_that_others_can_read() {
    refused(
        &[
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS256"]"#),
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
fn a_secret_in_a_configuration_that_others_can_read() {
    let bench = Bench::new();
    let text = GOOD.replace("ES256", "HS256").replace(ISSUER, "secret = \"0123456789abcdef0123456789abcdef\"");
    let load = |mode, environment: &[(&str, &str)]| {
        bench.write("t.toml", &text, mode);
        let environment: Vec<_> = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        load_at(&bench.path(), environment, NOW)
    };
    for mode in [0o644, 0o640, 0o604] {
        let refusal = load(mode, &[]).unwrap_err();
        let message = format!(
            ":10:10: issuer.corp.secret: found a secret in a file that others than its owner can read (mode {mode:03o}); allowed: here after `chmod 600` on this file; or in a `secret_file`, or in the environment"
        );
        assert!(refusal.to_string().contains(&message) && !refusal.to_string().contains("89ab"), "{refusal}");
        assert!(refusal.files[0].is_unchanged());
        bench.write("t.toml", &text, 0o600);
        assert!(!refusal.files[0].is_unchanged(), "closing it is news");
    }
    let settings = load(0o600, &[]).unwrap();
    assert!(settings.files[0].is_unchanged());
    bench.write("t.toml", &text, 0o644);
    assert!(!settings.files[0].is_unchanged(), "and so is opening it");
    let elsewhere = [("TOLLGATE_ISSUER__CORP__SECRET", "fedcba9876543210fedcba9876543210")];
    assert!(load(0o644, &elsewhere).is_ok(), "a secret that is not used is none");
}

#[test]
fn a_short_secret() {
    refused(
        &[
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS256"]"#),
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
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS512"]"#),
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
        &[(r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS256"]"#), (r#"jwks_file = "jwks.json""#, r#"secret_file = "none""#)],
        "",
        &[],
        &[r#"t.toml:10:15: issuer.corp.secret_file: file "none" cannot be read (No such file or directory (os error 2))"#],
    );
}

#[test]
fn a_missing_key_set_file() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_file = "none.json""#,
        r#"t.toml:10:13: issuer.corp.jwks_file: file "none.json" cannot be read (No such file or directory (os error 2))"#,
    );
}

#[test]
fn a_private_key_as_public_key() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"public_key_files = { "kid-1" = "tls.key" }"#,
        r#"t.toml:10:32: issuer.corp.public_key_files.kid-1: file "tls.key" is of no use for ES256: it holds a PRIVATE key; give the public key or certificate, and replace the key if others could read it"#,
    );
}

#[test]
fn no_public_key_file() {
    changed(
        r#"jwks_file = "jwks.json""#,
        "public_key_files = {}",
        r#"t.toml:10:20: issuer.corp.public_key_files: found no key; allowed: files by key id, such as { "kid-1" = "one.pem" }; the id "" where there is none"#,
    );
}

#[test]
fn a_key_without_id_beside_others() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"public_key_files = { "" = "issuer.pem", "kid-1" = "issuer.pem" }"#,
        r#"t.toml:10:27: issuer.corp.public_key_files."": found a key without id beside others; allowed: an id for each key, or one key with the id """#,
    );
}

#[test]
fn a_leeway_over_a_minute() {
    with_line(
        ISSUER,
        r#"leeway = "61s""#,
        r#"t.toml:11:10: issuer.corp.leeway: found 61 s; allowed: at most "60s" (a longer one keeps expired tokens alive; set the clocks instead)"#,
    );
}

#[test]
fn a_zero_lifetime() {
    with_line(
        ISSUER,
        r#"max_lifetime = "0s""#,
        r#"t.toml:11:16: issuer.corp.max_lifetime: found "0s"; allowed: a duration from "1ms" to "3650d", such as "500ms", "30s", "5m", "1h" or "7d""#,
    );
}

#[test]
fn a_bad_pointer() {
    with_line(
        ISSUER,
        r#"roles_claim = "/a~2""#,
        r#"t.toml:11:15: issuer.corp.roles_claim: found "/a~2"; `~` in a JSON pointer must be written `~0` (`/` is `~1`)"#,
    );
}

#[test]
fn an_authority_file_for_keys_that_are_not_fetched() {
    with_line(
        ISSUER,
        r#"ca_file = "ca.pem""#,
        "t.toml:11:11: issuer.corp.ca_file: found it in an issuer whose keys are not fetched; allowed: beside an address",
    );
}

#[test]
fn an_empty_authority_file() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_url = "https://keys.example/"
ca_file = "empty.pem""#,
        r#"t.toml:11:11: issuer.corp.ca_file: file "empty.pem" is empty"#,
    );
}

#[test]
fn an_authority_file_without_certificate() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_url = "https://keys.example/"
ca_file = "noise.pem""#,
        r#"t.toml:11:11: issuer.corp.ca_file: file "noise.pem" has no certificate in PEM"#,
    );
}

#[test]
fn fusionauth_applications_alone() {
    with_line(
        ISSUER,
        "fusionauth_applications = []",
        "t.toml:11:27: issuer.corp.fusionauth_applications: found it without `fusionauth_url`; allowed: only beside it",
    );
}

#[test]
fn a_fusionauth_application_that_is_no_id() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"fusionauth_url = "https://fusionauth.example"
fusionauth_applications = ["orders"]"#,
        r#"t.toml:11:28: issuer.corp.fusionauth_applications[0]: found "orders"; allowed: an application's id, a UUID"#,
    );
}

#[test]
fn refresh_intervals_out_of_order() {
    with_line(
        ISSUER,
        r#"keys = { min_interval = "1h" }"#,
        "t.toml:11:25: issuer.corp.keys.min_interval: found 3600 s, longer than `max_interval` (900 s); allowed: at most `max_interval`",
    );
}

#[test]
fn a_secret_for_two_algorithms() {
    refused(
        &[
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS256", "HS512"]"#),
            (r#"jwks_file = "jwks.json""#, r#"secret_file = "secret""#),
        ],
        "",
        &[],
        &[
            "t.toml:9:14: issuer.corp.algorithms: found 2 algorithms; allowed: exactly one of HS256, HS384, HS512 (one key, one algorithm)",
        ],
    );
}

#[test]
fn a_key_set_without_keys() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_file = "none.jwks""#,
        r#"t.toml:10:13: issuer.corp.jwks_file: file "none.jwks" is of no use for ES256: it has no usable key"#,
    );
}

#[test]
fn a_key_set_that_is_none() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"jwks_file = "noise.pem""#,
        r#"t.toml:10:13: issuer.corp.jwks_file: file "noise.pem" is of no use for ES256: it is not a JSON Web Key Set"#,
    );
}

#[test]
fn a_public_key_file_without_key() {
    changed(
        r#"jwks_file = "jwks.json""#,
        r#"public_key_files = { "kid-1" = "noise.pem" }"#,
        r#"t.toml:10:32: issuer.corp.public_key_files.kid-1: file "noise.pem" is of no use for ES256: it has no usable key; key "kid-1": it is not a PEM public key or certificate"#,
    );
}

#[test]
fn a_certificate_key_of_another_algorithm() {
    refused(
        &[
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["EdDSA"]"#),
            (r#"jwks_file = "jwks.json""#, r#"public_key_files = { "" = "tls.crt" }"#),
        ],
        "",
        &[],
        &[
            r#"t.toml:10:27: issuer.corp.public_key_files."": file "tls.crt" is of no use for EdDSA: it has no usable key; a key without id: its algorithm is not allowed for this issuer"#,
        ],
    );
}
