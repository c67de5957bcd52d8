//! Who may: the route's issuers and its rule.

use serde_json::{Value, json};

use crate::support::{Answer, Backend, Gateway, MockIssuer, Signer, Site, configuration, exchange, request, route};

/// Two issuers that give the same subjects, roles and key ids.
struct Parties {
    keys: [Signer; 2],
    issuers: [MockIssuer; 2],
    backend: Backend,
    gateway: Gateway,
}

const CORP: usize = 0;
const PARTNER: usize = 1;

const NAMED: &str = "identity_headers = { X-User-Id = \"sub\", X-User-Issuer = \"iss\", X-User-Roles = \"roles\" }";

impl Parties {
    fn start() -> Self {
        let keys = [Signer::new("k1"), Signer::new("k1")];
        let issuers = [MockIssuer::start("corp", &[&keys[0]]), MockIssuer::start("partner", &[&keys[1]])];
        let backend = Backend::start();
        let everywhere = "token_from = [\"header\", \"cookie\", \"query\"]";
        let admin = "require = { roles = [\"admin\"] }";
        let corp_rule = "require = { roles = [\"admin\"], claims = { \"/iss\" = \"https://corp.example\" } }";
        let routes = [
            route("admin", "/admin", &format!("issuers = [\"corp\"]\n{everywhere}\n{admin}")),
            route("any", "/corp", &format!("issuers = [\"corp\"]\n{everywhere}")),
            route("optional", "/optional", &format!("issuers = [\"corp\"]\n{everywhere}\nanonymous = \"optional\"")),
            route("partner", "/partner", &format!("issuers = [\"partner\"]\n{everywhere}")),
            route("shared", "/shared", &format!("issuers = [\"corp\", \"partner\"]\n{everywhere}\n{NAMED}\n{admin}")),
            route("shared-corp", "/shared/corp", &format!("issuers = [\"corp\", \"partner\"]\n{NAMED}\n{corp_rule}")),
            route("public", "/public", "anonymous = true"),
        ];
        let gateway = Gateway::start(&configuration(&[&issuers[0], &issuers[1]], &[&backend], &routes.concat()));
        Self { keys, issuers, backend, gateway }
    }

    /// A token of the administrator `root`, from one of the parties.
    fn root(&self, party: usize) -> String {
        let mut claims = Signer::claims(&self.issuers[party].issuer(), "root");
        claims["roles"] = json!(["admin"]);
        claims["scope"] = json!("openid admin");
        self.keys[party].token(&claims)
    }

    fn send(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        exchange(self.gateway.plain(), request(line, headers))
    }

    /// The token in each place where one may be.
    fn everywhere(&self, path: &str, token: &str) -> [Answer; 3] {
        [
            self.send(&format!("GET {path}"), &[("Authorization", &format!("Bearer {token}"))]),
            self.send(&format!("GET {path}"), &[("Cookie", &format!("access_token={token}"))]),
            self.send(&format!("GET {path}?access_token={token}"), &[]),
        ]
    }
}

#[test]
fn a_partners_token_with_an_administrators_subject_and_roles_gets_nothing_on_routes_that_do_not_name_the_partner() {
    let parties = Parties::start();
    let partner = parties.root(PARTNER);
    for path in ["/admin", "/corp", "/admin/x"] {
        for answer in parties.everywhere(path, &partner) {
            assert_eq!((answer.status, answer.reason().as_str()), (401, "invalid_token"), "{path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"localhost\", error=\"invalid_token\""));
        }
    }
    // Remembered from a route that does name the partner, it is worth no more.
    assert_eq!(parties.everywhere("/partner", &partner).map(|answer| answer.status), [200; 3]);
    assert_eq!(parties.everywhere("/admin", &partner).map(|answer| answer.status), [401; 3]);
    assert_eq!(parties.everywhere("/admin", &parties.root(CORP)).map(|answer| answer.status), [200; 3]);

    parties.backend.forget();
    let [header, cookie, query] = parties.everywhere("/optional", &partner);
    assert_eq!([header.status, cookie.status, query.status], [401, 200, 401]);
    assert_eq!(parties.backend.sole().aliases("x-forwarded-user"), [], "a partner's cookie is nobody");
    parties.backend.forget();
    parties.everywhere("/public", &partner);
    for received in parties.backend.received() {
        assert_eq!(received.aliases("x-user-id"), []);
        assert_eq!((received.header("authorization"), received.header("cookie")), (None, None));
    }
}

#[test]
fn a_partners_key_signs_for_the_partner_alone() {
    let parties = Parties::start();
    let mut claims = Signer::claims(&parties.issuers[CORP].issuer(), "root");
    claims["roles"] = json!(["admin"]);
    let forged = parties.keys[PARTNER].token(&claims);
    for path in ["/admin", "/shared", "/partner"] {
        assert_eq!(parties.everywhere(path, &forged).map(|answer| answer.status), [401; 3], "{path}");
    }
    assert!(parties.backend.received().is_empty());
}

