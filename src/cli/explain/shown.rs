//! An explanation as text for people and as a document for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::issuer::Outcome;
use crate::proxy::{Answer, Explanation, Missing};

/// The stages with what each found, then the answer.
pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    for stage in &explanation.stages {
        // Writing to a string does not fail.
        writeln!(text, "{}: {}", stage.name, stage.outcome.word()).ok();
        for finding in &stage.findings {
            writeln!(text, "  {finding}").ok();
        }
    }
    writeln!(text, "\nanswer: {}", answer(&explanation.answer)).ok();
    text
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Forwarded { upstream, .. } => format!("what upstream {upstream:?} answers"),
        Answer::Own => "answered by the gateway's own API".to_owned(),
        Answer::Preflight => "204, a preflight is answered by the gateway".to_owned(),
        Answer::Refused { status, reason, detail } => {
            let detail = detail.map_or_else(String::new, |detail| format!(" ({detail})"));
            let text = if status.is_redirection() { "The browser is sent to sign in." } else { reason.text() };
            format!("{} {}{detail}: {text}", status.as_u16(), reason.word())
        }
        Answer::Undecided(Missing::Keys) => UNDECIDED.to_owned(),
        Answer::Undecided(Missing::Store) => "not known: it depends on the store, which is not looked at here".to_owned(),
        Answer::Exchanged(remote) => {
            format!("not known: the remote authority at {remote} exchanges the token when the gateway runs")
        }
    }
}

/// What to do where keys are missing.
pub(super) const UNDECIDED: &str =
    "not known: the issuer's keys are fetched or opened when the gateway runs; give its key set with --jwks FILE";

pub(super) fn document(explanation: &Explanation) -> Value {
    let stages = explanation.stages.iter();
    let stages = stages.map(|stage| json!({ "stage": stage.name, "outcome": stage.outcome.word(), "findings": stage.findings }));
    json!({ "stages": stages.collect::<Vec<_>>(), "answer": answer_document(&explanation.answer) })
}

fn answer_document(answer: &Answer) -> Value {
    match answer {
        Answer::Forwarded { route, upstream, identity_headers } => {
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers: Map<_, _> =
                identity_headers.iter().map(|(name, value)| (name.to_string(), text(value).into())).collect();
            json!({ "outcome": "forwarded", "route": &**route, "upstream": &**upstream, "identity_headers": headers })
        }
        Answer::Own => json!({ "outcome": "own" }),
        Answer::Preflight => json!({ "outcome": "preflight", "status": 204 }),
        Answer::Refused { status, reason, detail } => {
            json!({ "outcome": "refused", "status": status.as_u16(), "reason": reason.word(), "detail": detail })
        }
        Answer::Undecided(_) => json!({ "outcome": Outcome::Unknown.word() }),
        Answer::Exchanged(remote) => json!({ "outcome": Outcome::Unknown.word(), "exchanged_by": &**remote }),
    }
}
