//! One line for each request: who, where and what came of it, and nothing that a client could write a line of its own with.

use serde_json::{Value, json};

use crate::support::{Answer, Backend, Connection, Reply, Signer, Site, exchange, request, route, until};

fn site() -> Site {
    let routes = [
        route("private", "/", "token_from = [\"header\", \"query\"]"),
        route("public", "/public", "anonymous = true"),
        route("admin", "/admin", "require = { roles = [\"admin\"] }"),
    ];
    Site::start(&routes.concat())
}

/// The fields of `answer`'s access line that the caller names.
#[track_caller]
fn fields(site: &Site, answer: &Answer, names: &[&str]) -> Vec<Value> {
    let line = site.access_line(answer);
    names.iter().map(|name| line[*name].clone()).collect()
}

#[test]
fn a_line_says_where_who_and_what_came_of_it() {
    let site = site();
    let alice = site.token("alice");
    let answer = site.send_as(&alice, "GET /orders/7?secret=1", &[("Host", "Shop.example:8080")]);
    let line = site.access_line(&answer);
    let expected = json!({
        "level": "INFO", "kind": "access", "listener": "plain", "method": "GET", "host": "Shop.example:8080", "path": "/orders/7",
        "client": "127.0.0.1", "protocol": "http/1.1", "route": "private", "status": 200, "reason": null, "detail": null, "issuer": "corp",
        "sent_bytes": answer.body.len(), "complete": true, "timestamp": "2027-01-15T08:00:00.000Z",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(line[name], *value, "{name}");
    }
    assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    let subject = line["subject"].as_str().unwrap();
    assert!(subject.len() == 16 && subject.bytes().all(|byte| byte.is_ascii_hexdigit()), "{subject}");
    assert_eq!(fields(&site, &site.send_as(&alice, "GET /", &[]), &["subject"]), [subject]);
    assert_ne!(fields(&site, &site.send_as(&site.token("bob"), "GET /", &[]), &["subject"]), [subject]);
}

#[test]
fn every_refusal_has_its_line_with_its_reason_and_the_caller_where_one_was_proved() {
    let site = site();
    let alice = site.token("alice");
    let unusable = site.token_with(json!({ "email": "a\nb" }));
    let cases = [
        (site.send("GET /", &[]), json!([401, "credential_missing", null, "private", null])),
        (site.send_as("x", "GET /", &[]), json!([401, "invalid_token", "not_compact", "private", null])),
        (site.send_as(&alice, "GET /admin", &[]), json!([403, "policy_denied", null, "admin", "corp"])),
        (site.send_as(&unusable, "GET /", &[]), json!([403, "claim_unusable", null, "private", "corp"])),
        (site.send("GET /a/..", &[]), json!([400, "bad_target", "target_dot_segment", null, null])),
        (site.send("GET /ADMIN", &[]), json!([400, "ambiguous_target", "target_other_route", null, null])),
        (site.send("GET /", &[("Host", "a b")]), json!([400, "bad_host", "host_malformed", null, null])),
        (site.send("TRACE /", &[]), json!([405, "method_not_allowed", null, null, null])),
        (site.send("GET /public", &[]), json!([200, null, null, "public", null])),
    ];
    for (answer, expected) in cases {
        let seen = fields(&site, &answer, &["status", "reason", "detail", "route", "issuer"]);
        assert_eq!(Value::from(seen), expected);
        let line = site.access_line(&answer);
        assert_eq!(line["subject"].is_null(), line["issuer"].is_null(), "an identity is both");
    }
}

/// The configured name, not what the token says, and nobody's subject: nothing of the token is proved.
#[test]
fn a_refused_token_has_its_issuer_on_its_line() {
    let site = site();
    let forged = Signer::new("k1").token(&site.claims_with(json!({})));
    let other_key = Signer::new("k2").token(&site.claims_with(json!({})));
    let cases = [
        (site.token_with(json!({ "exp": 1 })), "expired", json!("corp")),
        (site.token_with(json!({ "aud": "others" })), "wrong_audience", json!("corp")),
        (forged, "bad_signature", json!("corp")),
        (other_key, "unknown_key", json!("corp")),
        (site.token_with(json!({ "iss": "https://nobody.example" })), "unknown_issuer", Value::Null),
    ];
    for (token, detail, issuer) in cases {
        let answer = site.send_as(&token, "GET /", &[]);
        assert_eq!(fields(&site, &answer, &["detail", "issuer", "subject"]), [json!(detail), issuer, Value::Null]);
    }
}

#[test]
fn requests_on_one_connection_have_a_line_each_and_an_id_each() {
    let site = site();
    let mut connection = Connection::open(site.gateway.plain());
    let answers: Vec<Answer> = (0..5).map(|at| connection.exchange(request(&format!("GET /public/{at}"), &[]))).collect();
    until("five access lines", || site.gateway.access_lines().len() == 5);
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!(fields(&site, answer, &["path"]), [format!("/public/{at}")]);
    }
}

