//! HTTP/2 floods: each ends its connection or stays within fixed bounds, and others are served as before (h2
//! RUSTSEC-2023-0034, 2024-0003, 2024-0332, 2026-0258; Pingora CVE-2025-8671, CVE-2026-105297; CVE-2023-44487).

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, block,
    frame, pseudo,
};
use crate::support::{Backend, Gateway, OpenSite, Reply, get, until};

/// Bytes that a flood may send at most, and how often it is looked whether the gateway has had enough.
const FLOOD: usize = 8 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

fn site() -> (Backend, Gateway) {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    (backend, gateway)
}

/// How a flood ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The gateway ended the connection.
    Cut,
    /// The gateway read no more.
    Stalled,
    /// The gateway read it all.
    Swallowed,
}

/// Sends `frames` over and over. Another client is served meanwhile, and nothing is left afterwards.
#[track_caller]
fn flood(gateway: &Gateway, opening: &[u8], frames: impl Fn(u32) -> Vec<u8>) -> End {
    let mut client = Frames::open(gateway.plain());
    client.send(opening).unwrap();
    client.set_write_patience(Duration::from_millis(500));
    let (mut sent, mut number, mut end) = (0, 0, End::Swallowed);
    while sent < FLOOD && end == End::Swallowed {
        let mut piece = Vec::new();
        while piece.len() < PIECE {
            number += 1;
            piece.extend(frames(number));
        }
        sent += piece.len();
        match client.send(&piece) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => end = End::Stalled,
            Err(_) => end = End::Cut,
        }
        if sent % (16 * PIECE) < PIECE {
            others_are_served(gateway);
        }
    }
    others_are_served(gateway);
    drop(client);
    until("the connection to end", || gateway.metric("tollgate_connections", &["listener=\"plain\""]) == 0.0);
    until("its requests to end", || gateway.metric("tollgate_upstream_connections", &["active"]) == 0.0);
    end
}

#[track_caller]
fn others_are_served(gateway: &Gateway) {
    let started = Instant::now();
    assert_eq!(get(gateway.plain(), "/other", &[]).status, 200);
    assert!(started.elapsed() < Duration::from_secs(1), "another client waited {:?}", started.elapsed());
}

fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&pseudo("GET", "/flood")))
}

fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])
}

#[test]
fn cve_2023_44487_rapid_reset_ends_the_connection() {
    let (_backend, gateway) = site();
    assert_eq!(End::Cut, flood(&gateway, &[], |number| [request(2 * number - 1), reset(2 * number - 1)].concat()));
}

/// MadeYouReset: the client makes the gateway reset its streams, by a window that overflows.
#[test]
fn cve_2025_8671_streams_that_the_gateway_must_reset_end_the_connection() {
    let (_backend, gateway) = site();
    let spoil = |stream| frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(End::Cut, flood(&gateway, &[], |number| [request(2 * number - 1), spoil(2 * number - 1)].concat()));
}

#[test]
fn rustsec_2024_0332_endless_continuations_end_the_connection() {
    let (backend, gateway) = site();
    let opening = frame(HEADERS, END_STREAM, 1, &block(&pseudo("GET", "/flood")));
    let more = block(&[("x-more", &[b'v'; 1000])]);
    assert_eq!(End::Cut, flood(&gateway, &opening, |_| frame(CONTINUATION, 0, 1, &more)));
    assert!(backend.received().iter().all(|request| request.target() == "/other"));
}

#[test]
fn rustsec_2024_0332_endless_empty_continuations_end_the_connection() {
    let (_backend, gateway) = site();
    let opening = frame(HEADERS, END_STREAM, 1, &block(&pseudo("GET", "/flood")));
    assert_eq!(End::Cut, flood(&gateway, &opening, |_| frame(CONTINUATION, 0, 1, &[])));
}

/// On a stream that reads its body, and on one that will never.
#[test]
fn rustsec_2026_0258_empty_data_frames_end_the_connection() {
    let (_backend, gateway) = site();
    let opening = frame(HEADERS, END_HEADERS, 1, &block(&pseudo("POST", "/flood")));
    assert_eq!(End::Cut, flood(&gateway, &opening, |_| frame(DATA, 0, 1, &[])));

    let hanging = Backend::scripted(|request| match request.target() {
        "/other" => Reply::Text(String::new()),
        _ => Reply::Hang,
    });
    let gateway = Gateway::start(&OpenSite::default().text(&[hanging.url()]));
    assert_eq!(End::Cut, flood(&gateway, &opening, |_| frame(DATA, 0, 1, &[])));
}

#[test]
fn pings_and_settings_are_bounded() {
    let (_backend, gateway) = site();
    flood(&gateway, &[], |_| frame(PING, 0, 0, &[0; 8]));
    flood(&gateway, &[], |_| frame(SETTINGS, 0, 0, &[]));
}

#[test]
fn window_updates_and_unknown_frames_are_bounded() {
    let (_backend, gateway) = site();
    flood(&gateway, &[], |_| frame(0xfe, 0, 0, &[0; 100]));
    flood(&gateway, &request(1), |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]));
}

/// Requests beyond the limit of streams never reach the backend at once, whatever the client thinks of the limit.
#[test]
fn cve_2026_105297_streams_over_the_limit_are_refused() {
    let backend = Backend::scripted(|request| match request.target() {
        "/other" => Reply::Text(String::new()),
        _ => Reply::Hang,
    });
    let listener = "limits.http2_streams = 10";
    let gateway = Gateway::start(&OpenSite { listener, ..OpenSite::default() }.text(&[backend.url()]));
    let mut client = Frames::open(gateway.plain());
    let many: Vec<u8> = (0..50).flat_map(|number| request(2 * number + 1)).collect();
    client.send(many).unwrap();
    for stream in 10..50 {
        assert!(matches!(client.outcome(2 * stream + 1), Outcome::Reset(_)), "stream {stream}");
    }
    until("ten requests", || backend.received().len() == 10);
    others_are_served(&gateway);
}

/// The decoded size counts: a table entry that is referred to thousands of times (HPACK bomb).
#[test]
fn cve_2026_105297_small_block_that_decodes_to_much_is_refused() {
    let (backend, gateway) = site();
    let mut bomb = block(&pseudo("GET", "/flood"));
    // A literal with incremental indexing (RFC 7541 section 6.2.1), then references to it.
    bomb.extend([0x40, 1, b'x', 127, 0x81, 0x1e]);
    bomb.extend([b'v'; 4000]);
    bomb.extend([0xbe; 8000]);
    let mut client = Frames::open(gateway.plain());
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb)).unwrap();
    let outcome = client.outcome(1);
    assert!(matches!(outcome, Outcome::Status(431) | Outcome::Reset(_) | Outcome::GoAway(_)), "{outcome:?}");
    assert!(backend.received().is_empty());
    others_are_served(&gateway);
}
