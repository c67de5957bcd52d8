//! What `[authority]` with `remote_url` is refused for, and what is refused beside it. Each test holds the whole message.

use crate::config::tests::refused::{refused_beside, refused_remote};
use crate::config::tests::{Bench, REMOTE};

const URL: &str = r#"remote_url = "https://fusionauth.example""#;

/// With `lines` after the address it is refused with these messages alone.
#[track_caller]
fn with_lines(lines: &str, messages: &[&str]) {
    refused_remote(&[(URL, &format!("{URL}\n{lines}"))], "", messages);
}

#[test]
fn a_good_one_is_accepted_with_what_follows_of_it() {
    let settings = Bench::new().load_with(REMOTE, &[]).unwrap_or_else(|found| panic!("{found}"));
    let remote = settings.remote.unwrap();
    assert_eq!((&*settings.issuers[0].name, settings.issuers[0].is_authority), ("authority", true));
    assert_eq!(settings.issuers[0].audiences, ["3c219e58-ed0e-4b18-ad48-f4f92793ae32", "acme.com"]);
    assert_eq!(settings.upstreams[1], remote.upstream);
    assert!(settings.store.is_none() && settings.authority.is_none());
}

#[test]
fn an_address_in_the_environment_makes_it_remote() {
    let text = REMOTE.replacen(&format!("{URL}\n"), "", 1);
    let environment = [("TOLLGATE_AUTHORITY__REMOTE_URL", "https://fusionauth.example")];
    let settings = Bench::new().load_with(&text, &environment).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(settings.remote.unwrap().keys.url, "https://fusionauth.example");
}

#[test]
fn addresses_that_are_none_or_on_which_others_listen() {
    for url in ["http://fusionauth.example", "https://fusionauth.example/path", "fusionauth.example", ""] {
        refused_remote(
            &[(URL, &format!("remote_url = \"{url}\""))],
            "",
            &[&format!(
                "t.toml:8:14: authority.remote_url: found \"{url}\"; allowed: scheme, host and port without a path, such as \
                 \"https://fusionauth.example.com\" (http on loopback alone)"
            )],
        );
    }
}

