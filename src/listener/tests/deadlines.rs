//! Clients that are slow or silent are cut on time; those who wait for us are not.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{GET, Server, ask, is_closed_within, millis, read_answer, settings};
use crate::listener::{Deadlines, ListenerSettings};

fn with_deadlines(headers: u64, idle: u64) -> ListenerSettings {
    let deadlines = Deadlines { headers: millis(headers), idle: millis(idle), ..Deadlines::default() };
    ListenerSettings { deadlines, ..settings() }
}

/// Sends `bytes` one by one until the server closes; when it did, since the first.
async fn trickle(client: TcpStream, bytes: &'static [u8]) -> u128 {
    let started = Instant::now();
    let (mut from, mut to) = client.into_split();
    let sending = tokio::spawn(async move {
        for byte in bytes.iter().cycle() {
            if to.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(millis(20)).await;
        }
    });
    let mut rest = Vec::new();
    let _ = from.read_to_end(&mut rest).await;
    sending.abort();
    started.elapsed().as_millis()
}

#[tokio::test]
async fn slowloris_is_cut_at_the_headers_deadline_while_others_are_served() {
    let server = Server::start(with_deadlines(200, 10_000));
    let mut other = server.connect().await;
    let slow = tokio::spawn(trickle(server.connect().await, b"GET /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    for _ in 0..5 {
        assert!(ask(&mut other, GET).await.ends_with("hello"));
        tokio::time::sleep(millis(30)).await;
    }
    let lasted = slow.await.unwrap();
    assert!((190..3000).contains(&lasted), "{lasted} ms");
    server.await_metric("tollgate_ambiguous_requests_total{kind=\"timeout\"}", 1).await;
    assert!(ask(&mut other, GET).await.ends_with("hello"));
}

#[tokio::test]
async fn headers_deadline_counts_from_the_first_byte_of_a_later_request_too() {
    let server = Server::start(with_deadlines(200, 10_000));
    let mut client = server.connect().await;
    assert!(ask(&mut client, GET).await.ends_with("hello"));
    tokio::time::sleep(millis(300)).await;
    let lasted = trickle(client, b"GET /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").await;
    assert!((190..3000).contains(&lasted), "{lasted} ms");
}

#[tokio::test]
async fn silent_connection_is_closed_at_the_idle_deadline_before_and_after_a_request() {
    let server = Server::start(with_deadlines(5_000, 600));
    let mut fresh = server.connect().await;
    let mut used = server.connect().await;
    for _ in 0..3 {
        assert!(ask(&mut used, GET).await.ends_with("hello"), "in use, so not idle");
        tokio::time::sleep(millis(200)).await;
    }
    assert!(is_closed_within(&mut fresh, millis(2000)).await);
    assert!(ask(&mut used, GET).await.ends_with("hello"), "closed too early");
    let started = Instant::now();
    assert!(is_closed_within(&mut used, millis(3000)).await);
    assert!(started.elapsed() >= millis(590), "{:?}", started.elapsed());
}

#[tokio::test]
async fn client_that_stops_sending_its_body_is_cut() {
    let server = Server::start(with_deadlines(100, 150));
    for head in ["content-length: 10\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n5\r\nab"] {
        let mut client = server.connect().await;
        client.write_all(format!("POST /count HTTP/1.1\r\nhost: a\r\n{head}").as_bytes()).await.unwrap();
        assert!(is_closed_within(&mut client, millis(1000)).await, "{head}");
    }
}

#[tokio::test]
async fn slow_but_steady_body_is_not_cut() {
    let server = Server::start(with_deadlines(100, 150));
    let mut client = server.connect().await;
    client.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\n").await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(millis(50)).await;
        client.write_all(b"x").await.unwrap();
    }
    assert!(read_answer(&mut client).await.ends_with('8'));
}

#[tokio::test]
async fn client_that_waits_for_a_slow_answer_is_not_cut() {
    let server = Server::start(with_deadlines(50, 50));
    let requests = [
        ("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n", "slow"),
        ("POST /count-slowly HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", "3"),
        ("POST /count-slowly HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "3"),
    ];
    for (request, answer) in requests {
        let mut client = server.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(millis(250)).await;
        server.release();
        assert!(read_answer(&mut client).await.ends_with(answer), "{request}");
    }
}

#[tokio::test]
async fn client_that_stops_reading_its_answer_is_cut() {
    let server = Server::start(with_deadlines(100, 150));
    let mut client = server.connect().await;
    client.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    server.await_metric("tollgate_connections{listener=\"public\"}", 1).await;
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
    assert!(is_closed_within(&mut client, millis(2000)).await);
}

#[tokio::test]
async fn upgraded_connection_has_no_idle_deadline() {
    let server = Server::start(with_deadlines(50, 50));
    let mut client = server.connect().await;
    let request = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    assert!(ask(&mut client, request).await.starts_with("HTTP/1.1 101"));
    tokio::time::sleep(millis(200)).await;
    client.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    client.read_exact(&mut echoed).await.unwrap();
}

#[tokio::test]
async fn deadlines_of_nothing_and_of_forever_neither_spin_nor_overflow() {
    for (deadline, is_closed) in [(Duration::ZERO, true), (Duration::MAX, false)] {
        let deadlines = Deadlines { handshake: deadline, headers: deadline, idle: deadline, drain: deadline };
        let server = Server::start(ListenerSettings { deadlines, ..settings() });
        let mut client = server.connect().await;
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::time::sleep(millis(50)).await;
        server.release();
        assert!(read_answer(&mut client).await.ends_with("slow"));
        assert_eq!(is_closed_within(&mut client, millis(300)).await, is_closed);
        server.drain.start();
        assert!(is_closed_within(&mut client, millis(1000)).await);
    }
}
