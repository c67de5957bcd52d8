//! Events of issuers that are refused. Each test holds the whole message.

use crate::config::tests::refused::{ROUTE, changed, refused, refused_beside};

/// A good issuer but for its events.
const LONG: &str = "max_lifetime = \"1h\"\njwks_file = \"jwks.json\"";
const KEYS: &str = r#"jwks_file = "jwks.json""#;

/// With these events, beside `max_lifetime`, it is refused with this message alone.
#[track_caller]
fn with_events(events: &str, message: &str) {
    changed(KEYS, &format!("{LONG}\nevents = {{ {events} }}"), message);
}

#[test]
fn without_an_end_of_what_is_remembered() {
    changed(
        KEYS,
        "jwks_file = \"jwks.json\"\nevents = { path = \"/events\" }",
        "t.toml:11:10: issuer.corp.events: found events of an issuer without `max_lifetime`, which says how long a revocation must be remembered; set it to the longest that its access tokens live",
    );
}

#[test]
fn without_a_path_of_their_own() {
    with_events("", "t.toml:12:10: issuer.corp.events.path: found nothing; this setting is required");
    with_events(
        r#"path = "/""#,
        r#"t.toml:12:19: issuer.corp.events.path: found "/"; allowed: a path of its own, such as "/events/corp""#,
    );
    with_events(r#"path = "events""#, r#"t.toml:12:19: issuer.corp.events.path: found "events"; a path begins with `/`"#);
}

#[test]
fn at_a_path_of_the_admin_listener() {
    for (path, taken) in [("/metrics", "/metrics"), ("/readyz/corp", "/readyz"), ("/Status", "/status")] {
        with_events(
            &format!("path = \"{path}\""),
            &format!(
                "t.toml:12:19: issuer.corp.events.path: found {path}, which the admin listener answers itself ({taken}); allowed: another path"
            ),
        );
    }
}

#[test]
fn on_an_admin_listener_that_is_off() {
    refused(
        &[(KEYS, &format!("{LONG}\nevents = {{ path = \"/events\" }}"))],
        "[admin]\naddress = \"off\"\n",
        &[],
        &[
            "t.toml:12:10: issuer.corp.events.listener: found no `listener`, and the admin listener is off; name the listener that events come to",
        ],
    );
}

#[test]
fn on_an_unknown_listener() {
    with_events(
        r#"path = "/events", listener = "pubilc""#,
        r#"t.toml:12:41: issuer.corp.events.listener: found "pubilc", which is no listener; did you mean `public`?"#,
    );
}

#[test]
fn at_a_host_of_the_admin_listener_or_at_many() {
    with_events(
        r#"path = "/events", host = "a.example""#,
        "t.toml:12:37: issuer.corp.events.host: found a host for the admin listener, which has none; allowed: beside `listener`",
    );
    with_events(
        r#"path = "/events", listener = "public", host = "*.example""#,
        r#"t.toml:12:58: issuer.corp.events.host: found "*.example"; allowed: one host, such as "auth.example.com""#,
    );
}

#[test]
fn where_a_route_would_never_be_asked() {
    let events = format!("{LONG}\nevents = {{ path = \"/events\", listener = \"public\" }}");
    for route in ["/events", "/Events/more"] {
        refused(
            &[(KEYS, &events), (r#"path = "/""#, &format!("path = \"{route}\""))],
            "",
            &[],
            &[&format!(
                "t.toml:12:19: issuer.corp.events.path: found /events, which hides route \"all\" ({route}); allowed: a path that no route has, nor is above one"
            )],
        );
    }
}

#[test]
fn two_parties_at_one_place() {
    let other = "[[issuer]]\nname = \"other\"\nissuer = \"https://other.example\"\naudiences = [\"gateway\"]\nalgorithms = [\"ES256\"]\n\
                 jwks_file = \"jwks.json\"\nmax_lifetime = \"1h\"\n[issuer.events]\npath = \"/EVENTS\"\n";
    refused(
        &[(KEYS, &format!("{LONG}\nevents = {{ path = \"/events\" }}")), (ROUTE, "upstream = \"up\"\nissuers = [\"corp\"]")],
        other,
        &[],
        &[
            r#"t.toml:31:8: issuer.other.events.path: found /EVENTS, where events of "corp" are taken; allowed: a path of its own for each party"#,
        ],
    );
}

#[test]
fn in_the_api_of_the_authority() {
    let corp = "[[issuer]]\nname = \"corp\"\nissuer = \"https://corp.example\"\naudiences = [\"gateway\"]\nalgorithms = [\"ES256\"]\n\
                jwks_file = \"jwks.json\"\nmax_lifetime = \"1h\"\n[issuer.events]\npath = \"/api/jwt/events\"\nlistener = \"public\"\nhost = \"auth.example.com\"\n";
    refused_beside(
        &[],
        corp,
        &[
            "t.toml:48:8: issuer.corp.events.path: found /api/jwt/events, which is the authority's API's (/api/jwt and what is below); allowed: another path, or another host",
        ],
    );
}

#[test]
fn signed_with_the_secret_of_the_tokens() {
    refused(
        &[
            (r#"algorithms = ["ES256"]"#, r#"algorithms = ["HS256"]"#),
            (KEYS, "max_lifetime = \"1h\"\nsecret_file = \"secret\"\nevents = { path = \"/events\" }"),
        ],
        "",
        &[],
        &[
            "t.toml:12:10: issuer.corp.events: found no keys, and the issuer's is a shared secret, with which whoever verifies tokens could sign events; allowed: a `secret_file` of the events' own, or public keys",
        ],
    );
}

#[test]
fn with_keys_that_do_not_go_together() {
    with_events(
        r#"path = "/events", jwks_file = "jwks.json", secret_file = "secret""#,
        "t.toml:12:69: issuer.corp.events.secret_file: found it beside `jwks_file`; allowed: only one of `jwks_url`, `jwks_file`, `public_key_files` or `secret_file`",
    );
    with_events(
        r#"path = "/events", jwks_file = "jwks.json", algorithms = ["HS256"]"#,
        "t.toml:12:69: issuer.corp.events.algorithms[0]: found HS256 beside `jwks_file`; allowed: RS, PS, ES algorithms and EdDSA (an HS algorithm needs `secret_file`)",
    );
    with_events(
        r#"path = "/events", secret_file = "secret", algorithms = ["ES256"]"#,
        "t.toml:12:68: issuer.corp.events.algorithms[0]: found ES256 beside `secret_file`; allowed: HS256, HS384, HS512 (events have a secret or public keys, never both)",
    );
    with_events(
        r#"path = "/events", algorithms = ["ES256"]"#,
        "t.toml:12:43: issuer.corp.events.algorithms: found algorithms without keys of the events' own; the issuer's keys have the issuer's `algorithms`",
    );
    with_events(
        r#"path = "/events", ca_file = "ca.pem""#,
        "t.toml:12:40: issuer.corp.events.ca_file: found it in events whose keys are not fetched; allowed: beside an address",
    );
    with_events(
        r#"path = "/events", secret_file = "short.secret""#,
        "t.toml:12:44: issuer.corp.events.secret_file: found a secret of 7 bytes; allowed: at least 32 random bytes, such as those of `openssl rand -base64 32`",
    );
}
