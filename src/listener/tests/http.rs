//! HTTP/1: keep-alive, limits on heads and connections, handlers that panic, upgrades.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{GET, Server, ask, is_closed_within, millis, read_answer, settings};
use crate::listener::{Limits, ListenerSettings};

fn limited(limits: Limits) -> ListenerSettings {
    ListenerSettings { limits, ..settings() }
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let server = Server::start(settings());
    let mut client = server.connect().await;
    for _ in 0..3 {
        assert!(ask(&mut client, GET).await.ends_with("hello"));
    }
    assert!(ask(&mut client, &GET.repeat(2)).await.contains("hello"), "pipelined");
    assert_eq!(server.metric("tollgate_connections{listener=\"public\"}"), 1);
    assert_eq!(server.listener.status().connections, 1);
    assert_eq!(server.listener.status().address, server.address);
    drop(client);
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
}

#[tokio::test]
async fn connections_over_the_limit_of_all_workers_are_closed_at_once_and_counted() {
    let server = Server::start_workers(limited(Limits { connections: 100, ..Limits::default() }), 2);
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = server.connect().await;
        assert!(ask(&mut client, GET).await.ends_with("hello"));
        clients.push(client);
    }
    assert!(is_closed_within(&mut server.connect().await, millis(1000)).await);
    assert_eq!(server.metric("tollgate_connections_refused_total{listener=\"public\"}"), 1);
    assert!(ask(&mut clients[0], GET).await.ends_with("hello"));
    clients.pop();
    server.await_metric("tollgate_connections{listener=\"public\"}", 99).await;
    assert!(ask(&mut server.connect().await, GET).await.ends_with("hello"));
}

#[tokio::test]
async fn header_count_is_enforced_to_the_field() {
    for limit in [20, 100, 150] {
        let server = Server::start(limited(Limits { header_count: limit, ..Limits::default() }));
        for (count, status) in [(limit - 1, "200"), (limit, "200"), (limit + 1, "431")] {
            let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(count - 1));
            let answer = ask(&mut server.connect().await, &request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{count} of {limit}: {answer}");
        }
        server.await_metric("tollgate_ambiguous_requests_total{kind=\"parse_too_large\"}", 1).await;
    }
}

#[tokio::test]
async fn head_within_all_limits_passes_and_one_beyond_their_sum_does_not() {
    let limits = Limits { header_count: 100, header_bytes: 1000, target_bytes: 100, ..Limits::default() };
    let server = Server::start(limited(limits));
    let request = |target: usize, header: usize| {
        format!("GET /{} HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "t".repeat(target - 1), "v".repeat(header - 6))
    };
    let answer = ask(&mut server.connect().await, &request(100, 1000)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = ask(&mut server.connect().await, &request(100, 1600)).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn what_does_not_parse_is_refused_and_counted_by_kind() {
    let server = Server::start(settings());
    for request in ["GET / HTTP/1.1\r\nbad header\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n"] {
        let mut client = server.connect().await;
        let answer = ask(&mut client, request).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
        assert!(is_closed_within(&mut client, millis(1000)).await);
    }
    server.await_metric("tollgate_ambiguous_requests_total{kind=\"parse\"}", 3).await;
}

#[tokio::test]
async fn client_that_leaves_while_it_is_answered_counts_as_nothing_bad() {
    let server = Server::start(settings());
    let mut client = server.connect().await;
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(millis(20)).await;
    drop(client);
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
    assert_eq!(server.metric("tollgate_ambiguous_requests_total{kind=\"incomplete_message\"}"), 0);
}

#[tokio::test]
async fn handler_that_panics_ends_only_its_own_connection() {
    let server = Server::start(settings());
    let (mut victim, mut other) = (server.connect().await, server.connect().await);
    assert!(ask(&mut other, GET).await.ends_with("hello"));
    assert_eq!(ask(&mut victim, "GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await, "");
    assert!(ask(&mut other, GET).await.ends_with("hello"));
    server.await_metric("tollgate_connections{listener=\"public\"}", 1).await;
}

#[tokio::test]
async fn upgraded_connection_keeps_its_place_until_it_ends() {
    let server = Server::start(settings());
    let mut client = server.connect().await;
    let request = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    assert!(ask(&mut client, request).await.starts_with("HTTP/1.1 101"));
    client.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    client.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"ping");
    assert_eq!(server.metric("tollgate_connections{listener=\"public\"}"), 1);
    drop(client);
    server.await_metric("tollgate_connections{listener=\"public\"}", 0).await;
}

#[tokio::test]
async fn accepted_connections_do_not_delay_small_segments() {
    let socket = crate::listener::bind(settings().address, 1, false).unwrap().remove(0);
    let _client = std::net::TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    let accepted = loop {
        if let Ok((accepted, _)) = socket.accept() {
            break accepted;
        }
    };
    assert!(accepted.nodelay().unwrap());
}

#[tokio::test]
async fn body_is_read_whole() {
    let server = Server::start(settings());
    let mut client = server.connect().await;
    let body = "b".repeat(300_000);
    client
        .write_all(format!("POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n{body}").as_bytes())
        .await
        .unwrap();
    assert!(read_answer(&mut client).await.ends_with("300000"));
}
