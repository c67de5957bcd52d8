//! Issuers' keys, end to end: rotation, floods, outages, every kind of source, and what a hostile issuer can do.
//!
//! What is asked of issuers is counted at the issuers. The tests named after advisories are the rows of "key fetching"
//! in the list of what hurt other gateways.

mod bounds;
mod flood;
mod forgetting;
mod outage;
mod rotation;
mod saved;
mod sources;

use std::time::Duration;

use crate::support::{Backend, Gateway, MockIssuer, Reply, Signer, configuration};

const ROUTE: &str = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\n";

/// The default of `issuer.keys.unknown_key_interval`.
const WINDOW: Duration = Duration::from_secs(10);

/// A gateway in front of `backend` that takes this issuer's tokens.
fn serving(issuer: &MockIssuer, backend: &Backend) -> Gateway {
    Gateway::start(&configuration(&[issuer], &[backend], ROUTE))
}

/// A route that takes tokens of `issuers`, whose backend is told which.
fn route_of(issuers: &[&str]) -> String {
    format!("{ROUTE}issuers = {issuers:?}\nidentity_headers = {{ X-User = \"sub\", X-Issuer = \"iss\" }}\n")
}

/// An issuer block whose keys come from `source`, a line of the configuration.
fn issuer_with(name: &str, source: &str) -> String {
    format!(
        "[[issuer]]\nname = \"{name}\"\nissuer = \"https://{name}.example\"\naudiences = [\"gateway\"]\n\
         algorithms = [\"RS256\", \"ES256\", \"EdDSA\"]\n{source}\n\n"
    )
}

/// A configuration of one issuer `corp` with this source.
fn with_source(source: &str, backend: &Backend) -> String {
    configuration(&[], &[backend], &format!("{}{ROUTE}", issuer_with("corp", source)))
}

/// A token of the issuer `corp`.
fn corp(key: &Signer, subject: &str) -> String {
    key.token(&Signer::claims("https://corp.example", subject))
}

/// Status and reason word of a request with `token`.
#[track_caller]
fn ask(gateway: &Gateway, token: &str) -> (u16, String) {
    let answer = gateway.get("/", token);
    (answer.status, answer.reason())
}

/// What `/status` says of the issuer `name`.
#[track_caller]
fn status(gateway: &Gateway, name: &str) -> serde_json::Value {
    let status = gateway.admin("/status").json();
    status["issuers"].as_array().unwrap().iter().find(|issuer| issuer["name"] == name).unwrap().clone()
}

/// 200 with JSON.
fn json(document: &serde_json::Value) -> Reply {
    Reply::Text(document.to_string())
}

fn jwks(keys: &[&Signer]) -> serde_json::Value {
    serde_json::json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}
