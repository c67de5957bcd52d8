//! Events of identity servers: what is signed well and may say anything.

use std::time::Duration;

use tollgate::clock::Timestamp;
use tollgate::revocation::{Event, News, Reach};
use tollgate::store::Scope;

use crate::Target;

const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);

/// No body brings the reader down; a revocation names something, and none outlives what it could concern.
pub const EVENT: Target = Target {
    name: "event",
    run: |data| {
        let Ok(Event { news: News::Revoked(scopes, instant), .. }) = Event::parse(data) else { return };
        assert!(!scopes.is_empty() && scopes.len() <= 2);
        assert!(!scopes.contains(&Scope::Everything), "nothing says all");
        let reach =
            Reach { issuer: "iss".to_owned(), longest: Duration::from_secs(3600), ahead: Duration::from_secs(60) };
        for entry in reach.revocations(scopes, instant, NOW) {
            assert!(entry.instant <= NOW.plus(reach.ahead) && entry.user.is_none());
            assert!(entry.ends > NOW && entry.ends <= NOW.plus(reach.ahead).plus(reach.longest));
        }
    },
    seeds: &[
        br#"{"event":{"type":"jwt.refresh-token.revoke","id":"e","createInstant":1900000000000,"userId":"u","applicationId":"a"}}"#,
        br#"{"event":{"type":"jwt.refresh-token.revoke","createInstant":1,"applicationId":"a","user":{"id":"u"},"refreshToken":{"id":"r"}}}"#,
        br#"{"event":{"type":"jwt.public-key.update","applicationIds":["a"]}}"#,
    ],
    dictionary: &[
        b"\"event\":", b"\"type\":", b"\"id\":", b"\"createInstant\":", b"\"userId\":", b"\"user\":", b"\"applicationId\":",
        b"\"refreshToken\":", b"\"jwt.refresh-token.revoke\"", b"null", b"18446744073709551615", b"1900000000000", b"{", b"}", b"[", b"]", b",",
    ],
};
