//! Where a setting is: the steps from the root of the configuration to it.
//!
//! Used by everything in this folder that talks about a setting. A step is a key, or the number of a list's item.

/// The steps from the root to a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPath(Vec<Box<str>>);

impl KeyPath {
    /// The path of a top-level key.
    pub(crate) fn of(key: &str) -> Self {
        Self::default().key(key)
    }

    /// The path of `key` in the table that is here.
    pub(crate) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(key.into());
        Self(steps)
    }

    /// The path of the item with this number, counted from zero, in the list that is here.
    pub(crate) fn item(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    /// The path of what this is in.
    pub(crate) fn parent(&self) -> Self {
        Self(self.0.split_last().map_or_else(Vec::new, |(_, rest)| rest.to_vec()))
    }

    /// The steps, outermost first.
    pub(crate) fn steps(&self) -> &[Box<str>] {
        &self.0
    }

    /// Whether `self` is `other` or lies in it.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}
