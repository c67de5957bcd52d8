//! Environment variables that override settings: `TOLLGATE_SECTION__KEY`.
//!
//! Two underscores separate the steps: `TOLLGATE_RUNTIME__WORKERS`, `TOLLGATE_LISTENER__PUBLIC__LIMITS__CONNECTIONS`.
//! A block of a list of tables is addressed by its `name` in capitals, every other character than a letter or digit
//! being an underscore. A value is read as the kind its key has: text as it is, a list as TOML or separated by commas,
//! a table as TOML. Variables that name no known section are not ours and are ignored (Kubernetes injects some).

use std::ffi::OsString;

use crate::config::diagnostic::Problems;
use crate::config::document::{self, Content, Node};
use crate::config::file::ROOT;
use crate::config::key_path::KeyPath;
use crate::config::schema::{self, Key, Kind};
use crate::config::walk;

/// One setting from the environment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Override {
    /// The variable's name.
    pub(crate) variable: String,
    /// What it sets.
    pub(crate) path: KeyPath,
    /// To what; absent where the variable is wrong.
    pub(crate) value: Option<Content>,
}

/// What `variables` override in `document`, in the order of their names. What is wrong with them is in `problems`.
pub(crate) fn overrides(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    document: &Node,
    problems: &mut Problems,
) -> Vec<Override> {
    let mut ours: Vec<_> = variables.into_iter().filter_map(|(name, value)| Some((section(&name)?, value))).collect();
    ours.sort_by(|(a, _), (b, _)| a.variable.cmp(&b.variable));
    ours.into_iter().map(|(variable, value)| variable.read(value, document, problems)).collect()
}

/// A variable that names a known section.
struct Variable {
    variable: String,
    section: &'static Key,
    /// What follows the section and its separator.
    rest: String,
}

fn section(name: &OsString) -> Option<Variable> {
    let name = name.to_str()?;
    let (section, rest) = name.strip_prefix("TOLLGATE_")?.split_once("__")?;
    let section = schema::find(ROOT, &section.to_ascii_lowercase())?;
    Some(Variable { variable: name.to_owned(), section, rest: rest.to_owned() })
}

impl Variable {
    fn read(self, value: OsString, document: &Node, problems: &mut Problems) -> Override {
        let section = KeyPath::of(self.section.name);
        let (path, kind) = match &self.section.kind {
            Kind::Blocks(keys) => self.block(&section, keys, document),
            Kind::Table(keys) => descend(section, keys, &self.rest),
            _ => (section, Err("is no section".to_owned())),
        };
        let value = value.into_string().map_err(|_| "found a value that is not UTF-8; allowed: UTF-8 text".to_owned());
        let content = kind.and_then(|kind| Ok(content(value?, kind)).inspect(|content| check(content, kind, &path, problems)));
        let message = content.as_ref().err().cloned();
        let set = Override { variable: self.variable, path, value: content.ok() };
        if let Some(message) = message {
            problems.bad_key(&set.path, message);
        }
        set
    }

    /// The block whose name begins the rest; of several the one with the longest name.
    /// Names that read alike as variables are ambiguous.
    fn block(&self, section: &KeyPath, keys: &'static [Key], document: &Node) -> (KeyPath, Result<&'static Kind, String>) {
        let blocks = document.get(self.section.name).map_or(&[][..], Node::items);
        let names: Vec<&str> = blocks.iter().map(|block| block.get("name").and_then(Node::text).unwrap_or_default()).collect();
        let own = |name: &str| self.rest.strip_prefix(&shout(name))?.strip_prefix("__").map(str::to_owned);
        let matching = names.iter().enumerate().filter_map(|(index, name)| Some((index, own(name)?)));
        let shortest = matching.clone().map(|(_, rest)| rest.len()).min();
        let mut found = matching.filter(|(_, rest)| Some(rest.len()) == shortest);
        let refused = |message| (section.key(&self.rest), Err(message));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => refused(format!("names two of the {} blocks; their names read alike here", self.section.name)),
            (Some((_, rest)), None) if rest == "NAME" => {
                refused("found a name; allowed: in the file only, since others refer to it".to_owned())
            }
            (Some((index, rest)), None) => descend(section.item(index), keys, &rest),
            (None, _) => refused(self.unknown_block(&names)),
        }
    }

    fn unknown_block(&self, names: &[&str]) -> String {
        let (given, key) = self.rest.split_once("__").unwrap_or((&self.rest, ""));
        let known: Vec<String> = names.iter().map(|name| shout(name)).collect();
        if key.is_empty() && known.iter().any(|name| name == given) {
            return format!("names no key of the {}", self.section.name);
        }
        let suggestion = schema::suggestion(given, known.iter().map(String::as_str));
        format!("found no {} of the name {given}; {suggestion}", self.section.name)
    }
}

/// Follows `rest` (`LIMITS__CONNECTIONS`) through `keys`.
fn descend(mut path: KeyPath, mut keys: &'static [Key], rest: &str) -> (KeyPath, Result<&'static Kind, String>) {
    let mut steps = rest.split("__").map(str::to_ascii_lowercase).peekable();
    while let Some(step) = steps.next() {
        path = path.key(&step);
        match schema::find(keys, &step).map(|key| &key.kind) {
            None => {
                let suggestion = schema::suggestion(&step, keys.iter().map(|key| key.name));
                return (path, Err(format!("unknown key; {suggestion}")));
            }
            Some(Kind::Table(inner)) if steps.peek().is_some() => keys = inner,
            Some(kind) if steps.peek().is_none() => return (path, Ok(kind)),
            Some(_) => return (path, Err("found a key in it; allowed: the setting itself, its value in TOML".to_owned())),
        }
    }
    (path, Err("names no key".to_owned()))
}

/// The value as its key's kind reads it. What cannot be read so stays text, for extraction to refuse.
fn content(value: String, kind: &Kind) -> Content {
    let text = value.trim();
    let read = match kind {
        Kind::Text | Kind::Secret | Kind::Hash => None,
        Kind::Number => text.parse().ok().map(Content::Number),
        Kind::Flag | Kind::FlagOrText => text.parse().ok().map(Content::Flag),
        Kind::FlagOrList if text == "true" || text == "false" => Some(Content::Flag(text == "true")),
        Kind::List | Kind::FlagOrList if text.starts_with('[') => document::parse_value(text),
        Kind::List | Kind::FlagOrList => Some(Content::List(words(text))),
        Kind::Map | Kind::Table(_) | Kind::Blocks(_) => document::parse_value(text),
    };
    read.unwrap_or(Content::Text(value))
}

fn words(text: &str) -> Vec<Node> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| Node { span: 0..0, content: Content::Text(word.to_owned()) }).collect()
}

/// The unknown keys of a table that came as TOML.
fn check(content: &Content, kind: &'static Kind, path: &KeyPath, problems: &mut Problems) {
    let node = Node { span: 0..0, content: content.clone() };
    match kind {
        Kind::Table(keys) => walk::unknown_keys(&node, keys, path, problems),
        Kind::Blocks(keys) => {
            for (index, item) in node.items().iter().enumerate() {
                walk::unknown_keys(item, keys, &path.item(index), problems);
            }
        }
        _ => {}
    }
}

/// A block's name as variables write it.
fn shout(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
