//! Configurations with an authority that are accepted, and the settings they become.

use std::time::Duration;

use http::Method;
use uuid::Uuid;

use crate::authority::{
    ApiKey, AuthoritySettings, Expiration, Linking, PasswordSettings, Permissions, ProviderApplication, Role, Signing,
    SingleSignOn, Usage,
};
use crate::config::Settings;
use crate::config::tests::{AUTHORITY, Bench, GOOD};
use crate::issuer::KeySource;
use crate::policy::Rule;
use crate::route::{Access, RouteSettings};
use crate::secret::Secret;
use crate::store::{EncryptionKey, Location};
use crate::token::Algorithm;

const ORDERS: Uuid = Uuid::from_u128(0x3c21_9e58_ed0e_4b18_ad48_f4f9_2793_ae32);
const OTHER: &str = "\n[[application]]\nid = \"6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b\"\nname = \"other\"\n";
const OTHER_ID: Uuid = Uuid::from_u128(0x6f1c_b5d4_4b64_4b5e_9c1d_70ab_1a1f_be0b);
const ISSUER: &str = "\n[[issuer]]\nname = \"corp\"\nissuer = \"https://partner.example\"\naudiences = [\"tollgate\"]\n\
                      algorithms = [\"ES256\"]\njwks_file = \"jwks.json\"\n";

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// The settings of the good configuration with `changes` (from, to) and `more` at its end.
#[track_caller]
fn settings(changes: &[(&str, &str)], more: &str) -> Settings {
    let mut text = AUTHORITY.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text.push_str(more);
    Bench::new().load_with(&text, &[]).unwrap_or_else(|found| panic!("{found}"))
}

#[track_caller]
fn authority(changes: &[(&str, &str)], more: &str) -> AuthoritySettings {
    settings(changes, more).authority.unwrap()
}

/// The first route, with more lines at its end and `more` after it.
#[track_caller]
fn route(lines: &str, more: &str) -> RouteSettings {
    settings(&[], &format!("{lines}{more}")).routes.into_iter().next().unwrap()
}

#[test]
fn what_is_left_out_has_its_default() {
    let bench = Bench::new();
    let settings = bench.load_with(AUTHORITY, &[]).unwrap();
    assert_eq!(settings.warnings, []);
    let store = settings.store.unwrap();
    assert_eq!(store.location, Location::Sqlite(bench.path().with_file_name("tollgate.db")));
    assert_eq!(store.encryption_key, EncryptionKey::File(bench.path().with_file_name("tollgate.key")));
    let authority = settings.authority.unwrap();
    assert_eq!((&*authority.issuer, authority.host.as_deref()), ("acme.com", Some("auth.example.com")));
    assert_eq!((authority.algorithm, authority.key_rotation), (Algorithm::ES256, Some(hours(90 * 24))));
    let lifetimes = [authority.access_token_lifetime, authority.refresh_token_lifetime, authority.vend_max_lifetime];
    assert_eq!(lifetimes, [hours(1), hours(30 * 24), hours(1)]);
    assert_eq!((authority.cookie_domain, authority.tenant_id, authority.own_list_shows_tokens), (None, None, false));
    assert_eq!(authority.passwords, PasswordSettings::default());
    let orders = &authority.applications[0];
    assert_eq!((orders.id, &*orders.name), (ORDERS, "orders"));
    let role = |name: &str, is_default| Role { name: name.to_owned(), is_default };
    assert_eq!(orders.roles, [role("admin", false), role("user", true)]);
    assert_eq!(orders.single_sign_on, SingleSignOn::Open);
    assert!(orders.generate_refresh_tokens && orders.allow_token_refresh && orders.login_requires_api_key);
    assert_eq!((orders.usage, orders.expiration, &orders.signing), (Usage::Reusable, Expiration::Fixed, &Signing::Authority));
    assert_eq!((orders.access_token_lifetime, orders.refresh_token_lifetime), (None, None));
}