#[test]
fn a_shared_route_tells_the_backend_whose_subject_it_is() {
    let parties = Parties::start();
    for (party, issuer) in [(CORP, "https://corp.example"), (PARTNER, "https://partner.example")] {
        parties.backend.forget();
        assert_eq!(parties.everywhere("/shared", &parties.root(party)).map(|answer| answer.status), [200; 3]);
        for received in parties.backend.received() {
            let told = ["x-user-id", "x-user-issuer", "x-user-roles"].map(|name| received.header(name));
            assert_eq!(told, [Some("root"), Some(issuer), Some("admin")]);
        }
    }
    let [corp, partner] = [CORP, PARTNER].map(|party| parties.everywhere("/shared/corp", &parties.root(party))[0].status);
    assert_eq!([corp, partner], [200, 403], "a rule may ask for the issuer");
}

#[test]
fn one_subject_of_two_issuers_is_two_callers() {
    let parties = Parties::start();
    let cookies = format!("access_token={}; access_token={}", parties.root(CORP), parties.root(PARTNER));
    let answer = parties.send("GET /shared", &[("Cookie", &cookies)]);
    assert_eq!((answer.status, answer.reason().as_str()), (401, "conflicting_cookies"));
    // Where the partner is not named its cookie verifies for nobody, and is ignored.
    assert_eq!(parties.send("GET /admin", &[("Cookie", &cookies)]).status, 200);
    for party in [CORP, PARTNER] {
        parties.everywhere("/shared", &parties.root(party));
    }
    let hashes: Vec<Value> = {
        crate::support::until("eight access lines", || parties.gateway.access_lines().len() == 8);
        parties.gateway.access_lines().iter().skip(2).map(|line| line["subject"].clone()).collect()
    };
    assert!(hashes[..3].iter().all(|hash| *hash == hashes[0]) && hashes[3..].iter().all(|hash| *hash == hashes[3]));
    assert_ne!(hashes[0], hashes[3]);
}

/// A rule with a claims set that satisfies it and some that do not.
type Case = (&'static str, Value, Vec<Value>);

fn rules_over_roles_and_scopes() -> Vec<Case> {
    let roles = |roles: Value| json!({ "roles": roles });
    let scope = |scope: Value| json!({ "scope": scope });
    vec![
        (
            "{ roles = [\"admin\", \"owner\"] }",
            roles(json!(["owner", "x"])),
            vec![
                json!({}),
                roles(json!(["administrator"])),
                roles(json!(["Admin"])),
                roles(json!("user admin")),
                roles(json!(["user admin"])),
                roles(json!({ "admin": true })),
                roles(json!([["admin"]])),
                roles(json!([true, 1])),
                scope(json!("admin")),
                json!({ "role": ["admin"], "groups": ["admin"] }),
            ],
        ),
        (
            "{ scopes = [\"orders.write\"] }",
            scope(json!("openid orders.write")),
            vec![
                json!({}),
                scope(json!("orders.writer")),
                scope(json!("orders")),
                scope(json!("orders.write,openid")),
                roles(json!(["orders.write"])),
            ],
        ),
        ("{ scopes = [\"a\", \"b\"] }", scope(json!(["b"])), vec![scope(json!(["a b"])), scope(json!([]))]),
        (
            "{ roles = [\"admin\"], scopes = [\"write\"] }",
            json!({ "roles": ["admin"], "scope": "write" }),
            vec![roles(json!(["admin"])), scope(json!("write"))],
        ),
    ]
}

fn rules_over_claims_and_rules() -> Vec<Case> {
    let roles = |roles: Value| json!({ "roles": roles });
    let scope = |scope: Value| json!({ "scope": scope });
    vec![
        (
            "{ claims = { \"/address/country\" = [\"NZ\", \"AU\"], \"/verified\" = true } }",
            json!({ "address": { "country": "AU" }, "verified": true }),
            vec![
                json!({ "address": { "country": "AU" } }),
                json!({ "address": { "country": "AU" }, "verified": "true" }),
                json!({ "address": { "country": "au" }, "verified": true }),
                json!({ "address": "AU", "verified": true }),
                json!({ "/address/country": "AU", "verified": true }),
            ],
        ),
        ("{ claims = { level = 3 } }", json!({ "level": [1, 3] }), vec![json!({ "level": "3" }), json!({ "level": 30 })]),
        (
            "{ any = [{ roles = [\"admin\"] }, { claims = { tenant = \"acme\" } }] }",
            json!({ "tenant": "acme" }),
            vec![json!({}), json!({ "tenant": "acme2" })],
        ),
        (
            "{ all = [{ scopes = [\"read\"] }, { not = { roles = [\"guest\"] } }] }",
            scope(json!("read")),
            vec![json!({}), json!({ "scope": "read", "roles": ["guest"] })],
        ),
        (
            "{ any = [{ all = [{ roles = [\"a\"] }, { roles = [\"b\"] }] }, { not = { any = [{ roles = [\"a\"] }, { roles = [\"c\"] }] } }] }",
            roles(json!(["a", "b"])),
            vec![roles(json!(["a"])), roles(json!(["c"])), roles(json!(["b", "c"]))],
        ),
        (
            "{ not = { claims = { suspended = true } } }",
            json!({}),
            vec![json!({ "suspended": true }), json!({ "suspended": [true] })],
        ),
        ("{ registered = false }", json!({}), vec![]),
        ("{ not = { registered = false } }", json!({ "registered": true }), vec![json!({ "registered": true })]),
    ]
}

#[test]
fn every_kind_of_rule_lets_in_whom_it_names_and_nobody_else() {
    let rules = [rules_over_roles_and_scopes(), rules_over_claims_and_rules()].concat();
    let lines = |rule: &str| format!("require = {rule}");
    let routes: String =
        rules.iter().enumerate().map(|(at, (rule, ..))| route(&format!("r{at}"), &format!("/r{at}"), &lines(rule))).collect();
    let site = Site::start(&routes);
    for (at, (rule, good, bad)) in rules.iter().enumerate() {
        let line = format!("GET /r{at}");
        let answer = site.send_as(&site.token_with(good.clone()), &line, &[]);
        // Nobody is registered with an application while there is no authority.
        let expected = if rule.contains("not = { registered") { 403 } else { 200 };
        assert_eq!(answer.status, expected, "{rule} {good}");
        for claims in bad {
            let answer = site.send_as(&site.token_with(claims.clone()), &line, &[]);
            site.refused(&answer, 403, "policy_denied", &format!("{rule} {claims}"));
        }
        site.refused(&site.send(&line, &[]), 401, "credential_missing", rule);
    }
}

#[test]
fn a_refusal_says_that_more_is_needed_and_not_what() {
    let site = Site::start(&route("all", "/", "require = { scopes = [\"secret.scope\"], roles = [\"secret-role\"] }"));
    let answer = site.send_as(&site.token_with(json!({ "scope": "openid", "roles": ["user"] })), "GET /", &[]);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"localhost\", error=\"insufficient_scope\""));
    assert!(!format!("{answer:?}").contains("secret"), "{answer:?}");
}

