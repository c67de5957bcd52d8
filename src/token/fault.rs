//! Why a token was refused.
//!
//! One word each, stable for ever: it is the metric label, the log field and the documentation entry. A client is told
//! none of them, only `invalid_token`.

/// Why a token was refused, in the order in which the checks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.reason())]
pub enum TokenFault {
    /// Longer than the issuer's or the gateway's limit; nothing was decoded.
    TooLarge,
    /// Not the compact serialization's three parts (RFC 7515 section 7.1).
    NotCompact,
    /// Five parts: an encrypted token (RFC 7516 section 7.1), which is never decrypted.
    Encrypted,
    /// A part that is not canonical base64url: another alphabet, padding, trailing bits (RFC 7515 section 2).
    BadEncoding,
    /// The header is not a UTF-8 JSON object.
    BadHeader,
    /// The claims are not a UTF-8 JSON object.
    BadClaims,
    /// A JSON object, at any depth, names a member twice (RFC 8725 section 2.4: two parsers would differ).
    DuplicateMember,
    /// JSON nested deeper than any token needs.
    TooDeep,
    /// `alg` is absent, not a string, `none`, or not exactly the name of an algorithm that is verified.
    UnknownAlgorithm,
    /// `crit` or `b64` is present: an extension that must be understood (RFC 7515 section 4.1.11, RFC 7797).
    CriticalHeader,
    /// `kid` is not a string.
    BadKeyId,
    /// `iss` is absent or not a string.
    BadIssuer,
    /// `alg` is not the one algorithm of the key (RFC 8725 section 3.1).
    WrongAlgorithm,
    /// The signature is not the key's over these bytes.
    BadSignature,
    /// `typ` is not an accepted one, not a string, or absent where it is required (RFC 8725 section 3.11).
    WrongType,
    /// `iss` is not exactly the issuer's.
    WrongIssuer,
    /// `aud` is absent, or neither a string nor an array of strings.
    BadAudience,
    /// `aud` contains none of the issuer's audiences.
    WrongAudience,
    /// The key belongs to one audience, and `aud` is not exactly that one.
    KeyOfOtherAudience,
    /// `exp` is absent, not a number, negative, or beyond 2^53.
    BadExpiry,
    /// `exp` has passed.
    Expired,
    /// `nbf` is present and not a number from 0 to 2^53.
    BadNotBefore,
    /// `nbf` has not come.
    NotYetValid,
    /// `iat` is present and not a number from 0 to 2^53.
    BadIssuedAt,
    /// `iat` is in the future.
    IssuedInFuture,
    /// The token lives longer than the issuer's `max_lifetime`.
    LifetimeTooLong,
    /// `sub` is present and not a string.
    BadSubject,
    /// `jti` is present and not a string.
    BadTokenId,
}

impl TokenFault {
    /// Every fault, in the order of the checks.
    pub const ALL: [Self; 28] = [
        Self::TooLarge,
        Self::NotCompact,
        Self::Encrypted,
        Self::BadEncoding,
        Self::BadHeader,
        Self::BadClaims,
        Self::DuplicateMember,
        Self::TooDeep,
        Self::UnknownAlgorithm,
        Self::CriticalHeader,
        Self::BadKeyId,
        Self::BadIssuer,
        Self::WrongAlgorithm,
        Self::BadSignature,
        Self::WrongType,
        Self::WrongIssuer,
        Self::BadAudience,
        Self::WrongAudience,
        Self::KeyOfOtherAudience,
        Self::BadExpiry,
        Self::Expired,
        Self::BadNotBefore,
        Self::NotYetValid,
        Self::BadIssuedAt,
        Self::IssuedInFuture,
        Self::LifetimeTooLong,
        Self::BadSubject,
        Self::BadTokenId,
    ];

    /// The stable word.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::NotCompact => "not_compact",
            Self::Encrypted => "encrypted",
            Self::BadEncoding => "bad_encoding",
            Self::BadHeader => "bad_header",
            Self::BadClaims => "bad_claims",
            Self::DuplicateMember => "duplicate_member",
            Self::TooDeep => "too_deep",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::CriticalHeader => "critical_header",
            Self::BadKeyId => "bad_key_id",
            Self::BadIssuer => "bad_issuer",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::BadSignature => "bad_signature",
            Self::WrongType => "wrong_type",
            Self::WrongIssuer => "wrong_issuer",
            Self::BadAudience => "bad_audience",
            Self::WrongAudience => "wrong_audience",
            Self::KeyOfOtherAudience => "key_of_other_audience",
            Self::BadExpiry => "bad_expiry",
            Self::Expired => "expired",
            Self::BadNotBefore => "bad_not_before",
            Self::NotYetValid => "not_yet_valid",
            Self::BadIssuedAt => "bad_issued_at",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::BadSubject => "bad_subject",
            Self::BadTokenId => "bad_token_id",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_its_own_snake_case_word() {
        let words: BTreeSet<_> = TokenFault::ALL.iter().map(|fault| fault.reason()).collect();
        assert_eq!(words.len(), TokenFault::ALL.len());
        assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
