//! Minting on a store of its own.

use clap::Parser;
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::*;
use crate::authority::{AuthoritySettings, example};
use crate::clock::Timestamp;
use crate::store::{Change, Registration, SessionsOf, User};
use crate::token;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    mint: Mint,
}

/// An authority with `ann`, who is registered with `wiki`, and `bob`, who is not.
struct Bench {
    authority: Authority,
    clock: Clock,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let settings = AuthoritySettings { tenant_id: Some(Uuid::from_u128(9)), ..example::authority() };
        let authority = opened_store::example(folder.path(), settings, &clock).await;
        let bench = Self { authority, clock, _folder: folder };
        bench.add(example::user()).await;
        bench.add(User { id: Uuid::from_u128(8), email: None, username: Some("bob".into()), ..example::user() }).await;
        bench
    }

    async fn add(&self, mut user: User) {
        if user.username.is_none() {
            let roles = vec!["gone".to_owned()];
            let id = Uuid::from_u128(user.id.as_u128() + 100);
            user.registrations = vec![Registration { roles, ..self.authority.new_registration(Some(id), WIKI).unwrap() }];
        }
        self.authority.parts().store.commit(vec![Change::AddUser(user)]).await.unwrap();
    }

    /// Outcome, standard output and standard error.
    async fn mint(&self, arguments: &[&str]) -> (Outcome, String, String) {
        let line = ["mint", "--config", "t.toml"].into_iter().chain(arguments.iter().copied());
        let mint = Line::try_parse_from(line).unwrap().mint;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let by = Operator { uid: Some(1), name: None, behind_sudo: None };
        let outcome = mint.run_on(&self.authority, &by, &mut Streams { out: &mut out, err: &mut err }).await.unwrap();
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    async fn claims(&self, arguments: &[&str]) -> Map<String, Value> {
        let (outcome, out, err) = self.mint(arguments).await;
        assert_eq!((outcome, err.as_str()), (Outcome::Good, ""));
        let (_, claims) = token::inspect(out.trim_end()).unwrap();
        claims.as_object().unwrap().clone()
    }

    async fn refused(&self, arguments: &[&str], outcome: Outcome, reason: &str) {
        let (found, out, err) = self.mint(arguments).await;
        assert_eq!((found, out.as_str()), (outcome, ""), "{arguments:?}");
        assert!(err.contains(reason), "{arguments:?}: {err}");
    }
}

const WIKI: Uuid = Uuid::from_u128(2);

#[tokio::test]
async fn a_token_is_that_of_a_sign_in_of_its_own() {
    let bench = Bench::new().await;
    for name in ["00000000-0000-0000-0000-000000000007", "ANN@example.com"] {
        let claims = bench.claims(&["--user", name, "--application", "wiki"]).await;
        assert_eq!(claims["aud"], json!(WIKI));
        assert_eq!((&claims["authenticationType"], &claims["applicationId"]), (&json!("MINT"), &json!(WIKI)));
        assert_eq!((&claims["roles"], &claims["email"]), (&json!([]), &json!("ann@example.com")), "an unknown role is none");
        assert_eq!(claims["exp"].as_u64().unwrap(), START.seconds() + 900);
        let session = Uuid::parse_str(claims["sid"].as_str().unwrap()).unwrap();
        let session = bench.authority.parts().store.session(session).await.unwrap().unwrap();
        assert_eq!((session.user, session.application, session.signed_in), (Uuid::from_u128(7), Some(WIKI), START));
    }
    let sessions = bench.authority.parts().store.sessions(SessionsOf::User(Uuid::from_u128(7)), 9).await.unwrap();
    assert_eq!(sessions.len(), 2, "each has its own");
}

#[tokio::test]
async fn without_an_application_a_token_is_the_authoritys_and_good_for_no_route() {
    let bench = Bench::new().await;
    for user in ["ann@example.com", "bob"] {
        let claims = bench.claims(&["--user", user]).await;
        assert_eq!(claims["aud"], json!("https://authority.example"));
        assert!(!claims.contains_key("roles") && !claims.contains_key("applicationId"));
    }
}

#[tokio::test]
async fn who_may_not_sign_in_gets_none() {
    let bench = Bench::new().await;
    let ann = ["--user", "ann@example.com", "--application", "wiki"];
    bench.refused(&["--user", "bob", "--application", "wiki"], Outcome::Failed, "not registered with wiki").await;
    bench.refused(&["--user", "eve"], Outcome::Failed, "there is no user \"eve\"").await;
    bench.refused(&["--user", "bob", "--application", "shop"], Outcome::Failed, "there is no application \"shop\"").await;
    let store = &bench.authority.parts().store;
    let user = store.user(Uuid::from_u128(7)).await.unwrap().unwrap();
    let version = user.version;
    let expired = User { expiry: Some(START), ..user };
    store.commit(vec![Change::ReplaceUser(expired.clone())]).await.unwrap();
    bench.refused(&ann, Outcome::Failed, "the user's account has expired").await;
    store.commit(vec![Change::ReplaceUser(User { active: false, version: version + 1, ..expired })]).await.unwrap();
    bench.refused(&ann, Outcome::Failed, "the user is inactive").await;
    bench.refused(&ann[..2], Outcome::Failed, "the user is inactive").await;
    assert!(store.sessions(SessionsOf::User(Uuid::from_u128(7)), 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_lives_no_longer_than_those_of_its_application() {
    let bench = Bench::new().await;
    let lifetime = |text| ["--user", "ann@example.com", "--application", "wiki", "--lifetime", text];
    assert_eq!(bench.claims(&lifetime("1h")).await["exp"], json!(START.seconds() + 3600));
    bench.clock.advance(Duration::from_millis(999));
    assert_eq!(bench.claims(&lifetime("1m")).await["exp"], json!(START.seconds() + 60), "never longer than asked for");
    for text in ["3601s", "1d", "999ms", "0s"] {
        bench.refused(&lifetime(text), Outcome::Refused, "--lifetime: It must be from 1 to 3600 seconds").await;
    }
}

#[tokio::test]
async fn programs_get_the_id_and_the_expiry_too() {
    let bench = Bench::new().await;
    let (_, out, _) = bench.mint(&["--user", "bob", "--json"]).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    let (_, claims) = token::inspect(document["token"].as_str().unwrap()).unwrap();
    assert_eq!((&document["id"], &document["expires"]), (&claims["jti"], &claims["exp"]));
}

#[test]
fn a_reason_is_one_line() {
    let line = |reason| Line::try_parse_from(["mint", "--config", "t", "--user", "a", "--reason", reason]);
    assert!(line("ticket 4711").is_ok());
    for bad in ["two\nlines", "\u{1b}[2J", &"a".repeat(301)] {
        assert!(line(bad).is_err());
    }
}
