//! A token of one kind is nothing elsewhere: vended, foreign, for another application, for none, by a shared secret.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::authority::*;
use crate::support::{AuthoritySite, NOW, Signer};

#[test]
fn vended_token_is_no_credential_and_enters_only_a_route_that_lists_vend() {
    let site = AuthoritySite::start();
    let user = site.user("ann", &[ORDERS]);
    // All that an access token says, and the issuer's own name.
    for issuer in [ISSUER.to_owned(), format!("{ISSUER}/vend")] {
        let claims = json!({
            "iss": issuer, "aud": ORDERS, "sub": user, "applicationId": ORDERS, "roles": ["admin"],
            "sid": "0199a7b0-0000-7000-8000-000000000001", "authenticationType": "PASSWORD", "auth_time": NOW.seconds(),
        });
        let answer = site.manage("POST /api/jwt/vend", Some(&json!({ "claims": claims })));
        let token = Tokens::of(&answer).access;
        site.is_no_credential(&token, &issuer);
        assert_eq!(site.validate(&token), 200, "it is a good token, of its own kind");
        for path in ["/orders", "/billing", "/legacy", "/corp"] {
            assert_eq!(site.visit(path, &token), 401, "{path}");
        }
        let expected = if issuer == ISSUER { 401 } else { 200 };
        assert_eq!(site.visit("/vended", &token), expected, "{issuer}");
    }
    let access = site.sign_in("ann", ORDERS).access;
    assert_eq!(site.visit("/vended", &access), 401, "an access token is no vended one");
}

#[test]
fn foreign_token_is_no_credential_whatever_it_says() {
    let site = AuthoritySite::start();
    let user = site.user("ann", &[ORDERS]);
    let own = site.sign_in("ann", ORDERS).access;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(own.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let mut good = Signer::claims(&site.corp.issuer(), &user);
    for name in ["sid", "jti", "auth_time", "authenticationType", "applicationId", "roles"] {
        good[name] = claims[name].clone();
    }
    let token = site.corp_key.token(&good);
    assert_eq!(site.validate(&token), 200);
    site.is_no_credential(&token, "foreign");
    assert_eq!(site.visit("/corp", &token), 200);
    assert_eq!(site.visit("/orders", &token), 401);
    // The authority's own claims under another party's key, by that key's id and by the authority's.
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(own.split('.').next().unwrap()).unwrap()).unwrap();
    for header in [json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" }), header] {
        let forged = site.corp_key.token_of(&header.to_string(), &claims.to_string());
        site.is_dead(&forged, "forged");
        assert_eq!(site.visit("/orders", &forged), 401);
    }
}

#[test]
fn refresh_token_and_api_key_are_no_access_tokens_and_the_other_way_round() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    for value in [tokens.refresh.as_str(), ALL] {
        site.is_dead(value, value);
        assert_eq!(site.visit("/orders", value), 401);
    }
    assert_eq!(site.refresh(&tokens.access).status, 401);
    assert_eq!(site.refresh(ALL).status, 401);
    // As if it were a key.
    assert_eq!(site.ask("GET /api/user?email=ann@example.com", &[("Authorization", &tokens.access)], None).status, 401);
}

#[test]
fn token_without_application_enters_no_route_and_can_be_exchanged() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let answer = site.login("ann", None);
    let token = Tokens::of(&answer);
    assert_eq!(token.refresh, "");
    for path in ["/orders", "/billing", "/legacy", "/vended", "/corp"] {
        assert_eq!(site.visit(path, &token.access), 401, "{path}");
    }
    let exchanged = site.issue(&token.access, ORDERS, None);
    assert_eq!(site.visit("/orders", &Tokens::of(&exchanged).access), 200);
    assert_eq!(site.issue(&token.access, VAULT, None).status, 401, "no application is on no list");
    assert_eq!(site.issue(&token.access, NOTES, None).status, 401);
}

#[test]
fn token_of_202_is_good_for_no_route_and_is_not_exchanged_again() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let token = site.sign_in("ann", ORDERS).access;
    let answer = site.issue(&token, BILLING, None);
    assert_eq!(answer.status, 202);
    assert!(answer.json().get("refreshToken").is_none());
    let unregistered = answer.json()["token"].as_str().unwrap().to_owned();
    for path in ["/orders", "/billing", "/vault"] {
        assert_eq!(site.visit(path, &unregistered), 401, "{path}");
    }
    for application in [ORDERS, BILLING, VAULT] {
        assert_eq!(site.issue(&unregistered, application, None).status, 401);
    }
    assert_eq!(site.validate(&unregistered), 200);
    // A sign-in to an application that the user is not registered with is another thing: who it is was proved.
    let answer = site.login("ann", Some(BILLING));
    assert_eq!(answer.status, 202);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(site.visit("/billing", &token), 401);
    assert!(answer.json().get("refreshToken").is_none(), "{}", answer.text());
}

fn by_secret(header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, LEGACY_SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[test]
fn token_by_a_shared_secret_is_good_at_its_own_route_and_at_validate_alone() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS, LEGACY]);
    let token = site.sign_in("ann", LEGACY).access;
    assert_eq!(site.visit("/legacy", &token), 200);
    assert_eq!(site.validate(&token), 200);
    site.is_no_credential(&token, "by a shared secret");
    for path in ["/orders", "/billing", "/vault"] {
        assert_eq!(site.visit(path, &token), 401, "{path}");
    }
    assert_eq!(site.issue(&site.sign_in("ann", ORDERS).access, LEGACY, None).status, 401, "it is closed");
}

#[test]
fn who_has_a_shared_secret_makes_tokens_for_that_application_only() {
    let site = AuthoritySite::start();
    let user = site.user("ann", &[ORDERS, LEGACY]);
    let token = site.sign_in("ann", LEGACY).access;
    let part = |at: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!(site.visit("/legacy", &by_secret(&header, &claims)), 200, "the secret is the one");
    for (audience, application) in [(json!(ORDERS), ORDERS), (json!(ISSUER), ORDERS), (json!([LEGACY, ORDERS]), LEGACY)] {
        let mut claims = claims.clone();
        (claims["aud"], claims["applicationId"], claims["sub"]) = (audience.clone(), json!(application), json!(user));
        let forged = by_secret(&header, &claims);
        assert_eq!(site.visit("/orders", &forged), 401, "{audience}");
        site.is_no_credential(&forged, &audience.to_string());
        assert_eq!(site.validate(&forged), 401, "{audience}: validate");
    }
    // For its own application, as somebody else.
    let mut claims = claims;
    claims["sub"] = json!("0199a7b0-0000-7000-8000-000000000001");
    site.is_no_credential(&by_secret(&header, &claims), "somebody else");
}
