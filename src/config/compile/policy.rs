//! `require` of a route to a [`Rule`].
//!
//! The keys of a table must all hold, a list needs any of its members. An empty list holds for nobody, or would hold for
//! everybody under `not`, so it is refused.

use serde_json::Value;

use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{RuleFile, WantedFile};
use crate::config::key_path::KeyPath;
use crate::identity::Pointer;
use crate::policy::Rule;

/// The rule of a route; without `require` any caller of its issuers. A table that says nothing is refused: it would let in
/// everybody where somebody meant to ask for something. With `registered`, callers are registered with the route's
/// application unless the rule itself speaks of that.
pub(super) fn required(file: Option<&RuleFile>, registered: bool, path: &KeyPath, problems: &mut Problems) -> Rule {
    let allowed = "roles, scopes, claims, registered, any, all or not (leave `require` out to let in every caller with a token)";
    let rule = file.map(|file| saying(file, path, allowed, problems));
    match (rule, registered && !file.is_some_and(names_registered)) {
        (Some(rule), false) => rule,
        (Some(rule), true) => Rule::All(vec![Rule::Registered(true), rule]),
        (None, true) => Rule::Registered(true),
        (None, false) => Rule::All(Vec::new()),
    }
}

/// Whether `registered` stands anywhere in the rule.
fn names_registered(file: &RuleFile) -> bool {
    let lists = file.any.iter().chain(&file.all).flatten();
    file.registered.is_some() || lists.chain(file.not.as_deref()).any(names_registered)
}

/// The rule in `file`; what is refused is left out and reported.
fn rule(file: &RuleFile, path: &KeyPath, problems: &mut Problems) -> Rule {
    let mut rules = Vec::new();
    if let Some(roles) = &file.roles {
        rules.push(Rule::Roles(words(roles, &path.key("roles"), problems)));
    }
    if let Some(scopes) = &file.scopes {
        rules.push(Rule::Scopes(scope_words(scopes, &path.key("scopes"), problems)));
    }
    for (pointer, wanted) in file.claims.iter().flatten() {
        rules.extend(claim(pointer, wanted, &path.key("claims").key(pointer), problems));
    }
    rules.extend(file.registered.map(Rule::Registered));
    if let Some(any) = &file.any {
        rules.push(Rule::Any(nested(any, &path.key("any"), problems)));
    }
    if let Some(all) = &file.all {
        rules.push(Rule::All(nested(all, &path.key("all"), problems)));
    }
    if let Some(not) = &file.not {
        rules.push(Rule::Not(Box::new(inner(not, &path.key("not"), problems))));
    }
    single(rules)
}

/// A rule of one part is that part.
fn single(mut rules: Vec<Rule>) -> Rule {
    match rules.pop() {
        Some(rule) if rules.is_empty() => rule,
        Some(last) => {
            rules.push(last);
            Rule::All(rules)
        }
        None => Rule::All(rules),
    }
}

fn nested(files: &[RuleFile], path: &KeyPath, problems: &mut Problems) -> Vec<Rule> {
    not_empty(files.is_empty(), path, "at least one rule", problems);
    files.iter().enumerate().map(|(index, file)| inner(file, &path.item(index), problems)).collect()
}

fn inner(file: &RuleFile, path: &KeyPath, problems: &mut Problems) -> Rule {
    saying(file, path, "roles, scopes, claims, registered, any, all or not", problems)
}

/// The rule in `file`, which has to say something.
fn saying(file: &RuleFile, path: &KeyPath, allowed: &str, problems: &mut Problems) -> Rule {
    let rule = rule(file, path, problems);
    let empty = file.claims.as_ref().is_none_or(std::collections::BTreeMap::is_empty) && rule == Rule::All(Vec::new());
    if empty && file.all.is_none() && !problems.has_in(path) {
        problems.refuse(path, "an empty rule", allowed);
    }
    rule
}

fn not_empty(empty: bool, path: &KeyPath, allowed: &str, problems: &mut Problems) {
    if empty {
        problems.refuse(path, "an empty list", allowed);
    }
}

fn words(texts: &[String], path: &KeyPath, problems: &mut Problems) -> Vec<Box<str>> {
    not_empty(texts.is_empty(), path, "at least one name", problems);
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| text.is_empty()) {
        problems.refuse(&path.item(index), quoted(text), "a name");
    }
    texts.iter().map(|text| text.as_str().into()).collect()
}

/// RFC 6749 section 3.3: a scope value has no space, so one with a space could never be found.
fn scope_words(texts: &[String], path: &KeyPath, problems: &mut Problems) -> Vec<Box<str>> {
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| text.contains(' ')) {
        problems.refuse(&path.item(index), quoted(text), "one scope in each item, without spaces");
    }
    words(texts, path, problems)
}

fn claim(pointer: &str, WantedFile(wanted): &WantedFile, path: &KeyPath, problems: &mut Problems) -> Option<Rule> {
    let place = match Pointer::parse(pointer) {
        Ok(place) => place,
        Err(reason) => {
            problems.bad_key(path, format!("found {}; {reason}", quoted(pointer)));
            return None;
        }
    };
    match wanted {
        Value::Array(items) => {
            not_empty(items.is_empty(), path, "a value, or a list of values of which any will do", problems);
            Some(Rule::Claim(place, items.clone()))
        }
        single => Some(Rule::Claim(place, vec![single.clone()])),
    }
}
