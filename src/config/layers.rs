//! Blocks of settings out of their layers: the shape's defaults, the file, the environment.
//!
//! Each table is extracted on its own with figment, so that one pass reports the first type error of every block.
//! figment knows no positions; its key path does, by way of `source`.

use figment::error::{Actual, Kind};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;

use crate::config::diagnostic::{Problems, quoted};
use crate::config::document::{Content, Node};
use crate::config::file::ROOT;
use crate::config::key_path::KeyPath;
use crate::config::schema;
use crate::config::source::Source;

/// An extracted table with its place.
#[derive(Debug)]
pub(crate) struct Block<T> {
    pub(crate) path: KeyPath,
    pub(crate) value: T,
}

impl Source {
    /// Whether the file or the environment has a section of this name; one without any setting counts.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.document.get(name).is_some() || self.overrides.iter().any(|set| set.path.is_in(&KeyPath::of(name)))
    }

    /// Whether the file or the environment has this setting of a section.
    pub(crate) fn has_in(&self, section: &str, key: &str) -> bool {
        let is_written = self.document.get(section).is_some_and(|table| table.get(key).is_some());
        is_written || self.overrides.iter().any(|set| set.path.is_in(&KeyPath::of(section).key(key)))
    }

    /// The table `name`, with defaults where the file has none.
    pub(crate) fn section<T: DeserializeOwned>(&self, name: &str, problems: &mut Problems) -> Option<Block<T>> {
        let path = KeyPath::of(name);
        match self.document.get(name) {
            Some(node) if !matches!(node.content, Content::Table(_)) => {
                problems.refuse(&path, found(&figment_value(node).to_actual()), format_args!("a table, written `[{name}]`"));
                None
            }
            node => self.extract(path, node, problems),
        }
    }

    /// The tables of the list `name`, those with a type error left out.
    pub(crate) fn blocks<T: DeserializeOwned>(&self, name: &str, problems: &mut Problems) -> Vec<Block<T>> {
        let path = KeyPath::of(name);
        let Some(node) = self.document.get(name) else { return Vec::new() };
        let tables = node.items().iter().all(|item| matches!(item.content, Content::Table(_)));
        if !tables || !matches!(node.content, Content::List(_)) {
            problems.refuse(&path, found(&figment_value(node).to_actual()), format_args!("tables, each written `[[{name}]]`"));
            return Vec::new();
        }
        let blocks = node.items().iter().enumerate();
        blocks.filter_map(|(index, item)| self.extract(path.item(index), Some(item), problems)).collect()
    }

    fn extract<T: DeserializeOwned>(&self, path: KeyPath, node: Option<&Node>, problems: &mut Problems) -> Option<Block<T>> {
        let file = node.map(figment_dict).unwrap_or_default();
        let layers = Figment::from(Layer("file", file)).merge(Layer("environment", self.environment_dict(&path)));
        match layers.extract::<T>() {
            Ok(value) => Some(Block { path, value }),
            Err(error) => {
                report(error, &path, problems);
                None
            }
        }
    }

    /// What the environment sets in the table at `path`.
    fn environment_dict(&self, path: &KeyPath) -> Dict {
        let mut dict = Dict::new();
        for set in self.overrides.iter().filter(|set| set.path.is_in(path)) {
            if let (Some(steps), Some(value)) = (set.path.steps().get(path.steps().len()..), &set.value) {
                insert(&mut dict, steps, figment_value(&Node { span: 0..0, content: value.clone() }));
            }
        }
        dict
    }
}

fn insert(dict: &mut Dict, steps: &[Box<str>], value: Value) {
    match steps {
        [] => {}
        [last] => {
            dict.insert(last.to_string(), value);
        }
        [first, rest @ ..] => {
            let inner = dict.entry(first.to_string()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// One layer of one table.
struct Layer(&'static str, Dict);

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.1.clone())]))
    }
}

fn figment_dict(node: &Node) -> Dict {
    // The walk over unknown keys has refused dates already.
    let entries = node.entries().iter().filter(|entry| entry.node.content != Content::Date);
    entries.map(|entry| (entry.key.clone(), figment_value(&entry.node))).collect()
}

fn figment_value(node: &Node) -> Value {
    match &node.content {
        Content::Text(text) => text.clone().into(),
        Content::Number(number) => (*number).into(),
        Content::Float(number) => (*number).into(),
        Content::Flag(flag) => (*flag).into(),
        Content::Date => String::new().into(),
        Content::List(items) => items.iter().map(figment_value).collect::<Vec<_>>().into(),
        Content::Table(_) => figment_dict(node).into(),
    }
}

/// The first type error of a block.
fn report(error: figment::Error, block: &KeyPath, problems: &mut Problems) {
    let path = error.path.iter().fold(block.clone(), |path, step| path.key(step));
    match error.kind {
        Kind::MissingField(name) => problems.error(&path.key(&name), "found nothing; this setting is required"),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            let hidden = schema::is_hidden(ROOT, &path);
            let found = if hidden { "a value of another kind".to_owned() } else { found(&actual) };
            problems.refuse(&path, found, allowed(&expected));
        }
        Kind::Message(message) => problems.error(&path, message),
        _ => problems.error(&path, "found a value of a kind that is not allowed here"),
    }
}

fn found(actual: &Actual) -> String {
    match actual {
        Actual::Bool(flag) => flag.to_string(),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Str(text) => quoted(text),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// serde's words for what it expected, in TOML's words.
fn allowed(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a map" => "a table".to_owned(),
        shape if shape.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}
