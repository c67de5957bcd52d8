//! Every common reading of a path, followed through the prefixes at once. Called by [`super::target`] for the paths
//! that have more than one.
//!
//! A reading is any combination of: percent-decoded once or twice, `\` and decoded `/` as separators, empty segments
//! merged, `;...` cut, case folded, trailing dots and spaces cut, a decoded `?` or `#` ending the path. Listing all of
//! them would cost hundreds of copies of an 8 KiB path, so the walk goes segment by segment with the set of nodes that
//! any reading can have reached. It lets each segment be read in its own way, hence follows a few readings more than
//! any one server has: it may refuse more, never less. Configured segments are plain (`PathPrefix`), so a segment that
//! keeps a `%`, `;`, `\` or a trailing dot is none of them, and one fully read is all there is to compare.

use crate::route::TargetFault;
use crate::route::prefixes::{Node, Place, PrefixTree};
use crate::route::target::is_plain;

/// Judges a path whose only oddity is upper case.
pub(in crate::route) fn judge_case(tree: &PrefixTree, path: &[u8], raw: Option<Place>) -> Result<(), TargetFault> {
    let mut walk = Walk::begin(tree, raw);
    for segment in path.split(|&byte| byte == b'/').skip(1) {
        if walk.is_settled() {
            break;
        }
        walk.step_plain(segment)?;
    }
    walk.end()
}

/// Judges any path: `raw` is the place its raw bytes match, `encoded_slash` whether the route there takes `%2F`.
pub(in crate::route) fn judge(
    tree: &PrefixTree,
    path: &[u8],
    raw: Option<Place>,
    encoded_slash: bool,
) -> Result<(), TargetFault> {
    let mut walk = Walk::begin(tree, raw);
    let mut decoded = Vec::new();
    for segment in path.split(|&byte| byte == b'/').skip(1) {
        if is_plain(segment) {
            walk.step_plain(segment)?;
            continue;
        }
        decode_twice(segment, &mut decoded)?;
        refuse_content(&decoded)?;
        if !encoded_slash && separators(&decoded) != separators(segment) {
            return Err(TargetFault::EncodedSlash);
        }
        walk.step_odd(&decoded)?;
    }
    walk.end()
}

/// The nodes that some reading of the segments so far leads to. A reading that leaves the tree is done: its place is
/// that of the node it left.
struct Walk<'t> {
    tree: &'t PrefixTree,
    raw: Option<Place>,
    live: Nodes,
}

impl<'t> Walk<'t> {
    fn begin(tree: &'t PrefixTree, raw: Option<Place>) -> Self {
        let mut live = Nodes::default();
        live.list[0] = PrefixTree::ROOT;
        live.len = 1;
        Self { tree, raw, live }
    }

    /// Whether no further segment can lead anywhere else.
    fn is_settled(&self) -> bool {
        self.live.iter().all(|node| self.tree.is_leaf(node))
    }

    /// Every reading that is still in the tree ends where it is.
    fn end(self) -> Result<(), TargetFault> {
        self.live.iter().try_for_each(|node| self.ends_at(node))
    }

    fn ends_at(&self, node: Node) -> Result<(), TargetFault> {
        if self.tree.covering(node) == self.raw { Ok(()) } else { Err(TargetFault::OtherRoute) }
    }

    /// A segment read in one way, and in lower case.
    fn step_plain(&mut self, segment: &[u8]) -> Result<(), TargetFault> {
        let folded = Folded::of(segment);
        let mut next = Nodes::default();
        for node in self.live.iter() {
            if self.tree.child(node, segment).is_none() {
                self.ends_at(node)?;
            }
            next.extend(self.tree.folded_children(node, folded.as_bytes()))?;
        }
        self.live = next;
        Ok(())
    }

    /// What stands between two raw `/`, decoded: its parts may each be a segment, or all of it may be data.
    fn step_odd(&mut self, decoded: &[u8]) -> Result<(), TargetFault> {
        let mut after_semicolon = false;
        for part in decoded.split(|&byte| is_separator(byte)) {
            refuse_dots(part)?;
            self.step_part(part, after_semicolon)?;
            after_semicolon |= part.contains(&b';');
        }
        Ok(())
    }

    /// A decoded `?` or `#` that ends the path here needs no branch of its own: below a child with a place of its own
    /// no walk comes back to the raw one. `skippable`: a server that cuts `;...` before it decodes takes this part for
    /// a parameter.
    fn step_part(&mut self, part: &[u8], skippable: bool) -> Result<(), TargetFault> {
        let name = Folded::of(without_tail(before_any(part, b";?#")));
        let mut next = Nodes::default();
        for node in self.live.iter() {
            self.ends_at(node)?;
            let children = self.tree.folded_children(node, name.as_bytes());
            next.extend(children)?;
            if skippable || name.as_bytes().is_empty() {
                next.extend(&[node])?;
            }
        }
        self.live = next;
        Ok(())
    }
}

