//! `[[application]]` blocks that are refused. Each test holds the whole message.

use crate::config::tests::refused::refused_beside;

#[test]
fn an_application_whose_id_is_none() {
    refused_beside(
        &[(r#"id = "3c219e58-ed0e-4b18-ad48-f4f92793ae32""#, r#"id = "orders""#)],
        "",
        &[
            r#"t.toml:14:6: application.orders.id: found "orders"; allowed: a UUID such as "3c219e58-ed0e-4b18-ad48-f4f92793ae32""#,
        ],
    );
}

#[test]
fn ids_and_names_twice() {
    refused_beside(
        &[],
        r#"
[[application]]
id = "3C219E58-ed0e-4b18-ad48-f4f92793ae32"
name = "orders"
"#,
        &[
            r#"t.toml:42:6: application.orders.id: found the id of application "orders" a second time; allowed: each application has its own"#,
            r#"t.toml:43:8: application.orders.name: found "orders" a second time; allowed: each application has a name of its own"#,
        ],
    );
}

#[test]
fn a_name_that_metrics_use_for_no_application() {
    refused_beside(
        &[],
        r#"
[[application]]
id = "6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b"
name = "none"
"#,
        &[
            r#"t.toml:43:8: application.none.name: found "none"; allowed: another name (metrics count tokens without an application under this one)"#,
        ],
    );
}

#[test]
fn a_role_twice_and_one_without_name() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "admin" }, { name = "" }, { name = "x", defualt = true }]"#,
        )],
        "",
        &[
            r#"t.toml:16:39: application.orders.roles.admin.name: found "admin" a second time; allowed: each role once"#,
            r#"t.toml:16:59: application.orders.roles."".name: found ""; allowed: a name of at least one character, without control characters"#,
            "t.toml:16:79: application.orders.roles.x.defualt: unknown key; did you mean `default`?",
        ],
    );
}

#[test]
fn single_sign_on_from_nowhere_known() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
single_sign_on = ["oders", "orders", "orders"]"#,
        )],
        "",
        &[
            r#"t.toml:17:19: application.orders.single_sign_on[0]: found "oders", which is no application; did you mean `orders`?"#,
            r#"t.toml:17:28: application.orders.single_sign_on[1]: found "orders" more than once; allowed: each application once"#,
            r#"t.toml:17:38: application.orders.single_sign_on[2]: found "orders" more than once; allowed: each application once"#,
        ],
    );
}

#[test]
fn single_sign_on_from_an_empty_list() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
single_sign_on = []"#,
        )],
        "",
        &[
            "t.toml:17:18: application.orders.single_sign_on: found no application; allowed: at least one name (false for none, true for all)",
        ],
    );
}

#[test]
fn single_sign_on_by_another_word() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
single_sign_on = "some""#,
        )],
        "",
        &[
            r#"t.toml:17:18: application.orders.single_sign_on: found "some"; allowed: true, false or a list of applications' names"#,
        ],
    );
}

#[test]
fn reusable_tokens_where_anyone_may_sign_in() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
login_requires_api_key = false
refresh_token_usage = "reusable""#,
        )],
        "",
        &[
            r#"t.toml:18:23: application.orders.refresh_token_usage: found "reusable" beside `login_requires_api_key = false`; allowed: "one-time", where anyone may sign in without an API key"#,
        ],
    );
}

#[test]
fn an_unknown_usage() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
refresh_token_usage = "once""#,
        )],
        "",
        &[r#"t.toml:17:23: application.orders.refresh_token_usage: found "once"; allowed: "reusable", "one-time""#],
    );
}

#[test]
fn a_long_grace() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
one_time_grace = "25h""#,
        )],
        "",
        &[r#"t.toml:17:18: application.orders.one_time_grace: found 90000 s; allowed: at most "24h""#],
    );
}

#[test]
fn an_unknown_expiration() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
refresh_token_expiration = "slide""#,
        )],
        "",
        &[
            r#"t.toml:17:28: application.orders.refresh_token_expiration: found "slide"; allowed: "fixed", "sliding", "sliding-with-maximum""#,
        ],
    );
}

#[test]
fn a_maximum_lifetime_of_tokens_that_do_not_slide_so() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
refresh_token_expiration = "sliding"
refresh_token_maximum_lifetime = "40d""#,
        )],
        "",
        &[
            r#"t.toml:18:34: application.orders.refresh_token_maximum_lifetime: found it without `refresh_token_expiration = "sliding-with-maximum"`; allowed: only beside it"#,
        ],
    );
}

