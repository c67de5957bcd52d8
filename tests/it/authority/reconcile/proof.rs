//! What is no token of the partner.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{APPLICATIONS, BY_SUBJECT, OTHER, PARTNER, Partnership, after, id_in, provider, reconcile, refused};
use crate::support::{Algorithm, BareAuthority, MockIssuer, Signer, until};

#[test]
fn a_partners_token_for_another_audience_is_refused_unless_any_will_do() {
    let partnership = Partnership::start(BY_SUBJECT);
    for audience in [json!("another"), json!([]), json!(["another"]), json!(7), Value::Null] {
        refused(&partnership.sign_in(json!({ "aud": audience })), 401, &audience.to_string());
    }
    assert_eq!(partnership.sign_in(json!({ "aud": ["another", "gateway"] })).status, 200);
    let anyone = Partnership::start(&format!("{BY_SUBJECT}insecure_any_audience = true\n"));
    for audience in [json!("another"), Value::Null] {
        assert_eq!(anyone.sign_in(json!({ "aud": audience })).status, 200, "{audience}");
    }
}

#[test]
fn a_providers_key_never_verifies_another_providers_token() {
    // The same issuer string and the same key id, and each its own key.
    let (key, other_key) = (Signer::new("k1"), Signer::new("k1"));
    let (issuer, other) = (MockIssuer::start("partner", &[&key]), MockIssuer::start("partner", &[&other_key]));
    let blocks = provider(PARTNER, "partner", &issuer, BY_SUBJECT) + &provider(OTHER, "other", &other, BY_SUBJECT);
    let site = BareAuthority::start(&format!("{APPLICATIONS}{blocks}"));
    let mut claims = Signer::claims(&issuer.issuer(), "ann");
    claims["email"] = json!("ann@partner.example");
    claims["email_verified"] = json!(true);
    let (token, others) = (key.token(&claims), other_key.token(&claims));
    for (id, token, status) in [(PARTNER, &token, 200), (OTHER, &others, 200), (PARTNER, &others, 401), (OTHER, &token, 401)] {
        assert_eq!(reconcile(&site, id, token, json!({})).status, status, "{id}");
    }
}

#[test]
fn a_token_of_the_authority_is_no_partner_token() {
    let partnership = Partnership::start(BY_SUBJECT);
    let own = partnership.sign_in(json!({})).json()["token"].as_str().unwrap().to_owned();
    refused(&partnership.present(&own, json!({})), 401, "the authority's own");
    // And where a partner publishes the authority's keys as its own.
    let keys = partnership.site.call("GET /.well-known/jwks.json", &[], None).json()["keys"].take();
    partnership.issuer.now(crate::support::Serves::Keys(keys.as_array().unwrap().clone()));
    partnership.site.gateway.clock.advance(Duration::from_secs(20));
    refused(&partnership.present(&own, json!({})), 401, "though its key is the partner's");
    let body = json!({ "claims": partnership.claims(json!({})) });
    let vended = partnership.site.manage("POST /api/jwt/vend", Some(&body)).json()["token"].as_str().unwrap().to_owned();
    refused(&partnership.present(&vended, json!({})), 401, "nor is one that it vends");
}

#[test]
fn a_token_without_a_signature_or_with_the_public_key_as_its_secret_is_refused() {
    let partnership = Partnership::start(BY_SUBJECT);
    let claims = partnership.claims(json!({})).to_string();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": "k1" }).to_string();
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&claims));
        refused(&partnership.present(&unsigned, json!({})), 401, alg);
        refused(&partnership.present(&partnership.key.token_of(&header, &claims), json!({})), 401, alg);
    }
    for secret in
        [partnership.key.public_pem().into_bytes(), partnership.key.public_der(), partnership.key.jwk().to_string().into()]
    {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#),
            URL_SAFE_NO_PAD.encode(&claims)
        );
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
        refused(&partnership.present(&forged, json!({})), 401, "HS256 with the public key");
    }
}

#[test]
fn what_is_not_signed_issued_or_in_its_time_is_refused() {
    let partnership = Partnership::start(BY_SUBJECT);
    let stranger = Signer::new("k1");
    refused(&partnership.present(&stranger.token(&partnership.claims(json!({}))), json!({})), 401, "another's signature");
    for (claims, about) in [
        (json!({ "iss": "https://evil.example" }), "another issuer"),
        (json!({ "iss": "https://partner.example/" }), "nearly the issuer"),
        (json!({ "iss": null }), "no issuer"),
        (json!({ "iss": ["https://partner.example"] }), "an issuer that is a list"),
        (json!({ "exp": after(0) - 31 }), "expired"),
        (json!({ "exp": null }), "without end"),
        (json!({ "exp": "9999999999" }), "an end that is text"),
        (json!({ "nbf": after(31) }), "not yet valid"),
        (json!({ "iat": after(31) }), "from the future"),
    ] {
        refused(&partnership.sign_in(claims), 401, about);
    }
    let good = partnership.token(json!({}));
    let tampered = good.replacen('.', ".e", 1);
    for token in ["x", "a.b.c", "....", &tampered, &format!("{good}x"), &"x".repeat(20_000)] {
        refused(&partnership.present(token, json!({})), 401, &token[..token.len().min(40)]);
    }
    let long = partnership.token(json!({ "padding": "x".repeat(17_000) }));
    refused(&partnership.present(&long, json!({})), 401, "longer than any token");
    assert_eq!(partnership.present(&good, json!({})).status, 200);
}

