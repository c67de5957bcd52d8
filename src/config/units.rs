//! Durations, sizes and counts as operators write them.
//!
//! Durations and sizes are strings with a unit, so that nobody has to guess it. Zero is refused where it means nothing,
//! and so is what does not fit.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A duration of at least a millisecond and at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A [`Span`] that may also be `"0s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOrZero(pub(crate) Duration);

/// A [`Span`], or `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOrNever(pub(crate) Option<Duration>);

/// A number of bytes, at least one and below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// A size, or `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeOrUnlimited(pub(crate) Option<u64>);

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count<const MIN: u32, const MAX: u32>(u32);

impl Size {
    /// The size as this machine counts memory.
    pub(crate) fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const MIN: u32, const MAX: u32> Count<MIN, MAX> {
    pub(crate) fn get(self) -> u32 {
        self.0
    }

    /// The number as this machine counts things.
    pub(crate) fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);
const LARGEST: u64 = 1 << 53;

/// Milliseconds in a unit of time.
const TIME_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes in a unit of size.
const SIZE_UNITS: [(&str, u64); 7] =
    [("B", 1), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A number and a unit from `units`, without sign, fraction or space; the product.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A duration such as `30s`; zero included.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    scaled(text, &TIME_UNITS).map(Duration::from_millis).filter(|duration| *duration <= LONGEST)
}

/// A size such as `64KiB`; zero excluded.
pub(crate) fn size(text: &str) -> Option<u64> {
    scaled(text, &SIZE_UNITS).filter(|bytes| (1..LARGEST).contains(bytes))
}

/// Reads a text by a function; anything else is refused with the same words.
struct Parsed<F>(&'static str, F);

impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Parsed<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

const DURATION_FORMS: &str = r#"a duration from "1ms" to "3650d", such as "500ms", "30s", "5m", "1h" or "7d""#;
const SIZE_FORMS: &str = r#"a size of at least "1B", such as "64KiB", "10MB" or "1GiB""#;

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse = |text: &str| duration(text).filter(|duration| !duration.is_zero()).map(Self);
        from.deserialize_str(Parsed(DURATION_FORMS, parse))
    }
}

impl<'de> Deserialize<'de> for SpanOrZero {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let forms = r#"a duration from "0s" to "3650d", such as "500ms", "30s" or "1m""#;
        from.deserialize_str(Parsed(forms, |text: &str| duration(text).map(Self)))
    }
}

impl<'de> Deserialize<'de> for SpanOrNever {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let forms = r#"a duration from "1ms" to "3650d", such as "90d", or "never""#;
        let span = |text: &str| duration(text).filter(|duration| !duration.is_zero());
        let parse = |text: &str| if text == "never" { Some(Self(None)) } else { span(text).map(|span| Self(Some(span))) };
        from.deserialize_str(Parsed(forms, parse))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Parsed(SIZE_FORMS, |text: &str| size(text).map(Self)))
    }
}

impl<'de> Deserialize<'de> for SizeOrUnlimited {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let forms = r#"a size of at least "1B", such as "64KiB", "10MB" or "1GiB", or "unlimited""#;
        let parse = |text: &str| if text == "unlimited" { Some(Self(None)) } else { size(text).map(|size| Self(Some(size))) };
        from.deserialize_str(Parsed(forms, parse))
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Count<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_i64(WholeNumber::<MIN, MAX>)
    }
}

struct WholeNumber<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Visitor<'_> for WholeNumber<MIN, MAX> {
    type Value = Count<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        let count = u32::try_from(number).ok().filter(|count| (MIN..=MAX).contains(count));
        count.map(Count).ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(
            [duration("30s"), duration("5m"), duration("1h"), duration("7d")],
            [seconds(30), seconds(300), seconds(3600), seconds(604_800)]
        );
    }

    #[test]
    fn nonsense_and_overflow_are_no_durations() {
        for text in ["", "30", "s", "-1s", "1.5s", "1 s", "1S", "１s", "99999999999999999999s", "18446744073709551615d", "3651d"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_decimal_or_binary() {
        assert_eq!(
            [size("1B"), size("64KiB"), size("10MB"), size("1GiB")],
            [Some(1), Some(65_536), Some(10_000_000), Some(1 << 30)]
        );
        for text in ["", "0B", "64", "64k", "64kib", "1.5MiB", "-1B", "18446744073709551615GiB", "9999999GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
