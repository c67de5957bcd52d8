//! `[[identity_provider]]` blocks that are refused. How keys are judged is in `keys`. Each test holds the whole message.

use crate::config::tests::refused::refused_beside;

#[test]
fn ids_and_names_twice() {
    refused_beside(
        &[],
        r#"
[[identity_provider]]
id = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea"
name = "partner"
issuer = "https://other.example"
audiences = ["tollgate"]
jwks_file = "jwks.json"
applications = ["orders"]
"#,
        &[
            r#"t.toml:42:6: identity_provider.partner.id: found the id of identity provider "partner" a second time; allowed: each identity provider has its own"#,
            r#"t.toml:43:8: identity_provider.partner.name: found "partner" a second time; allowed: each identity_provider has a name of its own"#,
        ],
    );
}

#[test]
fn an_id_that_is_none() {
    refused_beside(
        &[(r#"id = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea""#, r#"id = "00000000-0000-0000-0000-000000000000""#)],
        "",
        &[
            r#"t.toml:19:6: identity_provider.partner.id: found "00000000-0000-0000-0000-000000000000"; allowed: a UUID such as "3c219e58-ed0e-4b18-ad48-f4f92793ae32""#,
        ],
    );
}

#[test]
fn the_issuer_of_the_authority() {
    refused_beside(
        &[(r#"issuer = "https://partner.example""#, r#"issuer = "acme.com""#)],
        "",
        &[
            r#"t.toml:21:10: identity_provider.partner.issuer: found "acme.com", which is the authority's; allowed: the `iss` of another party's tokens"#,
        ],
    );
}

#[test]
fn no_audience() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]
"#,
            "",
        )],
        "",
        &[
            "t.toml:18:1: identity_provider.partner.audiences: found no audience; allowed: at least one value, of which a token's `aud` must contain one (`insecure_any_audience = true` takes tokens that were made for others)",
        ],
    );
}

#[test]
fn audiences_beside_any() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
insecure_any_audience = true"#,
        )],
        "",
        &[
            "t.toml:23:25: identity_provider.partner.insecure_any_audience: found it beside `audiences`; allowed: only one of the two",
        ],
    );
}

#[test]
fn no_key() {
    refused_beside(
        &[(
            r#"public_key_files = { "kid-1" = "issuer.pem" }
"#,
            "",
        )],
        "",
        &[
            "t.toml:18:1: identity_provider.partner: found no place for keys to come from; allowed: one of `jwks_url`, `discovery_url`, `jwks_file` or `public_key_files`",
        ],
    );
}

#[test]
fn two_places_of_keys() {
    refused_beside(
        &[(
            r#"public_key_files = { "kid-1" = "issuer.pem" }"#,
            r#"public_key_files = { "kid-1" = "issuer.pem" }
jwks_file = "jwks.json""#,
        )],
        "",
        &[
            "t.toml:23:20: identity_provider.partner.public_key_files: found it beside `jwks_file`; allowed: only one of `jwks_url`, `discovery_url`, `jwks_file` or `public_key_files`",
        ],
    );
}

#[test]
fn a_secret_as_key() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
algorithms = ["HS256"]"#,
        )],
        "",
        &[
            "t.toml:23:15: identity_provider.partner.algorithms[0]: found HS256 beside `public_key_files`; allowed: RS, PS, ES algorithms and EdDSA (a provider has public keys, never a secret)",
        ],
    );
}

#[test]
fn a_key_of_another_algorithm() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
algorithms = ["RS256"]"#,
        )],
        "",
        &[
            r#"t.toml:24:32: identity_provider.partner.public_key_files.kid-1: file "issuer.pem" is of no use for RS256: it has no usable key; key "kid-1": its algorithm is not allowed for this issuer"#,
        ],
    );
}

