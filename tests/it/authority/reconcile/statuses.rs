//! Every status of the contract.

use std::time::Duration;

use serde_json::json;

use super::{BY_SUBJECT, ORDERS, PARTNER, Partnership, WIKI, id_in, reconcile, refused};
use crate::support::{MockIssuer, Serves, Signer};

#[test]
fn a_first_login_makes_a_registered_user_with_the_default_roles_and_tokens() {
    let partnership = Partnership::start(BY_SUBJECT);
    let answer = partnership.sign_in(json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["user"]["email"], &body["user"]["verified"]), (&json!("ann@partner.example"), &json!(true)));
    assert_eq!(body["user"]["registrations"][0]["roles"], json!(["user"]));
    assert!(body["refreshToken"].is_string() && body["refreshTokenId"].is_string() && body["tokenExpirationInstant"].is_u64());
    let token = body["token"].as_str().unwrap();
    let claims = partnership.site.call("GET /api/jwt/validate", &[("Authorization", &format!("Bearer {token}"))], None);
    let claims = &claims.json()["jwt"];
    assert_eq!((&claims["authenticationType"], &claims["aud"]), (&json!("FEDERATED_JWT"), &json!(ORDERS)));
    assert_eq!((&claims["sub"], &claims["roles"]), (&body["user"]["id"], &json!(["user"])));
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).collect();
    assert!(cookies[0].1.starts_with("access_token=") && cookies[1].1.starts_with("refresh_token="), "{cookies:?}");
    assert!(cookies.iter().all(|(_, cookie)| cookie.contains("HttpOnly")), "{cookies:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // And the second is the same user.
    let again = partnership.sign_in(json!({ "email": "ann.married@partner.example" }));
    assert_eq!((again.status, id_in(&again)), (200, id_in(&answer)), "the address is no longer asked");
    assert_eq!(again.json()["user"]["email"], "ann@partner.example");
}

#[test]
fn the_token_may_come_in_its_deprecated_place_and_the_device_in_either() {
    let partnership = Partnership::start(BY_SUBJECT);
    let token = partnership.token(json!({}));
    let answer = partnership.present("", json!({ "data": null, "encodedJWT": token, "device": "phone" }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let named = partnership.present(&token, json!({ "metaData": { "device": { "name": "laptop", "type": "LAPTOP" } } }));
    for (answer, device) in [(answer, "phone"), (named, "laptop")] {
        let id = answer.json()["refreshTokenId"].as_str().unwrap().to_owned();
        let found = partnership.site.manage(&format!("GET /api/jwt/refresh/{id}"), None);
        assert!(found.text().contains(device), "{}", found.text());
    }
    let silent = partnership.present(&token, json!({ "noJWT": true }));
    let body = silent.json();
    assert_eq!((silent.status, body.get("token"), body.get("refreshToken")), (200, None, None));
    assert!(silent.header("set-cookie").is_none());
}

#[test]
fn an_address_in_the_body_is_written_down_and_must_be_one() {
    let partnership = Partnership::start(BY_SUBJECT);
    let token = partnership.token(json!({}));
    let answer = partnership.present(&token, json!({ "ipAddress": "192.0.2.7" }));
    let id = answer.json()["refreshTokenId"].as_str().unwrap().to_owned();
    let found = partnership.site.manage(&format!("GET /api/jwt/refresh/{id}"), None);
    assert!(found.text().contains("192.0.2.7"), "{}", found.text());
    assert_eq!(partnership.present(&token, json!({ "ipAddress": "here" })).status, 400);
}

#[test]
fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let partnership = Partnership::start(BY_SUBJECT);
    let token = partnership.token(json!({}));
    let body = json!({ "applicationId": ORDERS, "identityProviderId": PARTNER, "data": { "token": token } });
    let from = [("X-Forwarded-For", "192.0.2.7")];
    let answer = partnership.site.call("POST /api/jwt/reconcile", &from, Some(&body));
    let id = answer.json()["refreshTokenId"].as_str().unwrap().to_owned();
    let found = partnership.site.manage(&format!("GET /api/jwt/refresh/{id}"), None).text();
    assert!(found.contains("127.0.0.1") && !found.contains("192.0.2.7"), "{found}");
}

#[test]
fn a_wrong_request_is_400_with_every_mistake() {
    let partnership = Partnership::start(BY_SUBJECT);
    let none = partnership.site.call("POST /api/jwt/reconcile", &[], Some(&json!({})));
    let fields = none.json()["fieldErrors"].take();
    for field in ["applicationId", "identityProviderId", "data.token"] {
        assert_eq!(fields[field][0]["code"], format!("[missing]{field}"));
    }
    assert_eq!(none.status, 400);
    for field in ["applicationId", "identityProviderId"] {
        let answer = partnership.present("x", json!({ field: "asdf" }));
        let code = answer.json()["fieldErrors"][field][0]["code"].take();
        assert_eq!((answer.status, code), (400, json!(format!("[couldNotConvert]{field}"))));
    }
    for value in [json!(""), json!(7), json!({})] {
        assert_eq!(partnership.present("", json!({ "data": { "token": value } })).status, 400, "{value}");
    }
}

#[test]
fn another_content_type_is_415_and_another_method_405() {
    let partnership = Partnership::start(BY_SUBJECT);
    let body =
        json!({ "applicationId": ORDERS, "identityProviderId": PARTNER, "data": { "token": partnership.token(json!({})) } });
    let body = body.to_string();
    for kind in ["Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n", ""] {
        let length = body.len();
        let request =
            format!("POST /api/jwt/reconcile HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {length}\r\n\r\n{body}");
        assert_eq!(crate::support::exchange(partnership.site.gateway.plain(), request).status, 415, "{kind}");
    }
    let answer = partnership.site.call("GET /api/jwt/reconcile", &[], None);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}

#[test]
fn an_unknown_provider_or_application_is_401() {
    let partnership = Partnership::start(BY_SUBJECT);
    let token = partnership.token(json!({}));
    let unknown = "00000000-0000-4000-8000-000000000000";
    refused(&reconcile(&partnership.site, unknown, &token, json!({})), 401, "an unknown provider");
    refused(&partnership.present(&token, json!({ "applicationId": unknown })), 401, "an unknown application");
    refused(&partnership.present(&token, json!({ "applicationId": WIKI })), 401, "one that the provider may not sign in to");
}

#[test]
fn without_registration_it_is_202_and_the_token_is_good_for_no_application() {
    let lines = BY_SUBJECT.replace("[\"orders\"]", "[{ name = \"orders\", create_registration = false }]");
    let partnership = Partnership::start(&lines);
    let answer = partnership.sign_in(json!({}));
    assert_eq!(answer.status, 202, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["user"]["registrations"], body.get("refreshToken")), (&json!([]), None));
    let token = format!("Bearer {}", body["token"].as_str().unwrap());
    let claims = partnership.site.call("GET /api/jwt/validate", &[("Authorization", &token)], None).json();
    assert_eq!((claims["jwt"].get("applicationId"), claims["jwt"].get("roles")), (None, None));
}

