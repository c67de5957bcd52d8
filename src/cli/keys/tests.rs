//! The commands on a store in memory.

use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::*;
use crate::authority::example;
use crate::store::memory::MemoryStore;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Parser)]
#[command(name = "tollgate")]
struct Line {
    #[command(subcommand)]
    command: Top,
}

#[derive(Debug, Subcommand)]
enum Top {
    Keys(Keys),
}

struct Bench {
    store: Arc<MemoryStore>,
    clock: Clock,
    authority: AuthoritySettings,
}

impl Bench {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()), clock: Clock::manual(START), authority: example::authority() }
    }

    /// With the keys of a first start.
    async fn started() -> Self {
        let bench = Self::new();
        bench.ground().open().await.unwrap();
        bench
    }

    fn ground(&self) -> Ground<'_> {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let sealer = Arc::new(Sealer::new(&zeroize::Zeroizing::new([1; 32])));
        Ground { store, sealer, authority: &self.authority, clock: self.clock.clone() }
    }

    /// Outcome, standard output and standard error.
    async fn run(&self, arguments: &[&str]) -> (Outcome, String, String) {
        let line = ["tollgate", "keys"].into_iter().chain(arguments.iter().copied()).chain(["--config", "t.toml"]);
        let Top::Keys(keys) = Line::try_parse_from(line).unwrap().command;
        assert_eq!(keys.config(), &PathBuf::from("t.toml"));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = keys.run_on(&self.ground(), &mut Streams { out: &mut out, err: &mut err }).await.unwrap();
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    async fn good(&self, arguments: &[&str]) -> String {
        let (outcome, out, err) = self.run(arguments).await;
        assert_eq!((outcome, err.as_str()), (Outcome::Good, ""));
        out
    }

    async fn listed(&self) -> Vec<Value> {
        let document: Value = serde_json::from_str(&self.good(&["list", "--json"]).await).unwrap();
        document["keys"].as_array().unwrap().clone()
    }

    /// The id of the one key of this purpose, state and with or without an application.
    async fn id(&self, purpose: &str, state: &str, has_application: bool) -> String {
        let keys = self.listed().await;
        let fits = |key: &&Value| {
            key["purpose"] == purpose && key["state"] == state && key["application"].is_string() == has_application
        };
        keys.iter().find(fits).unwrap()["kid"].as_str().unwrap().to_owned()
    }
}

#[test]
fn every_command_has_an_example() {
    for leaf in ["list", "rotate", "revoke"] {
        let mut arguments = Line::command();
        arguments.build();
        let keys = arguments.find_subcommand_mut("keys").unwrap();
        assert!(keys.render_long_help().to_string().contains("Example:\n  tollgate keys list"));
        let help = keys.find_subcommand_mut(leaf).unwrap().render_long_help().to_string();
        assert!(help.contains(&format!("Example:\n  tollgate keys {leaf} --config")), "{help}");
    }
}

#[tokio::test]
async fn listing_shows_the_life_of_every_key_and_makes_none() {
    let bench = Bench::new();
    assert_eq!(bench.good(&["list"]).await, "no keys; the first start of a gateway makes them\n");
    assert_eq!(bench.store.commits(), 0);
    let bench = Bench::started().await;
    let text = bench.good(&["list"]).await;
    assert_eq!(text.lines().count(), 8, "{text}");
    let active = bench.id("access", "active", true).await;
    let line = format!("access of wiki  ES384  active   {active}  signs since Fri, 15 Jan 2027 08:00:00 GMT");
    assert!(text.lines().any(|found| found == line), "{text}\n{line}");
    assert!(bench.listed().await.iter().all(|key| key["ends"].is_null()));
}

#[tokio::test]
async fn rotating_waits_for_the_next_key_to_be_known_unless_told_otherwise() {
    let bench = Bench::started().await;
    let next = bench.id("access", "next", false).await;
    let (outcome, out, err) = bench.run(&["rotate"]).await;
    assert_eq!((outcome, out.as_str()), (Outcome::Failed, ""));
    assert!(err.contains("--now rotates nevertheless") && err.contains("08:10:00 GMT"), "{err}");
    assert_eq!(bench.good(&["rotate", "--now"]).await, format!("{next} signs now\n"));
    bench.clock.advance(HOUR);
    let next = bench.id("access", "next", true).await;
    let out = bench.good(&["rotate", "--application", "wiki", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({ "active": next }));
    let next = bench.id("vend", "next", false).await;
    assert_eq!(bench.good(&["rotate", "--purpose", "vend"]).await, format!("{next} signs now\n"));
}

#[tokio::test]
async fn rotating_where_no_key_signs_fails() {
    let bench = Bench::started().await;
    for (arguments, reason) in [
        (&["rotate", "--application", "shop"][..], "there is no application \"shop\""),
        (&["rotate", "--application", "wiki", "--purpose", "vend"], "no key signs there"),
    ] {
        let (outcome, _, err) = bench.run(arguments).await;
        assert!(outcome == Outcome::Failed && err.contains(reason), "{err}");
    }
}

#[tokio::test]
async fn revoking_says_what_it_did_and_unknown_keys_fail() {
    let bench = Bench::started().await;
    let active = bench.id("access", "active", false).await;
    assert_eq!(bench.good(&["revoke", &active]).await, format!("{active} is revoked; what it signed is refused\n"));
    assert_eq!(bench.id("access", "revoked", false).await, active);
    assert_ne!(bench.id("access", "active", false).await, active);
    let (outcome, _, err) = bench.run(&["revoke", "-unknown"]).await;
    assert!(outcome == Outcome::Failed && err.contains("there is no stored key \"-unknown\""), "{err}");
}

#[tokio::test]
async fn a_store_that_is_down_is_said() {
    let bench = Bench::started().await;
    bench.store.be_down(true);
    for arguments in [&["list"][..], &["rotate"], &["revoke", "x"]] {
        let (outcome, _, err) = bench.run(arguments).await;
        assert_eq!((outcome, err.as_str()), (Outcome::Failed, "tollgate: the store is unavailable: it is down\n"));
    }
}