#[test]
fn keys_over_plain_http() {
    refused_beside(
        &[(r#"public_key_files = { "kid-1" = "issuer.pem" }"#, r#"jwks_url = "http://keys.example/""#)],
        "",
        &[
            r#"t.toml:23:12: identity_provider.partner.jwks_url: found "http://keys.example/"; allowed: https (plain http on loopback, or elsewhere with `insecure_http_keys = true`)"#,
        ],
    );
}

#[test]
fn an_authority_file_for_keys_that_are_not_fetched() {
    refused_beside(
        &[(
            r#"public_key_files = { "kid-1" = "issuer.pem" }"#,
            r#"public_key_files = { "kid-1" = "issuer.pem" }
ca_file = "ca.pem""#,
        )],
        "",
        &[
            "t.toml:24:11: identity_provider.partner.ca_file: found it in a provider whose keys are not fetched; allowed: beside an address",
        ],
    );
}

#[test]
fn a_default_key_that_is_none() {
    refused_beside(
        &[(
            r#"public_key_files = { "kid-1" = "issuer.pem" }"#,
            r#"public_key_files = { "kid-1" = "issuer.pem" }
default_key = "kid-2""#,
        )],
        "",
        &[
            r#"t.toml:24:15: identity_provider.partner.default_key: found "kid-2", which is no key id here; did you mean `kid-1`?"#,
        ],
    );
}

#[test]
fn an_empty_claim_name() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
unique_identity_claim = """#,
        )],
        "",
        &[r#"t.toml:23:25: identity_provider.partner.unique_identity_claim: found ""; allowed: the name of a member"#],
    );
}

#[test]
fn a_domain_that_is_none() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
domains = ["partner.example", "@partner.example"]"#,
        )],
        "",
        &[
            r#"t.toml:23:31: identity_provider.partner.domains[1]: found "@partner.example"; allowed: a mail domain such as "partner.example""#,
        ],
    );
}

#[test]
fn an_unknown_linking() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
linking = "mail""#,
        )],
        "",
        &[
            r#"t.toml:23:11: identity_provider.partner.linking: found "mail"; allowed: "email", "existing-email", "username", "existing-username", "anonymous", "disabled""#,
        ],
    );
}

#[test]
fn a_claim_for_no_member_and_two_for_one() {
    refused_beside(
        &[(
            r#"audiences = ["tollgate"]"#,
            r#"audiences = ["tollgate"]
claim_map = { a = "fistName", b = "lastName", c = "lastName", d = "UserData", e = "UserData" }"#,
        )],
        "",
        &[
            r#"t.toml:23:19: identity_provider.partner.claim_map.a: found "fistName", which is no member of a user; did you mean `firstName`?"#,
            r#"t.toml:23:51: identity_provider.partner.claim_map.c: found "lastName" a second time; allowed: one claim for each member"#,
        ],
    );
}

#[test]
fn an_unknown_application() {
    refused_beside(
        &[(r#"applications = ["orders"]"#, r#"applications = ["oders", { name = "odrers" }]"#)],
        "",
        &[
            r#"t.toml:24:17: identity_provider.partner.applications[0]: found "oders", which is no application; did you mean `orders`?"#,
            r#"t.toml:24:26: identity_provider.partner.applications.odrers: found "odrers", which is no application; did you mean `orders`?"#,
        ],
    );
}

#[test]
fn an_application_twice() {
    refused_beside(
        &[(r#"applications = ["orders"]"#, r#"applications = ["orders", { name = "orders", create_registration = false }]"#)],
        "",
        &[
            r#"t.toml:24:27: identity_provider.partner.applications.orders: found "orders" a second time; allowed: each application once"#,
        ],
    );
}

#[test]
fn no_application() {
    refused_beside(
        &[(r#"applications = ["orders"]"#, "applications = []")],
        "",
        &[
            "t.toml:24:16: identity_provider.partner.applications: found no application; allowed: the names of those that it may sign in to",
        ],
    );
}

#[test]
fn an_unknown_key_of_an_application() {
    refused_beside(
        &[(r#"applications = ["orders"]"#, r#"applications = [{ name = "orders", create_registrations = false }]"#)],
        "",
        &[
            "t.toml:24:36: identity_provider.partner.applications.orders.create_registrations: unknown key; did you mean `create_registration`?",
        ],
    );
}

#[test]
fn an_application_that_is_a_number() {
    refused_beside(
        &[(r#"applications = ["orders"]"#, "applications = [1]")],
        "",
        &[
            "t.toml:24:17: identity_provider.partner.applications[0]: found 1; allowed: an application's name, or a table with `name` and `create_registration`",
        ],
    );
}
