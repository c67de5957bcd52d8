//! Environment variables that are accepted or ignored.

use std::time::Duration;

use crate::config::tests::{Bench, GOOD};
use crate::issuer::KeySource;
use crate::policy::Rule;
use crate::route::Access;

#[test]
fn variables_override_settings_of_every_kind() {
    let environment = [
        ("TOLLGATE_ADMIN__ADDRESS", "127.0.0.1:1"),
        ("TOLLGATE_RUNTIME__WORKERS", "3"),
        ("TOLLGATE_LOG__ACCESS", "false"),
        ("TOLLGATE_LISTENER__PUBLIC__LIMITS__CONNECTIONS", "7"),
        ("TOLLGATE_ISSUER__CORP__AUDIENCES", "a, b"),
        ("TOLLGATE_ISSUER__CORP__TYPES", r#"["x,y"]"#),
        ("TOLLGATE_ISSUER__CORP__LEEWAY", "5s"),
        ("TOLLGATE_ROUTE__ALL__REQUIRE", r#"{ roles = ["admin"] }"#),
    ];
    let settings = Bench::new().load_with(GOOD, &environment).unwrap();
    assert_eq!((settings.admin.unwrap().port(), settings.workers, settings.log.access), (1, 3, false));
    assert_eq!((settings.listeners[0].limits.connections, settings.listeners[0].limits.handshakes), (7, 512));
    let issuer = &settings.issuers[0];
    assert_eq!((issuer.audiences.join("|"), issuer.types.join("|")), ("a|b".to_owned(), "x,y".to_owned()));
    assert_eq!(issuer.leeway, Duration::from_secs(5));
    assert!(matches!(&settings.routes[0].access, Access::Required(Rule::Roles(roles)) if roles == &["admin".into()]));
}

#[test]
fn a_value_of_digits_can_be_a_text() {
    let text = GOOD.replace("ES256", "HS256").replace("jwks_file = \"jwks.json\"\n", "");
    let secret = "12345678901234567890123456789012";
    let settings = Bench::new().load_with(&text, &[("TOLLGATE_ISSUER__CORP__SECRET", secret)]).unwrap();
    assert!(matches!(&settings.issuers[0].source, KeySource::Secret(found) if found.expose() == secret.as_bytes()));
}

#[test]
fn blocks_are_addressed_by_name_in_capitals() {
    let text = GOOD.replace("name = \"up\"", "name = \"my-up.1\"").replace("upstream = \"up\"", "upstream = \"my-up.1\"");
    let settings = Bench::new().load_with(&text, &[("TOLLGATE_UPSTREAM__MY_UP_1__MAX_IDLE", "9")]).unwrap();
    assert_eq!(settings.upstreams[0].max_idle, 9);
}

#[test]
fn variables_that_name_no_section_are_ignored() {
    let environment = [
        ("TOLLGATE_PORT_8443_TCP", "tcp://10.0.0.1:8443"),
        ("TOLLGATE_PORT_8443_TCP__PROTO", "tcp"),
        ("TOLLGATE_SERVICE_HOST", "10.0.0.1"),
        ("TOLLGATE_ADMIN_SERVICE_PORT", "1"),
        ("TOLLGATE_", ""),
        ("RUNTIME__WORKERS", "x"),
    ];
    assert!(Bench::new().load_with(GOOD, &environment).is_ok());
}
