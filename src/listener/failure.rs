//! Kinds of connection failure that happen before or outside of a request, where only the HTTP library answers.
//!
//! The library answers them itself, barely and without a line in the access log, so that `connection` counts them here:
//! the kinds are a closed set, made from the error's class and never from its text.

/// Why a connection ended with an error that no handler saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Bad request line, header, framing or version.
    Parse,
    /// A head over its limits.
    ParseTooLarge,
    /// A status line that does not parse.
    ParseStatus,
    /// The client left in the middle of a message.
    IncompleteMessage,
    /// The client let the headers deadline pass.
    Timeout,
    /// Any other violation of the protocol, HTTP/2 errors among them.
    Other,
}

impl Failure {
    /// All kinds, in the order of their discriminants.
    pub(super) const ALL: [Self; 6] =
        [Self::Parse, Self::ParseTooLarge, Self::ParseStatus, Self::IncompleteMessage, Self::Timeout, Self::Other];

    /// The metric label.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::ParseTooLarge => "parse_too_large",
            Self::ParseStatus => "parse_status",
            Self::IncompleteMessage => "incomplete_message",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

impl From<&hyper::Error> for Failure {
    fn from(error: &hyper::Error) -> Self {
        match error {
            error if error.is_parse_too_large() => Self::ParseTooLarge,
            error if error.is_parse_status() => Self::ParseStatus,
            error if error.is_parse() => Self::Parse,
            error if error.is_incomplete_message() => Self::IncompleteMessage,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminants_index_the_table_of_all_kinds() {
        for (index, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
        }
    }
}
