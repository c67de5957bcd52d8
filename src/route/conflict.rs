//! Prefixes that get in each other's way. Asked by the configuration, which refuses such a pair.

use crate::route::PathPrefix;

/// Whether two prefixes of one host part ways at segments that differ only in case. A case-blind backend takes them for
/// one, so every request for either would be refused as ambiguous.
pub fn differ_only_in_case(one: &PathPrefix, other: &PathPrefix) -> bool {
    let mut segments = one.as_str().split('/').zip(other.as_str().split('/'));
    segments.find(|(ours, theirs)| ours != theirs).is_some_and(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_part_ways_by_case_are_found() {
        let cases = [
            ("/Admin", "/admin", true),
            ("/Admin/x", "/admin/y", true),
            ("/a/X", "/b/x", false),
            ("/a", "/a/B", false),
            ("/a", "/a", false),
            ("/", "/A", false),
        ];
        for (one, other, expected) in cases {
            let (one, other) = (PathPrefix::parse(one).unwrap(), PathPrefix::parse(other).unwrap());
            assert_eq!(differ_only_in_case(&one, &other), expected, "{one} {other}");
        }
    }
}
