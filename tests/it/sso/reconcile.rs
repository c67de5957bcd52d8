//! Partners' tokens on routes: the user that they mean goes on as one of the application's.

use std::sync::Barrier;
use std::time::Duration;

use serde_json::{Value, json};

use super::{claims, given, issued, told};
use crate::support::authority::*;
use crate::support::{AuthoritySite, MockIssuer, Signer};

const PARTNER: &str = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea";

struct Partnership {
    site: AuthoritySite,
    issuer: MockIssuer,
    key: Signer,
}

impl Partnership {
    fn start() -> Self {
        let key = Signer::new("p1");
        let issuer = MockIssuer::start("partner", &[&key]);
        let blocks = format!(
            "[[identity_provider]]\nid = \"{PARTNER}\"\nname = \"partner\"\nissuer = \"{}\"\naudiences = [\"gateway\"]\n\
             jwks_url = \"{}\"\nunique_identity_claim = \"sub\"\ndomains = [\"partner.example\"]\napplications = [\"orders\", \"billing\"]\n\n\
             [[route]]\nname = \"theirs\"\npath = \"/theirs\"\nupstream = \"backend-0\"\napplication = \"orders\"\n\
             reconcile = \"partner\"\nauthorization = \"exchanged\"\n\n\
             [[route]]\nname = \"too\"\npath = \"/too\"\nupstream = \"backend-0\"\napplication = \"billing\"\nreconcile = \"partner\"\n\n",
            issuer.issuer(),
            issuer.url()
        );
        let site = AuthoritySite::edited(|text| text + &blocks);
        Self { site, issuer, key }
    }

    fn token(&self, changes: &Value) -> String {
        let mut claims = Signer::claims(&self.issuer.issuer(), "ann");
        claims["email"] = json!("ann@partner.example");
        claims["email_verified"] = json!(true);
        claims["iat"] = json!(self.site.gateway.clock.now().seconds());
        claims["exp"] = json!(self.site.gateway.clock.now().seconds() + 300);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.key.token(&claims)
    }
}

#[test]
fn partners_token_is_reconciled_once_and_goes_on_as_the_local_user() {
    let it = Partnership::start();
    let (site, token) = (&it.site, it.token(&json!({})));
    let barrier = Barrier::new(32);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(site.visit("/theirs", &token), 200);
            });
        }
    });
    assert_eq!(issued(site, "orders", "reconcile"), 1.0);
    let user = site.manage("GET /api/user?email=ann@partner.example", None).json()["user"]["id"].as_str().unwrap().to_owned();
    assert_eq!((told(site, "x-forwarded-user"), told(site, "x-forwarded-groups").as_deref()), (Some(user.clone()), Some("user")));
    let made = claims(&given(site).unwrap());
    assert_eq!(
        (&made["sub"], &made["use"], &made["authenticationType"]),
        (&json!(user), &json!("backend"), &json!("FEDERATED_JWT"))
    );
    assert_eq!(made["exp"], claims(&token)["exp"], "nothing outlives the partner's token");
    let tokens = site.manage(&format!("GET /api/jwt/refresh?userId={user}"), None);
    assert_eq!(tokens.json()["refreshTokens"], json!([]));
    assert_eq!(site.visit("/too", &token), 200);
    assert_eq!((site.visit("/theirs", &token), site.visit("/too", &token)), (200, 200));
    assert_eq!((issued(site, "orders", "reconcile"), issued(site, "billing", "reconcile")), (1.0, 1.0));
    for path in ["/orders", "/billing"] {
        assert_eq!(site.visit(path, &token), 401, "{path} takes the authority's tokens alone");
    }
    site.gateway.clock.advance(Duration::from_secs(331));
    assert_eq!(site.visit("/theirs", &token), 401, "it has expired");
}

#[test]
fn authoritys_own_tokens_enter_beside_the_partners() {
    let it = Partnership::start();
    it.site.user("bob", &[ORDERS, BILLING]);
    let token = it.site.sign_in("bob", BILLING).access;
    assert_eq!((it.site.visit("/theirs", &token), it.site.visit("/too", &token)), (200, 200));
}

#[test]
fn partners_token_that_is_not_good_is_401() {
    let it = Partnership::start();
    let other = Signer::new("p1");
    let forged = other.token(&claims(&it.token(&json!({}))));
    let bad = [
        forged,
        it.token(&json!({ "aud": "another" })),
        it.token(&json!({ "exp": it.site.gateway.clock.now().seconds() - 60 })),
        it.token(&json!({ "email": "ann@elsewhere.example" })),
        it.token(&json!({ "iss": "https://other.example" })),
        it.site.corp_key.token(&Signer::claims(&it.site.corp.issuer(), "ann")),
    ];
    for token in bad {
        assert_eq!(it.site.visit("/theirs", &token), 401, "{}", claims(&token));
    }
    assert_eq!(issued(&it.site, "orders", "reconcile"), 0.0);
}

#[test]
fn whoever_was_shut_out_is_not_let_in_by_the_partners_token_of_before() {
    let it = Partnership::start();
    let (site, token) = (&it.site, it.token(&json!({})));
    assert_eq!(site.visit("/theirs", &token), 200);
    let user = told(site, "x-forwarded-user").unwrap();
    site.revoke(&format!("userId={user}"));
    assert_eq!(site.visit("/theirs", &token), 401);
    site.gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(site.visit("/theirs", &it.token(&json!({}))), 200, "a new one is a new sign-in");
    assert_eq!(site.manage(&format!("DELETE /api/user/{user}"), None).status, 200);
    site.gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(site.visit("/theirs", &it.token(&json!({}))), 401, "deactivated");
}

#[test]
fn provider_out_of_reach_is_503_for_its_tokens_alone() {
    let it = Partnership::start();
    it.site.user("bob", &[ORDERS]);
    it.issuer.now(crate::support::Serves::Hangs);
    let unknown = Signer::new("p2").token(&claims(&it.token(&json!({}))));
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| it.site.visit("/theirs", &unknown));
        assert_eq!(it.site.visit("/theirs", &it.site.sign_in("bob", ORDERS).access), 200);
        it.issuer.now(crate::support::Serves::Status(500));
        assert!(matches!(stuck.join().unwrap(), 401 | 503));
    });
}
