//! Configurations that are accepted, and the settings they become.

use std::time::Duration;

use crate::config::tests::{Bench, GOOD};
use crate::events::{Place, Signers};
use crate::identity::{ClaimSource, Pointer};
use crate::issuer::KeySource;
use crate::policy::Rule;
use crate::route::{Access, HostPattern};
use crate::token::Algorithm;

/// What the benchmark starts a gateway with.
const BENCHMARK: &str = r#"
[runtime]
workers = 1
[log]
access = false
[[listener]]
name = "plain"
address = "127.0.0.1:19500"
[[listener]]
name = "tls"
address = "127.0.0.1:19501"
tls = { certificate = "tls.crt", private_key = "tls.key" }
[admin]
address = "127.0.0.1:19502"
[token_cache]
capacity = 0
[[issuer]]
name = "bench"
issuer = "https://issuer.example"
audiences = ["3c219e58-ed0e-4b18-ad48-f4f92793ae32"]
algorithms = ["RS256", "ES256"]
jwks_file = "jwks.json"
[[upstream]]
name = "up"
servers = ["http://127.0.0.1:19000"]
[[route]]
name = "all"
path = "/"
upstream = "up"
identity_headers = { X-User-Id = "sub", X-User-Email = "email" }
"#;

#[test]
fn the_benchmark_configuration_is_accepted() {
    let settings = Bench::new().load_with(BENCHMARK, &[]).unwrap();
    assert_eq!((settings.workers, settings.log.access, settings.token_cache.capacity), (1, false, 0));
    assert_eq!(settings.admin.unwrap().port(), 19502);
    let [plain, tls] = &settings.listeners[..] else { panic!("two listeners") };
    assert!(plain.tls.is_none() && !plain.http2);
    assert!(tls.tls.is_some() && tls.http2);
    let issuer = &settings.issuers[0];
    assert_eq!(issuer.algorithms, [Algorithm::RS256, Algorithm::ES256]);
    assert!(matches!(&issuer.source, KeySource::JwksFile(file) if file.content.starts_with(br#"{"keys":[{"#)));
    let route = &settings.routes[0];
    assert_eq!(route.host, HostPattern::Any);
    assert_eq!(route.issuers, ["bench".into()]);
    let email = ClaimSource::Claim(Pointer::parse("email").unwrap());
    assert_eq!(
        route.identity_headers,
        [
            (http::HeaderName::from_static("x-user-email"), email),
            (http::HeaderName::from_static("x-user-id"), ClaimSource::Subject)
        ]
    );
}

#[test]
fn what_is_left_out_has_its_default() {
    let settings = Bench::new().load_with(GOOD, &[]).unwrap();
    assert_eq!(settings.admin.unwrap().to_string(), "127.0.0.1:9464");
    assert!(settings.workers >= 1);
    assert_eq!((settings.token_cache.capacity, settings.token_cache.bytes), (100_000, 64 << 20));
    let issuer = &settings.issuers[0];
    assert_eq!((issuer.leeway, issuer.max_lifetime, issuer.max_token_bytes), (Duration::from_secs(30), None, 16 * 1024));
    assert_eq!(issuer.types, ["JWT", "at+jwt"]);
    let route = &settings.routes[0];
    assert!(matches!(&route.access, Access::Required(Rule::All(rules)) if rules.is_empty()));
    assert_eq!(route.max_body_bytes, Some(100 << 20));
    assert_eq!(route.upgrades, ["websocket"]);
    let names: Vec<_> = route.identity_headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username"]);
}

/// The good configuration with `more` at the end of its route.
fn route_with(more: &str) -> crate::route::RouteSettings {
    let settings = Bench::new().load_with(&format!("{GOOD}{more}\n"), &[]).unwrap_or_else(|found| panic!("{found}"));
    settings.routes.into_iter().next().unwrap()
}

#[test]
fn the_keys_of_a_rule_all_hold_and_a_list_needs_any() {
    let route = route_with(
        r#"require = { roles = ["a", "b"], claims = { "/n" = 1, t = ["x", true] }, not = { any = [{ scopes = ["s"] }, { registered = false }] } }"#,
    );
    let claim = |pointer, values: &[serde_json::Value]| Rule::Claim(Pointer::parse(pointer).unwrap(), values.to_vec());
    let unwanted = Rule::Any(vec![Rule::Scopes(vec!["s".into()]), Rule::Registered(false)]);
    let rule = Rule::All(vec![
        Rule::Roles(vec!["a".into(), "b".into()]),
        claim("/n", &[1.into()]),
        claim("/t", &["x".into(), true.into()]),
        Rule::Not(Box::new(unwanted)),
    ]);
    assert!(matches!(route.access, Access::Required(found) if found == rule));
}

#[test]
fn an_anonymous_route_has_neither_issuers_nor_headers() {
    let route = route_with("anonymous = true");
    assert!(matches!(route.access, Access::Anonymous));
    assert!(route.issuers.is_empty() && route.identity_headers.is_empty());
    assert!(matches!(route_with(r#"anonymous = "optional""#).access, Access::Optional(Rule::All(_))));
}

#[test]
fn hosts_and_origins_are_normalised() {
    let route = route_with("host = \"*.Example.COM\"\norigins = [\"https://App.example.com:443\", \"http://[::1]:8080\"]");
    assert_eq!(route.host, HostPattern::Below("example.com".into()));
    let origins: Vec<_> = route.origins.iter().map(|origin| &*origin.0).collect();
    assert_eq!(origins, ["https://app.example.com", "http://[::1]:8080"]);
}

#[test]
fn twins_with_other_methods_and_longer_paths_are_routes_of_their_own() {
    let second = "methods = [\"GET\"]\n[[route]]\nname = \"second\"\npath = \"/\"\nmethods = [\"POST\"]\nupstream = \"up\"\n[[route]]\nname = \"rest\"\npath = \"/\"\nupstream = \"up\"\n[[route]]\nname = \"third\"\npath = \"/a\"\nupstream = \"up\"";
    assert_eq!(route_with(second).methods, Some(vec![http::Method::GET]));
}

#[test]
fn a_body_may_be_unlimited_and_the_admin_address_off() {
    assert_eq!(route_with("max_body = \"unlimited\"").max_body_bytes, None);
    let settings = Bench::new().load_with(&format!("{GOOD}[admin]\naddress = \"off\"\n"), &[]).unwrap();
    assert_eq!(settings.admin, None);
}

/// What is warned of in the good configuration with a change.
fn warning(from: &str, to: &str) -> String {
    let bench = Bench::new();
    let settings = bench.load_with(&GOOD.replace(from, to), &[]).unwrap_or_else(|found| panic!("{found}"));
    let [warning] = &settings.warnings[..] else { panic!("{:?}", settings.warnings) };
    warning.to_string().lines().next().unwrap().replace(&format!("{}/", bench.path().parent().unwrap().display()), "")
}

#[test]
fn an_expired_certificate_is_warned_of() {
    let tls = "8443\"\ntls = { certificate = \"expired.crt\", private_key = \"expired.key\" }";
    let expected = "t.toml:4:23: warning: listener.public.tls.certificate: the certificate in \"expired.crt\" expired on Thu, 31 Dec 2020 00:00:00 GMT";
    assert_eq!(warning("8443\"", tls), expected);
}

#[test]
fn insecure_settings_are_warned_of() {
    let keys = "jwks_url = \"http://keys.example/\"\ninsecure_http_keys = true";
    let expected = "t.toml:11:22: warning: issuer.corp.insecure_http_keys: keys from \"http://keys.example/\" can be replaced by anyone on the way";
    assert_eq!(warning("jwks_file = \"jwks.json\"", keys), expected);
}

#[test]
fn keys_over_plain_http_on_loopback_are_allowed() {
    for host in ["127.0.0.1:9011", "localhost", "[::1]:1"] {
        let text = GOOD.replace("jwks_file = \"jwks.json\"", &format!("fusionauth_url = \"http://{host}\""));
        assert!(Bench::new().load_with(&text, &[]).is_ok(), "{host}");
    }
}

#[test]
fn an_admin_address_that_is_everywhere_is_warned_of() {
    let warnings = |admin: &str| {
        let settings = Bench::new().load_with(&format!("{GOOD}[admin]\naddress = \"{admin}\"\n"), &[]).unwrap();
        settings.warnings.iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    for everywhere in ["0.0.0.0:9464", "[::]:9464"] {
        let [warning] = &warnings(everywhere)[..] else { panic!("{everywhere}") };
        assert!(warning.starts_with(&format!("{everywhere} can be reached on every address")), "{warning}");
    }
    for elsewhere in ["127.0.0.1:8444", "192.0.2.1:8443", "[::1]:8443"] {
        assert_eq!(warnings(elsewhere), [""; 0], "{elsewhere}");
    }
}

#[test]
fn events_have_the_issuers_keys_or_their_own() {
    let events = |more: &str| {
        let keys =
            format!("jwks_file = \"jwks.json\"\nmax_lifetime = \"1h\"\nleeway = \"5s\"\nevents = {{ path = \"/events\"{more} }}");
        let settings = Bench::new().load_with(&GOOD.replace("jwks_file = \"jwks.json\"", &keys), &[]);
        let settings = settings.unwrap_or_else(|found| panic!("{found}"));
        let [events] = &settings.events[..] else { panic!("one") };
        events.clone()
    };
    let plain = events("");
    assert_eq!((&*plain.name, &*plain.issuer, plain.path.as_str()), ("corp", "https://issuer.example", "/events"));
    assert_eq!((plain.max_lifetime, plain.leeway), (Duration::from_secs(3600), Duration::from_secs(5)));
    assert_eq!((plain.place, plain.signers), (Place::Admin, Signers::Issuer));
    let listener = events(", listener = \"public\"").place;
    assert_eq!(listener, Place::Listener("public".into(), HostPattern::Any), "beside a route that covers every path");
    let hosted = events(", listener = \"public\", host = \"Hooks.example\"").place;
    assert_eq!(hosted, Place::Listener("public".into(), HostPattern::Exact("hooks.example".into())));
    let own = |more: &str| match events(more).signers {
        Signers::Own(own) => (own.algorithms, own.source),
        Signers::Issuer => panic!("its own"),
    };
    assert!(matches!(own(", secret_file = \"secret\""), (algorithms, KeySource::Secret(_)) if algorithms == [Algorithm::HS256]));
    let (algorithms, source) = own(", public_key_files = { \"\" = \"issuer.pem\" }");
    assert!(matches!(source, KeySource::PublicKeyFiles(_)));
    assert!(algorithms.len() == 10 && !algorithms.iter().any(|algorithm| algorithm.is_symmetric()));
}
