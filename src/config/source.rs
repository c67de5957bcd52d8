//! The text of a configuration and the environment over it: where each setting stands.
//!
//! Turns a problem's key path into `file:line:column` and the source line, or into the name of the environment variable
//! that set it. Secrets in a quoted line are masked.

use std::ops::Range;

use crate::config::diagnostic::{Aim, Diagnostic, Problem};
use crate::config::document::{Content, Node, SyntaxError};
use crate::config::environment::Override;
use crate::config::key_path::KeyPath;
use crate::config::user_info;

/// A parsed configuration with what lies over it.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file's name as the operator wrote it.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
    /// Its content.
    pub(crate) document: Node,
    /// What the environment sets.
    pub(crate) overrides: Vec<Override>,
    /// Where values stand in the text that no message may show.
    pub(crate) hidden: Vec<Range<usize>>,
}

impl Source {
    /// The diagnostics of `problems`: those of the file by position, then those of the environment; none twice.
    pub(crate) fn locate(&self, problems: &[Problem]) -> Vec<Diagnostic> {
        let mut found: Vec<_> = problems.iter().map(|problem| self.diagnostic(problem)).collect();
        found.sort_by(|a, b| (a.position.is_none(), a.position, &a.origin).cmp(&(b.position.is_none(), b.position, &b.origin)));
        found.dedup();
        found
    }

    fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let variable = self.overrides.iter().find(|set| problem.path.is_in(&set.path));
        let place = if variable.is_some() { None } else { Some(self.place(problem)) };
        Diagnostic {
            severity: problem.severity,
            origin: variable.map_or_else(|| self.file.clone(), |set| set.variable.clone()),
            position: place.as_ref().map(|place| place.position),
            key: self.key_name(&problem.path),
            message: problem.message.clone(),
            excerpt: place.map(|place| place.excerpt),
        }
    }

    fn place(&self, problem: &Problem) -> Place {
        match (self.span(&problem.path, problem.aim), problem.aim) {
            (span, Aim::Key) => Place::new(&self.text, &span, span.end, &self.hidden),
            (span, Aim::Value) => Place::new(&self.text, &span, self.text.len(), &self.hidden),
        }
    }

    /// The bytes of the deepest setting on the way to `path` that the file has.
    fn span(&self, path: &KeyPath, aim: Aim) -> Range<usize> {
        let mut node = &self.document;
        let mut span = node.span.clone();
        for step in path.steps() {
            match child(node, step) {
                Some((key_span, inner)) => {
                    span = if aim == Aim::Key { key_span } else { inner.span.clone() };
                    node = inner;
                }
                None => break,
            }
        }
        span
    }

    /// The key path as operators write it: blocks by name where they have one, otherwise by number.
    fn key_name(&self, path: &KeyPath) -> String {
        let mut name = String::new();
        let mut node = Some(&self.document);
        for step in path.steps() {
            let inner = node.and_then(|node| child(node, step)).map(|(_, inner)| inner);
            match (node.map(|node| &node.content), inner.and_then(|inner| inner.get("name")).and_then(Node::text)) {
                (Some(Content::List(_)), Some(block)) => push_step(&mut name, block),
                (Some(Content::List(_)), None) => name.push_str(&format!("[{step}]")),
                _ => push_step(&mut name, step),
            }
            node = inner;
        }
        name
    }
}

fn push_step(name: &mut String, step: &str) {
    if !name.is_empty() {
        name.push('.');
    }
    let plain = !step.is_empty() && step.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain { name.push_str(step) } else { name.push_str(&format!("{step:?}")) }
}

/// The value at `step` of a table or list, with the bytes of its key.
fn child<'a>(node: &'a Node, step: &str) -> Option<(Range<usize>, &'a Node)> {
    match &node.content {
        Content::List(items) => items.get(step.parse::<usize>().ok()?).map(|item| (item.span.clone(), item)),
        _ => node.entry(step).map(|entry| (entry.key_span.clone(), &entry.node)),
    }
}

/// The diagnostic of a text that is not TOML.
pub(crate) fn syntax_diagnostic(file: &str, text: &str, error: &SyntaxError) -> Diagnostic {
    let place = Place::new(text, &error.span, text.len(), &[]);
    let shows_secret = ["secret", "encryption_key"].iter().any(|key| place.excerpt.0.contains(key));
    Diagnostic {
        severity: crate::config::Severity::Error,
        origin: file.to_owned(),
        position: Some(place.position),
        key: String::new(),
        message: format!("not TOML: {}", error.message),
        excerpt: (!shows_secret).then_some(place.excerpt),
    }
}

/// Line, column and source line of some bytes of a text.
struct Place {
    position: (usize, usize),
    excerpt: (String, usize),
}

impl Place {
    /// The line is quoted up to byte `end` of the text.
    fn new(text: &str, span: &Range<usize>, end: usize, secrets: &[Range<usize>]) -> Self {
        let start = floor(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let after = text.get(start..).unwrap_or_default();
        let line_end = (start + after.find('\n').unwrap_or(after.len())).min(floor(text, end).max(start));
        let column = text.get(line_start..start).unwrap_or_default().chars().count() + 1;
        let meant = text.get(start..floor(text, span.end).clamp(start, line_end)).unwrap_or_default();
        Self {
            position: (before.matches('\n').count() + 1, column),
            excerpt: (quote(text, line_start..line_end, secrets), meant.trim_end().chars().count()),
        }
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The characters of `line`, each of a secret or of a password in an address as `*`, each control character as a space (one column each).
fn quote(text: &str, line: Range<usize>, secrets: &[Range<usize>]) -> String {
    let line_text = text.get(line.clone()).unwrap_or_default();
    let users = user_info::ranges(line_text);
    let shown = |(offset, character): (usize, char)| match character {
        _ if secrets.iter().any(|secret| secret.contains(&(line.start + offset))) => '*',
        _ if users.iter().any(|user| user.contains(&offset)) => '*',
        control if control.is_control() => ' ',
        other => other,
    };
    line_text.char_indices().map(shown).collect::<String>().trim_end().to_owned()
}