#[test]
fn a_provider_takes_every_public_key_algorithm_and_names_users_by_email() {
    let authority = authority(&[], "");
    let partner = &authority.identity_providers[0];
    assert_eq!((&*partner.name, partner.audiences.as_deref()), ("partner", Some(&["tollgate".to_owned()][..])));
    assert_eq!(partner.algorithms.len(), 10);
    assert!(!partner.algorithms.iter().any(|algorithm| algorithm.is_symmetric()));
    assert!(matches!(&partner.source, KeySource::PublicKeyFiles(files) if files[0].0.as_deref() == Some("kid-1")));
    assert_eq!((partner.header_key_parameter.as_str(), partner.default_key.as_deref()), ("kid", None));
    let claims = [&partner.unique_identity_claim, &partner.email_claim, &partner.email_verified_claim, &partner.username_claim];
    assert_eq!(claims, ["email", "email", "email_verified", "preferred_username"]);
    assert_eq!((partner.linking, partner.trust_email, partner.domains.len()), (Linking::Email, false, 0));
    assert_eq!(partner.applications, [ProviderApplication { id: ORDERS, create_registration: true }]);
}

#[test]
fn a_provider_as_it_is_written_out() {
    let lines = "domains = [\"Partner.Example\"]\nlinking = \"existing-username\"\ninsecure_any_audience = true\n\
                 claim_map = { given_name = \"firstName\", a = \"UserData\", b = \"UserData\" }\ndefault_key = \"kid-1\"";
    let applications = "applications = [{ name = \"orders\", create_registration = false }, \"other\"]";
    let changes = [("audiences = [\"tollgate\"]", lines), ("applications = [\"orders\"]", applications)];
    let settings = settings(&changes, OTHER);
    let [warning] = &settings.warnings[..] else { panic!("{:?}", settings.warnings) };
    assert_eq!(warning.key, "identity_provider.partner.insecure_any_audience");
    let authority = settings.authority.unwrap();
    let partner = &authority.identity_providers[0];
    assert_eq!((&partner.audiences, partner.linking), (&None, Linking::ExistingUsername));
    assert_eq!((partner.domains.join(" ").as_str(), partner.default_key.as_deref()), ("partner.example", Some("kid-1")));
    assert_eq!(partner.claim_map.len(), 3);
    let given = |id, create_registration| ProviderApplication { id, create_registration };
    assert_eq!(partner.applications, [given(ORDERS, false), given(OTHER_ID, true)]);
}

#[test]
fn an_application_as_it_is_written_out() {
    let lines = "single_sign_on = [\"other\"]\nrefresh_token_usage = \"one-time\"\none_time_grace = \"2m\"\n\
                 refresh_token_expiration = \"sliding-with-maximum\"\nrefresh_token_lifetime = \"1d\"\n\
                 refresh_token_maximum_lifetime = \"2d\"\nsigning_algorithm = \"EdDSA\"\nname = \"orders\"";
    let authority = authority(&[("name = \"orders\"", lines)], OTHER);
    let orders = &authority.applications[0];
    assert_eq!(orders.single_sign_on, SingleSignOn::From(vec![OTHER_ID]));
    assert_eq!(orders.usage, Usage::OneTime { grace: Duration::from_secs(120) });
    assert_eq!(orders.expiration, Expiration::SlidingWithMaximum(hours(48)));
    assert_eq!((authority.refresh_token_lifetime(orders), &orders.signing), (hours(24), &Signing::Own(Algorithm::EdDSA)));
}

#[test]
fn refresh_tokens_are_good_once_where_anyone_may_sign_in() {
    let authority = authority(&[("name = \"orders\"", "name = \"orders\"\nlogin_requires_api_key = false")], "");
    assert_eq!(authority.applications[0].usage, Usage::OneTime { grace: Duration::from_secs(60) });
}

#[test]
fn an_application_may_have_a_secret_of_its_own() {
    let lines = "name = \"orders\"\nsingle_sign_on = false\nsigning_algorithm = \"HS256\"\nsigning_secret_file = \"secret\"";
    let secret = Secret::new(b"0123456789abcdef0123456789abcdef".to_vec());
    let authority = authority(&[("name = \"orders\"", lines)], "");
    assert_eq!(authority.applications[0].signing, Signing::Secret(Algorithm::HS256, secret));
}

