//! User names and passwords in addresses, which no message shows.
//!
//! No setting takes them, so a message about an address that has some is the one place where they would be seen.

use std::ops::Range;

/// The bytes of every `user:password` in `text`, before their `@`. An address ends where a quotation mark, a space or the
/// text does.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices("//").map(|(at, slashes)| at + slashes.len());
    starts.filter_map(|start| Some(start..start + length(text.get(start..)?)?)).collect()
}

/// `text` with `***` in place of each.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut shown = 0;
    for range in ranges(text) {
        // Empty where it lies in the one before.
        if let Some(before) = text.get(shown..range.start) {
            masked.push_str(before);
            masked.push_str("***");
            shown = range.end;
        }
    }
    masked.push_str(text.get(shown..).unwrap_or_default());
    masked
}

/// How many bytes of an address behind its `//` come before the `@`; a password that should have been escaped may have
/// any of `/?#` in it, and then what stands before these is no host with a port.
fn length(rest: &str) -> Option<usize> {
    let address = rest.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').next()?;
    let authority = address.split(['/', '?', '#']).next()?;
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let is_whole = port.is_none_or(|port| port.ends_with(']') || port.bytes().all(|b| b.is_ascii_digit()));
    authority.rfind('@').or_else(|| if is_whole { None } else { address.rfind('@') })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_masked_and_nothing_else() {
        let cases = [
            ("https://u:secret@host/keys?a=b@c", "https://***@host/keys?a=b@c"),
            ("https://u@host", "https://***@host"),
            ("http://u:p@ss@host:80/", "http://***@host:80/"),
            ("http://u:p/w?x#y@host", "http://***@host"),
            ("http://u:p//w@host", "http://***@host"),
            ("//u:pw@host", "//***@host"),
            ("servers = [\"http://a:b@c\", 'http://d:e@f'] # me@x", "servers = [\"http://***@c\", 'http://***@f'] # me@x"),
            ("https://host:8443/@scope/a", "https://host:8443/@scope/a"),
            ("https://[::1]/a@b", "https://[::1]/a@b"),
            ("a@b.example", "a@b.example"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(masked(text), expected, "{text}");
        }
    }
}
