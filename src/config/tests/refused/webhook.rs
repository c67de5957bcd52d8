//! `[[webhook]]` blocks that are refused. Each test holds the whole message.

use crate::config::tests::refused::{refused_beside, with_more};
use crate::config::tests::{AUTHORITY, Bench};

/// A webhook with these lines is refused with these messages.
#[track_caller]
fn refused(lines: &str, messages: &[&str]) {
    refused_beside(&[], &format!("\n[[webhook]]\n{lines}\n"), messages);
}

const URL: &str = r#"url = "https://events.example.com/tollgate""#;
const EVENTS: &str = r#"events = ["jwt.refresh"]"#;

#[test]
fn without_an_authority() {
    with_more(
        "\n[[webhook]]\nurl = \"https://events.example.com\"\nevents = [\"jwt.refresh\"]\n",
        "t.toml:21:1: webhook: found `[[webhook]]` without `[authority]`, which it belongs to; add the one or remove the other",
    );
}

#[test]
fn addresses_that_are_none_or_hold_a_password_which_is_not_shown() {
    for url in ["events.example.com", "https://u:hunter2@events.example.com", "https://events.example.com/#a", "ftp://a"] {
        let expected = r#"t.toml:42:7: webhook[0].url: found no such address; allowed: one such as "https://events.example.com/tollgate", without user name, password and fragment"#;
        refused(&format!("url = \"{url}\"\n{EVENTS}"), &[expected]);
    }
}

#[test]
fn plain_http_off_loopback() {
    refused(
        &format!("url = \"http://events.example.com\"\n{EVENTS}"),
        &[
            r#"t.toml:42:7: webhook[0].url: found "http://events.example.com"; allowed: https (plain http on loopback, or elsewhere with `insecure_plain_http = true`)"#,
        ],
    );
}

#[test]
fn plain_http_is_warned_of_where_it_is_allowed_and_taken_on_loopback() {
    let load = |lines: &str| {
        let settings = Bench::new().load_with(&format!("{AUTHORITY}\n[[webhook]]\n{EVENTS}\n{lines}\n"), &[]);
        settings.unwrap_or_else(|found| panic!("{found}"))
    };
    let settings = load("url = \"http://127.0.0.1:9/a\"");
    assert_eq!((settings.warnings.len(), &*settings.authority.unwrap().webhooks[0].name), (0, "127.0.0.1"));
    let settings = load("url = \"http://events.example.com\"\ninsecure_plain_http = true");
    let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert!(warning.to_string().contains("can be read and kept back by anyone on the way"), "{warning}");
}

#[test]
fn unknown_no_and_repeated_events() {
    refused(
        &format!("{URL}\nevents = [\"jwt.refresh-token.revok\", \"jwt.refresh\", \"jwt.refresh\"]"),
        &[
            r#"t.toml:43:11: webhook[0].events[0]: found "jwt.refresh-token.revok", which is no event; did you mean `jwt.refresh-token.revoke`?"#,
            r#"t.toml:43:53: webhook[0].events[2]: found "jwt.refresh" a second time; allowed: each event once"#,
        ],
    );
    refused(
        URL,
        &["t.toml:41:1: webhook[0].events: found no event; allowed: at least one of jwt.refresh-token.revoke, jwt.refresh"],
    );
}

#[test]
fn one_address_or_name_twice() {
    refused(
        &format!("{URL}\n{EVENTS}\n\n[[webhook]]\nname = \"b\"\n{URL}\n{EVENTS}"),
        &[
            r#"t.toml:47:7: webhook.b.url: found the url of webhook "events.example.com" a second time; allowed: each webhook has its own"#,
        ],
    );
    refused(
        &format!("{URL}\n{EVENTS}\n\n[[webhook]]\nurl = \"https://events.example.com/b\"\n{EVENTS}"),
        &[
            r#"t.toml:45:1: webhook[1].name: found the name of webhook "events.example.com" a second time; allowed: each webhook has its own"#,
        ],
    );
}

#[test]
fn a_long_timeout_and_authorities_without_tls() {
    refused(
        &format!("url = \"http://127.0.0.1:9\"\n{EVENTS}\nca_file = \"ca.pem\"\ntimeout = \"61s\""),
        &[
            "t.toml:44:11: webhook[0].ca_file: found it beside an address without TLS; allowed: only beside an https:// address",
            r#"t.toml:45:11: webhook[0].timeout: found 61 s; allowed: at most "60s""#,
        ],
    );
}
