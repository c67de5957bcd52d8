//! What one request may leave behind.

use serde_json::json;

use crate::support::AuthoritySite;
use crate::support::authority::*;

#[test]
fn what_a_sign_in_says_of_its_device_is_bounded() {
    let site = AuthoritySite::start();
    site.user("ann", &[KIOSK]);
    let sign_in = |member: &str, value: serde_json::Value| {
        let mut body = login_body("ann", Some(KIOSK), PASSWORD);
        body[member] = value;
        site.ask("POST /api/login", &[], Some(&body))
    };
    assert_eq!(sign_in("device", json!("x".repeat(255))).status, 200);
    assert_eq!(sign_in("metaData", json!({ "a": "x".repeat(4096 - 8) })).status, 200);
    for (member, value, code) in [
        ("device", json!("x".repeat(256)), "[tooLong]device"),
        ("metaData", json!({ "device": { "name": "x".repeat(256) } }), "[tooLong]metaData"),
        ("metaData", json!({ "a": "x".repeat(4096 - 7) }), "[tooLong]metaData"),
    ] {
        let answer = sign_in(member, value);
        assert_eq!((answer.status, answer.text().contains(code)), (400, true), "{code}: {}", answer.text());
    }
    let agent = "x".repeat(4000);
    let answer = site.ask("POST /api/login", &[("User-Agent", &agent)], Some(&login_body("ann", Some(KIOSK), PASSWORD)));
    assert_eq!(answer.status, 200);
}
