//! A partner's token and what was revoked since it was made.

use std::time::Duration;

use serde_json::json;

use super::{BY_SUBJECT, ORDERS, Partnership, after, id_in, refused};

/// Revokes by this query once a user is signed in; the partnership and the user's token from before.
fn revoked(query: impl Fn(&str) -> String) -> (Partnership, String) {
    let partnership = Partnership::start(BY_SUBJECT);
    let token = partnership.token(json!({}));
    let id = id_in(&partnership.present(&token, json!({})));
    partnership.site.gateway.clock.advance(Duration::from_millis(5_500));
    let answer = partnership.site.manage(&query(&id), None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    (partnership, token)
}

#[test]
fn a_revoked_users_old_partner_token_is_refused() {
    let queries: [&dyn Fn(&str) -> String; 3] = [
        &|id| format!("DELETE /api/jwt/refresh?userId={id}"),
        &|id| format!("DELETE /api/jwt/refresh?userId={id}&applicationId={ORDERS}"),
        &|_| format!("DELETE /api/jwt/refresh?applicationId={ORDERS}"),
    ];
    for query in queries {
        let (partnership, token) = revoked(query);
        let about = query("ID");
        refused(&partnership.present(&token, json!({})), 401, &about);
        refused(&partnership.sign_in(json!({ "iat": after(5) })), 401, &format!("{about}: the same second"));
        refused(&partnership.sign_in(json!({ "iat": null })), 401, &format!("{about}: no time at all"));
        // However long ago it was.
        partnership.site.gateway.clock.advance(Duration::from_secs(2 * 3600));
        let old = json!({ "iat": after(5), "exp": after(9 * 3600) });
        refused(&partnership.sign_in(old), 401, &format!("{about}: later"));
        let new = json!({ "iat": after(6), "exp": after(9 * 3600) });
        assert_eq!(partnership.sign_in(new).status, 200, "{about}: a new login");
    }
}

#[test]
fn a_registration_that_was_taken_away_is_not_made_again_by_an_old_token() {
    let (partnership, token) = revoked(|id| format!("DELETE /api/user/registration/{id}/{ORDERS}"));
    refused(&partnership.present(&token, json!({})), 401, "a token of before");
    partnership.site.gateway.clock.advance(Duration::from_secs(1));
    let answer = partnership.sign_in(json!({ "iat": after(6) }));
    assert_eq!((answer.status, &answer.json()["user"]["registrations"][0]["roles"]), (200, &json!(["user"])));
}

#[test]
fn a_session_of_a_partners_user_is_renewed_and_revoked_like_any_other() {
    let partnership = Partnership::start(BY_SUBJECT);
    let body = partnership.sign_in(json!({})).json();
    let renewed = partnership.site.call("POST /api/jwt/refresh", &[], Some(&json!({ "refreshToken": body["refreshToken"] })));
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let id = body["user"]["id"].as_str().unwrap();
    assert_eq!(partnership.site.manage(&format!("DELETE /api/jwt/refresh?userId={id}"), None).status, 200);
    for token in [&body["token"], &renewed.json()["token"]] {
        let credential = format!("Bearer {}", token.as_str().unwrap());
        let answer = partnership.site.call("GET /api/jwt/validate", &[("Authorization", &credential)], None);
        assert_eq!(answer.status, 401);
    }
}

#[test]
fn an_account_made_with_an_unverified_address_is_not_its_owners_later() {
    // Named by the address, whose claim is not there: a link that the owner's token will follow.
    let by_email = BY_SUBJECT.replace("unique_identity_claim = \"sub\"\n", "");
    let partnership = Partnership::start(&by_email);
    let guessed = partnership.token(json!({ "sub": "mallory", "email_verified": null }));
    let id = id_in(&partnership.present(&guessed, json!({})));
    let id = id.as_str();
    let password = json!({ "user": { "password": "mallory's own" } });
    assert_eq!(partnership.site.manage(&format!("PATCH /api/user/{id}"), Some(&password)).status, 200);
    partnership.site.gateway.clock.advance(Duration::from_secs(5));
    let before = partnership.sign_in(json!({ "sub": "mallory", "email_verified": null, "iat": after(5) })).json();
    assert_eq!(before["user"]["verified"], false);
    let by_password = json!({ "loginId": "ann@partner.example", "password": "mallory's own", "applicationId": ORDERS });
    let kept = partnership.site.manage("POST /api/login", Some(&by_password)).json();

    let owner = partnership.sign_in(json!({ "iat": after(5) }));
    assert_eq!((owner.status, id_in(&owner).as_str()), (200, id), "{}", owner.text());
    let owner = owner.json();
    assert_eq!(owner["user"]["verified"], true);
    for (body, status) in [(&before, 401), (&kept, 401), (&owner, 200)] {
        let credential = format!("Bearer {}", body["token"].as_str().unwrap());
        let answer = partnership.site.call("GET /api/jwt/validate", &[("Authorization", &credential)], None);
        assert_eq!(answer.status, status, "the access token of {body}");
        let renewal = json!({ "refreshToken": body["refreshToken"].as_str().unwrap() });
        let renewed = partnership.site.call("POST /api/jwt/refresh", &[], Some(&renewal));
        assert_eq!(renewed.status == 200, status == 200, "{} for {body}", renewed.text());
    }
    assert_eq!(partnership.site.manage("POST /api/login", Some(&by_password)).status, 404, "nor the password");
    refused(&partnership.present(&guessed, json!({})), 401, "nor the partner's token");
    partnership.site.gateway.clock.advance(Duration::from_secs(5));
    let another = json!({ "sub": "mallory", "email_verified": null, "iat": after(10) });
    refused(&partnership.sign_in(another), 401, "nor another like it");
    assert_eq!(partnership.sign_in(json!({ "iat": after(10) })).status, 200, "the owner comes and goes");
}

#[test]
fn a_partners_user_who_is_deactivated_meanwhile_is_left_no_session() {
    for _ in 0..8 {
        let partnership = Partnership::start(BY_SUBJECT);
        let token = partnership.token(json!({ "iat": after(20) }));
        let id = id_in(&partnership.present(&token, json!({})));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| while partnership.present(&token, json!({})).status == 200 {});
            }
            let answer = partnership.site.manage(&format!("DELETE /api/user/{id}"), None);
            assert_eq!(answer.status, 200, "{}", answer.text());
        });
        let left = partnership.site.manage(&format!("GET /api/jwt/refresh?userId={id}"), None);
        assert_eq!(left.json()["refreshTokens"].as_array().map_or(0, Vec::len), 0, "{}", left.text());
    }
}