#[test]
fn whoever_means_nobody_is_404() {
    for linking in ["existing-email", "existing-username", "disabled"] {
        let partnership = Partnership::start(&format!("{BY_SUBJECT}linking = \"{linking}\"\n"));
        refused(&partnership.sign_in(json!({ "preferred_username": "ann" })), 404, linking);
    }
    let partnership = Partnership::start(BY_SUBJECT);
    let token = partnership.token(json!({}));
    refused(&partnership.present(&token, json!({ "noLink": true })), 404, "no link may be made");
    assert_eq!(partnership.site.manage("GET /api/user?email=ann@partner.example", None).status, 404, "and no user was");
    assert_eq!(partnership.sign_in(json!({})).status, 200);
    assert_eq!(partnership.present(&token, json!({ "noLink": true })).status, 200, "there is one now");
}

#[test]
fn an_inactive_user_is_404_and_an_expired_one_410() {
    let partnership = Partnership::start(BY_SUBJECT);
    let id = id_in(&partnership.sign_in(json!({})));
    let path = format!("PATCH /api/user/{id}");
    let expiry = json!({ "user": { "expiry": 1 } });
    assert_eq!(partnership.site.manage(&path, Some(&expiry)).status, 200);
    refused(&partnership.sign_in(json!({})), 410, "expired");
    assert_eq!(partnership.site.manage(&format!("DELETE /api/user/{id}"), None).status, 200);
    refused(&partnership.sign_in(json!({ "iat": null })), 404, "inactive");
}

#[test]
fn keys_out_of_reach_are_503_with_a_time_to_come_back() {
    let partnership = Partnership::start(BY_SUBJECT);
    let answer = partnership.sign_in(json!({}));
    assert_eq!(answer.status, 200);
    // From the start, and not only for want of an answer to the first.
    let key = Signer::new("k1");
    let silent = MockIssuer::start("silent", &[&key]);
    silent.now(Serves::Status(500));
    let lines = format!("{BY_SUBJECT}keys = {{ timeout = \"1s\" }}\n");
    let block = super::provider(super::OTHER, "silent", &silent, &lines);
    let partnership = Partnership::beside(BY_SUBJECT, &block);
    let mut claims = partnership.claims(json!({}));
    claims["iss"] = json!(silent.issuer());
    let answer = reconcile(&partnership.site, super::OTHER, &key.token(&claims), json!({}));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(answer.json()["generalErrors"][0]["code"].is_string());
    assert_eq!(partnership.sign_in(json!({})).status, 200, "the other provider is none the worse");
    // And it is asked again when it is back.
    silent.publish(&[&key]);
    crate::support::until("the keys", || {
        partnership.site.gateway.clock.advance(Duration::from_secs(30));
        reconcile(&partnership.site, super::OTHER, &key.token(&claims), json!({})).status == 200
    });
}
