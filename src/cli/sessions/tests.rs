//! The commands on a store of their own.

use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::authority::{Application, AuthoritySettings, Device, SignIn, SignedIn, example};
use crate::clock::Timestamp;
use crate::store::Change;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const WIKI: Uuid = Uuid::from_u128(2);
const ANN: Uuid = Uuid::from_u128(7);

#[derive(Debug, Parser)]
#[command(name = "tollgate")]
struct Line {
    #[command(subcommand)]
    command: Top,
}

#[derive(Debug, Subcommand)]
enum Top {
    Sessions(Sessions),
}

/// An authority with `ann` and `bob`, who are registered with `wiki`, which gives refresh tokens.
struct Bench {
    authority: Authority,
    clock: Clock,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let mut settings: AuthoritySettings = example::authority();
        let wiki = Application::clone(&settings.applications[0]);
        settings.applications = vec![Arc::new(Application { generate_refresh_tokens: true, ..wiki })];
        let authority = opened_store::example(folder.path(), settings, &clock).await;
        let bench = Self { authority, clock, folder };
        bench.add(example::user()).await;
        bench.add(User { id: Uuid::from_u128(8), email: None, username: Some("bob".into()), ..example::user() }).await;
        bench
    }

    async fn add(&self, mut user: User) {
        let id = Uuid::from_u128(user.id.as_u128() + 100);
        user.registrations = vec![self.authority.new_registration(Some(id), WIKI).unwrap()];
        self.authority.parts().store.commit(vec![Change::AddUser(user)]).await.unwrap();
    }

    /// A session a second after the one before.
    async fn sign_in(&self, name: &str, device: Option<&str>) -> SignedIn {
        self.clock.advance(Duration::from_secs(1));
        let user = named::user(&self.authority, name).await.unwrap().unwrap();
        let application = self.authority.settings().application(WIKI).cloned();
        let device = Device { name: device.map(str::to_owned), ..Device::default() };
        let how = SignIn { application, authentication_type: "PASSWORD", device, no_tokens: false, in_place: None };
        self.authority.begin_session(user, how, Vec::new()).await.unwrap()
    }

    /// Outcome, standard output and standard error.
    async fn run(&self, arguments: &[&str]) -> (Outcome, String, String) {
        let line = ["tollgate", "sessions"].into_iter().chain(arguments.iter().copied()).chain(["--config", "t.toml"]);
        let Top::Sessions(sessions) = Line::try_parse_from(line).unwrap().command;
        assert_eq!(sessions.config(), &PathBuf::from("t.toml"));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = sessions.run_on(&self.authority, &mut Streams { out: &mut out, err: &mut err }).await.unwrap();
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    async fn good(&self, arguments: &[&str]) -> String {
        let (outcome, out, err) = self.run(arguments).await;
        assert_eq!((outcome, err.as_str()), (Outcome::Good, ""), "{arguments:?}");
        out
    }

    async fn failed(&self, arguments: &[&str], reason: &str) {
        let (outcome, out, err) = self.run(arguments).await;
        assert_eq!((outcome, out.as_str()), (Outcome::Failed, ""), "{arguments:?}");
        assert!(err.contains(reason), "{arguments:?}: {err}");
    }

    async fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.good(&[&["list", "--json"], arguments].concat()).await;
        serde_json::from_str::<Value>(&out).unwrap()["sessions"].as_array().unwrap().clone()
    }
}

fn id(signed_in: &SignedIn) -> String {
    signed_in.refresh_token.as_ref().unwrap().id.to_string()
}

fn access(signed_in: &SignedIn) -> &str {
    &signed_in.token.as_ref().unwrap().token
}

fn ids(sessions: &[Value]) -> Vec<&str> {
    sessions.iter().map(|session| session["id"].as_str().unwrap()).collect()
}

#[test]
fn every_command_has_an_example() {
    for leaf in ["list", "revoke"] {
        let mut arguments = Line::command();
        arguments.build();
        let sessions = arguments.find_subcommand_mut("sessions").unwrap();
        let help = sessions.find_subcommand_mut(leaf).unwrap().render_long_help().to_string();
        assert!(help.contains(&format!("Example:\n  tollgate sessions {leaf} --config")), "{help}");
    }
}

