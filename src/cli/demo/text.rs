//! What the demo prints: the addresses, then commands to paste, each with what is to be seen.
//!
//! The black-box tests run every command and look for what is said of it: a line that begins with two spaces is a
//! command, the line `# -> ` below it lists, separated by commas, the status and texts of the output, `not` before a text
//! that must be absent.

use std::net::SocketAddr;
use std::path::Path;

/// What differs from one demo to the next.
pub(super) struct Facts<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) gateway: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) issuer: &'a str,
    pub(super) backend: &'a str,
    pub(super) alice: &'a str,
    pub(super) bob: &'a str,
}

/// A title, a command, what it shows.
const COMMANDS: [(&str, &str, &str); 15] = [
    (
        "Alice's token on a protected path: the backend is told who is calling, and never sees the token.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $ALICE" "$GATEWAY/orders""#,
        "200, x-forwarded-user: alice, not authorization: Bearer",
    ),
    (
        "No token: the answer says why, the challenge how to do better.",
        r#"curl -si --cacert "$DEMO/ca.crt" "$GATEWAY/orders""#,
        "401, www-authenticate: Bearer, credential_missing",
    ),
    (
        "Headers that claim to be Bob, in two spellings: removed; the backend sees Alice.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $ALICE" -H "X-Forwarded-User: bob" -H "X_Forwarded_User: bob" "$GATEWAY/orders""#,
        "200, x-forwarded-user: alice, not bob",
    ),
    (
        "A path for administrators, as Alice, who is none.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $ALICE" "$GATEWAY/admin""#,
        "403, policy_denied",
    ),
    (
        "The same as Bob.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $BOB" "$GATEWAY/admin""#,
        "200, x-forwarded-user: bob, x-forwarded-groups: admin",
    ),
    (
        "A forgery: what Bob's token says, with Alice's signature.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer ${BOB%.*}.${ALICE##*.}" "$GATEWAY/admin""#,
        "401, invalid_token",
    ),
    (
        "A path that one server reads as public and another as /admin: refused, not repaired.",
        r#"curl -si --path-as-is --cacert "$DEMO/ca.crt" "$GATEWAY/public/..%2fadmin""#,
        "400, ambiguous_target",
    ),
    (
        "A public path: no token needed, and none passed on.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $ALICE" "$GATEWAY/public""#,
        "200, GET /public, not alice, not authorization: Bearer",
    ),
    (
        "HTTP/2 is offered to clients that speak it.",
        r#"curl -s --http2 --cacert "$DEMO/ca.crt" -o /dev/null -w 'HTTP/%{http_version}\n' "$GATEWAY/public""#,
        "HTTP/2",
    ),
    ("The issuer's public keys, which the gateway fetched.", r#"curl -s "$ISSUER/keys""#, r#""kid": "demo-1""#),
    ("What a token says.", r#""$TOLLGATE" token inspect "$ALICE""#, r#"NOT VERIFIED, "sub": "alice""#),
    (
        "Why Alice was refused.",
        r#""$TOLLGATE" explain --config "$DEMO/tollgate.toml" --jwks "$DEMO/keys.json" --url "$GATEWAY/admin" --token "$ALICE""#,
        "fails: any of the roles admin, answer: 403 policy_denied",
    ),
    ("What the configuration means.", r#""$TOLLGATE" check "$DEMO/tollgate.toml""#, "tollgate.toml: good"),
    ("Whether it is ready.", r#"curl -si "$ADMIN/readyz""#, "200, demo"),
    (
        "What was counted so far.",
        r#"curl -s "$ADMIN/metrics" | grep -E '^tollgate_(refusals|http_requests|token_validations)_total'"#,
        r#"tollgate_refusals_total{route="admin""#,
    ),
];

/// The whole text.
pub(super) fn text(facts: &Facts<'_>) -> String {
    let port = facts.gateway.port();
    let head = format!(
        "\
Tollgate demo: a gateway, an issuer and a backend, on loopback only. Ctrl-C ends it and leaves nothing behind.

gateway  https://localhost:{port}
issuer   {issuer}
backend  {backend}
admin    http://{admin}
files    {folder}

To paste into another terminal, first this (the tokens are good for one hour):

  TOLLGATE={program}
  DEMO={folder_quoted}
  GATEWAY=https://localhost:{port}
  ADMIN=http://{admin}
  ISSUER={issuer}
  ALICE={alice}
  BOB={bob}
",
        issuer = facts.issuer,
        backend = facts.backend,
        admin = facts.admin,
        folder = facts.folder.display(),
        program = quoted(facts.program),
        folder_quoted = quoted(facts.folder),
        alice = facts.alice,
        bob = facts.bob,
    );
    let commands = COMMANDS.iter().map(|(title, command, shows)| format!("\n{title}\n\n  {command}\n    # -> {shows}\n"));
    format!("{head}{}\n{LAST}\n", commands.collect::<String>())
}

const LAST: &str = "`tollgate demo --verbose` also shows the gateway's log: one line for each request.";

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_on_a_line_of_its_own_with_what_it_shows() {
        let facts = Facts {
            program: Path::new("/opt/it's/tollgate"),
            folder: Path::new("/tmp/demo"),
            gateway: ([127, 0, 0, 1], 8443).into(),
            admin: ([127, 0, 0, 1], 9464).into(),
            issuer: "http://127.0.0.1:1",
            backend: "http://127.0.0.1:2",
            alice: "a.b.c",
            bob: "d.e.f",
        };
        let text = text(&facts);
        assert!(text.contains("\n  TOLLGATE='/opt/it'\\''s/tollgate'\n  DEMO=/tmp/demo\n  GATEWAY=https://localhost:8443\n"));
        let lines: Vec<&str> = text.lines().collect();
        for (_, command, shows) in COMMANDS {
            let at = lines.iter().position(|line| line.strip_prefix("  ") == Some(command)).unwrap();
            assert_eq!(lines[at + 1], format!("    # -> {shows}"));
        }
    }
}
