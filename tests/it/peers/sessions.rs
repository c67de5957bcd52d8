//! Cookies, sign-in and what refusals give away, as far as a gateway without sessions of its own has them.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::over_http2::Client;
use crate::support::frames::{Frames, Outcome, pseudo};
use crate::support::{Backend, MockIssuer, NOW, Reply, Signer, Site, configuration, exchange, get, request, route};

/// A value that is only in tokens, and must be nowhere else.
const CANARY: &str = "canary-4b1d7f-claim";

fn site() -> Site {
    let routes = [
        route("app", "/app", "token_from = [\"header\", \"cookie\"]\nsign_in_url = \"https://login.example/start\""),
        route("local", "/local", "token_from = [\"cookie\"]\nsign_in_url = \"/sign-in?from=gateway\""),
        route("admin", "/admin", "token_from = [\"header\", \"cookie\", \"query\"]\nrequire = { roles = [\"admin\"] }"),
        route("mail", "/mail", "identity_headers = { X-Email = \"email\" }"),
        route("public", "/public", "anonymous = true"),
        route("optional", "/optional", "anonymous = \"optional\"\ntoken_from = [\"cookie\"]"),
    ];
    Site::start(&routes.concat())
}

/// Tokens that are refused, each in its way, and one that is good; every claim and key id holds the canary.
fn telling_tokens(key: &Signer, issuer: &str, now: u64) -> Vec<String> {
    let claims = |more: Value| {
        let mut claims = json!({ "iss": issuer, "aud": "gateway", "sub": CANARY, "email": format!("{CANARY}\n"), "roles": [CANARY],
                                 "iat": now, "exp": now + 3600, "jti": CANARY });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let header = json!({ "alg": "ES256", "kid": CANARY, "typ": "JWT" }).to_string();
    let good = key.token(&claims(json!({})));
    vec![
        key.token(&claims(json!({ "exp": now - 3600 }))),
        key.token(&claims(json!({ "aud": CANARY }))),
        key.token(&claims(json!({ "iss": CANARY }))),
        key.token(&claims(json!({ "nbf": CANARY }))),
        key.token_of(&header, &claims(json!({})).to_string()),
        key.token_of(&json!({ "alg": CANARY }).to_string(), "{}"),
        Signer::new("k1").token(&claims(json!({}))),
        format!("{good}.{CANARY}"),
        CANARY.to_owned(),
        good,
    ]
}

/// What of `token` must be nowhere: the canary, and each of its parts.
fn traces(token: &str) -> Vec<&str> {
    let parts = token.split('.').skip(1).filter(|part| part.len() > 12);
    [CANARY].into_iter().chain(parts).collect()
}

/// Requests that are refused or fail, with this token wherever one may be.
fn requests(token: &str) -> Vec<String> {
    let bearer = format!("Bearer {token}");
    let cookie = format!("access_token={token}; refresh_token={CANARY}");
    let header = |line: &str| request(line, &[("Authorization", &bearer)]);
    vec![
        header("GET /app"),
        header("GET /admin"),
        header("GET /mail"),
        header("GET /nowhere"),
        header("GET /admin/%2e%2e"),
        header("TRACE /admin"),
        request("GET /app", &[("Authorization", &bearer), ("Accept", "text/html")]),
        request("GET /admin", &[("Cookie", &cookie)]),
        request("POST /admin", &[("Cookie", &cookie), ("Sec-Fetch-Site", "cross-site")]),
        request(&format!("GET /admin?access_token={token}"), &[]),
        request("GET /admin", &[("Authorization", &format!("{bearer}, {bearer}"))]),
        request("GET /admin", &[("Authorization", &bearer), ("Authorization", &bearer)]),
    ]
}

#[test]
fn pomerium_cve_2024_39315_traefik_cve_2026_41181_no_refusal_and_no_access_line_holds_a_token_or_claim() {
    let site = site();
    for token in telling_tokens(&site.key, &site.issuer.issuer(), NOW.seconds()) {
        for request in requests(&token) {
            let answer = exchange(site.gateway.plain(), &request);
            // The echoing backend says what it was told; that is its business.
            let shown = if answer.status == 200 { String::new() } else { format!("{answer:?}") };
            let line = site.access_line(&answer).to_string();
            for trace in traces(&token) {
                assert!(!shown.contains(trace) && !line.contains(trace), "{trace} after {request}: {shown} {line}");
            }
        }
    }
    let metrics = site.gateway.admin("/metrics").text() + &site.gateway.admin("/status").text();
    assert!(!metrics.contains(CANARY), "{metrics}");
}

/// The program itself, logging everything it can; ended when dropped.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(file: &std::path::Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(["run", "--config"]).arg(file).env("TOLLGATE_LOG__LEVEL", "trace");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
            });
        }
        Self { child, lines }
    }

    /// The next line about which `found` has something to say.
    fn await_line<T>(&self, found: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(20)).expect("the line is logged");
            if let Some(found) = found(&line) {
                return found;
            }
        }
    }

    /// Ends it and returns what it logged since the last look.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn traefik_cve_2026_41181_cve_2022_23469_not_even_the_most_detailed_log_holds_a_token_or_claim() {
    let (key, backend) = (Signer::new("k1"), Backend::scripted(|_| Reply::Close));
    let issuer = MockIssuer::start("corp", &[&key]);
    let routes = [route("admin", "/admin", "token_from = [\"header\", \"cookie\", \"query\"]"), route("app", "/", "")];
    let text = configuration(&[&issuer], &[&backend], &routes.concat());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.toml");
    std::fs::write(&file, text.replace("[admin]\naddress = \"127.0.0.1:0\"", "[admin]\naddress = \"off\"")).unwrap();

    let program = Program::start(&file);
    let address: SocketAddr = program.await_line(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let fields = line.get("fields").unwrap_or(&line);
        (fields["message"] == "listening").then(|| fields["address"].as_str()?.parse().ok()).flatten()
    });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let tokens = telling_tokens(&key, &issuer.issuer(), now);
    for request in tokens.iter().flat_map(|token| requests(token)) {
        exchange(address, request);
    }
    let mut http2 = Client::to(address);
    for token in &tokens {
        let headers = [("authorization", format!("Bearer {token}")), ("cookie", format!("access_token={token}"))];
        http2.send("GET", "http://localhost/app", &headers.each_ref().map(|(name, value)| (*name, value.as_str())));
    }
    for token in &tokens {
        // No URI has a space: the HTTP/2 library itself refuses these, and says so with what it read.
        let target = format!("/admin?access_token={token} x");
        assert_eq!(Frames::request(address, &pseudo("GET", &target)), Outcome::Reset(1));
        let mut fields = pseudo("GET", "/admin");
        fields[2].1 = &target.as_bytes()[1..];
        assert_eq!(Frames::request(address, &fields), Outcome::Reset(1));
    }
    assert_eq!(get(address, "/last", &[]).status, 401);
    let mut log = String::new();
    while !log.contains("/last") {
        log += &program.await_line(|line| Some(line.to_owned()));
        log.push('\n');
    }
    log += &program.end();
    assert!(log.contains("policy") || log.contains("invalid_token"), "something was logged");
    for trace in tokens.iter().flat_map(|token| traces(token)) {
        assert!(!log.contains(trace), "{:#?}", log.lines().filter(|line| line.contains(trace)).take(3).collect::<Vec<_>>());
    }
}

