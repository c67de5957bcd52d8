//! How long an answer stays fresh (RFC 9111 section 4.2), as a private cache reads it.
//!
//! It only moves the time of the next fetch; how long keys are believed when fetches fail is the operator's to say, so
//! `must-revalidate` changes nothing here.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderName};

use crate::clock::Timestamp;

/// A year: the most that RFC 9111 section 1.2.2 deployments use, and a bound on sums.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The freshness lifetime left at `now`; `None` where the headers say nothing usable, zero where they forbid reuse.
pub(super) fn lifetime(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if directives(headers).any(|directive| is(directive, "no-store") || is(directive, "no-cache")) {
        return Some(Duration::ZERO);
    }
    let lifetime = max_age(headers).or_else(|| expires_in(headers, now))?;
    let age = Duration::from_secs(seconds(text(headers, &AGE).unwrap_or_default()).unwrap_or(0));
    Some(lifetime.saturating_sub(age).min(LONGEST))
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Directives may have an argument (`no-cache="set-cookie"`), which only narrows them; read as the whole.
fn is(directive: &str, name: &str) -> bool {
    directive.split('=').next().is_some_and(|word| word.trim().eq_ignore_ascii_case(name))
}

/// Of several `max-age` the smallest (RFC 9111 section 4.2.1 lets a cache choose).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let ages = directives(headers).filter(|directive| is(directive, "max-age"));
    let ages = ages.filter_map(|directive| seconds(directive.split_once('=')?.1.trim().trim_matches('"')));
    ages.min().map(Duration::from_secs)
}

/// Digits only; a number too large for 64 bits is the largest (RFC 9111 section 1.2.2).
fn seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// `Expires` against the server's own `Date`, so that a wrong clock on either side does not matter. An `Expires` that
/// is no date (`0`) has passed (RFC 9111 section 5.3).
fn expires_in(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let expires = text(headers, &EXPIRES)?;
    let Some(expires) = instant(expires) else { return Some(Duration::ZERO) };
    let date = text(headers, &DATE).and_then(instant).unwrap_or(now);
    Some(expires.since(date))
}

fn instant(text: &str) -> Option<Timestamp> {
    let since_epoch = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_seconds(since_epoch.as_secs()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn left(lines: &[(&str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        lifetime(&headers, Timestamp::from_seconds(784_111_777)).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn cache_headers_are_read_as_rfc_9111_says() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>);
        let cases: &[Case<'_>] = &[
            (&[], None),
            (&[("cache-control", "public, max-age=300, must-revalidate")], Some(300)),
            (&[("cache-control", "MAX-AGE=\"300\"")], Some(300)),
            (&[("cache-control", "max-age=300"), ("cache-control", "max-age=60")], Some(60)),
            (&[("cache-control", "max-age=300"), ("age", "100")], Some(200)),
            (&[("cache-control", "max-age=300"), ("age", "1000")], Some(0)),
            (&[("cache-control", "no-store, max-age=300")], Some(0)),
            (&[("cache-control", "no-cache")], Some(0)),
            (&[("cache-control", "must-revalidate")], None),
            (&[("cache-control", "max-age=-1")], None),
            (&[("cache-control", "max-age")], None),
            (&[("cache-control", "max-age=99999999999999999999999")], Some(LONGEST.as_secs())),
            (&[("expires", "0")], Some(0)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", "Sun, 06 Nov 1994 08:50:07 GMT")], Some(30)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("cache-control", "max-age=5")], Some(5)),
        ];
        for (lines, expected) in cases {
            assert_eq!(left(lines), *expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_text_is_read_without_panic(control in "[ -~]{0,60}", expires in "[ -~]{0,40}", age in "[ -~]{0,30}") {
            let lifetime = left(&[("cache-control", &control), ("expires", &expires), ("age", &age)]);
            prop_assert!(lifetime.unwrap_or(0) <= LONGEST.as_secs());
        }
    }
}
