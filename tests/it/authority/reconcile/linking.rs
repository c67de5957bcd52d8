//! Which user a token means, and which it must not.

use serde_json::{Value, json};

use super::{BY_SUBJECT, OTHER, PARTNER, Partnership, id_in, provider, reconcile, refused};
use crate::support::{MockIssuer, Signer};

/// A user made by whoever holds the API key.
fn ann() -> Value {
    json!({ "email": "ann@partner.example", "password": "correct horse", "username": "ann" })
}

#[test]
fn a_verified_address_of_a_covered_domain_links_to_the_user_who_is_there() {
    let partnership = Partnership::start(BY_SUBJECT);
    let id = partnership.add_user(&ann());
    let answer = partnership.sign_in(json!({ "email": "Ann@PARTNER.example" }));
    assert_eq!((answer.status, id_in(&answer)), (200, id.clone()));
    assert_eq!(partnership.user(&id)["verified"], true, "it is known to be hers now");
}

#[test]
fn a_trusted_provider_needs_no_claim() {
    let partnership = Partnership::start(&format!("{BY_SUBJECT}trust_email = true\n"));
    let id = partnership.add_user(&ann());
    assert_eq!(id_in(&partnership.sign_in(json!({ "email_verified": null }))), id);
}

#[test]
fn an_unverified_email_does_not_link_to_a_user_who_is_there() {
    for linking in ["email", "existing-email"] {
        let partnership = Partnership::start(&format!("{BY_SUBJECT}linking = \"{linking}\"\n"));
        partnership.add_user(&ann());
        for word in [json!(false), Value::Null, json!("true"), json!(1), json!([true])] {
            refused(&partnership.sign_in(json!({ "email_verified": word })), 401, &format!("{linking} {word}"));
        }
        assert_eq!(partnership.sign_in(json!({})).status, 200);
    }
}

#[test]
fn a_verified_email_of_a_provider_without_domains_does_not_link_to_a_user_who_is_there() {
    let lines = BY_SUBJECT.replace("domains = [\"partner.example\"]\n", "trust_email = true\n");
    let partnership = Partnership::start(&lines);
    partnership.add_user(&ann());
    refused(&partnership.sign_in(json!({})), 401, "no domain is the provider's");
}

#[test]
fn an_unverified_email_makes_a_user_whose_address_is_not_known() {
    let partnership = Partnership::start(BY_SUBJECT);
    let answer = partnership.sign_in(json!({ "email_verified": false }));
    let user = answer.json()["user"].take();
    assert_eq!((&user["email"], &user["verified"]), (&json!("ann@partner.example"), &json!(false)));
    let again = partnership.sign_in(json!({}));
    assert_eq!((id_in(&again), &again.json()["user"]["verified"]), (id_in(&answer), &json!(true)), "until it is");
}

#[test]
fn whoever_claimed_an_address_first_does_not_wait_in_the_owners_account() {
    let key = Signer::new("k1");
    let lax = MockIssuer::start("lax", &[&key]);
    let block = provider(OTHER, "lax", &lax, "unique_identity_claim = \"sub\"\napplications = [\"orders\"]\n");
    let partnership = Partnership::beside(BY_SUBJECT, &block);
    let mut claims = partnership.claims(json!({ "sub": "mallory" }));
    claims["iss"] = json!(lax.issuer());
    let impostor = reconcile(&partnership.site, OTHER, &key.token(&claims), json!({}));
    assert_eq!((impostor.status, &impostor.json()["user"]["verified"]), (200, &json!(false)));
    refused(&partnership.sign_in(json!({})), 401, "the owner is not let in to the impostor's account");
}

#[test]
fn an_address_that_its_token_denies_does_not_enter_a_verified_account() {
    let by_email = BY_SUBJECT.replace("unique_identity_claim = \"sub\"\n", "");
    let partnership = Partnership::start(&by_email);
    let owner = partnership.sign_in(json!({}));
    assert_eq!(owner.status, 200);
    refused(&partnership.sign_in(json!({ "sub": "mallory", "email_verified": false })), 401, "anybody may have typed it in");
    let spelled = partnership.sign_in(json!({ "email": "ANN@partner.example" }));
    assert_eq!(id_in(&spelled), id_in(&owner), "the spelling is no other user");
}

