//! What the demo prints: the addresses, then commands to paste, each with what is to be seen.
//!
//! The black-box tests run every command and look for what is said of it: a line that begins with two spaces is a
//! command, the line `# -> ` below it lists, separated by commas, the status and texts of the output, `not` before a text
//! that must be absent.

use std::net::SocketAddr;
use std::path::Path;

use super::sample::{EMAIL, Sample};

/// What differs from one demo to the next.
pub(super) struct Facts<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) gateway: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) backend: &'a str,
    pub(super) sample: &'a Sample,
}

/// A title, a command, what it shows (nothing where it only keeps something).
const COMMANDS: [(&str, &str, &str); 30] = [
    (
        "Sign in. The answer has a token for the application `orders`, and a refresh token.",
        r#"SIGNED_IN=$(curl -s --cacert "$DEMO/ca.crt" -H 'Content-Type: application/json' -d "{\"loginId\":\"$USER_EMAIL\",\"password\":\"$PASSWORD\",\"applicationId\":\"$ORDERS\"}" "$GATEWAY/api/login"); echo "$SIGNED_IN""#,
        r#""token":", "refreshToken":", "email":"alice@example.com""#,
    ),
    ("Keep the token,", r#"TOKEN=$(echo "$SIGNED_IN" | sed 's/.*"token":"\([^"]*\)".*/\1/')"#, ""),
    ("and the refresh token.", r#"REFRESH=$(echo "$SIGNED_IN" | sed 's/.*"refreshToken":"\([^"]*\)".*/\1/')"#, ""),
    (
        "A path of `orders`: the backend is told who is calling, and never sees the token.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/orders""#,
        "200, x-forwarded-email: alice@example.com, x-forwarded-groups: customer, not authorization: Bearer",
    ),
    (
        "No token: the answer says why, the challenge how to do better.",
        r#"curl -si --cacert "$DEMO/ca.crt" "$GATEWAY/orders""#,
        "401, www-authenticate: Bearer, credential_missing",
    ),
    (
        "Headers that claim to be somebody else, in two spellings: removed; the backend sees Alice.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" -H "X-Forwarded-Email: mallory@example.com" -H "X_Forwarded_Email: mallory@example.com" "$GATEWAY/orders""#,
        "200, x-forwarded-email: alice@example.com, not mallory",
    ),
    (
        "A path for administrators, as Alice, who is none.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/orders/admin""#,
        "403, policy_denied",
    ),
    (
        "Why she was refused.",
        r#"curl -s --cacert "$DEMO/ca.crt" "$GATEWAY/.well-known/jwks.json" | "$TOLLGATE" explain --config "$DEMO/tollgate.toml" --jwks /dev/stdin --url "$GATEWAY/orders/admin" --token "$TOKEN""#,
        "fails: any of the roles admin, answer: 403 policy_denied",
    ),
    (
        "Single sign-on: the same token at `billing`, where Alice has another role; it is exchanged on the way.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/billing""#,
        "200, x-forwarded-email: alice@example.com, x-forwarded-groups: accountant, not authorization: Bearer",
    ),
    (
        "The exchange by hand: a token for `billing`, of the same session.",
        r#"BILLING_TOKEN=$(curl -s --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/api/jwt/issue?applicationId=$BILLING" | sed 's/.*"token":"\([^"]*\)".*/\1/')"#,
        "",
    ),
    (
        "With it, the same path of `billing`.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $BILLING_TOKEN" "$GATEWAY/billing""#,
        "200, x-forwarded-email: alice@example.com, x-forwarded-groups: accountant",
    ),
    (
        "What that token says.",
        r#""$TOLLGATE" token inspect "$BILLING_TOKEN""#,
        r#"NOT VERIFIED, "authenticationType": "JWT_SSO""#,
    ),
    (
        "A forgery: what that token says, with the signature of the first.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer ${BILLING_TOKEN%.*}.${TOKEN##*.}" "$GATEWAY/billing""#,
        "401, invalid_token",
    ),
    (
        "Refresh: another access token, and another refresh token in place of the one that was used.",
        r#"REFRESHED=$(curl -s --cacert "$DEMO/ca.crt" -H 'Content-Type: application/json' -d "{\"refreshToken\":\"$REFRESH\"}" "$GATEWAY/api/jwt/refresh"); echo "$REFRESHED""#,
        r#""token":", "refreshToken":""#,
    ),
    ("Keep the new one.", r#"REFRESH=$(echo "$REFRESHED" | sed 's/.*"refreshToken":"\([^"]*\)".*/\1/')"#, ""),
    (
        "Alice's own refresh tokens, without their values.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/api/jwt/refresh""#,
        r#"200, "refreshTokens":[{, "startInstant":, not "token":"#,
    ),
    (
        "The keys that sign, and those that will.",
        r#""$TOLLGATE" keys list --config "$DEMO/tollgate.toml""#,
        "access, ES256, active, next, assertion",
    ),
    (
        "An operator's token for Alice, with a line about it for the audit.",
        r#""$TOLLGATE" token mint --config "$DEMO/tollgate.toml" --user "$USER_EMAIL" --application orders --reason 'to see what she sees' --json"#,
        r#""token": "ey, "expires":"#,
    ),
    (
        "Whether the token still holds.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/api/jwt/validate""#,
        r#"200, "authenticationType":"PASSWORD""#,
    ),
    (
        "Revoke the refresh token, and with it the session.",
        r#"curl -si --cacert "$DEMO/ca.crt" -X DELETE -H "Authorization: Bearer $TOKEN" "$GATEWAY/api/jwt/refresh?token=$REFRESH""#,
        "200",
    ),
    (
        "The token is refused from now on, though it has not expired,",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/api/jwt/validate""#,
        "401",
    ),
    (
        "on the protected path too,",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/orders""#,
        "401, invalid_token, not x-forwarded-email",
    ),
    (
        "and so is the token for `billing` that was made from it.",
        r#"curl -si --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $BILLING_TOKEN" "$GATEWAY/billing""#,
        "401, invalid_token, not x-forwarded-email",
    ),
    (
        "A path that one server reads as public and another as one of `orders`: refused, not repaired.",
        r#"curl -si --path-as-is --cacert "$DEMO/ca.crt" "$GATEWAY/public/..%2forders""#,
        "400, ambiguous_target",
    ),
    (
        "A public path, over HTTP/2: no token needed, and none passed on.",
        r#"curl -si --http2 --cacert "$DEMO/ca.crt" -H "Authorization: Bearer $TOKEN" "$GATEWAY/public""#,
        "200, HTTP/2, GET /public, not alice, not authorization: Bearer",
    ),
    (
        "The public keys, for backends that verify for themselves.",
        r#"curl -si --cacert "$DEMO/ca.crt" "$GATEWAY/.well-known/jwks.json""#,
        r#"200, "keys":["#,
    ),
    ("What the configuration means.", r#""$TOLLGATE" check "$DEMO/tollgate.toml""#, "tollgate.toml: good"),
    ("Whether the gateway is ready.", r#"curl -si "$ADMIN/readyz""#, "200, authority"),
    (
        "What was counted so far: tokens issued,",
        r#"curl -s "$ADMIN/metrics" | grep '^tollgate_tokens_issued_total'"#,
        r#"kind="login", kind="sso", kind="refresh""#,
    ),
    (
        "and refusals.",
        r#"curl -s "$ADMIN/metrics" | grep '^tollgate_refusals_total'"#,
        r#"tollgate_refusals_total{route="orders-admin",reason="policy_denied"}"#,
    ),
];

/// The whole text.
pub(super) fn text(facts: &Facts<'_>) -> String {
    let port = facts.gateway.port();
    let head = format!(
        "\
Tollgate demo: a gateway with its token authority, and a backend, on loopback only. Ctrl-C ends it and leaves nothing behind.

gateway  https://localhost:{port}
backend  {backend}
admin    http://{admin}
files    {folder}

To paste into another terminal, first this:

  TOLLGATE={program}
  DEMO={folder_quoted}
  GATEWAY=https://localhost:{port}
  ADMIN=http://{admin}
  ORDERS={orders}
  BILLING={billing}
  USER_EMAIL={email}
  PASSWORD={password}
",
        backend = facts.backend,
        admin = facts.admin,
        folder = facts.folder.display(),
        program = quoted(facts.program),
        folder_quoted = quoted(facts.folder),
        orders = facts.sample.orders,
        billing = facts.sample.billing,
        email = EMAIL,
        password = facts.sample.password,
    );
    let commands = COMMANDS.iter().map(|(title, command, shows)| {
        let shows = if shows.is_empty() { String::new() } else { format!("    # -> {shows}\n") };
        format!("\n{title}\n\n  {command}\n{shows}")
    });
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
    use crate::clock::Timestamp;

    #[test]
    fn every_command_stands_on_a_line_of_its_own_with_what_it_shows() {
        let facts = Facts {
            program: Path::new("/opt/it's/tollgate"),
            folder: Path::new("/tmp/demo"),
            gateway: ([127, 0, 0, 1], 8443).into(),
            admin: ([127, 0, 0, 1], 9464).into(),
            backend: "http://127.0.0.1:2",
            sample: &Sample::make(Timestamp::from_seconds(1)).unwrap(),
        };
        let text = text(&facts);
        assert!(text.contains("\n  TOLLGATE='/opt/it'\\''s/tollgate'\n  DEMO=/tmp/demo\n  GATEWAY=https://localhost:8443\n"));
        let lines: Vec<&str> = text.lines().collect();
        let mut from = 0;
        for (title, command, shows) in COMMANDS {
            let at = from + lines[from..].iter().position(|line| *line == title).unwrap();
            assert_eq!(lines[at + 2].strip_prefix("  "), Some(command));
            let expected = if shows.is_empty() { String::new() } else { format!("    # -> {shows}") };
            assert_eq!(lines[at + 3], expected);
            from = at + 3;
        }
    }
}
