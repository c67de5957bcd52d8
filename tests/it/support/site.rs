//! The usual arrangement: one issuer with one key, one backend that records, and a gateway in front of it.

use serde_json::{Map, Value};

use super::backend::{Backend, Received};
use super::client::exchange;
use super::gateway::{Gateway, configuration};
use super::http::Answer;
use super::issuer::MockIssuer;
use super::signer::Signer;

/// A gateway that accepts the tokens of the issuer `corp`.
pub struct Site {
    pub key: Signer,
    pub issuer: MockIssuer,
    pub backend: Backend,
    pub gateway: Gateway,
}

/// A `[[route]]` to the backend; `rest` holds its further lines.
pub fn route(name: &str, path: &str, rest: &str) -> String {
    format!("[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"backend-0\"\n{rest}\n\n")
}

impl Site {
    /// With these routes.
    #[track_caller]
    pub fn start(routes: &str) -> Self {
        Self::before(Backend::start(), routes)
    }

    /// With these routes, before this backend.
    #[track_caller]
    pub fn before(backend: Backend, routes: &str) -> Self {
        Self::edited(backend, routes, |text| text)
    }

    /// As [`Self::before`], with the configuration's text changed by `edit`.
    #[track_caller]
    pub fn edited(backend: Backend, routes: &str, edit: impl FnOnce(String) -> String) -> Self {
        let key = Signer::new("k1");
        let issuer = MockIssuer::start("corp", &[&key]);
        let gateway = Gateway::start(&edit(configuration(&[&issuer], &[&backend], routes)));
        Self { key, issuer, backend, gateway }
    }

    /// With these routes, and these lines more in the issuer's block.
    #[track_caller]
    pub fn with_issuer(lines: &str, routes: &str) -> Self {
        let last = "scope_claim = \"/scope\"\n";
        Self::edited(Backend::start(), routes, |text| text.replacen(last, &format!("{last}{lines}\n"), 1))
    }

    /// A good token for `subject`.
    pub fn token(&self, subject: &str) -> String {
        self.key.token(&Signer::claims(&self.issuer.issuer(), subject))
    }

    /// A token of `alice` with these claims beside or in place of the usual ones.
    pub fn token_with(&self, claims: Value) -> String {
        self.key.token(&self.claims_with(claims))
    }

    /// The usual claims of `alice`, with these beside or in place of them.
    pub fn claims_with(&self, claims: Value) -> Value {
        let mut all = Signer::claims(&self.issuer.issuer(), "alice");
        let others: Map<String, Value> = serde_json::from_value(claims).unwrap();
        all.as_object_mut().unwrap().extend(others);
        all
    }

    /// Sends `line` (method and target) with these headers, for host `localhost` where they name none.
    #[track_caller]
    pub fn send(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        exchange(self.gateway.plain(), request(line, headers))
    }

    /// As [`Self::send`], with a bearer token.
    #[track_caller]
    pub fn send_as(&self, token: &str, line: &str, headers: &[(&str, &str)]) -> Answer {
        let credential = format!("Bearer {token}");
        self.send(line, &[&[("Authorization", credential.as_str())], headers].concat())
    }

    /// What the backend received of the request that `answer` is about, if it received it.
    #[track_caller]
    pub fn delivered(&self, answer: &Answer) -> Option<Received> {
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("no request id: {answer:?}"));
        self.backend.received().into_iter().find(|request| request.header("x-request-id") == Some(id))
    }

    /// What the backend received of a request that must have reached it.
    #[track_caller]
    pub fn received(&self, answer: &Answer) -> Received {
        self.delivered(answer).unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()))
    }

    /// Fails where a request was not refused with this status and reason, or reached the backend all the same.
    #[track_caller]
    pub fn refused(&self, answer: &Answer, status: u16, reason: &str, about: &str) {
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{about}");
        assert!(self.delivered(answer).is_none(), "{about} reached the backend");
    }

    /// The access line of the request that `answer` is about.
    #[track_caller]
    pub fn access_line(&self, answer: &Answer) -> Value {
        let id = answer.header("x-request-id").unwrap().to_owned();
        let mut line = None;
        super::until("the access line", || {
            line = self.gateway.access_lines().into_iter().find(|line| line["request_id"] == id.as_str());
            line.is_some()
        });
        line.unwrap()
    }
}

/// A request without a body: `line` is its method and target; `Host` is `localhost` where the headers have none.
pub fn request(line: &str, headers: &[(&str, &str)]) -> String {
    let has_host = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = if has_host { "" } else { "Host: localhost\r\n" };
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{line} HTTP/1.1\r\n{host}{lines}\r\n")
}