#[test]
fn no_link_is_made_by_an_address_that_its_token_denies() {
    let by_email = BY_SUBJECT.replace("unique_identity_claim = \"sub\"\n", "");
    let anywhere = by_email.replace("domains = [\"partner.example\"]\n", "");
    let linking = format!("{by_email}linking = \"anonymous\"\n");
    for (lines, subject) in [(&*by_email, "ann"), (&anywhere, "ann"), (&linking, "ann"), (BY_SUBJECT, "Ann@partner.example")] {
        let partnership = Partnership::start(lines);
        for word in [json!(false), json!("true"), json!(0)] {
            let denied = partnership.sign_in(json!({ "sub": subject, "email_verified": word }));
            refused(&denied, 401, &format!("{lines} {word}"));
        }
        let users = partnership.site.manage("GET /api/user?email=ann@partner.example", None);
        assert_eq!(users.status, 404, "nor is a user made");
        assert_eq!(partnership.sign_in(json!({ "sub": subject, "email_verified": null })).status, 200, "it says nothing");
    }
    let trusting = Partnership::start(&format!("{by_email}trust_email = true\n"));
    assert_eq!(trusting.sign_in(json!({ "email_verified": false })).status, 200, "the operator knows better");
}

#[test]
fn domain_tricks_are_refused() {
    let partnership = Partnership::start(BY_SUBJECT);
    for email in [
        "evil@partner.example.evil",
        "evil@evilpartner.example",
        "evil@sub.partner.example",
        "a@b@partner.example",
        "\"a@evil.example\"@partner.example",
        "a@partner.example@evil.example",
        "a@partner.example.",
        "a@partner.example ",
        "a@partner.example\n",
        "a@partner.example\0",
        "a@partner\u{3002}example",
        "a@p\u{430}rtner.example",
        "@partner.example",
        "partner.example",
        "",
    ] {
        refused(&partnership.sign_in(json!({ "email": email })), 401, email);
    }
    for email in [json!(7), json!(["ann@partner.example"]), Value::Null] {
        refused(&partnership.sign_in(json!({ "email": email })), 401, &email.to_string());
    }
    assert_eq!(partnership.sign_in(json!({ "email": "ANN@Partner.Example" })).status, 200, "case is no trick");
}

#[test]
fn a_lookalike_letter_is_another_address() {
    let partnership = Partnership::start(BY_SUBJECT);
    let mike = partnership.add_user(&json!({ "email": "mike@partner.example", "password": "correct horse" }));
    let answer = partnership.sign_in(json!({ "email": "mi\u{212a}e@partner.example" }));
    assert_ne!(id_in(&answer), mike, "the Kelvin sign");
}

#[test]
fn a_user_is_named_by_a_string_with_something_in_it() {
    let partnership = Partnership::start(BY_SUBJECT);
    for subject in [Value::Null, json!("")] {
        refused(&partnership.sign_in(json!({ "sub": subject })), 401, &subject.to_string());
    }
    let by_badge = Partnership::start(&BY_SUBJECT.replace("\"sub\"", "\"badge\""));
    for badge in [json!(7), json!(["7"]), json!({ "id": "7" }), json!(true)] {
        refused(&by_badge.sign_in(json!({ "badge": badge })), 401, &badge.to_string());
    }
    assert_eq!(by_badge.sign_in(json!({ "badge": "7" })).status, 200);
}

