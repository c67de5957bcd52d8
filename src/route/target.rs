//! The judgement of request-targets: whether everyone who reads one finds the same route in it. Called by the pipeline
//! as [`RouteTable::resolve`], which judges and finds in one go.
//!
//! Nothing is repaired: what is judged is byte for byte what the backend receives, and a target that common servers
//! read in different ways is refused. A target of plain characters has one reading and costs one pass over its bytes;
//! the others go through [`super::readings`]. The query is judged only for bytes that no URI has.

use http::Method;
use thiserror::Error;

use crate::route::readings::{self, is_separator};
use crate::route::{Match, RouteTable};

/// Why a target is refused. Each is a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum TargetFault {
    /// Asterisk form, authority form, an empty path (grpc-go CVE-2026-33186: `:path` without its slash).
    #[error("the path does not begin with `/`")]
    NotAbsolute,
    /// `//x/admin`, `/\x/admin`: URL parsers that backends use take `x` for an authority and `/admin` for the path
    /// (RFC 3986 section 4.2), whatever the routes are.
    #[error("the path begins as a network-path reference")]
    NetworkPath,
    /// `#`: a fragment is never sent (RFC 9110 section 4.2.5).
    #[error("the target has a fragment")]
    Fragment,
    /// NUL, another control character or a raw space, as it is or percent-encoded.
    #[error("the target has a control character")]
    Control,
    /// A raw byte outside ASCII.
    #[error("the target has a byte outside ASCII")]
    NonAscii,
    /// `%` without two hexadecimal digits in the path.
    #[error("the path has bad percent-encoding")]
    BadEncoding,
    /// Overlong UTF-8, which some decoders read as `/` or `.` (`%C0%AF`).
    #[error("the path has overlong UTF-8")]
    Overlong,
    /// A segment that is nothing but dots (and spaces) in some reading.
    #[error("the path has a dot segment")]
    DotSegment,
    /// An encoded `/` or `\` where the route does not allow it.
    #[error("the path has an encoded slash")]
    EncodedSlash,
    /// Some reading of the path belongs to another route.
    #[error("the path can be read as that of another route")]
    OtherRoute,
}

impl TargetFault {
    /// The stable word for logs and for `ambiguous_requests_total{kind}`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::NotAbsolute => "target_not_absolute",
            Self::NetworkPath => "target_network_path",
            Self::Fragment => "target_fragment",
            Self::Control => "target_control",
            Self::NonAscii => "target_non_ascii",
            Self::BadEncoding => "target_bad_encoding",
            Self::Overlong => "target_overlong",
            Self::DotSegment => "target_dot_segment",
            Self::EncodedSlash => "target_encoded_slash",
            Self::OtherRoute => "target_other_route",
        }
    }
}

impl<R> RouteTable<R> {
    /// Judges `target` (path and query, as it will be forwarded) and finds its route on `host` (canonical).
    ///
    /// # Errors
    /// The [`TargetFault`], whether or not any route matches.
    pub fn resolve(&self, host: &str, target: &str, method: &Method) -> Result<Match<'_, R>, TargetFault> {
        let (path, query) = split(target.as_bytes());
        let look = Look::at(path);
        refuse_bytes(look.seen | classes(query))?;
        if path.first() != Some(&b'/') {
            return Err(TargetFault::NotAbsolute);
        }
        if path.get(1).is_some_and(|&byte| is_separator(byte)) {
            return Err(TargetFault::NetworkPath);
        }
        let routes = self.on_host(host);
        let place = routes.prefixes.longest(path);
        let (found, encoded_slash) = routes.at(place, method);
        match look.depth(routes.prefixes.has_upper_case()) {
            Depth::OneReading => {}
            Depth::Case => readings::judge_case(&routes.prefixes, path, place)?,
            Depth::Every => readings::judge(&routes.prefixes, path, place, encoded_slash)?,
        }
        Ok(found)
    }
}

/// Whether `segment` has one reading but for case.
pub(in crate::route) fn is_plain(segment: &[u8]) -> bool {
    classes(segment) & !(UPPER | DOT) == 0 && !matches!(segment.last(), None | Some(b'.'))
}

/// What one pass over a path saw.
struct Look {
    seen: u8,
}

/// Which readings can differ from the raw path.
enum Depth {
    OneReading,
    Case,
    Every,
}

impl Look {
    fn at(path: &[u8]) -> Self {
        let (mut seen, mut before) = (0, 0);
        for &byte in path {
            let class = class(byte);
            // An empty segment, or one that ends with a dot.
            if class == SLASH && before & (SLASH | DOT) != 0 {
                seen |= ODD;
            }
            seen |= class;
            before = class;
        }
        Self { seen: if before == DOT { seen | ODD } else { seen } }
    }

    fn depth(&self, prefixes_have_case: bool) -> Depth {
        match self.seen & (ODD | UPPER) {
            0 if !prefixes_have_case => Depth::OneReading,
            0 | UPPER => Depth::Case,
            _ => Depth::Every,
        }
    }
}

fn split(target: &[u8]) -> (&[u8], &[u8]) {
    memchr::memchr(b'?', target).and_then(|at| target.split_at_checked(at)).unwrap_or((target, b""))
}

fn classes(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |seen, &byte| seen | class(byte))
}

fn refuse_bytes(seen: u8) -> Result<(), TargetFault> {
    match seen & (CONTROL | HIGH | HASH) {
        0 => Ok(()),
        bad if bad & CONTROL != 0 => Err(TargetFault::Control),
        bad if bad & HIGH != 0 => Err(TargetFault::NonAscii),
        _ => Err(TargetFault::Fragment),
    }
}

const UPPER: u8 = 1;
const SLASH: u8 = 2;
const DOT: u8 = 4;
/// A byte that some reading changes, or that no configured prefix has.
const ODD: u8 = 8;
const CONTROL: u8 = 16;
const HIGH: u8 = 32;
const HASH: u8 = 64;

const fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

static CLASSES: [u8; 256] = {
    let mut table = [ODD; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classify(byte as u8);
        byte += 1;
    }
    table
};

const fn classify(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' => 0,
        b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => 0,
        b'A'..=b'Z' => UPPER,
        b'/' => SLASH,
        b'.' => DOT,
        b'#' => HASH,
        0..=0x20 | 0x7f => CONTROL,
        0x80.. => HIGH,
        _ => ODD,
    }
}

#[cfg(test)]
mod tests;