#[test]
fn a_maximum_below_the_lifetime() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
refresh_token_expiration = "sliding-with-maximum"
refresh_token_maximum_lifetime = "29d""#,
        )],
        "",
        &[
            "t.toml:18:34: application.orders.refresh_token_maximum_lifetime: found 2505600 s, shorter than the refresh token's lifetime (2592000 s); allowed: at least `refresh_token_lifetime`",
        ],
    );
}

#[test]
fn a_lifetime_above_the_default_maximum() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
refresh_token_expiration = "sliding-with-maximum"
refresh_token_lifetime = "31d""#,
        )],
        "",
        &[
            "t.toml:13:1: application.orders.refresh_token_maximum_lifetime: found 2592000 s, shorter than the refresh token's lifetime (2678400 s); allowed: at least `refresh_token_lifetime`",
        ],
    );
}

#[test]
fn a_lifetime_below_a_second() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
access_token_lifetime = "1ms""#,
        )],
        "",
        &[r#"t.toml:17:25: application.orders.access_token_lifetime: found 1 ms; allowed: at least "1s""#],
    );
}

#[test]
fn a_secret_without_its_algorithm() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_secret_file = "secret""#,
        )],
        "",
        &[
            r#"t.toml:17:23: application.orders.signing_secret_file: found it without `signing_algorithm = "HS256"`, "HS384" or "HS512"; allowed: only beside it"#,
        ],
    );
}

#[test]
fn a_shared_secret_that_is_missing() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "HS256"
single_sign_on = false"#,
        )],
        "",
        &[
            "t.toml:13:1: application.orders.signing_secret_file: found nothing; HS256 needs `signing_secret_file` or `signing_secret`",
        ],
    );
}

#[test]
fn a_shared_secret_twice() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "HS256"
single_sign_on = false
signing_secret_file = "secret"
signing_secret = "hunter2hunter2hunter2hunter2hunter2""#,
        )],
        "",
        &["t.toml:19:23: application.orders.signing_secret_file: found it beside `signing_secret`; allowed: only one of the two"],
    );
}

#[test]
fn a_shared_secret_shorter_than_its_hash() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "HS512"
single_sign_on = false
signing_secret_file = "secret""#,
        )],
        "",
        &[
            "t.toml:19:23: application.orders.signing_secret_file: found a secret of 32 bytes; allowed: at least 64 random bytes, such as those of `openssl rand -base64 64`",
        ],
    );
}

#[test]
fn a_short_secret_in_the_configuration() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "HS256"
single_sign_on = false
signing_secret = "hunter2""#,
        )],
        "",
        &[
            "t.toml:19:18: application.orders.signing_secret: found a secret of 7 bytes; allowed: at least 32 random bytes, such as those of `openssl rand -base64 32`",
        ],
    );
}

#[test]
fn a_shared_secret_that_others_can_read() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "HS256"
single_sign_on = false
signing_secret_file = "open.secret""#,
        )],
        "",
        &[
            r#"t.toml:19:23: application.orders.signing_secret_file: file "open.secret" can be read by others than its owner (mode 644); run `chmod 600` on it"#,
        ],
    );
}

#[test]
fn a_shared_secret_beside_single_sign_on() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "HS256"
signing_secret_file = "secret""#,
        )],
        "",
        &[
            r#"t.toml:13:1: application.orders.single_sign_on: found it open beside `signing_algorithm = "HS256"`; allowed: `single_sign_on = false`, since anyone can make this application's tokens who has its secret"#,
        ],
    );
}

#[test]
fn single_sign_on_from_an_application_with_a_shared_secret() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
single_sign_on = ["old"]"#,
        )],
        r#"
[[application]]
id = "6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b"
name = "old"
single_sign_on = false
signing_algorithm = "HS256"
signing_secret_file = "secret"
"#,
        &[
            r#"t.toml:17:19: application.orders.single_sign_on[0]: found "old", whose tokens anyone can make who has its `signing_secret`; allowed: applications whose tokens the authority alone can make"#,
        ],
    );
}

#[test]
fn an_unknown_signing_algorithm() {
    refused_beside(
        &[(
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]"#,
            r#"roles = [{ name = "admin" }, { name = "user", default = true }]
signing_algorithm = "none""#,
        )],
        "",
        &[
            r#"t.toml:17:21: application.orders.signing_algorithm: found "none"; allowed: "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA""#,
        ],
    );
}
