//! Whole configurations through `load`: what is accepted, what is refused, and in which words.

mod accepted;
mod authority;
mod environment;
mod example;
mod positions;
mod refused;
mod shapes;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::clock::Timestamp;
use crate::config::load::load_text;
use crate::config::{Diagnostics, Settings};

/// 2026-01-01, within the validity of every generated certificate but the expired one.
const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// A directory with every kind of file that a configuration may refer to.
pub(super) struct Bench {
    directory: TempDir,
}

impl Bench {
    /// An empty directory.
    pub(super) fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn new() -> Self {
        let bench = Self::empty();
        let (chain, key) = certificate("localhost", 2040);
        let (expired, expired_key) = certificate("localhost", 2020);
        let (_, other_key) = certificate("localhost", 2040);
        bench.write("tls.crt", &chain, 0o644);
        bench.write("tls.key", &key, 0o600);
        bench.write("open.key", &key, 0o644);
        bench.write("other.key", &other_key, 0o600);
        bench.write("expired.crt", &expired, 0o644);
        bench.write("expired.key", &expired_key, 0o600);
        bench.write("ca.pem", &chain, 0o644);
        bench.write("empty.pem", "", 0o644);
        bench.write("noise.pem", "noise", 0o644);
        let issuer_key = KeyPair::generate().unwrap();
        bench.write("jwks.json", &key_set(&issuer_key), 0o644);
        bench.write("none.jwks", r#"{"keys":[]}"#, 0o644);
        bench.write("issuer.pem", &issuer_key.public_key_pem(), 0o644);
        bench.write("secret", "0123456789abcdef0123456789abcdef\n", 0o600);
        bench.write("short.secret", "hunter2\n", 0o600);
        bench.write("open.secret", "0123456789abcdef0123456789abcdef\n", 0o644);
        bench
    }

    pub(super) fn write(&self, name: &str, content: &str, mode: u32) {
        let file = self.directory.path().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("t.toml")
    }

    pub(super) fn load_with(&self, text: &str, environment: &[(&str, &str)]) -> Result<Settings, Diagnostics> {
        let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        load_text(&self.path(), text, None, environment, NOW)
    }

    /// What is wrong with `text`, the directory's name cut out.
    pub(super) fn refusal(&self, text: &str, environment: &[(&str, &str)]) -> String {
        let found = self.load_with(text, environment).expect_err("refused").to_string();
        found.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

/// A self-signed certificate of the name with its key, valid until the end of the year.
pub(super) fn certificate(name: &str, last_year: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2010, 1, 1);
    params.not_after = rcgen::date_time_ymd(last_year, 12, 31);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The public half of a P-256 key as a set (RFC 7518 section 6.2.1), its point being 0x04, x, y.
fn key_set(key: &KeyPair) -> String {
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (x, y) = key.public_key_raw()[1..].split_at(32);
    format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"kid-1","x":"{}","y":"{}"}}]}}"#, coordinate(x), coordinate(y))
}

/// A small good configuration.
pub(super) const GOOD: &str = r#"[[listener]]
name = "public"
address = "127.0.0.1:8443"

[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_file = "jwks.json"

[[upstream]]
name = "up"
servers = ["http://127.0.0.1:9001"]

[[route]]
name = "all"
path = "/"
upstream = "up"
"#;

/// A small good configuration with an authority and one block of each of its parts.
pub(super) const AUTHORITY: &str = r#"[[listener]]
name = "public"
address = "127.0.0.1:8443"

[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"

[authority]
issuer = "acme.com"
host = "auth.example.com"

[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
name = "orders"
roles = [{ name = "admin" }, { name = "user", default = true }]

[[identity_provider]]
id = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea"
name = "partner"
issuer = "https://partner.example"
audiences = ["tollgate"]
public_key_files = { "kid-1" = "issuer.pem" }
applications = ["orders"]

[[api_key]]
name = "ops"
sha256 = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef"
permissions = { "/api/jwt/refresh" = ["GET", "DELETE"] }

[[upstream]]
name = "up"
servers = ["http://127.0.0.1:9001"]

[[route]]
name = "all"
path = "/"
upstream = "up"
application = "orders"
"#;

/// A small good configuration with a remote authority.
pub(super) const REMOTE: &str = r#"[[listener]]
name = "public"
address = "127.0.0.1:8443"

[authority]
issuer = "acme.com"
host = "auth.example.com"
remote_url = "https://fusionauth.example"
ca_file = "ca.pem"

[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
name = "orders"

[[upstream]]
name = "up"
servers = ["http://127.0.0.1:9001"]

[[route]]
name = "all"
path = "/"
upstream = "up"
application = "orders"
"#;

#[test]
fn the_configuration_file_comes_first_among_the_files() {
    let bench = Bench::new();
    fs::write(bench.path(), GOOD).unwrap();
    let settings = crate::config::load(&bench.path(), std::iter::empty()).unwrap();
    let files: Vec<_> = settings.files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(files, [bench.path(), bench.path().with_file_name("jwks.json")]);
    assert!(settings.warnings.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refusal = crate::config::load(Path::new("/nowhere/t.toml"), std::iter::empty()).unwrap_err();
    assert_eq!(refusal.to_string(), "/nowhere/t.toml: cannot be read (No such file or directory (os error 2))");
}
