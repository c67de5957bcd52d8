//! Configurations that are accepted, and the settings they become.

use std::time::Duration;

use crate::config::tests::{Bench, GOOD};
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
    assert!(matches!(&issuer.source, KeySource::JwksFile(file) if file.content == br#"{"keys":[]}"#));
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
