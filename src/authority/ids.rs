//! Ids and secrets that the authority makes up.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::Denial;
use crate::clock::Timestamp;

/// Bytes of a refresh token: 256 random bits.
const SECRET_BYTES: usize = 32;

/// A UUIDv7 (RFC 9562 section 5.7) whose instant is `at` to the millisecond.
pub(super) fn at(at: Timestamp) -> Result<Uuid, Denial> {
    let mut random = [0; 10];
    fill(&mut random)?;
    Ok(uuid::Builder::from_unix_timestamp_millis(at.millis(), &random).into_uuid())
}

/// A new refresh token's value, safe in URLs, headers and cookies.
pub(super) fn secret() -> Result<String, Denial> {
    let mut random = [0; SECRET_BYTES];
    fill(&mut random)?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

fn fill(random: &mut [u8]) -> Result<(), Denial> {
    rand::fill(random).map_err(|_| Denial::Defect("the system gives no random numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_knows_its_instant_to_the_millisecond() {
        let instant = Timestamp::from_millis(1_800_000_000_123);
        let id = at(instant).unwrap();
        assert_eq!((Timestamp::of_id(id), id.get_version_num()), (Some(instant), 7));
        assert_ne!(id, at(instant).unwrap());
        assert_eq!(Timestamp::of_id(Uuid::from_u128(4 << 76)), None);
    }

    #[test]
    fn a_secret_has_256_bits_and_needs_no_escape() {
        let secret = secret().unwrap();
        assert_eq!(secret.len(), 43);
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{secret}");
    }
}