#[test]
fn a_line_says_whether_the_answer_was_whole() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc";
    let site = Site::before(Backend::scripted(|_| Reply::RawAndClose(short.into())), &route("public", "/", "anonymous = true"));
    let mut connection = Connection::open(site.gateway.plain());
    connection.send(request("GET /", &[])).unwrap();
    assert!(connection.answer_to("GET").is_err());
    until("the access line", || !site.gateway.access_lines().is_empty());
    let line = site.gateway.access_lines().remove(0);
    assert_eq!((&line["status"], &line["complete"], &line["sent_bytes"]), (&json!(200), &json!(false), &json!(3)));
}

#[test]
fn log_injection_no_client_writes_a_line_or_a_control_character() {
    for format in ["json", "text"] {
        let log = format!("[log]\nformat = \"{format}\"\n\n");
        let site = Site::edited(Backend::start(), &route("public", "/", "anonymous = true"), |text| text + &log);
        let raw: [&[u8]; 9] = [
            b"GET /a%0a%0d%1b[31mx HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /\u{7f}\u{9b}31m\u{85}\u{2028} HTTP/1.1\r\nHost: localhost\r\n\r\n".as_bytes(),
            "GET / HTTP/1.1\r\nHost: a\tb\"\\\r\n\r\n".as_bytes(),
            "GET / HTTP/1.1\r\nHost: \u{9b}31m\r\n\r\n".as_bytes(),
            b"GET /\x7f HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
            b"GET /\"reason\":\"x HTTP/1.1\r\nHost: a\",\"b\":\"\r\n\r\n",
            b"G\"ET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a b\r\n\r\n",
            b"GET /?x=%1b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \x9b31m\r\n\r\n",
        ];
        for request in raw {
            exchange(site.gateway.plain(), request);
        }
        exchange(site.gateway.plain(), request("GET /last", &[]));
        until("the last line", || site.gateway.log().contains("/last"));
        let log = site.gateway.log();
        assert!(log.lines().count() <= raw.len() + 1, "{log}");
        let odd = log.chars().find(|&c| c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
        assert_eq!(odd, None, "{format}: {log:?}");
        let is_line = |line: &str| match format {
            "json" => serde_json::from_str::<Value>(line).is_ok_and(|line| line["kind"] == "access"),
            _ => line.contains(" access ") && line.contains(" route="),
        };
        assert!(log.lines().all(is_line), "{log}");
    }
}

/// Lines wait in a queue that is bounded by their number.
#[test]
fn a_line_is_not_much_longer_for_a_request_that_is_huge() {
    let site = site();
    let long = "x".repeat(7000);
    let request = format!("{} /{long} HTTP/1.1\r\nHost: {long}\r\n\r\n", "M".repeat(7000));
    assert!(exchange(site.gateway.plain(), request).status >= 400);
    until("the line", || !site.gateway.log().is_empty());
    let line = site.gateway.log();
    assert!(line.len() < 3000, "{} bytes: {line}", line.len());
}
