//! What is explained, in its words; that it is what the gateway does, `tests/it` shows.

use serde_json::{Map, json};

use super::*;
use crate::clock::Timestamp;
use crate::token::{Algorithm, SigningKey};

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

const CONFIGURATION: &str = r#"
[[listener]]
name = "public"
address = "127.0.0.1:8080"

[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
KEYS
roles_claim = "/roles"

[[upstream]]
name = "orders"
servers = ["http://127.0.0.1:9001"]

[[route]]
name = "orders"
host = "orders.example"
path = "/"
upstream = "orders"

[[route]]
name = "orders-admin"
host = "orders.example"
path = "/admin"
methods = ["GET", "POST"]
upstream = "orders"
require = { any = [{ roles = ["admin"] }, { scopes = ["orders:admin"] }] }

[[route]]
name = "public"
host = "orders.example"
path = "/public"
upstream = "orders"
anonymous = true
"#;

struct Bench {
    folder: tempfile::TempDir,
    key: SigningKey,
}

impl Bench {
    /// With keys that are in a file, or that the gateway would fetch.
    fn new(keys: &str) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), key: SigningKey::generate("k1", Algorithm::ES256).unwrap() };
        std::fs::write(bench.path("t.toml"), CONFIGURATION.replace("KEYS", keys)).unwrap();
        std::fs::write(bench.path("keys.json"), json!({ "keys": [bench.key.jwk()] }).to_string()).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn token(&self, changes: &Value) -> String {
        let claims = json!({
            "iss": "https://issuer.example", "aud": "gateway", "sub": "alice", "roles": ["user"],
            "iat": NOW.seconds(), "exp": NOW.seconds() + 300,
        });
        let mut claims: Map<String, Value> = claims.as_object().unwrap().clone();
        claims.extend(changes.as_object().unwrap().clone());
        self.key.sign("JWT", &claims).unwrap()
    }

    /// Outcome, standard output and standard error.
    fn explain(&self, arguments: &[&str]) -> (Outcome, String, String) {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            explain: Explain,
        }
        let config = self.path("t.toml").display().to_string();
        let line = ["explain", "--config", &config].into_iter().chain(arguments.iter().copied());
        let command = <Line as clap::Parser>::try_parse_from(line).unwrap().explain;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = command.run_at(&Clock::manual(NOW), &mut Streams { out: &mut out, err: &mut err }).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", self.folder.path().display()), "");
        (outcome, text(out), text(err))
    }

    #[track_caller]
    fn shown(&self, arguments: &[&str]) -> String {
        let (outcome, out, err) = self.explain(arguments);
        assert_eq!((outcome, err.as_str()), (Outcome::Good, ""));
        out
    }
}

const IN_A_FILE: &str = "jwks_file = \"keys.json\"";
const FETCHED: &str = "jwks_url = \"http://127.0.0.1:1/keys\"";

#[test]
fn a_denied_request_is_explained_stage_by_stage() {
    let bench = Bench::new(IN_A_FILE);
    let token = bench.token(&json!({}));
    let expected = r#"GET https://orders.example/admin/x at listener "public"

sanitize: good
  removed: x-forwarded-user
match: good
  host orders.example; every reading of the path leads to the same route
  route "orders-admin": host orders.example, path /admin, methods GET, POST
authenticate: good
  the route takes a token from the Authorization header, of issuer corp
  a token is in the Authorization header:
    structure  good     algorithm ES256, key id "k1"
    issuer     good     "https://issuer.example" is issuer "corp"
    key        good     "k1" for ES256
    signature  good
    typ        good     "JWT"
    iss        good     "https://issuer.example"
    aud        good     "gateway"
    exp        good     1767225900 (Thu, 01 Jan 2026 00:05:00 GMT)
    nbf        good     absent
    iat        good     1767225600 (Thu, 01 Jan 2026 00:00:00 GMT)
    lifetime   good
    sub        good     "alice"
    jti        good     absent
authorize: refused
  the caller is "alice" of corp, roles ["user"], scopes []
  fails: any of
    fails: any of the roles admin
    fails: any of the scopes orders:admin

answer: 403 policy_denied: The caller may not do this.
"#;
    let arguments = ["--url", "https://orders.example/admin/x", "--token", &token, "-H", "X-Forwarded-User: root"];
    assert_eq!(bench.shown(&arguments), expected);
}

#[test]
fn a_forwarded_request_ends_with_what_the_backend_is_told() {
    let bench = Bench::new(IN_A_FILE);
    let token = bench.token(&json!({ "roles": ["admin", "user"] }));
    let text = bench.shown(&["--url", "http://orders.example/admin", "--token", &token]);
    let end =
        "inject: good\n  x-forwarded-user: alice\n  x-forwarded-groups: admin,user\n\nanswer: what upstream \"orders\" answers\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn refusals_before_any_token_say_why() {
    let bench = Bench::new(IN_A_FILE);
    let cases = [
        ("https://orders.example/%61dmin", "400 ambiguous_target (target_other_route)"),
        ("https://orders.example/public/..%2fadmin", "400 ambiguous_target (target_encoded_slash)"),
        ("https://other.example/", "404 no_route"),
        ("https://a;b/", "400 bad_host (host_malformed)"),
        ("https://orders.example/", "401 credential_missing"),
    ];
    for (url, answer) in cases {
        let text = bench.shown(&["--url", url]);
        assert!(text.contains(&format!("\nanswer: {answer}: ")), "{text}");
    }
    let text = bench.shown(&["--url", "https://orders.example/admin", "-X", "DELETE"]);
    assert!(text.contains("match: refused\n  the routes of this place take GET, POST\n\nanswer: 405"), "{text}");
    let text = bench.shown(&["--url", "https://orders.example/public"]);
    assert!(text.contains("authorize: good\n  the caller is nobody in particular"), "{text}");
}

