//! Draining: what runs is finished, what is quiet is closed, nothing that was accepted is lost.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{GET, Server, ask, is_closed_within, millis, read_answer, settings};
use crate::listener::{Deadlines, ListenerSettings};

fn drained_within(drain: u64) -> ListenerSettings {
    ListenerSettings { deadlines: Deadlines { drain: millis(drain), ..Deadlines::default() }, ..settings() }
}

#[tokio::test]
async fn running_request_finishes_and_new_connections_are_refused() {
    let server = Server::start(drained_within(5_000));
    let mut running = server.connect().await;
    running.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut idle = server.connect().await;
    assert!(ask(&mut idle, GET).await.ends_with("hello"));
    server.drain.start();
    assert!(is_closed_within(&mut idle, millis(500)).await, "idle connections close at once");
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.running.is_finished());
    server.release();
    let answer = read_answer(&mut running).await;
    assert!(answer.contains("connection: close") && answer.ends_with("slow"), "{answer}");
    tokio::time::timeout(millis(1000), server.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_in_the_accept_queue_are_served() {
    let server = Server::start(drained_within(5_000));
    // Connected by the kernel alone: on this single-threaded runtime the accept loop has not run since.
    let queued: Vec<_> = (0..8).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
    server.drain.start();
    for client in queued {
        client.set_nonblocking(true).unwrap();
        let mut client = TcpStream::from_std(client).unwrap();
        tokio::task::yield_now().await;
        assert!(ask(&mut client, GET).await.ends_with("hello"));
    }
    tokio::time::timeout(millis(1000), server.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn request_whose_head_is_on_its_way_is_served() {
    let server = Server::start(drained_within(5_000));
    let mut client = server.connect().await;
    assert!(ask(&mut client, GET).await.ends_with("hello"));
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(millis(50)).await;
    server.drain.start();
    tokio::time::sleep(millis(50)).await;
    let answer = ask(&mut client, "host: a\r\n\r\n").await;
    assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_drain_deadline() {
    let server = Server::start(drained_within(200));
    let mut stuck = server.connect().await;
    stuck.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut upgraded = server.connect().await;
    let request = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    assert!(ask(&mut upgraded, request).await.starts_with("HTTP/1.1 101"));
    let started = Instant::now();
    server.drain.start();
    tokio::time::sleep(millis(50)).await;
    upgraded.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    upgraded.read_exact(&mut echoed).await.unwrap();
    assert!(is_closed_within(&mut stuck, millis(1000)).await);
    assert!(is_closed_within(&mut upgraded, millis(1000)).await);
    assert!((180..3000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    tokio::time::timeout(millis(1000), server.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn silent_connection_holds_the_drain_only_for_its_grace() {
    let server = Server::start(drained_within(10_000));
    let mut silent = server.connect().await;
    tokio::time::sleep(millis(50)).await;
    server.drain.start();
    assert!(is_closed_within(&mut silent, millis(3000)).await);
    tokio::time::timeout(millis(1000), server.running).await.unwrap().unwrap();
}