#[test]
fn mod_auth_openidc_cve_2024_24814_cve_2023_28625_odd_cookie_headers_are_harmless() {
    let site = site();
    let good = site.token("alice");
    let many = format!("access_token={good}; ").repeat(40);
    let long = format!("x={}", "a".repeat(8000));
    let odd = [
        String::new(),
        ";".into(),
        ";;;; ;".into(),
        "=".into(),
        "=;=".into(),
        "access_token".into(),
        "access_token=".into(),
        "access_token=\"".into(),
        "access_token=\"\"".into(),
        "access_token==".into(),
        "session_chunks=99999999; session_0=a".into(),
        "access_token_0=a; access_token_1=b".into(),
        "ACCESS_TOKEN=x".into(),
        "x=1; \u{a0}access_token=x".into(),
        "access_token;=x".into(),
        "a=b;access_token=%00".into(),
        "access_token=e30.e30.e30;".into(),
        "$Version=1; access_token=x; $Path=/".into(),
        ",access_token=x".into(),
        long,
    ];
    for cookie in &odd {
        let answer = site.send("GET /app", &[("Cookie", cookie)]);
        assert_eq!(answer.status, 401, "{cookie}");
        let received = site.received(&site.send("GET /public", &[("Cookie", cookie)]));
        let passed = received.header("cookie").unwrap_or_default().to_owned();
        assert!(
            !passed.split(';').any(|crumb| crumb.trim_matches([' ', '\t']).starts_with("access_token=")),
            "{cookie}: {passed}"
        );
        assert_eq!(site.send("GET /optional", &[("Cookie", cookie)]).status, 200, "{cookie}");
    }
    let with_good = [
        format!("access_token={good}"),
        format!("a=b; access_token={good}; c=d"),
        format!(";;access_token={good};;"),
        format!("access_token=\"{good}\""),
        format!("access_token = {good}"),
        many,
    ];
    for cookie in &with_good {
        let received = site.received(&site.send("GET /app", &[("Cookie", cookie)]));
        assert_eq!(received.header("x-forwarded-user"), Some("alice"), "{cookie}");
        assert!(!received.header("cookie").unwrap_or_default().contains("access_token"), "{cookie}");
    }
    let crumbs: String = (0..60).map(|_| "Cookie: a=b\r\n").collect();
    let split = format!("GET /app HTTP/1.1\r\nHost: localhost\r\n{crumbs}Cookie: access_token={good}\r\n\r\n");
    assert_eq!(exchange(site.gateway.plain(), split).status, 200);
}