#[test]
fn an_api_key_has_its_permissions_and_nothing_without() {
    let keys = "\n[[api_key]]\nname = \"all\"\nkey_file = \"secret\"\npermissions = \"all\"\nshow_refresh_tokens = true\n\
                [[api_key]]\nname = \"none\"\nsha256 = \"00000000000000000000000000000000000000000000000000000000000000ff\"\n";
    let authority = authority(&[], keys);
    let [ops, all, none] = &authority.api_keys[..] else { panic!("three") };
    assert_eq!((ops.sha256[0], ops.sha256[23], ops.show_refresh_tokens), (0x01, 0xef, false));
    let refresh = ("/api/jwt/refresh".to_owned(), vec![Method::GET, Method::DELETE]);
    assert_eq!(ops.permissions, Permissions::Only([refresh].into()));
    assert_eq!(all.sha256, ApiKey::digest(b"0123456789abcdef0123456789abcdef"));
    assert!(all.permissions == Permissions::All && all.show_refresh_tokens);
    assert_eq!((none.sha256[31], &none.permissions), (0xff, &Permissions::Only([].into())));
}

#[test]
fn a_route_of_an_application_takes_the_authoritys_tokens_from_users_that_are_registered() {
    let plain = route("", "");
    assert_eq!((plain.application, plain.issuers.join(" ").as_str()), (Some(ORDERS), "authority"));
    assert!(plain.token_from.header && plain.token_from.cookie && !plain.token_from.query);
    assert!(matches!(plain.access, Access::Required(Rule::Registered(true))));
    let admins = || Rule::Roles(vec!["admin".into()]);
    let registered = Rule::All(vec![Rule::Registered(true), admins()]);
    let roles = route("require = { roles = [\"admin\"] }\n", "");
    assert!(matches!(roles.access, Access::Required(rule) if rule == registered));
    let optional = route("anonymous = \"optional\"\n", "");
    assert!(matches!(optional.access, Access::Optional(Rule::Registered(true))));
    assert!(!route("token_from = [\"header\"]\n", "").token_from.cookie);
}

#[test]
fn a_rule_that_speaks_of_registration_decides_about_it() {
    for rule in
        ["{ registered = false }", "{ any = [{ registered = true }, { roles = [\"a\"] }] }", "{ not = { registered = true } }"]
    {
        let Access::Required(found) = route(&format!("require = {rule}\n"), "").access else { panic!("{rule}") };
        let added = matches!(&found, Rule::All(rules) if rules.first() == Some(&Rule::Registered(true)));
        assert!(!added && found != Rule::Registered(true), "{rule}: {found:?}");
    }
}

#[test]
fn a_route_of_an_application_may_take_other_issuers_too() {
    let lines = "issuers = [\"corp\", \"authority\", \"vend\"]\nidentity_headers = { X-User = \"sub\", X-Issuer = \"iss\" }\n";
    let route = route(lines, ISSUER);
    assert_eq!(route.issuers.join(" "), "authority corp vend");
    assert!(matches!(route.access, Access::Required(Rule::All(rules)) if rules.is_empty()));
}

#[test]
fn a_route_beside_an_authority_may_take_other_tokens_only() {
    for issuer in ["vend", "corp"] {
        let settings = settings(&[("application = \"orders\"\n", &format!("issuers = [\"{issuer}\"]\n"))], ISSUER);
        let route = &settings.routes[0];
        assert_eq!((route.application, route.issuers.join(" ").as_str(), route.token_from.cookie), (None, issuer, false));
    }
}

#[test]
fn without_routes_the_api_answers_on_any_host() {
    let (text, _) = AUTHORITY.split_once("[[upstream]]").unwrap();
    let settings = Bench::new().load_with(&text.replace("host = \"auth.example.com\"\n", ""), &[]).unwrap();
    assert_eq!((settings.routes.len(), settings.authority.unwrap().host), (0, None));
}