#[test]
fn an_issuer_without_roles_and_scope_settings_gives_neither() {
    let routes = [
        route("admin", "/admin", "require = { roles = [\"admin\"] }"),
        route("scope", "/scope", "require = { scopes = [\"admin\"] }"),
    ];
    let settings = ["roles_claim = \"/roles\"\n", "scope_claim = \"/scope\"\n"];
    let site =
        Site::edited(Backend::start(), &routes.concat(), |text| settings.iter().fold(text, |text, line| text.replace(line, "")));
    let token = site.token_with(json!({ "roles": ["admin"], "scope": "admin" }));
    for path in ["/admin", "/scope"] {
        site.refused(&site.send_as(&token, &format!("GET {path}"), &[]), 403, "policy_denied", path);
    }
}

/// Flask runs its DELETE handler for `delete`, and frameworks let headers override the method.
#[test]
fn a_rule_for_a_method_is_not_passed_by_in_lower_case_or_by_an_override() {
    let routes = [route("delete", "/", "methods = [\"DELETE\"]\nrequire = { roles = [\"admin\"] }"), route("rest", "/", "")];
    let site = Site::start(&routes.concat());
    let token = site.token_with(json!({ "roles": ["user"] }));
    site.refused(&site.send_as(&token, "DELETE /", &[]), 403, "policy_denied", "DELETE");
    for method in ["delete", "Delete", "dELETE", "trace", "Connect", "track", "get"] {
        site.refused(&site.send_as(&token, &format!("{method} /"), &[]), 405, "method_not_allowed", method);
    }
    let overrides = [("X-HTTP-Method-Override", "DELETE"), ("X-Method-Override", "DELETE"), ("X_HTTP_Method", "DELETE")];
    let received = site.received(&site.send_as(&token, "POST /", &overrides));
    for (name, _) in overrides {
        assert!(received.aliases(name).is_empty(), "{name} in {:?}", received.headers);
    }
}

#[test]
fn methods_of_one_place_each_have_their_rule() {
    let routes = [
        route("read", "/", "methods = [\"GET\", \"HEAD\"]\nrequire = { scopes = [\"read\"] }"),
        route("write", "/", "methods = [\"POST\"]\nrequire = { scopes = [\"write\"] }"),
        route("rest", "/open", "anonymous = true\nmethods = [\"GET\"]"),
    ];
    let site = Site::start(&routes.concat());
    let (read, write) = (site.token_with(json!({ "scope": "read" })), site.token_with(json!({ "scope": "write" })));
    assert_eq!(site.send_as(&read, "GET /", &[]).status, 200);
    assert_eq!(site.send_as(&write, "POST /", &[]).status, 200);
    site.refused(&site.send_as(&read, "POST /", &[]), 403, "policy_denied", "POST");
    site.refused(&site.send_as(&write, "GET /", &[]), 403, "policy_denied", "GET");
    for method in ["PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let answer = site.send_as(&write, &format!("{method} /"), &[]);
        site.refused(&answer, 405, "method_not_allowed", method);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
    }
    // The longest prefix decides: what it does not list is not looked for below a shorter one.
    site.refused(&site.send_as(&write, "POST /open", &[]), 405, "method_not_allowed", "POST /open");
}
