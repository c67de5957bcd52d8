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