#[tokio::test]
async fn sessions_are_listed_newest_first_with_what_renews_them_and_no_secret() {
    let bench = Bench::new().await;
    assert_eq!(bench.good(&["list"]).await, "no sessions\n");
    let (first, second) = (bench.sign_in("ann@example.com", Some("phone")).await, bench.sign_in("bob", None).await);
    let third = bench.sign_in("ann@example.com", None).await;
    let all = bench.listed(&[]).await;
    assert_eq!(ids(&all), [id(&third), id(&second), id(&first)]);
    let shown = &all[2];
    let token = json!({
        "id": id(&first), "application": WIKI, "application_name": "wiki", "device": "phone", "made": START.seconds() + 1,
        "last_used": START.seconds() + 1, "exchanged": false,
    });
    assert_eq!(shown["refresh_tokens"], json!([token]));
    assert_eq!((&shown["user"], &shown["user_name"]), (&json!(ANN), &json!("ann@example.com")));
    assert_eq!((&shown["signed_in"], &shown["authentication_type"]), (&json!(START.seconds() + 1), &json!("PASSWORD")));
    for of_ann in ["ann@example.com", &ANN.to_string()] {
        assert_eq!(ids(&bench.listed(&["--user", of_ann]).await), [id(&third), id(&first)]);
    }
    assert_eq!(ids(&bench.listed(&["--user", "bob", "--application", "wiki"]).await), [id(&second)]);
    assert_eq!(ids(&bench.listed(&["--application", &WIKI.to_string(), "--limit", "1"]).await), [id(&third)]);
    assert_eq!(ids(&bench.listed(&["--session", &id(&second)]).await), [id(&second)]);
    let text = bench.good(&["list"]).await;
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains(&format!("{}  {ANN}  ann@example.com  wiki  PASSWORD  Fri, 15 Jan 2027 08:00:01 GMT", id(&first))));
    let json = bench.good(&["list", "--json"]).await;
    for secret in [access(&first), &first.refresh_token.as_ref().unwrap().value] {
        assert!(!text.contains(secret) && !json.contains(secret));
    }
}

#[tokio::test]
async fn a_device_cannot_draw_a_line_of_its_own() {
    let bench = Bench::new().await;
    bench.sign_in("bob", Some("phone\n0000  forged\u{1b}[2J")).await;
    let text = bench.good(&["list"]).await;
    assert!(text.lines().count() == 2 && !text.contains('\u{1b}'), "{text}");
}

#[tokio::test]
async fn what_is_selected_ends_and_nothing_else() {
    let bench = Bench::new().await;
    let wiki = WIKI.to_string();
    for (arguments, left) in [
        (&["--user", "ann@example.com"][..], 1),
        (&["--user", "ann@example.com", "--application", "wiki"], 1),
        (&["--application", &wiki], 0),
    ] {
        bench.sign_in("ann@example.com", None).await;
        let of_bob = bench.sign_in("bob", None).await;
        let out = bench.good(&[&["revoke"], arguments].concat()).await;
        assert!(out.contains(" is revoked; ended: ") && !out.contains("sessions 0,"), "{out}");
        let sessions = bench.listed(&[]).await;
        assert_eq!(sessions.len(), left, "{arguments:?}");
        bench.good(&["revoke", "--application", "wiki"]).await;
        assert!(bench.authority.session(id(&of_bob).parse().unwrap()).await.unwrap().is_none());
    }
    let (ended, other) = (bench.sign_in("bob", None).await, bench.sign_in("bob", None).await);
    let out: Value = serde_json::from_str(&bench.good(&["revoke", "--session", &id(&ended), "--json"]).await).unwrap();
    assert_eq!(out, json!({ "revoked": format!("session {}", id(&ended)), "sessions": 1, "refresh_tokens": 1 }));
    assert_eq!(ids(&bench.listed(&[]).await), [id(&other)]);
}

#[tokio::test]
async fn one_access_token_ends_by_itself_or_by_its_id_and_its_session_goes_on() {
    let bench = Bench::new().await;
    let [one, two, three] =
        [bench.sign_in("bob", None).await, bench.sign_in("bob", None).await, bench.sign_in("bob", None).await];
    let file = bench.folder.path().join("token");
    std::fs::write(&file, format!("Authorization: Bearer {}\n", access(&two))).unwrap();
    let jti = three.token.as_ref().unwrap().id.to_string();
    let by = [["--token", access(&one)], ["--token-file", file.to_str().unwrap()], ["--token-id", &jti]];
    for (arguments, signed_in) in by.into_iter().zip([&one, &two, &three]) {
        let id = signed_in.token.as_ref().unwrap().id;
        let out = bench.good(&[&["revoke"], &arguments[..]].concat()).await;
        assert_eq!(
            out,
            format!("access token {id} is refused from now on, with what was exchanged from it; its session goes on\n")
        );
    }
    assert_eq!(bench.listed(&[]).await.len(), 3);
    let log = bench.authority.parts().store.revocations_after(0, bench.clock.now(), 9).await.unwrap();
    assert_eq!(log.iter().map(|logged| logged.revocation.scope.word()).collect::<Vec<_>>(), ["token"; 3]);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let bench = Bench::new().await;
    let session = bench.sign_in("bob", None).await;
    let (nobody, forged) = (Uuid::from_u128(99).to_string(), access(&session).replace('.', "x."));
    for command in ["list", "revoke"] {
        bench.failed(&[command, "--user", "nobody"], "there is no user \"nobody\"").await;
        bench.failed(&[command, "--application", "shop"], "there is no application \"shop\"").await;
        bench.failed(&[command, "--session", &nobody], "there is no session").await;
    }
    for token in ["x", "a.b.c", &forged] {
        bench.failed(&["revoke", "--token", token], "it is no access token of the authority that holds").await;
    }
    bench.failed(&["revoke", "--token-file", "/absent"], "/absent: ").await;
    bench.failed(&["revoke", "--token-id", &id(&session)], "is the id of a refresh token").await;
    bench.clock.advance(Duration::from_secs(4000));
    bench.failed(&["revoke", "--token", access(&session)], "expired").await;
    assert_eq!(bench.authority.parts().store.revocations_after(0, START, 9).await.unwrap(), []);
}
