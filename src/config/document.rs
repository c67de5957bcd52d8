//! A TOML document as a tree of values that know where in the text they stand.
//!
//! The only user of toml_edit. Everything else in this folder reads [`Node`]; environment values become nodes too.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// A value with its place in the text (bytes).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The value's bytes; of a table under a header, the header's.
    pub(crate) span: Range<usize>,
    /// The value.
    pub(crate) content: Content,
}

/// A TOML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Text(String),
    Number(i64),
    Float(f64),
    Flag(bool),
    /// A date or time, which no setting takes.
    Date,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

/// Why a text is not TOML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
}

/// Reads a whole document; its node is a table.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let document = Document::parse(text).map_err(|error| SyntaxError {
        span: error.span().unwrap_or(0..0),
        message: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
    })?;
    Ok(table_node(document.as_table(), Some(0..0)))
}

/// Reads one value, as it would stand after a `=`.
pub(crate) fn parse_value(text: &str) -> Option<Content> {
    match parse(&format!("value = {text}")).ok()?.content {
        Content::Table(mut entries) if entries.len() == 1 => entries.pop().map(|entry| entry.node.content),
        _ => None,
    }
}

impl Node {
    /// The value of `key`, where this is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of `key`, where this is a table that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries; none where this is not a table.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Content::Table(entries) = &self.content { entries } else { &[] }
    }

    /// The items; none where this is not a list.
    pub(crate) fn items(&self) -> &[Node] {
        if let Content::List(items) = &self.content { items } else { &[] }
    }

    /// The text, where this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Content::Text(text) = &self.content { Some(text) } else { None }
    }
}

fn item_node(item: &Item) -> Node {
    match item {
        Item::Value(value) => value_node(value),
        Item::Table(table) => table_node(table, table.span()),
        Item::ArrayOfTables(tables) => {
            let items: Vec<_> = tables.iter().map(|table| table_node(table, table.span())).collect();
            let span = tables.span().or_else(|| items.first().map(|node| node.span.clone())).unwrap_or(0..0);
            Node { span, content: Content::List(items) }
        }
        Item::None => Node { span: 0..0, content: Content::Table(Vec::new()) },
    }
}

fn value_node(value: &Value) -> Node {
    let content = match value {
        Value::String(text) => Content::Text(text.value().clone()),
        Value::Integer(number) => Content::Number(*number.value()),
        Value::Float(number) => Content::Float(*number.value()),
        Value::Boolean(flag) => Content::Flag(*flag.value()),
        Value::Datetime(_) => Content::Date,
        Value::Array(items) => Content::List(items.iter().map(value_node).collect()),
        Value::InlineTable(table) => return table_node(table, table.span()),
    };
    Node { span: value.span().unwrap_or(0..0), content }
}

/// A table made by a dotted key has no place of its own and takes its first entry's.
fn table_node(table: &dyn TableLike, span: Option<Range<usize>>) -> Node {
    let entries: Vec<_> = table.iter().map(|(key, item)| entry(table, key, item)).collect();
    let span = span.or_else(|| entries.first().map(|entry| entry.key_span.clone())).unwrap_or(0..0);
    Node { span, content: Content::Table(entries) }
}

fn entry(table: &dyn TableLike, key: &str, item: &Item) -> Entry {
    let node = item_node(item);
    let key_span = table.key(key).and_then(toml_edit::Key::span).unwrap_or_else(|| node.span.clone());
    Entry { key: key.to_owned(), key_span, node }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place() {
        let text = "a = 1\n[b.c]\nd = \"x\"\n[[e]]\nf = { g = true }\n";
        let document = parse(text).unwrap();
        let at = |node: &Node| text[node.span.clone()].to_owned();
        assert_eq!(at(document.get("a").unwrap()), "1");
        assert_eq!(at(document.get("b").unwrap().get("c").unwrap()), "[b.c]");
        assert_eq!(at(document.get("b").unwrap().get("c").unwrap().get("d").unwrap()), "\"x\"");
        let e = &document.get("e").unwrap().items()[0];
        assert_eq!(at(e), "[[e]]");
        assert_eq!(at(e.get("f").unwrap().get("g").unwrap()), "true");
        assert_eq!(&text[e.get("f").unwrap().entries()[0].key_span.clone()], "g");
    }

    #[test]
    fn a_single_value_cannot_bring_a_second_key() {
        assert_eq!(parse_value("[1]\nother = 2"), None);
        assert_eq!(parse_value("true"), Some(Content::Flag(true)));
    }
}
