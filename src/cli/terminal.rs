//! Text that came from elsewhere, on its way to a terminal; and what people hand over by standard input.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// More than any token; the rest of standard input is not read.
const LONGEST: u64 = 2 << 20;

/// `text` with everything escaped that could move the cursor or turn the direction of the text, but for line feeds:
/// a token or header may come from anyone.
pub(super) fn harmless(text: &str) -> String {
    let hostile = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if hostile(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

/// The token that an argument gives: itself, or standard input where it is `-`. Cut out of what people paste: with its
/// scheme, or as a header line, and with line breaks around it.
pub(super) fn token(argument: &str) -> io::Result<String> {
    if argument != "-" {
        return Ok(bare(argument).to_owned());
    }
    let mut text = String::new();
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(bare(&text).to_owned())
}

/// Standard input as one line, its line break cut off.
pub(super) fn line() -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// The last word of a text: the token in what people paste or save.
pub(super) fn bare(text: &str) -> &str {
    text.split_whitespace().last().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_paste_is_cut_to_the_token() {
        for text in ["a.b.c", "Authorization: Bearer a.b.c\n", "\n  a.b.c\r\n"] {
            assert_eq!(token(text).unwrap(), "a.b.c");
        }
    }

    #[test]
    fn escape_sequences_and_turned_text_do_not_reach_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2J\u{202e}b\n\u{9b}"), "a\\u001b[2J\\u202eb\n\\u009b");
    }
}
