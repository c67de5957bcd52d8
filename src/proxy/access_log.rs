//! One line for each request: who, where, what came of it, how long it took. Never a token, cookie, query or claim.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde::Serialize;

use super::record::{Logged, cut};
use crate::clock::Clock;
use crate::identity::Identity;
use crate::telemetry::{LogFormat, LogSettings, LogSink};

/// The longest registered method has half as many letters.
const MOST_METHOD: usize = 32;

/// Where access lines go, and how they look.
#[derive(Debug)]
pub struct AccessLog {
    sink: LogSink,
    format: LogFormat,
    subject_key: hmac::Key,
    clock: Clock,
}

/// What is known about a finished request.
pub(super) struct Line<'a> {
    pub(super) id: &'a str,
    pub(super) logged: &'a Logged,
    pub(super) route: Option<&'a str>,
    pub(super) status: u16,
    pub(super) reason: Option<&'static str>,
    pub(super) detail: Option<&'static str>,
    /// The configured name.
    pub(super) issuer: Option<&'a str>,
    pub(super) identity: Option<&'a Identity>,
    pub(super) sent: u64,
    pub(super) complete: bool,
    pub(super) authenticated: Duration,
    pub(super) answered: Duration,
    pub(super) took: Duration,
}

/// The fields of a JSON line; a text line has the same, in this order.
#[derive(Serialize)]
struct Fields<'a> {
    timestamp: String,
    level: &'static str,
    kind: &'static str,
    request_id: &'a str,
    listener: &'a str,
    peer: String,
    client: String,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    protocol: &'static str,
    route: Option<&'a str>,
    status: u16,
    reason: Option<&'static str>,
    detail: Option<&'static str>,
    issuer: Option<&'a str>,
    subject: Option<String>,
    sent_bytes: u64,
    complete: bool,
    authentication_us: u64,
    response_us: u64,
    duration_us: u64,
}

impl AccessLog {
    /// The access log of `settings`, unless it is off.
    pub fn new(settings: &LogSettings, sink: LogSink, clock: Clock) -> Option<Self> {
        settings.access.then(|| {
            let key = settings.subject_key.as_ref().map_or_else(random_key, |key| key.expose().to_vec());
            Self { sink, format: settings.format, subject_key: hmac::Key::new(hmac::HMAC_SHA256, &key), clock }
        })
    }

    pub(super) fn write(&self, line: &Line<'_>) {
        let fields = self.fields(line);
        let mut text = match self.format {
            LogFormat::Json => serde_json::to_vec(&fields).unwrap_or_default(),
            LogFormat::Text => text_line(&fields).into_bytes(),
        };
        text.push(b'\n');
        self.sink.write_line(text);
    }

    fn fields<'a>(&self, line: &Line<'a>) -> Fields<'a> {
        Fields {
            timestamp: rfc3339(self.clock.now().millis()),
            level: "INFO",
            kind: "access",
            request_id: line.id,
            listener: &line.logged.listener,
            peer: line.logged.peer.to_string(),
            client: line.logged.client.to_string(),
            method: cut(line.logged.method.as_str(), MOST_METHOD),
            host: &line.logged.host,
            path: &line.logged.path,
            protocol: if line.logged.version == http::Version::HTTP_2 { "h2" } else { "http/1.1" },
            route: line.route,
            status: line.status,
            reason: line.reason,
            detail: line.detail,
            issuer: line.issuer,
            subject: line.identity.and_then(|identity| self.subject(identity)),
            sent_bytes: line.sent,
            complete: line.complete,
            authentication_us: micros(line.authenticated),
            response_us: micros(line.answered),
            duration_us: micros(line.took),
        }
    }

    /// The first 16 hexadecimal digits of a keyed hash of issuer and subject: the same caller has the same word, and
    /// who that is cannot be found by hashing a list of addresses.
    fn subject(&self, identity: &Identity) -> Option<String> {
        let mut message = identity.issuer().as_bytes().to_vec();
        message.push(0);
        message.extend_from_slice(identity.subject()?.as_bytes());
        let tag = hmac::sign(&self.subject_key, &message);
        Some(tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Without a configured key: one that nobody knows and that ends with the process.
fn random_key() -> Vec<u8> {
    let mut key = vec![0; 32];
    // The generator of aws-lc does not fail once it has started; a zero key would still only hash.
    let _ = aws_lc_rs::rand::fill(&mut key);
    key
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Controls are escaped by Debug formatting, so that no field can begin a line of its own (CWE-117).
fn text_line(fields: &Fields<'_>) -> String {
    format!(
        "{} access {} {} {} {} {:?} {:?} {} route={} reason={} detail={} issuer={} subject={} status={} sent={} complete={} auth={}us response={}us total={}us",
        fields.timestamp,
        fields.request_id,
        fields.peer,
        fields.client,
        fields.method,
        fields.host,
        fields.path,
        fields.protocol,
        fields.route.unwrap_or("-"),
        fields.reason.unwrap_or("-"),
        fields.detail.unwrap_or("-"),
        fields.issuer.unwrap_or("-"),
        fields.subject.as_deref().unwrap_or("-"),
        fields.status,
        fields.sent_bytes,
        fields.complete,
        fields.authentication_us,
        fields.response_us,
        fields.duration_us,
    )
}

/// `2026-01-31T23:59:59.123Z`, by the civil-from-days algorithm (Howard Hinnant, "chrono-compatible date algorithms").
fn rfc3339(millis: u64) -> String {
    let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_827_696_789), "2000-02-29T12:34:56.789Z");
        assert_eq!(rfc3339(1_795_305_599_999), "2026-11-21T23:59:59.999Z");
    }
}
