//! Documents that must say what the code says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tollgate::proxy::Reason;
use tollgate::token::{NoKey, TokenFault};

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The first cells of the table below `heading`, without their back quotes, each with the second cell.
fn rows(text: &str, heading: &str) -> BTreeSet<(String, String)> {
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
    let body = section.lines().filter(|line| line.starts_with("| `")).map(cells);
    body.map(|cells| (cells[1].clone(), cells[2].clone())).collect()
}

fn words(text: &str, heading: &str) -> BTreeSet<String> {
    rows(text, heading).into_iter().map(|(word, _)| word).collect()
}

#[test]
fn every_reason_is_explained_with_its_status() {
    let in_code = Reason::ALL.iter().map(|reason| (reason.word().to_owned(), reason.status().as_u16().to_string()));
    assert_eq!(rows(&document("docs/reasons.md"), "Refusals"), in_code.collect());
}

#[test]
fn every_fault_of_a_token_is_explained() {
    let text = document("docs/reasons.md");
    let faults = TokenFault::ALL.iter().map(|fault| fault.reason().to_owned());
    assert_eq!(words(&text, "Details of an invalid token"), faults.collect());
    let missing = NoKey::ALL.iter().map(|fault| fault.reason().to_owned());
    assert_eq!(words(&text, "Details of a missing key"), missing.collect());
}

/// The words that a file's `kind` functions give, read from its text.
fn kinds(file: &str) -> BTreeSet<String> {
    let text = document(file);
    let arms = text.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \"")?.1.strip_suffix("\","));
    arms.map(str::to_owned).collect()
}

#[test]
fn every_ambiguity_is_explained() {
    let explained: BTreeSet<String> = document("docs/reasons.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for file in ["src/route/host.rs", "src/route/target.rs", "src/proxy/sanitize.rs", "src/identity/credential.rs"] {
        let kinds = kinds(file);
        assert!(!kinds.is_empty(), "{file}");
        assert_eq!(kinds.difference(&explained).collect::<Vec<_>>(), Vec::<&String>::new(), "{file}");
    }
    for word in ["unknown_issuer", "issuer_not_accepted"] {
        assert!(explained.contains(word), "{word}");
    }
}