#[test]
fn mod_auth_openidc_doubled_parameters_are_refused() {
    let site = site();
    let token = site.token_with(json!({ "roles": ["admin"] }));
    assert_eq!(site.send(&format!("GET /admin?access_token={token}"), &[]).status, 200);
    for query in [
        format!("access_token={token}&access_token={token}"),
        format!("access_token=&access_token={token}"),
        format!("access_token&access_token={token}"),
    ] {
        site.refused(&site.send(&format!("GET /admin?{query}"), &[]), 400, "ambiguous_credentials", &query);
    }
}

#[test]
fn oauth2_proxy_cve_2021_21291_pomerium_cve_2021_29651_caddy_cve_2022_28923_sign_in_sends_nobody_elsewhere() {
    let site = site();
    let targets = [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "%09//evil.example",
        "https://login.example@evil.example",
        "https://login.example.evil.example",
        "%E2%88%95%E2%88%95evil.example",
        "javascript:alert(1)",
    ];
    let names = ["rd", "return_to", "redirect_uri", "target_link_uri", "next", "url"];
    for (target, name) in targets.into_iter().flat_map(|target| names.map(|name| (target, name))) {
        for (path, location) in [("/app", "https://login.example/start"), ("/local", "/sign-in?from=gateway")] {
            let line = format!("GET {path}/x?{name}={target}");
            let answer = site.send(&line, &[("Accept", "text/html,*/*"), ("Host", "evil.example")]);
            assert_eq!((answer.status, answer.header("location")), (303, Some(location)), "{line}");
        }
    }
    for path in
        ["/app//evil.example", "/app/%2f%2fevil.example", "/app/\\evil.example", "//evil.example/app", "/app/..//evil.example"]
    {
        let answer = site.send(&format!("GET {path}"), &[("Accept", "text/html")]);
        let location = answer.header("location");
        assert!(location.is_none() || location == Some("https://login.example/start"), "{path}: {location:?}");
    }
    let token_in = site.send(&format!("GET /app?access_token={}", site.token("alice")), &[("Accept", "text/html")]);
    assert_eq!(token_in.header("location"), Some("https://login.example/start"), "no token in the redirect");
}

#[test]
fn oauth2_proxy_cve_2026_34454_zitadel_cve_2024_28197_a_planted_cookie_makes_nobody_somebody_else() {
    let site = site();
    let (alice, mallory) = (site.token("alice"), site.token("mallory"));
    for cookie in
        [format!("access_token={mallory}; access_token={alice}"), format!("access_token={alice}; a=b; access_token={mallory}")]
    {
        for path in ["/app", "/optional"] {
            let headers = [("Cookie", cookie.as_str()), ("Host", "www.shop.example.com")];
            let answer = site.send(&format!("GET {path}/x?y=/z"), &headers);
            site.refused(&answer, 401, "conflicting_cookies", path);
            let cleared: Vec<&str> =
                answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect();
            // Whichever the planted one is: if it stayed, it would be the only one left.
            let planted = [format!("Path={path}"), format!("Path={path}/"), format!("Path={path}/x"), "Path=/".into()];
            let domains = ["", "; Domain=www.shop.example.com", "; Domain=shop.example.com", "; Domain=example.com"];
            for (path, domain) in planted.iter().flat_map(|path| domains.map(|domain| (path, domain))) {
                let expected = format!("access_token=; {path}; Max-Age=0; HttpOnly; SameSite=Lax{domain}");
                assert!(cleared.contains(&expected.as_str()), "{expected}: {cleared:?}");
            }
            assert_eq!(cleared.len(), planted.len() * domains.len(), "{cleared:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[test]
fn kong_a_remembered_token_ends_with_the_key_that_proved_it() {
    let site = site();
    let (token, next) = (site.token("alice"), Signer::new("k2"));
    assert_eq!(site.send_as(&token, "GET /app", &[]).status, 200);
    site.issuer.publish(&[&next]);
    site.gateway.clock.advance(Duration::from_secs(11));
    let newer = next.token(&Signer::claims(&site.issuer.issuer(), "alice"));
    assert_eq!(site.send_as(&newer, "GET /app", &[]).status, 200, "an unknown key id has the keys fetched");
    site.refused(&site.send_as(&token, "GET /app", &[]), 401, "invalid_token", "its key is gone");
}

#[test]
fn rustsec_2023_0071_the_rsa_crate_is_not_in_the_tree() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"aws-lc-rs\"") && !lock.contains("name = \"rsa\""));
}