#[test]
fn a_token_alone_is_judged_with_every_route_that_takes_it() {
    let bench = Bench::new(IN_A_FILE);
    let text = bench.shown(&["--token", &bench.token(&json!({}))]);
    let end = "
route \"orders\": allowed
holds: any authenticated caller

route \"orders-admin\": denied
fails: any of
  fails: any of the roles admin
  fails: any of the scopes orders:admin

answer: the token is accepted
";
    assert!(text.ends_with(end), "{text}");
    let text = bench.shown(&["--token", &bench.token(&json!({ "exp": 1, "aud": "other" }))]);
    assert!(text.contains("\naud        refused  wrong_audience; \"other\"; accepted: gateway\n"), "{text}");
    assert!(text.ends_with("\nanswer: 401 invalid_token (wrong_audience)\n"), "{text}");
}

#[test]
fn keys_that_would_be_fetched_are_asked_for_and_taken_from_a_file() {
    let bench = Bench::new(FETCHED);
    let token = bench.token(&json!({}));
    let text = bench.shown(&["--url", "https://orders.example/admin", "--token", &token]);
    for line in [
        "    key        unknown  no key set is loaded; the gateway fetches it from http://127.0.0.1:1/keys\n",
        "    signature  unknown  not checked; what follows was not proved\n",
        "authorize: unknown\n  any of\n    any of the roles admin\n",
        "\nanswer: not known: ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let keys = bench.path("keys.json").display().to_string();
    for given in [keys.clone(), format!("corp={keys}")] {
        let text = bench.shown(&["--url", "https://orders.example/admin", "--token", &token, "--jwks", &given]);
        assert!(text.ends_with("answer: 403 policy_denied: The caller may not do this.\n"), "{text}");
        assert!(bench.shown(&["--token", &token, "--jwks", &given]).ends_with("the token is accepted\n"));
    }
}

#[test]
fn no_signature_is_shown() {
    let bench = Bench::new(IN_A_FILE);
    let token = bench.token(&json!({}));
    let signature = token.rsplit('.').next().unwrap();
    for json in [&["--json"][..], &[]] {
        for url in [&["--url", "https://orders.example/"][..], &[]] {
            let text = bench.shown(&[&["--token", &token], json, url].concat());
            assert!(!text.contains(signature) && !text.contains(&token), "{text}");
        }
    }
}

#[test]
fn programs_get_a_document() {
    let bench = Bench::new(IN_A_FILE);
    let token = bench.token(&json!({}));
    let document = |arguments: &[&str]| -> Value {
        serde_json::from_str(&bench.shown(&[&["--json", "--token", &token], arguments].concat())).unwrap()
    };
    let denied = document(&["--url", "https://orders.example/admin"]);
    let answer = json!({ "outcome": "refused", "status": 403, "reason": "policy_denied", "detail": null });
    assert_eq!((&denied["answer"], &denied["stages"][3]["outcome"]), (&answer, &json!("refused")));
    let forwarded = document(&["--url", "https://orders.example/"]);
    assert_eq!(forwarded["answer"]["identity_headers"]["x-forwarded-user"], json!("alice"));
    let alone = document(&[]);
    assert_eq!((&alone["outcome"], &alone["routes"][1]["allowed"]), (&json!("good"), &json!(false)));
}

#[test]
fn what_cannot_be_explained_is_refused_in_one_line() {
    let bench = Bench::new(FETCHED);
    let url = ["--url", "https://orders.example/"];
    let cases: [(&[&str], &str); 5] = [
        (&["--url", "orders.example"], "tollgate: --url: an address begins with `https://` or `http://`\n"),
        (&["--url", "https://a/ b"], "tollgate: --url: invalid uri character; such a target is answered with a bare 400"),
        (&["--listener", "x"], "tollgate: --listener: found \"x\", which is no listener; known: public\n"),
        (&["--jwks", "absent.json"], "tollgate: --jwks absent.json: cannot be read (No such file"),
        (&["-H", "x"], "tollgate: --header: a header is written `Name: value`\n"),
    ];
    for (arguments, message) in cases {
        let arguments = if arguments.contains(&"--url") { arguments.to_vec() } else { [&url, arguments].concat() };
        let (outcome, out, err) = bench.explain(&arguments);
        assert_eq!((outcome, out.as_str()), (Outcome::Refused, ""));
        assert!(err.starts_with(message), "{err}");
    }
}

const AUTHORITY: &str = r#"
[[listener]]
name = "public"
address = "127.0.0.1:8080"

[authority]
issuer = "https://authority.example"
host = "auth.example"

[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"

[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
name = "orders"

[[application]]
id = "6f1cb5d4-4b64-4b5e-9c1d-70ab1a1fbe0b"
name = "billing"

[[upstream]]
name = "orders"
servers = ["http://127.0.0.1:9001"]

[[route]]
name = "orders"
host = "orders.example"
path = "/"
upstream = "orders"
application = "orders"

[[route]]
name = "billing"
host = "billing.example"
path = "/"
upstream = "orders"
application = "billing"
"#;

#[test]
fn the_authoritys_tokens_are_judged_with_its_published_keys_and_no_store_is_made() {
    let bench = Bench::new("jwks_file = \"keys.json\"");
    std::fs::write(bench.path("t.toml"), AUTHORITY).unwrap();
    let orders = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";
    let token = bench.token(&json!({
        "iss": "https://authority.example", "aud": orders, "applicationId": orders, "roles": [],
    }));
    let about = |host: &str| format!("http://{host}/");
    let (at_orders, at_billing) = (about("orders.example"), about("billing.example"));
    let (outcome, out, err) = bench.explain(&["--url", &at_orders, "--token", &token]);
    assert_eq!((outcome, err.as_str()), (Outcome::Good, ""));
    assert!(
        out.contains("the authority's keys are in the store, which is not looked at") && out.contains("answer: not known"),
        "{out}"
    );

    let keys = bench.path("keys.json").display().to_string();
    for given in [keys.clone(), format!("authority={keys}")] {
        let (_, out, err) = bench.explain(&["--url", &at_orders, "--token", &token, "--jwks", &given]);
        assert!(out.contains("answer: what upstream \"orders\" answers"), "{out}{err}");
    }
    let (_, out, _) = bench.explain(&["--url", &at_billing, "--token", &token, "--jwks", &keys]);
    assert!(out.contains("the gateway exchanges it for the route's application"), "{out}");
    assert!(out.contains("answer: not known: it depends on the store"), "{out}");
    let none = bench.token(&json!({ "iss": "https://authority.example", "aud": "https://authority.example" }));
    let (_, out, _) = bench.explain(&["--url", &at_billing, "--token", &none, "--jwks", &keys]);
    assert!(out.contains("answer: 401 invalid_token (other_application)"), "{out}");
    let expired = bench.token(&json!({
        "iss": "https://authority.example", "aud": orders, "applicationId": orders,
        "iat": NOW.seconds() - 600, "exp": NOW.seconds() - 300,
    }));
    let alone = format!("Cookie: access_token={expired}");
    let (_, out, _) = bench.explain(&["--url", &at_orders, "-H", &alone, "--jwks", &keys]);
    assert!(out.contains("answer: 401 invalid_token (expired)"), "{out}");
    for cookies in [format!("{alone}; refresh_token=x"), "Cookie: refresh_token=x".to_owned()] {
        let (_, out, _) = bench.explain(&["--url", &at_orders, "-H", &cookies, "--jwks", &keys]);
        assert!(out.contains("the gateway renews the session") && out.contains("answer: not known"), "{out}");
    }
    let (_, out, _) = bench.explain(&["--url", "http://auth.example/api/login", "--method", "POST"]);
    assert!(out.contains("answer: answered by the gateway's own API"), "{out}");
    assert!(!bench.path("tollgate.db").exists() && !bench.path("tollgate.key").exists());
}

#[test]
fn a_token_of_another_application_would_be_exchanged_by_the_remote_authority_which_nobody_asks() {
    let bench = Bench::new("jwks_file = \"keys.json\"");
    let (from, to) = (AUTHORITY.find("[authority]").unwrap(), AUTHORITY.find("[[application]]").unwrap());
    let remote =
        "[authority]\nissuer = \"https://authority.example\"\nhost = \"auth.example\"\nremote_url = \"http://127.0.0.1:1\"\n\n";
    std::fs::write(bench.path("t.toml"), AUTHORITY[..from].to_owned() + remote + &AUTHORITY[to..]).unwrap();
    let orders = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";
    let token = bench.token(&json!({
        "iss": "https://authority.example", "aud": orders, "applicationId": orders, "sub": "a", "roles": [],
    }));
    let keys = bench.path("keys.json").display().to_string();
    let explain = |host: &str, more: &[&str]| {
        let url = format!("http://{host}/");
        bench.explain(&[&["--url", &url, "--token", &token, "--jwks", &keys], more].concat()).1
    };
    let out = explain("orders.example", &[]);
    assert!(out.contains("answer: what upstream \"orders\" answers"), "{out}");
    let out = explain("billing.example", &[]);
    assert!(out.contains("the token is for another application; the remote authority at 127.0.0.1:1 would exchange it"), "{out}");
    assert!(
        out.contains("answer: not known: the remote authority at 127.0.0.1:1 exchanges the token when the gateway runs"),
        "{out}"
    );
    assert!(explain("billing.example", &["--json"]).contains("\"exchanged_by\""));
}
