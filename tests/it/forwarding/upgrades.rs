//! After a backend's 101 bytes go both ways until both sides have ended, one fails, nothing moves for too long, or the
//! gateway shuts down.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::support::{Backend, Caller, Connection, Gateway, OpenSite, Puppet, Reply, until};

const UPGRADE: &str = "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

fn joined(listener: &str) -> (Puppet, Gateway, Connection, Caller) {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite { listener, ..OpenSite::default() }.text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    client.send(UPGRADE).unwrap();
    let mut caller = backend.accept();
    caller.head();
    caller.send(SWITCH);
    assert_eq!(client.answer_to("GET").unwrap().status, 101);
    (backend, gateway, client, caller)
}

fn tunnels(gateway: &Gateway) -> f64 {
    gateway.metric("tollgate_tunnels", &[])
}

#[track_caller]
fn nothing_left(gateway: &Gateway) {
    until("the tunnel to end", || tunnels(gateway) == 0.0);
    until("the connections to end", || {
        gateway.metric("tollgate_connections", &["listener=\"plain\""]) == 0.0
            && gateway.metric("tollgate_upstream_connections", &[]) == 0.0
    });
}

#[test]
fn bytes_go_both_ways_in_any_order() {
    let (_backend, gateway, mut client, mut caller) = joined("");
    assert_eq!(tunnels(&gateway), 1.0);
    caller.send("server first");
    assert_eq!(client.read(12).unwrap(), b"server first");
    client.send(b"\0\xff\r\n").unwrap();
    assert_eq!(caller.read(4), b"\0\xff\r\n");
    let many = vec![7; 1 << 20];
    std::thread::scope(|scope| {
        scope.spawn(|| client.send(&many).unwrap());
        assert_eq!(caller.read(1 << 20), many);
    });
}

#[test]
fn bytes_in_one_piece_with_the_101_are_not_lost() {
    let backend = Backend::scripted(|_| Reply::Raw(format!("{SWITCH}hello").into_bytes()));
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    assert_eq!(client.exchange(UPGRADE).status, 101);
    assert_eq!(client.read(5).unwrap(), b"hello");
    assert_eq!(backend.sole().header("upgrade"), Some("websocket"));
}

#[test]
fn side_that_has_ended_still_receives() {
    let (_backend, gateway, mut client, mut caller) = joined("");
    client.send("last words").unwrap();
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(caller.rest(), b"last words");
    caller.send("answer");
    assert_eq!(client.read(6).unwrap(), b"answer");
    drop(caller);
    assert_eq!(client.rest().unwrap(), b"");
    drop(client);
    nothing_left(&gateway);

    let (_backend, gateway, mut client, mut caller) = joined("");
    caller.finish_sending();
    assert_eq!(client.rest().unwrap(), b"");
    client.send("still here").unwrap();
    assert_eq!(caller.read(10), b"still here");
    drop(client);
    assert!(caller.is_ended());
    drop(caller);
    nothing_left(&gateway);
}

#[test]
fn backend_that_fails_ends_the_client() {
    let (_backend, gateway, mut client, caller) = joined("");
    drop(caller);
    let _ = client.rest();
    drop(client);
    nothing_left(&gateway);
}

#[test]
fn tunnel_in_which_nothing_moves_is_cut_at_the_idle_deadline() {
    let (_backend, gateway, mut client, mut caller) = joined("deadlines.idle = \"400ms\"");
    let started = Instant::now();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(200));
        client.send("a").unwrap();
        assert_eq!(caller.read(1), b"a");
        std::thread::sleep(Duration::from_millis(200));
        caller.send("b");
        assert_eq!(client.read(1).unwrap(), b"b");
    }
    assert!(started.elapsed() > Duration::from_secs(1), "kept while something moves in either direction");
    assert!(caller.is_ended());
    assert!(client.rest().unwrap_or_default().is_empty());
    nothing_left(&gateway);
}

#[test]
fn half_closed_tunnel_is_cut_at_the_idle_deadline_too() {
    let (_backend, gateway, client, mut caller) = joined("deadlines.idle = \"300ms\"");
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert!(caller.is_ended());
    nothing_left(&gateway);
}

#[test]
fn shutdown_lets_a_tunnel_go_on_until_the_drain_deadline() {
    let (_backend, gateway, mut client, mut caller) = joined("deadlines.drain = \"500ms\"");
    let stopping = std::thread::spawn(move || {
        let started = Instant::now();
        gateway.stop();
        started.elapsed()
    });
    std::thread::sleep(Duration::from_millis(100));
    client.send("still").unwrap();
    assert_eq!(caller.read(5), b"still");
    let took = stopping.join().unwrap();
    assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(3), "{took:?}");
    assert!(client.rest().unwrap_or_default().is_empty());
}
