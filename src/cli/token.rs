//! `tollgate token`: tokens looked at without believing any of it, and tokens made.

mod mint;

use std::io;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::terminal::{self, harmless};
use crate::cli::{Outcome, Streams, write_json};
use crate::clock::{Clock, Timestamp};
use crate::token;

/// Look at tokens, and make them.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = "Example:\n  tollgate token inspect - < token.txt")]
pub(super) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Inspect(Inspect),
    Mint(mint::Mint),
}

/// Show the header and claims of a token. Nothing is verified: anyone could have written it.
///
/// Exit code 0: shown; 1: it is no token.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate token inspect - < token.txt")]
struct Inspect {
    /// The token, or `-` to read it from standard input, which keeps it out of the shell's history.
    token: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Claims that are instants (RFC 7519 section 4.1, OpenID Connect Core section 2).
const INSTANTS: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];
const WARNING: &str = "NOT VERIFIED: anyone could have written this. Signature, issuer, audience and times were not checked.";

impl Token {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        match self.command {
            TokenCommand::Inspect(inspect) => {
                show(&terminal::token(&inspect.token)?, inspect.json, Clock::system().now(), streams)
            }
            TokenCommand::Mint(mint) => mint.run(streams),
        }
    }
}

fn show(text: &str, json: bool, now: Timestamp, streams: &mut Streams<'_>) -> io::Result<Outcome> {
    let (header, claims) = match token::inspect(text) {
        Ok(parts) => parts,
        Err(fault) => {
            writeln!(streams.err, "tollgate: not a token: {fault}")?;
            return Ok(Outcome::Failed);
        }
    };
    if json {
        let times: Map<String, Value> =
            instants(&claims).map(|(name, at)| (name.to_owned(), instant_document(name, at, now))).collect();
        write_json(streams.out, &json!({ "verified": false, "header": header, "claims": claims, "times": times }))?;
        return Ok(Outcome::Good);
    }
    writeln!(streams.out, "{WARNING}\n\nheader\n{}\n\nclaims\n{}", shown(&header)?, shown(&claims)?)?;
    for (index, (name, at)) in instants(&claims).enumerate() {
        let title = if index == 0 { "\ntimes\n" } else { "" };
        writeln!(streams.out, "{title}  {name:<9}  {at}  {}", standing(name, at, now))?;
    }
    Ok(Outcome::Good)
}

fn instants(claims: &Value) -> impl Iterator<Item = (&'static str, Timestamp)> {
    INSTANTS.into_iter().filter_map(|name| Some((name, timestamp(claims.get(name)?)?)))
}

/// RFC 7519 section 2, NumericDate: seconds, which may have a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
fn timestamp(value: &Value) -> Option<Timestamp> {
    const LATEST: f64 = 9_007_199_254_740_992.0;
    let seconds = value.as_f64().filter(|seconds| (0.0..LATEST).contains(seconds))?;
    Some(Timestamp::from_seconds(seconds as u64))
}

fn instant_document(name: &str, at: Timestamp, now: Timestamp) -> Value {
    json!({ "at": at.to_string(), "means": standing(name, at, now) })
}

/// What an instant means now.
fn standing(name: &str, at: Timestamp, now: Timestamp) -> String {
    let past = at <= now;
    let distance =
        if past { format!("{} ago", rough(now.since(at).as_secs())) } else { format!("in {}", rough(at.since(now).as_secs())) };
    match (name, past) {
        ("exp", true) => format!("EXPIRED {distance}"),
        ("exp", false) => format!("expires {distance}"),
        ("nbf", false) => format!("NOT YET VALID, becomes so {distance}"),
        ("iat" | "auth_time", false) => format!("IN THE FUTURE, {distance}"),
        _ => distance,
    }
}

/// A duration in its largest whole unit.
fn rough(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

fn shown(value: &Value) -> io::Result<String> {
    Ok(harmless(&serde_json::to_string_pretty(value)?))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"RS256","kid":"a"}"#), part(claims), part("signature"))
    }

    fn inspect(text: &str, json: bool) -> (Outcome, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = show(text, json, NOW, &mut Streams { out: &mut out, err: &mut err }).unwrap();
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn header_claims_and_times_are_shown_and_not_believed() {
        let expected = r#"NOT VERIFIED: anyone could have written this. Signature, issuer, audience and times were not checked.

header
{
  "alg": "RS256",
  "kid": "a"
}

claims
{
  "exp": 1767222000,
  "iat": 1767225480,
  "nbf": 1767398400.5,
  "sub": "a"
}

times
  exp        Wed, 31 Dec 2025 23:00:00 GMT  EXPIRED 1 hour ago
  nbf        Sat, 03 Jan 2026 00:00:00 GMT  NOT YET VALID, becomes so in 2 days
  iat        Wed, 31 Dec 2025 23:58:00 GMT  2 minutes ago
"#;
        let token = token(r#"{"sub":"a","exp":1767222000,"nbf":1767398400.5,"iat":1767225480}"#);
        assert_eq!(inspect(&token, false), (Outcome::Good, expected.to_owned(), String::new()));
    }

    #[test]
    fn programs_are_told_that_it_is_not_verified() {
        let (_, out, _) = inspect(&token(r#"{"exp":1767229200}"#), true);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["verified"], json!(false));
        assert_eq!(document["times"]["exp"]["means"], json!("expires in 1 hour"));
    }

    #[test]
    fn instants_beyond_every_calendar_are_no_panic() {
        for claims in
            [r#"{"exp":-1}"#, r#"{"exp":1e300}"#, r#"{"exp":9007199254740991}"#, r#"{"exp":"soon"}"#, r#"{"exp":253402300800}"#]
        {
            assert_eq!(inspect(&token(claims), false).0, Outcome::Good, "{claims}");
        }
    }

    #[test]
    fn claims_cannot_move_the_cursor_or_turn_the_text() {
        let (_, out, _) = inspect(&token("{\"sub\":\"a\u{9b}2J\u{202e}b\u{7f}\"}"), false);
        assert!(out.contains(r#""sub": "a\u009b2J\u202eb\u007f""#), "{out}");
    }

    #[test]
    fn what_is_no_token_fails() {
        for text in ["", "a.b", "not a token"] {
            let (outcome, out, err) = inspect(text, false);
            assert_eq!((outcome, out.as_str()), (Outcome::Failed, ""));
            assert!(err.starts_with("tollgate: not a token: "), "{err}");
        }
    }
}
