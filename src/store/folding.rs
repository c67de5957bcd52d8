//! Names compared without case.

/// What is stored and compared in place of a name where case does not count.
///
/// No character outside ASCII becomes one within: `K` (Kelvin) is no `k`, or whoever owns the mailbox of one address
/// would be taken for the owner of another.
pub(crate) fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars() {
        let lower = character.to_lowercase();
        if character.is_ascii() || lower.clone().all(|lower| !lower.is_ascii()) {
            folded.extend(lower);
        } else {
            folded.push(character);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_and_lookalikes_stay_apart() {
        assert_eq!(folded("Ann@Example.COM"), "ann@example.com");
        assert_eq!(folded("ÉMILE"), folded("émile"));
        assert_ne!(folded("mi\u{212a}e"), "mike", "the Kelvin sign");
        assert_ne!(folded("\u{130}da"), "ida", "the dotted capital");
        assert_ne!(folded("straße"), folded("strasse"));
    }
}