#[test]
fn paths_beside_the_apis_are_free() {
    for (host, path) in [
        ("auth.example.com", "/"),
        ("auth.example.com", "/api"),
        ("auth.example.com", "/api/users"),
        ("auth.example.com", "/.well-known"),
        ("orders.example.com", "/api/jwt"),
        ("*.auth.example.com", "/api/jwt"),
    ] {
        settings(&[("path = \"/\"", &format!("host = \"{host}\"\npath = \"{path}\""))], "");
    }
}

#[test]
fn hosts_in_the_cookie_domain_and_routes_without_host_are_good() {
    let domain = "host = \"auth.example.com\"\ncookie_domain = \"Example.COM\"";
    for host in ["", "host = \"example.com\"\n", "host = \"*.example.com\"\n", "host = \"a.b.example.com\"\n"] {
        let found = settings(&[("host = \"auth.example.com\"", domain), ("path = \"/\"", &format!("{host}path = \"/\""))], "");
        assert_eq!(found.authority.unwrap().cookie_domain.as_deref(), Some("example.com"));
    }
}

#[test]
fn a_plain_listener_off_loopback_is_warned_of_where_it_is_allowed() {
    let settings = settings(&[("\"127.0.0.1:8443\"", "\"0.0.0.0:8080\"\ninsecure_plain_http = true")], "");
    let [warning] = &settings.warnings[..] else { panic!("{:?}", settings.warnings) };
    assert_eq!(warning.key, "listener.public.insecure_plain_http");
    let good = GOOD.replace("127.0.0.1:8443", "0.0.0.0:8080");
    assert_eq!(Bench::new().load_with(&good, &[]).unwrap().warnings, [], "without an authority nothing is asked");
}

#[test]
fn a_store_may_stand_alone_and_its_file_anywhere() {
    let store = "\n[store]\nurl = \"sqlite:///var/lib/tollgate.db\"\nencryption_key_file = \"store.key\"\n";
    let bench = Bench::new();
    bench.write("store.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", 0o600);
    let settings = bench.load_with(&format!("{GOOD}{store}"), &[]).unwrap();
    assert_eq!(settings.store.unwrap().location, Location::Sqlite("/var/lib/tollgate.db".into()));
    assert!(settings.authority.is_none());
}

#[test]
fn a_key_that_is_made_with_the_store_is_no_news() {
    let bench = Bench::new();
    let files = bench.load_with(AUTHORITY, &[]).unwrap().files;
    bench.write("tollgate.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 0o600);
    assert!(!files.iter().any(|file| file.path.ends_with("tollgate.key")));
    bench.write("tollgate.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 0o644);
    let refused = bench.load_with(AUTHORITY, &[]).unwrap_err();
    assert!(refused.files.iter().any(|file| file.path.ends_with("tollgate.key")), "closing it is");
}

#[test]
fn the_environment_sets_the_parts_of_an_authority() {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let environment = [
        ("TOLLGATE_STORE__ENCRYPTION_KEY", key),
        ("TOLLGATE_AUTHORITY__SIGNING_KEY_ROTATION", "never"),
        ("TOLLGATE_APPLICATION__ORDERS__SINGLE_SIGN_ON", "other, orders"),
        ("TOLLGATE_APPLICATION__OTHER__SINGLE_SIGN_ON", "false"),
        ("TOLLGATE_API_KEY__OPS__PERMISSIONS", "all"),
        ("TOLLGATE_IDENTITY_PROVIDER__PARTNER__APPLICATIONS", "[\"other\", { name = \"orders\", create_registration = false }]"),
    ];
    let text = AUTHORITY.replace("encryption_key_file = \"tollgate.key\"\n", "");
    let settings = Bench::new().load_with(&format!("{text}{OTHER}"), &environment).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(settings.store.unwrap().encryption_key, EncryptionKey::Given(Secret::new(key.into())));
    let authority = settings.authority.unwrap();
    let [orders, other] = &authority.applications[..] else { panic!("two") };
    assert_eq!((authority.key_rotation, &other.single_sign_on), (None, &SingleSignOn::Closed));
    assert_eq!(orders.single_sign_on, SingleSignOn::From(vec![OTHER_ID, ORDERS]));
    assert_eq!(authority.api_keys[0].permissions, Permissions::All);
    assert_eq!(authority.identity_providers[0].applications.len(), 2);
}
