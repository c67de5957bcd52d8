//! Places: lines, columns, carets and masks; and that no text makes loading panic.

use proptest::prelude::*;

use crate::config::tests::{Bench, GOOD};

#[test]
fn a_problem_shows_its_line_with_a_caret_under_what_is_meant() {
    let text = GOOD.replace(r#"upstream = "up""#, r#"upstream = "upp""#);
    let expected = r#"t.toml:19:12: route.all.upstream: found "upp", which is no upstream; did you mean `up`?
   |
19 | upstream = "upp"
   |            ^^^^^"#;
    assert_eq!(Bench::new().refusal(&text, &[]), expected);
}

#[test]
fn columns_count_characters_and_not_bytes() {
    let text = GOOD.replace(r#"audiences = ["gateway"]"#, r#"audiences = ["gäteway→", 5]"#);
    let expected = r#"t.toml:8:26: issuer.corp.audiences[1]: found 5; allowed: a string
  |
8 | audiences = ["gäteway→", 5]
  |                          ^"#;
    assert_eq!(Bench::new().refusal(&text, &[]), expected);
}

#[test]
fn an_unknown_key_is_quoted_without_its_value_which_may_be_a_secret() {
    let text = GOOD.replace("jwks_file = \"jwks.json\"", "secrte = \"hunter2\"");
    let refusal = Bench::new().refusal(&text, &[]);
    assert!(refusal.contains("10 | secrte\n   | ^^^^^^"), "{refusal}");
    assert!(!refusal.contains("hunter2"));
}

#[test]
fn a_secret_in_a_quoted_line_is_masked() {
    let text = format!(
        "issuer = [{{ name = \"corp\", secret = \"hunter2\", issuer = 5 }}]\n{}",
        &GOOD[..GOOD.find("[[issuer]]").unwrap()]
    ) + &GOOD[GOOD.find("[[upstream]]").unwrap()..];
    let refusal = Bench::new().refusal(&text, &[]);
    let line = r#"1 | issuer = [{ name = "corp", secret = *********, issuer = 5 }]"#;
    assert!(refusal.contains(line), "{refusal}");
}

#[test]
fn a_secret_of_another_kind_is_not_shown() {
    let text = GOOD.replace("jwks_file = \"jwks.json\"", "secret = 1234567890");
    let refusal = Bench::new().refusal(&text, &[]);
    assert!(
        refusal.starts_with("t.toml:10:10: issuer.corp.secret: found a value of another kind; allowed: a string\n"),
        "{refusal}"
    );
    assert!(!refusal.contains("1234567890"));
}

#[test]
fn broken_toml_has_a_place_too() {
    let expected = "t.toml:2:15: not TOML: invalid basic string, expected `\"`\n  |\n2 | name = \"public\n  |               ^";
    assert_eq!(Bench::new().refusal("[[listener]]\nname = \"public\n", &[]), expected);
}

#[test]
fn broken_toml_is_not_quoted_where_a_secret_may_be() {
    let refusal = Bench::new().refusal("[[issuer]]\nsecret = \"hunter2\n", &[]);
    assert!(refusal.starts_with("t.toml:2:") && !refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn problems_come_in_the_order_of_their_places() {
    let text = GOOD.replace("8443", "port").replace(r#"path = "/""#, r#"path = "x""#).replace("ES256", "ES");
    let refusal = Bench::new().refusal(&text, &[("TOLLGATE_RUNTIME__WORKERS", "x")]);
    let places: Vec<_> = refusal.split("\n\n").map(|one| one.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(places, ["t.toml:3:11", "t.toml:9:15", "t.toml:18:8", "TOLLGATE_RUNTIME__WORKERS"]);
}

proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in r#"(\[\[?(listener|issuer|route|upstream|log|admin)\]\]?\n|(name|path|address|tls|require|issuers|secret|keys) = ("[^"\n]{0,9}"|-?[0-9]{1,20}|\[[0-9a-z"{}=, ]{0,12}\]|\{[a-z0-9"=, ]{0,12}\}|true|2026-01-01)\n|.{0,12}\n){0,12}"#) {
        let _ = Bench::empty().load_with(&text, &[]);
    }

    #[test]
    fn no_change_of_a_good_text_makes_loading_panic(at in 0..GOOD.len(), length in 0_usize..9, new in r#"[\[\]{}"=.,\\\n\ta-z0-9é→-]{0,6}"#) {
        let end = (at + length).min(GOOD.len());
        let _ = Bench::empty().load_with(&format!("{}{new}{}", &GOOD[..at], &GOOD[end..]), &[]);
    }

    #[test]
    fn no_variable_makes_loading_panic(key in "(RUNTIME|ISSUER|ROUTE|LISTENER|LOG)__(CORP__|ALL__|PUBLIC__)?[A-Z_]{0,12}", value in r#"[\[\]{}"=a-z0-9, é]{0,12}"#) {
        let _ = Bench::empty().load_with(GOOD, &[(&format!("TOLLGATE_{key}"), &value)]);
    }
}
