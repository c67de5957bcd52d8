//! Single sign-on on the path of requests: one sign-in is good at every application that its user may use, and goes on by itself.

mod exchange;
mod race;
mod reconcile;
mod renew;
mod walk;

use serde_json::Value;

use crate::support::AuthoritySite;
use crate::support::authority::*;

/// The claims of a token, unverified.
#[track_caller]
fn claims(token: &str) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Tokens that were issued for `application` in this way.
fn issued(site: &AuthoritySite, application: &str, kind: &str) -> f64 {
    let labels = [format!("application=\"{application}\""), format!("kind=\"{kind}\"")];
    site.gateway.metric("tollgate_tokens_issued_total", &[&labels[0], &labels[1]])
}

/// The token that the backend was given with the latest request.
#[track_caller]
fn given(site: &AuthoritySite) -> Option<String> {
    let latest = site.backend.received().pop().unwrap();
    latest.header("authorization").map(|value| value.strip_prefix("Bearer ").unwrap().to_owned())
}

/// A header of the latest request that the backend got.
#[track_caller]
fn told(site: &AuthoritySite, name: &str) -> Option<String> {
    site.backend.received().pop().unwrap().header(name).map(str::to_owned)
}

/// Signs `name` in to `application`, as a browser at the authority's host would find itself.
#[track_caller]
fn browser_of(site: &AuthoritySite, name: &str, application: &str) -> crate::support::Browser {
    let mut browser = crate::support::Browser::new(site.0);
    let answer = site.login(name, Some(application));
    assert_eq!(answer.status, 200, "{}", answer.text());
    browser.take(HOST, "/api/login", &answer);
    browser
}
