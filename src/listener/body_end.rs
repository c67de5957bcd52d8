//! Whether an HTTP/1 request body has arrived entirely, judged from the socket alone.
//!
//! The handler owns the body, so the listener cannot ask it. The answer only decides whether a silent client is late
//! with its body or is waiting for ours; it errs towards "waiting", where the handler's own deadlines apply.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use http_body::Body;
use hyper::Request;

/// The length is unknown: the body ends with its last chunk.
const CHUNKED: u64 = u64::MAX;
/// How the last chunk ends, with trailers or without, as does a head (RFC 9112 sections 2.1 and 7.1).
const LAST_CHUNK: u32 = u32::from_be_bytes(*b"\r\n\r\n");

/// What of a request body is still to come.
#[derive(Debug, Default)]
pub(super) struct BodyEnd {
    /// Bytes missing, or [`CHUNKED`].
    missing: AtomicU64,
    /// The last four bytes read.
    tail: AtomicU32,
    /// The client sends requests ahead: which bytes belong to which cannot be told from here.
    is_blind: AtomicBool,
}

impl BodyEnd {
    /// Starts on the body of `request`, whose head was parsed from the first of `read` bytes; `is_fresh` when none of
    /// them was there before the previous request was answered.
    pub(super) fn expect<B: Body>(&self, request: &Request<B>, read: u64, is_fresh: bool) {
        let missing = match request.body() {
            body if body.is_end_stream() => 0,
            body => match body.size_hint().exact() {
                Some(length) => length.saturating_sub(read.saturating_sub(least_head_bytes(request))),
                None => CHUNKED,
            },
        };
        self.missing.store(missing, Relaxed);
        if !is_fresh || (request.body().is_end_stream() && self.tail.load(Relaxed) != LAST_CHUNK) {
            self.is_blind.store(true, Relaxed);
        }
    }

    /// Notes bytes that follow the head.
    pub(super) fn note(&self, bytes: &[u8]) {
        match self.missing.load(Relaxed) {
            0 => self.is_blind.store(true, Relaxed),
            CHUNKED => self.note_tail(bytes),
            missing => self.missing.store(missing.saturating_sub(bytes.len() as u64), Relaxed),
        }
    }

    /// Notes bytes of a head, which may carry the start of its body.
    pub(super) fn note_tail(&self, bytes: &[u8]) {
        let last = bytes.len().saturating_sub(4);
        let tail = bytes.iter().skip(last).fold(self.tail.load(Relaxed), |tail, byte| (tail << 8) | u32::from(*byte));
        self.tail.store(tail, Relaxed);
    }

    /// Whether part of the body has not arrived.
    pub(super) fn is_missing(&self) -> bool {
        let is_short = match self.missing.load(Relaxed) {
            CHUNKED => self.tail.load(Relaxed) != LAST_CHUNK,
            missing => missing > 0,
        };
        is_short && !self.is_blind.load(Relaxed)
    }
}

/// Bytes of the shortest HTTP/1.1 head that reads as `request`; the one that was sent may have had more white space.
fn least_head_bytes<B>(request: &Request<B>) -> u64 {
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    let line = request.method().as_str().len() + target + " HTTP/1.1\r\n".len() + 1;
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ":\r\n".len());
    (line + fields.sum::<usize>() + "\r\n".len()) as u64
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Empty, Full, StreamBody};
    use proptest::prelude::*;

    use super::*;

    fn post(length: usize) -> Request<Full<Bytes>> {
        Request::post("/a").header("host", "h").body(Full::new(Bytes::from(vec![0; length]))).unwrap()
    }

    #[test]
    fn body_of_known_length_is_missing_until_its_last_byte() {
        let end = BodyEnd::default();
        let head = least_head_bytes(&post(10));
        end.expect(&post(10), head + 4, true);
        assert!(end.is_missing());
        end.note(&[0; 5]);
        assert!(end.is_missing());
        end.note(&[0; 1]);
        assert!(!end.is_missing());
    }

    #[test]
    fn shortest_head_is_counted_to_the_byte() {
        assert_eq!(least_head_bytes(&post(0)), b"POST /a HTTP/1.1\r\nhost:h\r\n\r\n".len() as u64);
    }

    #[test]
    fn chunked_body_is_missing_until_its_last_chunk_however_it_is_split() {
        let frames = futures_util::stream::empty::<Result<http_body::Frame<Bytes>, std::io::Error>>();
        let end = BodyEnd::default();
        end.note_tail(b"POST / HTTP/1.1\r\n\r\n3\r\nab");
        end.expect(&Request::new(StreamBody::new(frames).boxed()), 26, true);
        assert!(end.is_missing());
        for piece in [&b"c\r\n0\r"[..], b"\n", b"\r"] {
            end.note(piece);
            assert!(end.is_missing(), "{piece:?}");
        }
        end.note(b"\n");
        assert!(!end.is_missing());
    }

    #[test]
    fn client_that_sends_requests_ahead_is_never_held_late() {
        let get = Request::new(Empty::<Bytes>::new());
        let (buffered, head_and_more, read_on) = (BodyEnd::default(), BodyEnd::default(), BodyEnd::default());
        buffered.expect(&get, 0, false);
        head_and_more.note_tail(b"GET / HTTP/1.1\r\n\r\nPOST /");
        head_and_more.expect(&get, 24, true);
        read_on.note_tail(b"GET / HTTP/1.1\r\n\r\n");
        read_on.expect(&get, 18, true);
        read_on.note(b"POST /");
        for end in [buffered, head_and_more, read_on] {
            end.expect(&post(10), 1, true);
            assert!(!end.is_missing());
        }
    }

    #[test]
    fn request_without_a_body_misses_nothing() {
        let end = BodyEnd::default();
        end.expect(&Request::new(Empty::<Bytes>::new()), 1, true);
        assert!(!end.is_missing());
    }

    proptest! {
        #[test]
        fn body_is_complete_at_its_last_byte_however_it_is_split(
            length in 1_usize..300,
            with_head in 0_usize..300,
            piece in 1_usize..50,
        ) {
            let (end, request) = (BodyEnd::default(), post(length));
            let with_head = with_head.min(length);
            end.expect(&request, least_head_bytes(&request) + with_head as u64, true);
            let rest = vec![b'x'; length - with_head];
            for piece in rest.chunks(piece) {
                prop_assert!(end.is_missing());
                end.note(piece);
            }
            prop_assert!(!end.is_missing());
        }
    }
}
