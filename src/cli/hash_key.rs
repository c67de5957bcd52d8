//! `tollgate hash-key`: a new API key with its hash, or the hash of one that is there.

use std::io;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::authority::ApiKey;
use crate::cli::{Outcome, Streams, terminal, write_json};

/// Make an API key, and the hash of it that the configuration holds.
///
/// The key has 256 random bits and is shown this once; only its hash is kept. A program sends it as the whole value of
/// `Authorization`. Permissions name paths of the API with methods, what is below a path included:
///
///   permissions = { "/api/login" = ["POST"] }                     a sign-in page
///   permissions = { "/api/jwt/refresh" = ["GET", "DELETE"] }      listing and revoking sessions
///   permissions = { "/api/user" = ["GET", "POST", "PATCH"] }      managing users and registrations
///   permissions = "all"                                           everything
///
/// Without any, the key may do nothing. Exit code 0: made; 2: what was given cannot be a key.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = "Example:\n  tollgate hash-key\n  tollgate hash-key --stdin < ops.key")]
pub(super) struct HashKey {
    /// Hash the key on standard input in place of making one; it is not shown.
    #[arg(long)]
    stdin: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const KEY_BYTES: usize = 32;

impl HashKey {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        if self.stdin {
            return hash(&terminal::line()?, self.json, streams);
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        show(Some(&key), &ApiKey::digest(key.as_bytes()), self.json, streams)?;
        Ok(Outcome::Good)
    }
}

/// Shows the hash of a key that is there.
fn hash(key: &str, json: bool, streams: &mut Streams<'_>) -> io::Result<Outcome> {
    if key.len() < ApiKey::SHORTEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let allowed = "at least 32 random letters, digits and punctuation marks in one line, without spaces";
        writeln!(streams.err, "tollgate: not a key: found {} characters; allowed: {allowed}", key.chars().count())?;
        return Ok(Outcome::Refused);
    }
    show(None, &ApiKey::digest(key.as_bytes()), json, streams)?;
    Ok(Outcome::Good)
}

fn show(key: Option<&str>, digest: &[u8; 32], json: bool, streams: &mut Streams<'_>) -> io::Result<()> {
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if json {
        let mut document = json!({ "sha256": sha256 });
        if let (Some(key), Value::Object(members)) = (key, &mut document) {
            members.insert("key".to_owned(), key.into());
        }
        return write_json(streams.out, &document);
    }
    if let Some(key) = key {
        writeln!(streams.out, "The key, shown this once; give it to the program that is to call the API:\n\n{key}\n")?;
    }
    let permissions = r#"{ "/api/jwt/refresh" = ["GET", "DELETE"] }"#;
    writeln!(
        streams.out,
        "For the configuration, with a name and permissions of your choice:\n\n\
         [[api_key]]\nname = \"ops\"\nsha256 = \"{sha256}\"\npermissions = {permissions}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    /// By `printf %s 0123456789abcdef0123456789abcdef | sha256sum`.
    const SHA256: &str = "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";

    fn run(command: impl FnOnce(&mut Streams<'_>) -> io::Result<Outcome>) -> (Outcome, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = command(&mut Streams { out: &mut out, err: &mut err }).unwrap();
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_new_key_is_random_and_has_the_hash_that_is_shown_with_it() {
        let made = || {
            let (outcome, out, _) = run(|streams| HashKey { stdin: false, json: true }.run(streams));
            assert_eq!(outcome, Outcome::Good);
            let document: Value = serde_json::from_str(&out).unwrap();
            (document["key"].as_str().unwrap().to_owned(), document["sha256"].as_str().unwrap().to_owned())
        };
        let (key, sha256) = made();
        assert_eq!(URL_SAFE_NO_PAD.decode(&key).unwrap().len(), KEY_BYTES);
        let digest: String = ApiKey::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha256, digest);
        assert_ne!(made().0, key);
    }

    #[test]
    fn a_given_key_is_hashed_and_not_shown() {
        let (outcome, out, _) = run(|streams| hash(KEY, false, streams));
        assert_eq!(outcome, Outcome::Good);
        assert!(out.contains(&format!("[[api_key]]\nname = \"ops\"\nsha256 = \"{SHA256}\"\n")), "{out}");
        assert!(!out.contains(KEY), "{out}");
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_and_not_shown() {
        for text in ["", "hunter2", "0123456789abcdef 0123456789abcdef", "0123456789abcdef0123456789abcdé€"] {
            let (outcome, out, err) = run(|streams| hash(text, false, streams));
            assert_eq!((outcome, out.as_str()), (Outcome::Refused, ""), "{text}");
            assert!(err.starts_with("tollgate: not a key: ") && (text.is_empty() || !err.contains(text)), "{err}");
        }
    }
}
