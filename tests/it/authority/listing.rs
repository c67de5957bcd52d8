//! Who is shown refresh tokens, and their values.

use serde_json::Value;

use crate::support::authority::*;
use crate::support::{Answer, AuthoritySite};

fn values(answer: &Answer) -> Vec<Option<String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let listed = answer.json()["refreshTokens"].as_array().unwrap().clone();
    listed.iter().map(|token| token.get("token").and_then(Value::as_str).map(str::to_owned)).collect()
}

#[test]
fn own_list_hides_values_unless_configured() {
    for shows in [false, true] {
        let site = AuthoritySite::with(&format!("issuer = \"{ISSUER}\"\n"), &format!("own_list_shows_tokens = {shows}"));
        site.user("ann", &[ORDERS]);
        site.user("bob", &[ORDERS]);
        site.sign_in("bob", ORDERS);
        let tokens = site.sign_in("ann", ORDERS);
        let answer = site.ask_as(&tokens.access, "GET /api/jwt/refresh", None);
        assert_eq!(values(&answer), [shows.then(|| tokens.refresh.clone())], "her own, and nobody else's");
        assert_eq!(answer.text().contains(&tokens.refresh), shows);
        assert_eq!(answer.json()["refreshTokens"][0]["id"], tokens.id.as_str());
        let by_id = site.ask_as(&tokens.access, &format!("GET /api/jwt/refresh/{}", tokens.id), None);
        assert_eq!(by_id.status, 401, "with an API key only");
    }
}

#[test]
fn list_of_another_user_is_not_had_by_naming_them() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[ORDERS]);
    site.user("bob", &[ORDERS]);
    let (ann_s, bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", ORDERS));
    let answer = site.ask_as(&bob.access, &format!("GET /api/jwt/refresh?userId={ann}"), None);
    assert!(!answer.text().contains(&ann_s.id) && answer.text().contains(&bob.id), "{}", answer.text());
}

#[test]
fn keys_are_shown_values_where_they_say_so_and_the_current_ones_alone() {
    let site = AuthoritySite::start();
    let ann = site.user("ann", &[BILLING]);
    let first = site.sign_in("ann", BILLING);
    let renewed = Tokens::of(&site.refresh(&first.refresh));
    let lines = [format!("GET /api/jwt/refresh?userId={ann}"), format!("GET /api/jwt/refresh/{}", first.id)];
    for line in &lines {
        for key in [ALL, LISTS] {
            let answer = site.ask(line, &[("Authorization", key)], None);
            assert_eq!((answer.status, answer.text().contains(&first.id)), (200, true));
            assert!(!answer.text().contains(&renewed.refresh) && !answer.text().contains("\"token\""), "{}", answer.text());
        }
        let shown = site.ask(line, &[("Authorization", SHOWN)], None).text();
        assert!(shown.contains(&renewed.refresh) && !shown.contains(&first.refresh), "{shown}");
    }
}

/// A variable that was empty by mistake.
#[test]
fn empty_user_id_beside_an_application_is_not_everybody_in_it() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let token = site.sign_in("ann", ORDERS).access;
    for query in [format!("userId=&applicationId={ORDERS}"), "userId=".to_owned(), "applicationId=&userId=".to_owned()] {
        let answer = site.manage(&format!("DELETE /api/jwt/refresh?{query}"), None);
        assert_eq!((answer.status, answer.text().contains("[couldNotConvert]")), (400, true), "{query}");
    }
    assert_eq!(site.visit("/orders", &token), 200);
}
