//! Each row of the table of events, and what is no event.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const THEN: Timestamp = Timestamp::from_millis(1_700_000_000_123);

#[expect(clippy::needless_pass_by_value, reason = "literals read better at the calls")]
fn revoked(members: Value) -> Result<Vec<Scope>, EventFault> {
    let mut event = json!({ "type": "jwt.refresh-token.revoke", "id": "e-1", "createInstant": THEN.millis() });
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let parsed = Event::parse(json!({ "event": event }).to_string().as_bytes())?;
    assert_eq!(parsed.id.as_deref(), Some("e-1"));
    match parsed.news {
        News::Revoked(scopes, instant) => {
            assert_eq!(instant, THEN);
            Ok(scopes)
        }
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn each_case_ends_what_it_names() {
    let ttl = json!({ "app": 300 });
    let one = json!({ "applicationId": "app", "applicationTimeToLiveInSeconds": ttl, "userId": "u", "user": { "id": "u" },
        "refreshToken": { "id": "rt", "token": "secret" } });
    let old = json!({ "applicationId": "app", "applicationTimeToLiveInSeconds": ttl, "userId": "u", "user": { "id": "u" } });
    let cases = [
        (one, vec![Scope::Session(text("rt")), Scope::Token(text("rt"))]),
        (old, vec![Scope::UserInApplication(text("u"), text("app"))]),
        (json!({ "applicationTimeToLiveInSeconds": { "a": 1, "b": 2 }, "userId": "u" }), vec![Scope::User(text("u"))]),
        (json!({ "applicationTimeToLiveInSeconds": {}, "userId": "u" }), vec![Scope::User(text("u"))]),
        (json!({ "applicationTimeToLiveInSeconds": null, "userId": "u" }), vec![Scope::User(text("u"))]),
        (json!({ "userId": "u", "applicationId": null, "refreshToken": null }), vec![Scope::User(text("u"))]),
        (json!({ "applicationId": "app", "applicationTimeToLiveInSeconds": ttl }), vec![Scope::Application(text("app"))]),
    ];
    for (members, expected) in cases {
        assert_eq!(revoked(members.clone()), Ok(expected), "{members}");
    }
}

#[test]
fn a_user_who_is_not_understood_is_not_everybody() {
    assert_eq!(
        revoked(json!({ "applicationId": "app", "user": { "id": "u" } })),
        Ok(vec![Scope::UserInApplication(text("u"), text("app"))])
    );
    let cases = [
        (json!({ "applicationId": "app", "user": {} }), EventFault::Missing("event.user.id")),
        (json!({ "applicationId": "app", "user": "u" }), EventFault::Malformed("event.user", "an object")),
        (json!({ "applicationId": "app", "userId": 7 }), EventFault::Malformed("event.userId", "a string of 1 to 255 bytes")),
        (json!({ "applicationId": "app", "userId": "" }), EventFault::Malformed("event.userId", "a string of 1 to 255 bytes")),
        (
            json!({ "userId": "u", "applicationId": ["app"] }),
            EventFault::Malformed("event.applicationId", "a string of 1 to 255 bytes"),
        ),
        (json!({ "userId": "u", "applicationId": "app", "refreshToken": {} }), EventFault::Missing("event.refreshToken.id")),
        (
            json!({ "userId": "u", "applicationId": "app", "refreshToken": "rt" }),
            EventFault::Malformed("event.refreshToken", "an object"),
        ),
        (json!({ "userId": "x".repeat(256) }), EventFault::Malformed("event.userId", "a string of 1 to 255 bytes")),
        (json!({}), EventFault::NamesNothing),
    ];
    for (members, expected) in cases {
        assert_eq!(revoked(members.clone()), Err(expected), "{members}");
    }
}

#[test]
fn a_revocation_says_when() {
    for (instant, fault) in [
        (json!(null), EventFault::Missing("event.createInstant")),
        (json!("1"), EventFault::Malformed("event.createInstant", "milliseconds since 1970, a whole number")),
        (json!(-1), EventFault::Malformed("event.createInstant", "milliseconds since 1970, a whole number")),
        (json!(1.5), EventFault::Malformed("event.createInstant", "milliseconds since 1970, a whole number")),
    ] {
        assert_eq!(revoked(json!({ "userId": "u", "createInstant": instant })), Err(fault), "{instant}");
    }
}

#[test]
fn other_events_are_of_no_account() {
    let parse = |event: Value| Event::parse(json!({ "event": event }).to_string().as_bytes()).map(|event| event.news);
    assert_eq!(parse(json!({ "type": "jwt.public-key.update" })), Ok(News::KeysChanged));
    for kind in ["jwt.refresh", "user.delete", "JWT.REFRESH-TOKEN.REVOKE"] {
        assert_eq!(parse(json!({ "type": kind, "userId": 7 })), Ok(News::Other), "{kind}");
    }
    assert_eq!(parse(json!({})), Err(EventFault::Missing("event.type")));
    assert_eq!(parse(json!({ "type": 1 })), Err(EventFault::Malformed("event.type", "a string of 1 to 255 bytes")));
}

#[test]
fn a_body_is_one_unambiguous_object() {
    let twice = r#"{"event":{"type":"jwt.refresh-token.revoke","createInstant":1,"userId":"a","userId":"b"}}"#;
    assert_eq!(Event::parse(twice.as_bytes()), Err(EventFault::NotAnObject("a member is named twice in one object")));
    for body in ["", "[]", "null", "{\"event\":{}} x", "\u{feff}{}"] {
        assert!(matches!(Event::parse(body.as_bytes()), Err(EventFault::NotAnObject(_))), "{body}");
    }
    assert_eq!(Event::parse(b"{}"), Err(EventFault::Missing("event")));
    assert_eq!(Event::parse(br#"{"event":[]}"#), Err(EventFault::Malformed("event", "an object")));
}

fn reach() -> Reach {
    Reach { issuer: text("iss"), longest: Duration::from_secs(3630), ahead: Duration::from_secs(30) }
}

#[test]
fn an_entry_lasts_as_long_as_a_token_that_it_ends() {
    let entries = |instant: Timestamp, now: Timestamp| reach().revocations(vec![Scope::User(text("u"))], instant, now);
    let [entry] = &entries(THEN, THEN)[..] else { panic!("one") };
    assert_eq!((entry.instant, entry.ends), (THEN, THEN.plus(Duration::from_secs(3630))));
    assert_eq!((entry.issuer.as_str(), entry.basis, &entry.user), ("iss", Basis::SignIn, &None));
    assert_eq!(entries(THEN, THEN.plus(Duration::from_millis(3_629_999))).len(), 1);
    assert_eq!(entries(THEN, THEN.plus(Duration::from_secs(3630))), [], "nothing alive is that old");
}

#[test]
fn a_future_instant_is_no_further_ahead_than_the_clocks_may_be() {
    let tolerated = THEN.plus(Duration::from_secs(30));
    for (said, taken) in [
        (THEN.plus(Duration::from_secs(29)), THEN.plus(Duration::from_secs(29))),
        (tolerated, tolerated),
        (THEN.plus(Duration::from_secs(31)), tolerated),
        (tolerated.plus(Duration::from_secs(300)), tolerated),
    ] {
        let entries = reach().revocations(vec![Scope::User(text("u"))], said, THEN);
        assert_eq!(entries[0].instant, taken);
    }
    for wrong in [tolerated.plus(Duration::from_millis(300_001)), Timestamp::from_millis(u64::MAX)] {
        assert_eq!(reach().revocations(vec![Scope::User(text("u"))], wrong, THEN), []);
    }
}

proptest! {
    /// No bytes bring the reader down, and what it reads of a revocation names something.
    #[test]
    fn any_bytes_are_an_event_or_a_fault(members in "(\"(type|id|userId|user|applicationId|refreshToken|createInstant)\":(null|1|\"u\"|\"jwt.refresh-token.revoke\"|\\{\"id\":\"x\"\\}),?){0,7}") {
        let body = format!("{{\"event\":{{{}}}}}", members.trim_end_matches(','));
        if let Ok(Event { news: News::Revoked(scopes, _), .. }) = Event::parse(body.as_bytes()) {
            prop_assert!(!scopes.is_empty());
            let is_about_all = scopes.iter().any(|scope| matches!(scope, Scope::Application(_)));
            prop_assert!(!(is_about_all && members.contains("\"userId\":\"u\"")));
        }
    }
}
