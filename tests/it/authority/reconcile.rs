//! `POST /api/jwt/reconcile`: a partner signs its users in with tokens of its own.
//!
//! What a partner may say is the attack surface: whoever can have it say another's address or name is that user here.

mod linking;
mod proof;
mod sessions;
mod statuses;

use serde_json::{Map, Value, json};

use crate::support::{Answer, BareAuthority, MockIssuer, NOW, Signer};

const ORDERS: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";
const WIKI: &str = "6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b";
const PARTNER: &str = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea";
const OTHER: &str = "0c5ecd6e-a55f-4d3c-8236-f26a966392eb";

const APPLICATIONS: &str = "[[application]]\nid = \"3c219e58-ed0e-4b18-ad48-f4f92793ae32\"\nname = \"orders\"\n\
    roles = [{ name = \"admin\" }, { name = \"user\", default = true }]\n\n\
    [[application]]\nid = \"6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b\"\nname = \"wiki\"\n\n";

/// The usual further lines of a provider.
const BY_SUBJECT: &str = "unique_identity_claim = \"sub\"\ndomains = [\"partner.example\"]\napplications = [\"orders\"]\n";

/// The block of a provider whose tokens `issuer` signs.
fn provider(id: &str, name: &str, issuer: &MockIssuer, lines: &str) -> String {
    let (iss, url) = (issuer.issuer(), issuer.url());
    let audiences = if lines.contains("insecure_any_audience") { "" } else { "audiences = [\"gateway\"]\n" };
    format!(
        "[[identity_provider]]\nid = \"{id}\"\nname = \"{name}\"\nissuer = \"{iss}\"\n{audiences}jwks_url = \"{url}\"\n{lines}\n"
    )
}

/// An authority with one partner.
struct Partnership {
    site: BareAuthority,
    issuer: MockIssuer,
    key: Signer,
}

impl Partnership {
    /// With these further lines of the provider.
    #[track_caller]
    fn start(lines: &str) -> Self {
        Self::beside(lines, "")
    }

    /// As [`Self::start`], with more blocks.
    #[track_caller]
    fn beside(lines: &str, blocks: &str) -> Self {
        let key = Signer::new("k1");
        let issuer = MockIssuer::start("partner", &[&key]);
        let provider = provider(PARTNER, "partner", &issuer, lines);
        let site = BareAuthority::start(&format!("{APPLICATIONS}{provider}{blocks}"));
        Self { site, issuer, key }
    }

    /// The claims of a good token of the partner's user `ann`, with these beside or in place of the usual ones; `null` takes one
    /// away.
    fn claims(&self, changes: Value) -> Value {
        let mut claims = Signer::claims(&self.issuer.issuer(), "ann");
        claims["email"] = json!("ann@partner.example");
        claims["email_verified"] = json!(true);
        let changes: Map<String, Value> = serde_json::from_value(changes).unwrap();
        claims.as_object_mut().unwrap().extend(changes);
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn token(&self, changes: Value) -> String {
        self.key.token(&self.claims(changes))
    }

    /// Reconciles `token` for `orders`, with these members more in the body.
    #[track_caller]
    fn present(&self, token: &str, more: Value) -> Answer {
        reconcile(&self.site, PARTNER, token, more)
    }

    /// Reconciles a token with these claims.
    #[track_caller]
    fn sign_in(&self, changes: Value) -> Answer {
        self.present(&self.token(changes), json!({}))
    }

    /// Makes a user through the API; the id.
    #[track_caller]
    fn add_user(&self, user: &Value) -> String {
        let made = self.site.manage("POST /api/user", Some(&json!({ "user": user })));
        assert_eq!(made.status, 200, "{}", made.text());
        id_in(&made)
    }

    /// The user of this id.
    #[track_caller]
    fn user(&self, id: &str) -> Value {
        self.site.manage(&format!("GET /api/user/{id}"), None).json()["user"].take()
    }
}

#[track_caller]
fn reconcile(site: &BareAuthority, provider: &str, token: &str, more: Value) -> Answer {
    let mut body = json!({ "applicationId": ORDERS, "identityProviderId": provider, "data": { "token": token } });
    let more: Map<String, Value> = serde_json::from_value(more).unwrap();
    body.as_object_mut().unwrap().extend(more);
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    site.call("POST /api/jwt/reconcile", &[], Some(&body))
}

/// The user's id in an answer.
#[track_caller]
fn id_in(answer: &Answer) -> String {
    answer.json()["user"]["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

/// Fails where a request was not refused with this status and nothing else.
#[track_caller]
fn refused(answer: &Answer, status: u16, about: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (status, ""), "{about}");
    assert_eq!(answer.header("content-type"), None, "{about}");
}

/// Seconds from the start of the test's clock.
fn after(seconds: u64) -> u64 {
    NOW.seconds() + seconds
}
