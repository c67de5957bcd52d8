//! Request ids: what ties a refusal that a client saw to its log line and to the backend's.

use std::cell::Cell;

use http::HeaderValue;

/// Longest inbound id that is taken over from a trusted proxy.
const MAX_INBOUND: usize = 64;

/// An id of 32 lower-case hexadecimal digits, unique among gateways with overwhelming likelihood. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A new id: a random number per thread and a scrambled count on it.
    pub fn new() -> Self {
        thread_local! {
            static PREFIX: u64 = ahash::RandomState::new().hash_one(1_u8);
            static COUNT: Cell<u64> = Cell::new(ahash::RandomState::new().hash_one(2_u8));
        }
        let count = COUNT.with(|count| count.replace(count.get().wrapping_add(1)));
        let digits = hex(u128::from(PREFIX.with(|prefix| *prefix)) << 64 | u128::from(scramble(count)));
        Self(HeaderValue::from_bytes(&digits).unwrap_or_else(|_| HeaderValue::from_static("0")))
    }

    /// The id that a trusted proxy in front gave, if it is harmless to log and to pass on.
    pub fn from_trusted(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let harmless = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:=+/".contains(b));
        (harmless && !bytes.is_empty() && bytes.len() <= MAX_INBOUND).then(|| Self(value.clone()))
    }

    /// As a header value.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

/// A bijection (the finaliser of splitmix64), so that consecutive counts do not look alike and never collide.
fn scramble(count: u64) -> u64 {
    let x = (count ^ (count >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn hex(number: u128) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = number.to_be_bytes();
    std::array::from_fn(|i| {
        let byte = bytes.get(i / 2).copied().unwrap_or(0);
        let nibble = if i % 2 == 0 { byte >> 4 } else { byte & 15 };
        DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_are_hexadecimal() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| RequestId::new().as_str().to_owned()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    #[test]
    fn only_harmless_inbound_ids_are_taken_over() {
        let taken = |text: &str| RequestId::from_trusted(&HeaderValue::from_bytes(text.as_bytes()).unwrap()).is_some();
        assert!(taken("Root=1-67891233-abcdef012345678912345678"));
        assert!(!taken("") && !taken("a b") && !taken("a\"b") && !taken("é") && !taken(&"a".repeat(65)));
    }
}
