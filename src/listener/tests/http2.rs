//! HTTP/2: prior knowledge, streams, deadlines, handlers that panic.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{Builder, SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{GET, Server, ask, is_closed_within, millis, settings};
use crate::listener::{Deadlines, Limits, ListenerSettings};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn cleartext() -> ListenerSettings {
    ListenerSettings { http2: true, ..settings() }
}

async fn client(server: &Server) -> SendRequest<Empty<Bytes>> {
    let io = TokioIo::new(server.connect().await);
    let (requests, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    requests
}

async fn get(client: &mut SendRequest<Empty<Bytes>>, path: &str) -> Result<String, hyper::Error> {
    client.ready().await?;
    let request = Request::get(format!("http://a{path}")).body(Empty::new()).unwrap();
    let body = client.send_request(request).await?.collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn prior_knowledge_works_beside_http1_on_one_cleartext_listener() {
    let server = Server::start(cleartext());
    assert_eq!(get(&mut client(&server).await, "/").await.unwrap(), "hello");
    assert!(ask(&mut server.connect().await, GET).await.ends_with("hello"));
}

#[tokio::test]
async fn preface_that_stalls_is_cut_at_the_headers_deadline() {
    let deadlines = Deadlines { headers: millis(100), idle: millis(10_000), ..Deadlines::default() };
    let server = Server::start(ListenerSettings { deadlines, ..cleartext() });
    for bytes in [&PREFACE[..3], &PREFACE[..23]] {
        let mut stalled = server.connect().await;
        stalled.write_all(bytes).await.unwrap();
        assert!(is_closed_within(&mut stalled, millis(1000)).await);
    }
}

#[tokio::test]
async fn streams_over_the_limit_wait_for_a_free_one() {
    let limits = Limits { http2_streams: 2, ..Limits::default() };
    let server = Server::start(ListenerSettings { limits, ..cleartext() });
    let mut requests = client(&server).await;
    assert_eq!(get(&mut requests, "/").await.unwrap(), "hello");
    let mut slow: Vec<_> = (0..2)
        .map(|_| {
            let mut requests = requests.clone();
            tokio::spawn(async move { get(&mut requests, "/slow").await })
        })
        .collect();
    tokio::time::sleep(millis(50)).await;
    let mut third = requests.clone();
    let third = tokio::spawn(async move { get(&mut third, "/").await });
    tokio::time::sleep(millis(100)).await;
    assert!(!third.is_finished());
    server.release();
    assert_eq!(third.await.unwrap().unwrap(), "hello");
    server.release();
    for slow in slow.drain(..) {
        assert_eq!(slow.await.unwrap().unwrap(), "slow");
    }
}

#[tokio::test]
async fn server_announces_its_stream_limit() {
    let limits = Limits { http2_streams: 7, ..Limits::default() };
    let server = Server::start(ListenerSettings { limits, ..cleartext() });
    let mut raw = server.connect().await;
    raw.write_all(PREFACE).await.unwrap();
    raw.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut frame = [0; 9];
    raw.read_exact(&mut frame).await.unwrap();
    let mut payload = vec![0; usize::from(frame[2])];
    raw.read_exact(&mut payload).await.unwrap();
    assert!(payload.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 7]), "{payload:?}");
}

#[tokio::test]
async fn handler_that_panics_resets_only_its_stream() {
    let server = Server::start(cleartext());
    let mut requests = client(&server).await;
    assert!(get(&mut requests, "/panic").await.is_err());
    assert_eq!(get(&mut requests, "/").await.unwrap(), "hello");
    assert_eq!(server.metric("tollgate_connections{listener=\"public\"}"), 1);
}