/// A small set of nodes. Only a hostile path under a hostile configuration needs more than it holds; it is refused.
struct Nodes {
    list: [Node; Self::MOST],
    len: usize,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { list: [PrefixTree::ROOT; Self::MOST], len: 0 }
    }
}

impl Nodes {
    const MOST: usize = 8;

    fn iter(&self) -> impl Iterator<Item = Node> {
        self.list.iter().take(self.len).copied()
    }

    fn extend(&mut self, nodes: &[Node]) -> Result<(), TargetFault> {
        for &node in nodes {
            if self.iter().all(|present| present != node) {
                *self.list.get_mut(self.len).ok_or(TargetFault::OtherRoute)? = node;
                self.len += 1;
            }
        }
        Ok(())
    }
}

/// A segment in lower case, without allocation for the length that segments have.
enum Folded {
    Short([u8; Self::SHORT], usize),
    Long(Vec<u8>),
}

impl Folded {
    const SHORT: usize = 64;

    fn of(segment: &[u8]) -> Self {
        let mut short = [0; Self::SHORT];
        let Some(place) = short.get_mut(..segment.len()) else { return Self::Long(segment.to_ascii_lowercase()) };
        place.copy_from_slice(segment);
        place.make_ascii_lowercase();
        Self::Short(short, segment.len())
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes, len) => bytes.get(..*len).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

/// Percent-decodes `segment` twice into `out`. The second time a `%` that encodes nothing stays: `100%25` is honest.
/// Every character that a reading acts on survives the second decoding, so the first is not looked at by itself.
fn decode_twice(segment: &[u8], out: &mut Vec<u8>) -> Result<(), TargetFault> {
    out.clear();
    let mut rest = segment;
    while let Some((&byte, tail)) = rest.split_first() {
        (rest, _) = match (byte, octet(tail)) {
            (b'%', Some(value)) => (tail.get(2..).unwrap_or_default(), out.push(value)),
            (b'%', None) => return Err(TargetFault::BadEncoding),
            _ => (tail, out.push(byte)),
        };
    }
    decode_leniently(out);
    Ok(())
}

fn decode_leniently(bytes: &mut Vec<u8>) {
    let (mut read, mut write) = (0, 0);
    while let Some(&byte) = bytes.get(read) {
        let value = octet(bytes.get(read + 1..).unwrap_or_default()).filter(|_| byte == b'%');
        if let Some(place) = bytes.get_mut(write) {
            *place = value.unwrap_or(byte);
        }
        read += if value.is_some() { 3 } else { 1 };
        write += 1;
    }
    bytes.truncate(write);
}

/// The value of two leading hexadecimal digits.
fn octet(digits: &[u8]) -> Option<u8> {
    let &[high, low, ..] = digits else { return None };
    Some(nibble(high)? << 4 | nibble(low)?)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Controls, and overlong UTF-8 (RFC 3629 section 3): a lenient decoder makes `/` or `.` of it.
fn refuse_content(decoded: &[u8]) -> Result<(), TargetFault> {
    if decoded.iter().any(u8::is_ascii_control) {
        return Err(TargetFault::Control);
    }
    let overlong = |pair: &[u8]| matches!(pair, [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]);
    if decoded.iter().any(|byte| matches!(byte, 0xc0 | 0xc1)) || decoded.windows(2).any(overlong) {
        return Err(TargetFault::Overlong);
    }
    Ok(())
}

/// `.` and `..`, also with trailing dots and spaces: some systems go up for `...` and `.. ` too.
fn refuse_dots(part: &[u8]) -> Result<(), TargetFault> {
    let name = before_any(part, b";?#");
    if name.contains(&b'.') && without_tail(name).is_empty() { Err(TargetFault::DotSegment) } else { Ok(()) }
}

pub(in crate::route) fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

fn separators(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| is_separator(byte)).count()
}

fn before_any<'a>(part: &'a [u8], ends: &[u8]) -> &'a [u8] {
    part.split(|byte| ends.contains(byte)).next().unwrap_or_default()
}

fn without_tail(name: &[u8]) -> &[u8] {
    let kept = name.iter().rposition(|byte| !b". ".contains(byte)).map_or(0, |last| last + 1);
    name.get(..kept).unwrap_or_default()
}
