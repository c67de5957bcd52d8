//! Commands on the store beside a gateway that runs, and where none has run: the program itself, as an operator starts it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tollgate::clock::Clock;
use tollgate::config;
use tollgate::gateway::{Gateway, Options};
use tollgate::telemetry::{LogSink, LogWriter};

use crate::support::{Answer, Backend, exchange, request, until};

const ORDERS: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";

/// A gateway with an authority, at the time that commands have, too.
struct Bench {
    folder: tempfile::TempDir,
    backend: Backend,
    running: Option<(Gateway, LogWriter)>,
}

impl Bench {
    fn new() -> Self {
        let (folder, backend) = (tempfile::tempdir().unwrap(), Backend::start());
        let key = sha256(&"x".repeat(40));
        let text = format!(
            "[[listener]]\nname = \"plain\"\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n\
             [runtime]\nworkers = 1\n[log]\naccess = false\n\
             [authority]\nissuer = \"acme.com\"\nhost = \"auth.example\"\naccess_token_lifetime = \"10m\"\n\
             [store]\nurl = \"sqlite://tollgate.db\"\nencryption_key_file = \"tollgate.key\"\n\
             [[application]]\nid = \"{ORDERS}\"\nname = \"orders\"\nroles = [{{ name = \"admin\" }}]\n\
             [[api_key]]\nname = \"ops\"\nsha256 = \"{key}\"\npermissions = \"all\"\n\
             [[upstream]]\nname = \"backend\"\nservers = [\"{}\"]\n\
             [[route]]\nname = \"orders\"\nhost = \"orders.example\"\npath = \"/\"\nupstream = \"backend\"\n\
             application = \"orders\"\nrequire = {{ roles = [\"admin\"] }}\n",
            backend.url()
        );
        fs::write(folder.path().join("t.toml"), text).unwrap();
        Self { folder, backend, running: None }
    }

    fn start(&mut self) {
        let settings = config::load(&self.path().join("t.toml"), []).unwrap_or_else(|problems| panic!("{problems}"));
        let (log, writer) = LogSink::start(std::io::sink()).unwrap();
        let options = Options { take_over: false, clock: Clock::system(), log, log_level: None };
        self.running = Some((Gateway::start(settings, options).unwrap_or_else(|error| panic!("{error}")), writer));
    }

    fn stop(&mut self) {
        let (gateway, _log) = self.running.take().unwrap();
        gateway.shutdown();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate")).args(arguments).current_dir(self.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{err}");
        out
    }

    /// The API with the operator's key.
    #[track_caller]
    fn api(&self, line: &str, body: &str) -> Answer {
        let (gateway, _) = self.running.as_ref().unwrap();
        let length = body.len().to_string();
        let headers = [
            ("Host", "auth.example"),
            ("Authorization", &*"x".repeat(40)),
            ("Content-Type", "application/json"),
            ("Content-Length", &length),
        ];
        exchange(gateway.address("plain").unwrap(), request(line, &headers) + body)
    }

    fn asked(&self, token: &str) -> Answer {
        let (gateway, _) = self.running.as_ref().unwrap();
        let headers = [("Host", "orders.example"), ("Authorization", &*format!("Bearer {token}"))];
        exchange(gateway.address("plain").unwrap(), request("GET /", &headers))
    }
}