#[test]
fn only_types_of_tokens_that_sign_in_are_taken() {
    let partnership = Partnership::start(BY_SUBJECT);
    let claims = partnership.claims(json!({})).to_string();
    for (kind, status) in [
        (json!({}), 200),
        (json!({ "typ": "at+jwt" }), 200),
        (json!({ "typ": "application/at+JWT" }), 200),
        (json!({ "typ": "vend+jwt" }), 401),
        (json!({ "typ": "logout+jwt" }), 401),
        (json!({ "typ": 7 }), 401),
        (json!({ "crit": ["exp"] }), 401),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "k1" });
        header.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        let token = partnership.key.token_of(&header.to_string(), &claims);
        assert_eq!(partnership.present(&token, json!({})).status, status, "{kind}");
    }
}

#[test]
fn the_key_may_be_named_by_another_member() {
    let lines = format!("{BY_SUBJECT}header_key_parameter = \"x5t\"\ndefault_key = \"k1\"\n");
    let partnership = Partnership::start(&lines);
    let second = Signer::new("k2");
    partnership.issuer.publish(&[&partnership.key, &second]);
    partnership.site.gateway.clock.advance(Duration::from_secs(20));
    let claims = partnership.claims(json!({})).to_string();
    let first = &partnership.key;
    for (key, header, status) in [
        (&second, json!({ "x5t": "k2", "kid": "k1" }), 200),
        (first, json!({ "x5t": "k1" }), 200),
        (first, json!({}), 200),
        (first, json!({ "kid": "k2" }), 200),
        (&second, json!({}), 401),
        (&second, json!({ "kid": "k2" }), 401),
        (&second, json!({ "x5t": "k1" }), 401),
        (first, json!({ "x5t": ["k1"] }), 401),
        (first, json!({ "x5t": null }), 401),
        (first, json!({ "x5t": "k3" }), 401),
    ] {
        let mut header = header;
        header["alg"] = json!("ES256");
        let answer = partnership.present(&key.token_of(&header.to_string(), &claims), json!({}));
        assert_eq!(answer.status, status, "{header}");
    }
}

#[test]
fn rotated_keys_are_fetched_and_the_former_ones_end() {
    let partnership = Partnership::start(BY_SUBJECT);
    let former = partnership.token(json!({}));
    let id = id_in(&partnership.present(&former, json!({})));
    let next = Signer::new("k2");
    partnership.issuer.publish(&[&next]);
    partnership.site.gateway.clock.advance(Duration::from_secs(20));
    let token = next.token(&partnership.claims(json!({})));
    assert_eq!(id_in(&partnership.present(&token, json!({}))), id);
    refused(&partnership.present(&former, json!({})), 401, "its key is withdrawn");
}

#[test]
fn a_flood_of_bad_tokens_fetches_no_keys_and_makes_no_user() {
    let partnership = Partnership::start(BY_SUBJECT);
    assert_eq!(partnership.sign_in(json!({})).status, 200);
    let fetches = partnership.issuer.fetches();
    for number in 0..50 {
        let key = Signer::new(&format!("unknown-{number}"));
        let claims = partnership.claims(json!({ "sub": format!("u{number}"), "email": format!("u{number}@partner.example") }));
        refused(&partnership.present(&key.token(&claims), json!({})), 401, "an unknown key");
    }
    assert!(partnership.issuer.fetches() <= fetches + 1, "{} fetches", partnership.issuer.fetches() - fetches);
    assert_eq!(partnership.site.manage("GET /api/user?email=u0@partner.example", None).status, 404);
}

#[test]
fn keys_stay_over_a_reload_that_does_not_concern_them() {
    let partnership = Partnership::start(BY_SUBJECT);
    assert_eq!(partnership.sign_in(json!({})).status, 200);
    let fetches = partnership.issuer.fetches();
    let blocks = |lines: &str| APPLICATIONS.to_owned() + &provider(PARTNER, "partner", &partnership.issuer, lines);
    let gateway = &partnership.site.gateway;
    let trusting = format!("{BY_SUBJECT}trust_email = true\n");
    gateway.reload(&BareAuthority::configuration(&blocks(&trusting))).unwrap();
    assert_eq!(partnership.sign_in(json!({ "email_verified": null })).status, 200);
    assert_eq!(partnership.issuer.fetches(), fetches, "the keys are those of before");
    let other = Signer::with("k2", Algorithm::RS256);
    partnership.issuer.publish(&[&partnership.key, &other]);
    gateway.reload(&BareAuthority::configuration(&blocks(&format!("{BY_SUBJECT}algorithms = [\"RS256\"]\n")))).unwrap();
    until("a fetch for other algorithms", || partnership.issuer.fetches() > fetches);
    refused(&partnership.sign_in(json!({})), 401, "an algorithm that is no longer listed");
    gateway.reload(&BareAuthority::configuration(APPLICATIONS)).unwrap();
    refused(&partnership.sign_in(json!({})), 401, "a provider that is gone");
}