#[tokio::test]
async fn idle_connection_is_closed_and_a_waiting_one_is_not() {
    let deadlines = Deadlines { headers: millis(100), idle: millis(100), ..Deadlines::default() };
    let server = Server::start(ListenerSettings { deadlines, ..cleartext() });
    let mut requests = client(&server).await;
    let waiting = {
        let mut requests = requests.clone();
        tokio::spawn(async move { get(&mut requests, "/slow").await })
    };
    tokio::time::sleep(millis(400)).await;
    server.release();
    assert_eq!(waiting.await.unwrap().unwrap(), "slow");
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
    assert!(get(&mut requests, "/").await.is_err());
}

#[tokio::test]
async fn client_that_grants_no_window_is_cut_even_if_it_pings() {
    let deadlines = Deadlines { headers: millis(100), idle: millis(200), ..Deadlines::default() };
    let server = Server::start(ListenerSettings { deadlines, ..cleartext() });
    let (mut requests, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(millis(30))
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(server.connect().await))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://a/endless").body(Empty::<Bytes>::new()).unwrap();
    let unread = requests.send_request(request).await.unwrap();
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
    drop(unread);
}

#[tokio::test]
async fn drain_finishes_streams_and_takes_no_new_ones() {
    let server = Server::start(cleartext());
    let mut requests = client(&server).await;
    let running = {
        let mut requests = requests.clone();
        tokio::spawn(async move { get(&mut requests, "/slow").await })
    };
    tokio::time::sleep(millis(50)).await;
    server.drain.start();
    tokio::time::sleep(millis(50)).await;
    assert!(get(&mut requests, "/").await.is_err());
    server.release();
    assert_eq!(running.await.unwrap().unwrap(), "slow");
    tokio::time::timeout(millis(1000), server.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn header_list_over_its_limit_is_refused() {
    let limits = Limits { header_count: 10, header_bytes: 1000, target_bytes: 100, ..Limits::default() };
    let server = Server::start(ListenerSettings { limits, ..cleartext() });
    let mut requests = client(&server).await;
    for (bytes, status) in [(900, 200), (3000, 431)] {
        requests.ready().await.unwrap();
        let request = Request::get("http://a/").header("x", "v".repeat(bytes)).body(Empty::new()).unwrap();
        match requests.send_request(request).await {
            Ok(response) => assert_eq!(response.status(), status, "{bytes}"),
            Err(error) => assert_eq!(status, 431, "{bytes}: {error}"),
        }
    }
}

/// A GET of `/` on `stream`, given up in the same breath.
fn request_and_reset(stream: u8) -> Vec<u8> {
    let headers = [0, 0, 6, 1, 5, 0, 0, 0, stream, 0x82, 0x86, 0x84, 0x41, 1, b'a'];
    let reset = [0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, 8];
    [&headers[..], &reset[..]].concat()
}

#[tokio::test]
async fn cve_2023_44487_rapid_reset_ends_the_connection() {
    let server = Server::start(cleartext());
    for (last_stream, is_ended) in [(21, false), (251, true)] {
        let mut raw = server.connect().await;
        let mut bytes = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        for stream in (1..=last_stream).step_by(2) {
            bytes.extend(request_and_reset(stream));
        }
        raw.write_all(&bytes).await.unwrap();
        assert_eq!(is_closed_within(&mut raw, millis(500)).await, is_ended, "{last_stream}");
    }
    server.await_metric("tollgate_ambiguous_requests_total{kind=\"other\"}", 1).await;
}

#[tokio::test]
async fn client_that_leaves_without_farewell_counts_as_nothing_bad() {
    let server = Server::start(cleartext());
    let mut raw = server.connect().await;
    let slow = [0, 0, 12, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x04, 5, b'/', b's', b'l', b'o', b'w', 0x41, 1, b'a'];
    raw.write_all(&[PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0], &slow].concat()).await.unwrap();
    server.await_metric("tollgate_connections{listener=\"public\"}", 1).await;
    tokio::time::sleep(millis(50)).await;
    drop(raw);
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
    assert_eq!(server.metric("tollgate_ambiguous_requests_total{kind=\"other\"}"), 0);
}
