//! A token by itself: whether it is accepted, and what its caller may do on each route that takes it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::shown::UNDECIDED;
use crate::authority::AUTHORITY_ISSUER;
use crate::identity::Identity;
use crate::issuer::{Outcome, Step, Verifier};
use crate::policy::{Verdict, explain};
use crate::proxy::Reason;
use crate::route::{Access, RouteSettings};

/// What is known of a token.
pub(super) struct Judged<'s> {
    steps: Vec<Step>,
    outcome: Outcome,
    /// The word of the step that refused it.
    detail: Option<&'static str>,
    /// Routes that take its issuer's tokens, each with its rule's verdict.
    routes: Vec<(&'s str, Verdict<'s>)>,
}

/// Judges `token` as a request's would be, with the keys there are.
pub(super) async fn judge<'s>(token: &str, verifier: &Verifier, routes: &'s [RouteSettings]) -> Judged<'s> {
    let steps = verifier.examine(token);
    // Proving it would ask the issuer.
    if steps.iter().any(|step| step.stage == "key" && step.outcome == Outcome::Unknown) {
        return Judged { steps, outcome: Outcome::Unknown, detail: None, routes: Vec::new() };
    }
    let (outcome, detail, routes) = match verifier.verify(token).await {
        Ok(verified) => (Outcome::Good, None, verdicts(&verified.identity, routes)),
        Err(error) => (Outcome::Refused, Some(error.reason()), Vec::new()),
    };
    Judged { steps, outcome, detail, routes }
}

fn verdicts<'s>(identity: &Identity, routes: &'s [RouteSettings]) -> Vec<(&'s str, Verdict<'s>)> {
    // A token of the authority is another one at other applications: one that it is exchanged for there.
    let is_for = |route: &&RouteSettings| match (route.application, &*identity.issuer_name) {
        (Some(application), AUTHORITY_ISSUER) => {
            identity.claims.document().get("aud").and_then(Value::as_str) == Some(&*application.to_string())
        }
        _ => true,
    };
    let taking = routes.iter().filter(|route| route.issuers.contains(&identity.issuer_name)).filter(is_for);
    let verdict = |route: &'s RouteSettings| match &route.access {
        Access::Anonymous => None,
        Access::Optional(rule) | Access::Required(rule) => Some((&*route.name, explain(rule, identity))),
    };
    taking.filter_map(verdict).collect()
}

impl Judged<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            // Writing to a string does not fail.
            writeln!(text, "{step}").ok();
        }
        for (route, verdict) in &self.routes {
            writeln!(text, "\nroute {route:?}: {}", allowed(verdict)).ok();
            write!(text, "{verdict}").ok();
        }
        writeln!(text, "\nanswer: {}", self.answer()).ok();
        text
    }

    fn answer(&self) -> String {
        match (self.outcome, self.detail) {
            (Outcome::Good, _) => "the token is accepted".to_owned(),
            (Outcome::Unknown, _) => UNDECIDED.to_owned(),
            (Outcome::Refused, detail) => {
                let reason = Reason::InvalidToken;
                format!("{} {} ({})", reason.status().as_u16(), reason.word(), detail.unwrap_or_default())
            }
        }
    }

    pub(super) fn document(&self) -> Value {
        let step = |step: &Step| json!({ "step": step.stage, "outcome": step.outcome.word(), "finding": step.finding });
        let route = |(name, verdict): &(&str, Verdict<'_>)| json!({ "route": name, "allowed": verdict.holds, "rule": verdict.to_string().lines().collect::<Vec<_>>() });
        json!({
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "outcome": self.outcome.word(),
            "detail": self.detail,
            "routes": self.routes.iter().map(route).collect::<Vec<_>>(),
        })
    }
}

fn allowed(verdict: &Verdict<'_>) -> &'static str {
    if verdict.holds { "allowed" } else { "denied" }
}
