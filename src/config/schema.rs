//! Which keys a configuration may have, and of what kind.
//!
//! The walk for unknown keys, the environment layer and the tests of `config.example.toml` read it. Each section's
//! keys stand beside its shape in `file`, and a test holds the two together.

use crate::config::key_path::KeyPath;

/// A known key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What kind of value a key has; it says how an environment variable is read.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A string, durations and sizes included.
    Text,
    /// A string that no message may show.
    Secret,
    /// The hash of a secret: no secret, but where it is wrong it may be the secret itself, so that no message shows it.
    Hash,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A flag or a word.
    FlagOrText,
    /// A flag or a list of strings.
    FlagOrList,
    /// A list of strings.
    List,
    /// A table whose keys the operator chooses.
    Map,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables with these keys.
    Blocks(&'static [Key]),
}

impl Key {
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }

    pub(crate) const fn number(name: &'static str) -> Self {
        Self { name, kind: Kind::Number }
    }

    pub(crate) const fn flag(name: &'static str) -> Self {
        Self { name, kind: Kind::Flag }
    }

    pub(crate) const fn list(name: &'static str) -> Self {
        Self { name, kind: Kind::List }
    }

    pub(crate) const fn map(name: &'static str) -> Self {
        Self { name, kind: Kind::Map }
    }

    pub(crate) const fn table(name: &'static str, keys: &'static [Key]) -> Self {
        Self { name, kind: Kind::Table(keys) }
    }

    pub(crate) const fn blocks(name: &'static str, keys: &'static [Key]) -> Self {
        Self { name, kind: Kind::Blocks(keys) }
    }
}

/// The key of this name.
pub(crate) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// Whether no message may show the setting at `path`. Item numbers in `path` are passed over.
pub(crate) fn is_hidden(mut keys: &'static [Key], path: &KeyPath) -> bool {
    for step in path.steps().iter().filter(|step| step.parse::<usize>().is_err()) {
        match find(keys, step).map(|key| &key.kind) {
            Some(Kind::Table(inner) | Kind::Blocks(inner)) => keys = inner,
            kind => return matches!(kind, Some(Kind::Secret | Kind::Hash)),
        }
    }
    false
}

/// `; did you mean ...?` with the name nearest to `given`, or the list of all where none is near.
pub(crate) fn suggestion<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const NEAR: f64 = 0.5;
    let known: Vec<&str> = known.into_iter().collect();
    let likeness = |name: &&str| strsim::normalized_damerau_levenshtein(&given.to_lowercase(), &name.to_lowercase());
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest {
        Some(name) if likeness(name) >= NEAR => format!("did you mean `{name}`?"),
        Some(_) => format!("known: {}", known.join(", ")),
        None => "none is known".to_owned(),
    }
}
