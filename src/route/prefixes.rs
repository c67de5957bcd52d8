//! The path prefixes of one host as a tree of segments. The table walks it with the raw path, the judgement of
//! readings with every other one.
//!
//! A walk ends at the first segment that no prefix has, so it is as deep as the deepest configured prefix whatever the
//! path's length. Segments are compared as bytes: a decoded reading need not be UTF-8.

use ahash::AHashMap;

use crate::route::PathPrefix;

/// A place in the tree: the end of a run of segments that some prefix begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::route) struct Node(u32);

/// The routes that share one prefix, by number in order of first mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::route) struct Place(u32);

impl Place {
    pub(in crate::route) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The prefixes of one host.
#[derive(Debug)]
pub(in crate::route) struct PrefixTree {
    branches: Vec<Branch>,
    places: u32,
    /// Some prefix has an upper-case letter, so that a lower-case path too has a second reading.
    has_upper_case: bool,
}

#[derive(Debug, Default)]
struct Branch {
    children: AHashMap<Box<[u8]>, Node>,
    /// The same children by their segment in lower case, for case-blind readings.
    folded: AHashMap<Box<[u8]>, Vec<Node>>,
    /// The place of the longest prefix that ends here or above.
    covered_by: Option<Place>,
    ends_here: bool,
}

impl PrefixTree {
    /// The empty run of segments, where every walk begins.
    pub(in crate::route) const ROOT: Node = Node(0);

    /// A tree of no prefix: nothing is covered.
    pub(in crate::route) fn new() -> Self {
        Self { branches: vec![Branch::default()], places: 0, has_upper_case: false }
    }

    /// Adds `prefix`, or finds it.
    pub(in crate::route) fn insert(&mut self, prefix: &PathPrefix) -> Place {
        self.has_upper_case |= prefix.as_str().bytes().any(|byte| byte.is_ascii_uppercase());
        let node = segments(prefix.as_str().as_bytes()).fold(Self::ROOT, |node, segment| self.grow(node, segment));
        let next = Place(self.places);
        let Some(branch) = self.branches.get_mut(node.0 as usize) else { return next };
        if let (true, Some(place)) = (branch.ends_here, branch.covered_by) {
            return place;
        }
        (branch.ends_here, branch.covered_by) = (true, Some(next));
        self.places += 1;
        next
    }

    /// Lets every branch below a prefix know it; called once, after the last [`Self::insert`].
    pub(in crate::route) fn finish(&mut self) {
        for index in 0..self.branches.len() {
            let Some(branch) = self.branches.get(index) else { continue };
            let (inherited, children): (_, Vec<Node>) = (branch.covered_by, branch.children.values().copied().collect());
            for child in children {
                if let Some(child) = self.branches.get_mut(child.0 as usize).filter(|child| !child.ends_here) {
                    child.covered_by = inherited;
                }
            }
        }
    }

    /// The place of the longest prefix of `path`, which begins with `/`.
    pub(in crate::route) fn longest(&self, path: &[u8]) -> Option<Place> {
        let mut node = Self::ROOT;
        for segment in segments(path) {
            match self.child(node, segment) {
                Some(child) => node = child,
                None => break,
            }
        }
        self.covering(node)
    }

    /// The place that covers a path whose walk ends at `node`.
    pub(in crate::route) fn covering(&self, node: Node) -> Option<Place> {
        self.branches.get(node.0 as usize)?.covered_by
    }

    /// The child of exactly this segment.
    pub(in crate::route) fn child(&self, node: Node, segment: &[u8]) -> Option<Node> {
        self.branches.get(node.0 as usize)?.children.get(segment).copied()
    }

    /// The children whose segment in lower case is `folded`.
    pub(in crate::route) fn folded_children(&self, node: Node, folded: &[u8]) -> &[Node] {
        let branch = self.branches.get(node.0 as usize);
        branch.and_then(|branch| branch.folded.get(folded)).map_or(&[], Vec::as_slice)
    }

    /// Whether some prefix has an upper-case letter.
    pub(in crate::route) fn has_upper_case(&self) -> bool {
        self.has_upper_case
    }

    /// Whether no prefix goes on from `node`.
    pub(in crate::route) fn is_leaf(&self, node: Node) -> bool {
        self.branches.get(node.0 as usize).is_none_or(|branch| branch.children.is_empty())
    }

    fn grow(&mut self, node: Node, segment: &[u8]) -> Node {
        if let Some(child) = self.child(node, segment) {
            return child;
        }
        // A configuration of four thousand million segments does not fit in memory.
        let child = Node(u32::try_from(self.branches.len()).unwrap_or(u32::MAX));
        self.branches.push(Branch::default());
        if let Some(branch) = self.branches.get_mut(node.0 as usize) {
            branch.children.insert(segment.into(), child);
            branch.folded.entry(segment.to_ascii_lowercase().into()).or_default().push(child);
        }
        child
    }
}

/// The segments after each `/` of `path`; none of the root prefix, which is the empty string.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let rest = path.strip_prefix(b"/");
    rest.into_iter().flat_map(|rest| rest.split(|&byte| byte == b'/'))
}