#[test]
fn an_authoritys_certificate_without_tls() {
    refused_remote(
        &[(URL, "remote_url = \"http://127.0.0.1:9011\"")],
        "",
        &[r#"t.toml:9:11: authority.ca_file: found it beside an address without TLS; allowed: only beside https://"#],
    );
}

#[test]
fn settings_of_an_authority_in_the_gateway() {
    with_lines(
        "signing_algorithm = \"ES256\"\nsigning_key_rotation = \"90d\"\naccess_token_lifetime = \"1h\"\nvend_max_lifetime = \"1h\"\nown_list_shows_tokens = true\npassword_min_length = 9\npassword_hashes_at_once = 2\nlogin_attempts = 10\nlogin_attempts_window = \"15m\"",
        &[
            r#"t.toml:9:21: authority.signing_algorithm: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:10:24: authority.signing_key_rotation: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:11:25: authority.access_token_lifetime: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:12:21: authority.vend_max_lifetime: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:13:25: authority.own_list_shows_tokens: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:14:23: authority.password_min_length: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:15:27: authority.password_hashes_at_once: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:16:18: authority.login_attempts: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
            r#"t.toml:17:25: authority.login_attempts_window: found it beside `remote_url`; allowed: only for an authority in this gateway"#,
        ],
    );
}

#[test]
fn settings_of_a_remote_without_one() {
    refused_beside(
        &[(
            "[authority]\n",
            "[authority]\nca_file = \"ca.pem\"\ntimeout = \"5s\"\nmax_lifetime = \"1h\"\nalgorithms = [\"ES256\"]\nkeys = {}\nevents = { path = \"/events\" }\n",
        )],
        "",
        &[
            r#"t.toml:10:11: authority.ca_file: found it without `remote_url`; allowed: only for a remote authority"#,
            r#"t.toml:11:11: authority.timeout: found it without `remote_url`; allowed: only for a remote authority"#,
            r#"t.toml:12:16: authority.max_lifetime: found it without `remote_url`; allowed: only for a remote authority"#,
            r#"t.toml:13:14: authority.algorithms: found it without `remote_url`; allowed: only for a remote authority"#,
            r#"t.toml:14:8: authority.keys: found it without `remote_url`; allowed: only for a remote authority"#,
            r#"t.toml:15:10: authority.events: found it without `remote_url`; allowed: only for a remote authority"#,
        ],
    );
}

#[test]
fn what_the_remote_decides_about_an_application() {
    refused_remote(
        &[(
            "name = \"orders\"\n",
            "name = \"orders\"\nroles = [{ name = \"admin\" }]\nsingle_sign_on = false\nrefresh_token_usage = \"one-time\"\nsigning_algorithm = \"HS256\"\nsigning_secret_file = \"secret\"\n",
        )],
        "",
        &[
            r#"t.toml:14:9: application.orders.roles: found it beside `authority.remote_url`; allowed: `id` and `name`, the rest is the remote's to decide"#,
            r#"t.toml:15:18: application.orders.single_sign_on: found it beside `authority.remote_url`; allowed: `id` and `name`, the rest is the remote's to decide"#,
            r#"t.toml:16:23: application.orders.refresh_token_usage: found it beside `authority.remote_url`; allowed: `id` and `name`, the rest is the remote's to decide"#,
            r#"t.toml:17:21: application.orders.signing_algorithm: found it beside `authority.remote_url`; allowed: `id` and `name`, the rest is the remote's to decide"#,
            r#"t.toml:18:23: application.orders.signing_secret_file: found it beside `authority.remote_url`; allowed: `id` and `name`, the rest is the remote's to decide"#,
        ],
    );
}

#[test]
fn blocks_that_only_the_remote_has() {
    refused_remote(
        &[],
        "\n[[api_key]]\nname = \"ops\"\nsha256 = \"00\"\n\n[[identity_provider]]\nname = \"p\"\n",
        &[
            r#"t.toml:25:1: api_key: found `[[api_key]]` beside `authority.remote_url`; allowed: only at the remote authority itself"#,
            r#"t.toml:29:1: identity_provider: found `[[identity_provider]]` beside `authority.remote_url`; allowed: only at the remote authority itself"#,
        ],
    );
}

#[test]
fn secrets_among_its_algorithms_and_times_of_nothing() {
    with_lines(
        "algorithms = [\"ES256\", \"HS256\"]\nmax_lifetime = \"500ms\"\nrefresh_token_lifetime = \"1ms\"",
        &[
            r#"t.toml:9:24: authority.algorithms[1]: found HS256; allowed: RS, PS, ES algorithms and EdDSA, whose keys the remote publishes"#,
            r#"t.toml:10:16: authority.max_lifetime: found 500 ms; allowed: at least "1s""#,
            r#"t.toml:11:26: authority.refresh_token_lifetime: found 1 ms; allowed: at least "1s""#,
        ],
    );
}

#[test]
fn names_and_issuers_that_are_its_own() {
    refused_remote(
        &[("name = \"up\"", "name = \"authority\""), ("upstream = \"up\"", "upstream = \"authority\"")],
        "\n[[issuer]]\nname = \"corp\"\nissuer = \"acme.com\"\naudiences = [\"gateway\"]\nalgorithms = [\"ES256\"]\njwks_file = \"jwks.json\"\n",
        &[
            r#"t.toml:6:10: authority.issuer: found "acme.com", which is the issuer of "corp" too; allowed: each `iss` once"#,
            r#"t.toml:16:8: upstream.authority.name: found "authority"; allowed: another name (metrics call the remote authority so)"#,
        ],
    );
}

#[test]
fn routes_in_its_place_or_with_what_it_has_not() {
    refused_remote(
        &[(
            "path = \"/\"",
            "path = \"/api/jwt\"\nissuers = [\"authority\", \"vend\"]\nidentity_headers = { X-Issuer = \"iss\" }\nreconcile = \"partner\"",
        )],
        "",
        &[
            r#"t.toml:21:8: route.all.path: found /api/jwt, which is the API's on "auth.example.com" (/api/jwt and what is below); allowed: another path, or another host for this route"#,
            r#"t.toml:22:11: route.all.issuers: found "vend" on route "all", beside `authority.remote_url`; allowed: an `[[issuer]]` for tokens that the remote vends"#,
            r#"t.toml:24:13: route.all.reconcile: found "partner", which is no identity_provider; none is known"#,
        ],
    );
}

#[test]
fn a_gateway_with_routes_and_no_host_for_the_api() {
    refused_remote(
        &[("host = \"auth.example.com\"\n", "")],
        "",
        &[
            r#"t.toml:5:1: authority.host: found nothing; beside routes the API needs a host, such as `host = "auth.example.com"`"#,
        ],
    );
}

#[test]
fn events_where_its_api_is() {
    with_lines(
        "events = { path = \"/api/jwt/events\", listener = \"public\", host = \"auth.example.com\" }",
        &[
            r#"t.toml:9:19: authority.events.path: found /api/jwt/events, which is the authority's API's (/api/jwt and what is below); allowed: another path, or another host"#,
        ],
    );
}
