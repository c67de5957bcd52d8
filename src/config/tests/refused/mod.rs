//! Every refusal, by section. The texts are changes to a good configuration, so that nothing else can be the reason.

mod environment;
mod issuer;
mod listener;
mod route;
mod upstream;
mod whole;

use crate::config::tests::{Bench, GOOD};

/// Loading the good configuration with `changes` (from, to), `more` at its end and `environment` over it is refused
/// with exactly these `messages`, source lines left out.
#[track_caller]
fn refused(changes: &[(&str, &str)], more: &str, environment: &[(&str, &str)], messages: &[&str]) {
    let mut text = GOOD.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text.push_str(more);
    let refusal = Bench::new().refusal(&text, environment);
    let found: Vec<&str> = refusal.split("\n\n").filter_map(|one| one.lines().next()).collect();
    assert_eq!(found, messages);
}
