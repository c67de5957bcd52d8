//! An issuer that serves its keys over HTTP: well, slowly, wrongly or not at all.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Backend, Reply};
use super::signer::Signer;

/// How an issuer answers a request for its keys.
#[derive(Clone, Debug)]
pub enum Serves {
    /// The keys with these ids (JSON Web Keys).
    Keys(Vec<Value>),
    /// The same after a while.
    Slowly(Duration, Vec<Value>),
    /// This status, empty.
    Status(u16),
    /// Exactly these bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Hangs,
}

/// The running issuer. Its `iss` is `https://NAME.example`, whatever its address.
pub struct MockIssuer {
    pub name: String,
    server: Backend,
    serves: Arc<Mutex<Serves>>,
}

impl MockIssuer {
    /// An issuer with these keys.
    pub fn start(name: &str, keys: &[&Signer]) -> Self {
        let serves = Arc::new(Mutex::new(Serves::Keys(jwks(keys))));
        let current = Arc::clone(&serves);
        let server = Backend::scripted(move |_| reply(&current.lock().unwrap()));
        Self { name: name.to_owned(), server, serves }
    }

    /// Answers so from now on.
    pub fn now(&self, serves: Serves) {
        *self.serves.lock().unwrap() = serves;
    }

    /// Serves these keys from now on.
    pub fn publish(&self, keys: &[&Signer]) {
        self.now(Serves::Keys(jwks(keys)));
    }

    /// Its `iss`.
    pub fn issuer(&self) -> String {
        format!("https://{}.example", self.name)
    }

    /// The address of its key set.
    pub fn url(&self) -> String {
        format!("{}/jwks.json", self.server.url())
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.server.received().len()
    }

    /// An `[[issuer]]` block with these keys; more lines may follow it.
    pub fn block(&self) -> String {
        let (name, issuer, url) = (&self.name, self.issuer(), self.url());
        format!(
            "[[issuer]]\nname = \"{name}\"\nissuer = \"{issuer}\"\naudiences = [\"gateway\"]\n\
             algorithms = [\"RS256\", \"ES256\", \"EdDSA\"]\njwks_url = \"{url}\"\nroles_claim = \"/roles\"\nscope_claim = \"/scope\"\n"
        )
    }
}

fn jwks(keys: &[&Signer]) -> Vec<Value> {
    keys.iter().map(|key| key.jwk()).collect()
}

fn reply(serves: &Serves) -> Reply {
    let text = |keys: &[Value]| json!({ "keys": keys }).to_string();
    match serves {
        Serves::Keys(keys) => Reply::Text(text(keys)),
        Serves::Slowly(wait, keys) => Reply::After(*wait, text(keys)),
        Serves::Status(status) => Reply::Raw(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").into_bytes()),
        Serves::Raw(bytes) => Reply::RawAndClose(bytes.clone()),
        Serves::Hangs => Reply::Hang,
    }
}