#[test]
fn a_username_links_only_where_the_operator_chose_it() {
    let by_email = Partnership::start(BY_SUBJECT);
    let there = by_email.add_user(&json!({ "username": "root", "password": "correct horse" }));
    let answer = by_email.sign_in(json!({ "preferred_username": "root" }));
    assert_eq!((answer.status, answer.json()["user"].get("username")), (200, None));
    assert_ne!(id_in(&answer), there);
    for linking in ["username", "existing-username"] {
        let partnership = Partnership::start(&format!("{BY_SUBJECT}linking = \"{linking}\"\n"));
        let there = partnership.add_user(&json!({ "username": "Ann", "password": "correct horse" }));
        assert_eq!(id_in(&partnership.sign_in(json!({ "preferred_username": "ann" }))), there, "{linking}");
        for name in [Value::Null, json!(""), json!(7)] {
            refused(&partnership.sign_in(json!({ "sub": "new", "preferred_username": name })), 401, &name.to_string());
        }
    }
    let partnership = Partnership::start(&format!("{BY_SUBJECT}linking = \"username\"\n"));
    let user = partnership.sign_in(json!({ "preferred_username": "ann" })).json()["user"].take();
    assert_eq!((&user["username"], &user["email"]), (&json!("ann"), &json!("ann@partner.example")));
}

#[test]
fn an_anonymous_user_has_a_link_and_no_name() {
    let partnership = Partnership::start(&format!("{BY_SUBJECT}linking = \"anonymous\"\n"));
    partnership.add_user(&ann());
    let first = partnership.sign_in(json!({}));
    let user = first.json()["user"].take();
    assert_eq!((first.status, user.get("email"), user.get("username")), (200, None, None));
    assert_eq!(id_in(&partnership.sign_in(json!({}))), id_in(&first));
}

#[test]
fn two_simultaneous_first_logins_make_one_user() {
    for linking in ["email", "anonymous", "username"] {
        let partnership = Partnership::start(&format!("{BY_SUBJECT}linking = \"{linking}\"\n"));
        let token = partnership.token(json!({ "preferred_username": "ann" }));
        let ids: Vec<String> = std::thread::scope(|scope| {
            let present = || {
                let answer = partnership.present(&token, json!({}));
                assert_eq!(answer.status, 200, "{}", answer.text());
                id_in(&answer)
            };
            let logins: Vec<_> = (0..8).map(|_| scope.spawn(present)).collect();
            logins.into_iter().map(|login| login.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{linking}: {ids:?}");
        assert_eq!(partnership.user(&ids[0])["registrations"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn claims_fill_the_user_at_every_login() {
    let map = "claim_map = { given_name = \"firstName\", team = \"UserData\", desk = \"RegistrationData\" }\n";
    let partnership = Partnership::start(&format!("{BY_SUBJECT}{map}"));
    let first = partnership.sign_in(json!({ "given_name": "Ann", "team": ["a"], "desk": 4 }));
    let id = id_in(&first);
    for (answer, name, desk) in [
        (first, "Ann", 4),
        (partnership.sign_in(json!({ "given_name": "Anna", "team": ["a"], "desk": 5 })), "Anna", 5),
        (partnership.sign_in(json!({ "given_name": 7 })), "Anna", 5),
    ] {
        let user = answer.json()["user"].take();
        assert_eq!((&user["firstName"], &user["data"]), (&json!(name), &json!({ "team": ["a"] })));
        assert_eq!(user["registrations"][0]["data"], json!({ "desk": desk }));
    }
    let kept = partnership.user(&id);
    assert_eq!((&kept["firstName"], &kept["registrations"][0]["data"]["desk"]), (&json!("Anna"), &json!(5)));
}

#[test]
fn two_partners_with_the_same_subject_are_two_users() {
    let key = Signer::new("k1");
    let other = MockIssuer::start("other", &[&key]);
    let lines = BY_SUBJECT.replace("partner.example", "other.example");
    let partnership = Partnership::beside(BY_SUBJECT, &provider(OTHER, "other", &other, &lines));
    let ours = partnership.sign_in(json!({}));
    let mut claims = partnership.claims(json!({ "email": "ann@other.example" }));
    claims["iss"] = json!(other.issuer());
    let theirs = reconcile(&partnership.site, OTHER, &key.token(&claims), json!({}));
    assert_eq!((ours.status, theirs.status), (200, 200), "{}", theirs.text());
    assert_ne!(id_in(&ours), id_in(&theirs));
    assert_ne!(PARTNER, OTHER);
}
