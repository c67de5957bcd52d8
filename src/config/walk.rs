//! The walk that finds every unknown key, whatever else is wrong.
//!
//! serde stops at the first unknown field; a pass of its own over the document reports them all, each with the nearest
//! known name. It also refuses dates, which no setting takes, and notes where secrets stand so that no excerpt shows them.

use std::ops::Range;

use crate::config::diagnostic::Problems;
use crate::config::document::{Content, Node};
use crate::config::key_path::KeyPath;
use crate::config::schema::{self, Key, Kind};

/// Reports every key of the table `node` that `keys` does not know, and those in it.
pub(crate) fn unknown_keys(node: &Node, keys: &'static [Key], path: &KeyPath, problems: &mut Problems) {
    for entry in node.entries() {
        let here = path.key(&entry.key);
        match schema::find(keys, &entry.key) {
            Some(key) => known_key(&entry.node, &key.kind, &here, problems),
            None => {
                let suggestion = schema::suggestion(&entry.key, keys.iter().map(|key| key.name));
                problems.bad_key(&here, format!("unknown key; {suggestion}"));
            }
        }
    }
}

fn known_key(node: &Node, kind: &Kind, path: &KeyPath, problems: &mut Problems) {
    match kind {
        Kind::Table(keys) => unknown_keys(node, keys, path, problems),
        Kind::Blocks(keys) => {
            for (index, item) in node.items().iter().enumerate() {
                unknown_keys(item, keys, &path.item(index), problems);
            }
        }
        _ => dates(node, path, problems),
    }
}

fn dates(node: &Node, path: &KeyPath, problems: &mut Problems) {
    match &node.content {
        Content::Date => problems.refuse(path, "a date or time", "a string, number, list or table (no setting is a date)"),
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                dates(item, &path.item(index), problems);
            }
        }
        Content::Table(entries) => {
            for entry in entries {
                dates(&entry.node, &path.key(&entry.key), problems);
            }
        }
        _ => {}
    }
}

/// The settings of the text whose kind is wanted, and where their values stand.
pub(crate) fn of_kind(node: &Node, keys: &'static [Key], is_wanted: fn(&Kind) -> bool) -> Vec<(KeyPath, Range<usize>)> {
    let mut found = Vec::new();
    collect(node, keys, is_wanted, &KeyPath::default(), &mut found);
    found
}

fn collect(
    node: &Node,
    keys: &'static [Key],
    is_wanted: fn(&Kind) -> bool,
    path: &KeyPath,
    found: &mut Vec<(KeyPath, Range<usize>)>,
) {
    for entry in node.entries() {
        let here = path.key(&entry.key);
        match schema::find(keys, &entry.key).map(|key| &key.kind) {
            Some(kind) if is_wanted(kind) => found.push((here, entry.node.span.clone())),
            Some(Kind::Table(inner)) => collect(&entry.node, inner, is_wanted, &here, found),
            Some(Kind::Blocks(inner)) => {
                let items = entry.node.items().iter().enumerate();
                items.for_each(|(index, item)| collect(item, inner, is_wanted, &here.item(index), found));
            }
            _ => {}
        }
    }
}