#[test]
fn a_minted_token_is_a_users_until_the_users_sessions_end_and_leaves_a_line_behind() {
    let mut bench = Bench::new();
    bench.start();
    let made = bench.api("POST /api/user", r#"{"user":{"email":"ann@example.com","password":"correct horse"}}"#);
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["user"]["id"].as_str().unwrap().to_owned();
    let registration = format!("{{\"registration\":{{\"applicationId\":\"{ORDERS}\",\"roles\":[\"admin\"]}}}}");
    let mint = ["token", "mint", "--config", "t.toml", "--user", "ann@example.com", "--application", "orders"];
    let (code, _, err) = bench.run(&mint);
    assert!(code == Some(1) && err.contains("not registered with orders"), "{err}");
    let registered = bench.api(&format!("POST /api/user/registration/{id}"), &registration);
    assert_eq!(registered.status, 200, "{}", registered.text());

    let (code, out, err) = bench.run(&[&mint[..], &["--reason", "ticket \"4711\""]].concat());
    assert_eq!(code, Some(0), "{err}");
    let token = out.trim_end();
    assert_eq!(token.split('.').count(), 3, "the token alone: {out}");
    let line: Value = serde_json::from_str(err.trim_end()).unwrap_or_else(|_| panic!("one line: {err}"));
    assert_eq!((&line["target"], &line["user"]), (&"tollgate::audit".into(), &id.as_str().into()));
    assert_eq!((&line["application"], &line["reason"]), (&"orders".into(), &"ticket \"4711\"".into()));
    assert!(line["uid"].is_u64() && line["token_id"].is_string() && line["session"].is_string(), "{line}");
    assert!(!err.contains(token.rsplit('.').next().unwrap()), "never the token");

    assert_eq!(bench.asked(token).status, 200);
    assert_eq!(bench.backend.received().last().unwrap().header("x-forwarded-email"), Some("ann@example.com"));
    assert_eq!(bench.api(&format!("DELETE /api/jwt/refresh?userId={id}"), "").status, 200);
    assert_eq!(bench.asked(token).status, 401);

    let again = bench.good(&mint);
    assert_eq!(bench.asked(again.trim_end()).status, 200, "a new session");
    assert_eq!(bench.run(&[&mint[..], &["--lifetime", "11m"]].concat()).0, Some(2));
}

#[test]
fn keys_are_listed_rotated_and_revoked_beside_a_gateway_and_without_one() {
    let mut bench = Bench::new();
    bench.start();
    let keys = |state: &str| {
        let document: Value = serde_json::from_str(&bench.good(&["keys", "list", "--config", "t.toml", "--json"])).unwrap();
        let of_state = |key: &&Value| key["purpose"] == "access" && key["state"] == state;
        let keys = document["keys"].as_array().unwrap();
        keys.iter().filter(of_state).map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (active, next) = (keys("active"), keys("next"));
    let (code, _, err) = bench.run(&["keys", "rotate", "--config", "t.toml"]);
    assert!(code == Some(1) && err.contains("--now rotates nevertheless"), "{err}");
    bench.good(&["keys", "rotate", "--config", "t.toml", "--now"]);
    assert_eq!((keys("active"), keys("retired")), (next.clone(), active.clone()));
    bench.good(&["keys", "revoke", "--config", "t.toml", &next[0]]);
    assert_eq!(keys("revoked"), next);
    until("the gateway to follow", || {
        let published = bench.api("GET /.well-known/jwks.json", "").text();
        !published.contains(&next[0]) && published.contains(&active[0])
    });
    let active = keys("active");
    bench.stop();
    let listed = bench.good(&["keys", "list", "--config", "t.toml"]);
    assert!(listed.contains(&active[0]), "{listed}");
}

/// At most a second after `revoke`, without asking the gateway for anything but the page.
#[track_caller]
fn is_refused_within_a_second(bench: &Bench, token: &str, revoke: impl FnOnce()) {
    assert_eq!(bench.asked(token).status, 200);
    revoke();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(bench.asked(token).status, 401);
}

#[test]
fn sessions_and_tokens_that_are_revoked_beside_a_gateway_are_refused_within_a_second() {
    let mut bench = Bench::new();
    bench.start();
    let body = format!(
        "{{\"user\":{{\"email\":\"ann@example.com\",\"password\":\"correct horse\"}},\
         \"registration\":{{\"applicationId\":\"{ORDERS}\",\"roles\":[\"admin\"]}}}}"
    );
    let sign_in = || {
        let login = format!("{{\"loginId\":\"ann@example.com\",\"password\":\"correct horse\",\"applicationId\":\"{ORDERS}\"}}");
        let answer = bench.api("POST /api/login", &login).json();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (text("token"), text("refreshToken"), text("refreshTokenId"))
    };
    assert_eq!(bench.api("POST /api/user/registration", &body).status, 200);
    let sessions = |arguments: &[&str]| bench.good(&[&["sessions"], arguments, &["--config", "t.toml"]].concat());

    let (token, refresh, _) = sign_in();
    let file = bench.path().join("token.txt");
    fs::write(&file, &token).unwrap();
    is_refused_within_a_second(&bench, &token, || {
        sessions(&["revoke", "--token-file", "token.txt"]);
    });
    let renewed = bench.api("POST /api/jwt/refresh", &format!("{{\"refreshToken\":\"{refresh}\"}}")).json();
    let renewed = renewed["token"].as_str().unwrap();
    assert_eq!(bench.asked(renewed).status, 200, "the session goes on");

    let (other, _, id) = sign_in();
    let listed: Value = serde_json::from_str(&sessions(&["list", "--user", "ann@example.com", "--json"])).unwrap();
    assert!(listed["sessions"].as_array().unwrap().iter().any(|session| session["id"] == *id), "{listed}");
    is_refused_within_a_second(&bench, &other, || {
        sessions(&["revoke", "--session", &id]);
    });
    is_refused_within_a_second(&bench, renewed, || {
        sessions(&["revoke", "--user", "ann@example.com", "--application", "orders"]);
    });
    assert_eq!(bench.api("POST /api/jwt/refresh", &format!("{{\"refreshToken\":\"{refresh}\"}}")).status, 401);

    let (token, ..) = sign_in();
    assert_eq!(bench.asked(&token).status, 200, "a new sign-in");
    bench.stop();
    bench.good(&["sessions", "revoke", "--config", "t.toml", "--application", "orders"]);
    bench.start();
    assert_eq!(bench.asked(&token).status, 401, "ended while no gateway ran");
    assert_eq!(bench.run(&["sessions", "revoke", "--config", "t.toml"]).0, Some(2));
    assert_eq!(bench.run(&["sessions", "revoke", "--config", "t.toml", "--user", "nobody"]).0, Some(1));
}

#[test]
fn commands_on_a_store_that_is_not_there_make_none() {
    let bench = Bench::new();
    for arguments in [
        &["keys", "list", "--config", "t.toml"][..],
        &["keys", "rotate", "--config", "t.toml"],
        &["token", "mint", "--config", "t.toml", "--user", "a"],
        &["sessions", "list", "--config", "t.toml"],
        &["sessions", "revoke", "--config", "t.toml", "--user", "a"],
        &["store", "migrate", "--config", "t.toml"],
        &["store", "backup", "--config", "t.toml", "copy"],
    ] {
        let (code, out, err) = bench.run(arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(err.contains("tollgate.db: "), "{arguments:?}: {err}");
    }
    bench.good(&["check", "t.toml"]);
    bench.good(&["explain", "--config", "t.toml", "--url", "http://orders.example/"]);
    let names: Vec<_> = fs::read_dir(bench.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["t.toml"]);

    fs::write(bench.path().join("plain.toml"), "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n").unwrap();
    for command in [&["keys", "list"][..], &["store", "migrate"]] {
        let (code, _, err) = bench.run(&[command, &["--config", "plain.toml"]].concat());
        assert_eq!(code, Some(2), "{err}");
    }
    assert_eq!(bench.run(&["keys", "list", "--config", "absent.toml"]).0, Some(2));
}

#[test]
fn a_store_whose_key_is_missing_or_another_is_refused() {
    let mut bench = Bench::new();
    bench.start();
    bench.stop();
    let key = bench.path().join("tollgate.key");
    fs::rename(&key, bench.path().join("kept.key")).unwrap();
    let (code, _, err) = bench.run(&["keys", "list", "--config", "t.toml"]);
    assert!(code == Some(1) && err.contains("encryption key is missing"), "{err}");
    assert!(!key.exists(), "none is made for a store that has one");
    fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, _, err) = bench.run(&["keys", "list", "--config", "t.toml"]);
    assert!(code == Some(1) && err.contains("different encryption key"), "{err}");
}

#[test]
fn a_store_is_backed_up_and_restored_by_its_configuration() {
    let mut bench = Bench::new();
    bench.start();
    let out = bench.good(&["store", "backup", "--config", "t.toml", "copy"]);
    assert!(out.contains("The encryption key is not in the backup"), "{out}");
    let before = bench.good(&["keys", "list", "--config", "t.toml"]);
    let (code, _, err) = bench.run(&["store", "restore", "--config", "t.toml", "--force", "copy"]);
    assert!(code == Some(1) && err.contains("the store is in use"), "{err}");
    bench.stop();
    // The last of the gateway's threads may still be closing it.
    until("the restore", || {
        std::thread::sleep(Duration::from_millis(20));
        bench.run(&["store", "restore", "--config", "t.toml", "--force", "copy"]).0 == Some(0)
    });
    assert_eq!(bench.good(&["keys", "list", "--config", "t.toml"]), before);
    bench.start();
}

/// SHA-256 in hexadecimal digits.
fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
