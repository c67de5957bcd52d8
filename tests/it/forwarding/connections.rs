//! Connections to servers: kept, shared out, given up; a request is sent again only if it was provably never sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Backend, Connection, Gateway, OpenSite, Puppet, Received, Reply, full_queue, get, nobody, until};

fn connections(gateway: &Gateway) -> f64 {
    gateway.metric("tollgate_upstream_connections", &[])
}

#[test]
fn connection_is_kept_for_the_next_request() {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    for number in 0..20 {
        assert_eq!(get(gateway.plain(), &format!("/{number}"), &[]).status, 200);
    }
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for request in [post, chunked, post] {
        assert_eq!(Connection::open(gateway.plain()).exchange(request).status, 200);
    }
    assert_eq!((backend.connections(), backend.received().len()), (1, 23));
}

#[test]
fn unused_connection_is_closed_after_the_idle_timeout() {
    let backend = Backend::start();
    let upstream = "idle_timeout = \"200ms\"";
    let gateway = Gateway::start(&OpenSite { upstream, ..OpenSite::default() }.text(&[backend.url()]));
    assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
    assert_eq!(connections(&gateway), 1.0);
    until("the connection to be closed", || connections(&gateway) == 0.0);
    assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
    assert_eq!(backend.connections(), 2);
}

/// A long answer of the former configuration keeps its own connection and no other.
#[test]
fn unused_connections_of_a_replaced_upstream_are_closed_while_it_still_answers() {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut long = Connection::open(gateway.plain());
    long.send("GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut streaming = backend.accept();
    streaming.head();
    streaming.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nlong");
    let mut short = Connection::open(gateway.plain());
    short.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut unused = backend.accept();
    unused.head();
    unused.answer("");
    assert_eq!(short.answer_to("GET").unwrap().status, 200);
    let upstream = "max_idle = 7";
    gateway.reload(&OpenSite { upstream, ..OpenSite::default() }.text(&[backend.url()])).unwrap();
    assert!(unused.is_ended(), "kept for nobody");
    streaming.send("long");
    assert_eq!(long.answer_to("GET").unwrap().text(), "longlong");
    assert!(streaming.is_ended());
    until("no connection to be left", || connections(&gateway) == 0.0);
}

/// The server closes an idle connection: whatever the method, the next request goes out once, on a new one.
#[test]
fn idle_connection_that_the_server_closed_costs_no_request() {
    let backend = Backend::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    for number in 0..20 {
        backend.cut();
        let request = match number % 2 {
            0 => format!("POST /{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"),
            _ => format!("GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        };
        assert_eq!(Connection::open(gateway.plain()).exchange(request).status, 200, "{number}");
    }
    let targets: Vec<String> = backend.received().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(targets, (0..20).map(|number| format!("/{number}")).collect::<Vec<_>>());
}

/// The server took the request and ended: nobody knows what it did, so nothing is sent again.
#[test]
fn request_that_was_sent_is_never_sent_twice() {
    let backend = Backend::scripted(|request: &Received| match request.target() {
        "/warm" => Reply::Text(String::new()),
        _ => Reply::Close,
    });
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    for method in ["POST", "PUT", "DELETE", "GET"] {
        assert_eq!(get(gateway.plain(), "/warm", &[]).status, 200);
        let request = format!("{method} /{method} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
        let answer = Connection::open(gateway.plain()).exchange(request);
        assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_no_response"));
        let sent = backend.received().iter().filter(|request| request.target() == format!("/{method}")).count();
        assert_eq!(sent, 1, "{method}");
    }
}

/// A kept connection dies after the first byte of a request was written.
#[test]
fn post_on_a_kept_connection_that_dies_is_not_sent_again() {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut caller = backend.accept();
    caller.head();
    caller.answer("");
    assert_eq!(client.answer_to("GET").unwrap().status, 200);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    assert_eq!(caller.request().unwrap().body, b"hello", "on the kept connection");
    drop(caller);
    assert_eq!(client.answer_to("POST").unwrap().status, 502);
    assert!(backend.accept_within(Duration::from_millis(100)).is_none());
}

fn on_threads(count: usize, work: impl Fn(usize) + Send + Sync) {
    thread::scope(|scope| {
        for number in 0..count {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
}

/// While all are held, no server has many more than its share.
#[test]
fn requests_are_shared_out_over_servers() {
    const REQUESTS: usize = 30;
    let arrived = Arc::<AtomicUsize>::default();
    let hold = |arrived: Arc<AtomicUsize>| {
        Backend::scripted(move |_| {
            arrived.fetch_add(1, Ordering::SeqCst);
            until("all requests", || arrived.load(Ordering::SeqCst) == REQUESTS);
            Reply::Text(String::new())
        })
    };
    let backends: Vec<Backend> = (0..3).map(|_| hold(Arc::clone(&arrived))).collect();
    let urls: Vec<String> = backends.iter().map(Backend::url).collect();
    let gateway = Gateway::start(&OpenSite::default().text(&urls));
    on_threads(REQUESTS, |_| assert_eq!(get(gateway.plain(), "/", &[]).status, 200));
    for backend in &backends {
        let share = backend.received().len();
        assert!((6..=14).contains(&share), "{share} of {REQUESTS}");
    }
}

/// The better of two random ones: with two servers the one that is busy gets nothing while the other is free.
#[test]
fn busy_server_is_passed_over() {
    let (slow, fast) = (Puppet::start(), Backend::start());
    let gateway = Gateway::start(&OpenSite::default().text(&[slow.url(), fast.url()]));
    let mut waiting = Vec::new();
    let _held = loop {
        let mut client = Connection::open(gateway.plain());
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        waiting.push(client);
        if let Some(caller) = slow.accept_within(Duration::from_millis(20)) {
            break caller;
        }
    };
    for _ in 0..20 {
        assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
    }
    assert!(slow.accept_within(Duration::from_millis(20)).is_none());
}

#[test]
fn dead_server_is_skipped() {
    let (alive, (dead, _reserved)) = (Backend::start(), nobody());
    let gateway = Gateway::start(&OpenSite::default().text(&[alive.url(), format!("http://{dead}")]));
    for _ in 0..30 {
        assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
    }
    assert_eq!(alive.received().len(), 30);
}

#[test]
fn server_that_comes_back_is_used_again() {
    let (address, reserved) = nobody();
    let gateway = Gateway::start(&OpenSite::default().text(&[format!("http://{address}")]));
    let answer = get(gateway.plain(), "/", &[]);
    assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_unreachable"));
    drop(reserved);
    let _revived = Backend::on(address, |_| Reply::Text(String::new()));
    until("the server to be used", || get(gateway.plain(), "/", &[]).status == 200);
}

#[test]
fn server_that_takes_no_connection_is_a_connect_timeout() {
    let (address, _filling) = full_queue();
    let upstream = "connect_timeout = \"200ms\"";
    let gateway = Gateway::start(&OpenSite { upstream, ..OpenSite::default() }.text(&[format!("http://{address}")]));
    let started = Instant::now();
    let answer = get(gateway.plain(), "/", &[]);
    assert_eq!((answer.status, answer.reason().as_str()), (504, "upstream_connect_timeout"));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn server_that_does_not_answer_is_a_response_timeout() {
    let backend = Backend::scripted(|_| Reply::Hang);
    for (upstream, route) in [("response_timeout = \"200ms\"", ""), ("", "response_timeout = \"200ms\"")] {
        let gateway = Gateway::start(&OpenSite { upstream, route, ..OpenSite::default() }.text(&[backend.url()]));
        let started = Instant::now();
        let answer = get(gateway.plain(), "/", &[]);
        assert_eq!((answer.status, answer.reason().as_str()), (504, "upstream_timeout"));
        assert!(started.elapsed() >= Duration::from_millis(200) && started.elapsed() < Duration::from_secs(2));
        assert_eq!(connections(&gateway), 0.0, "the connection may not be used again");
    }
}

/// A body that is still coming is not the server's delay.
#[test]
fn response_timeout_does_not_run_while_the_body_moves() {
    let backend = Backend::start();
    let upstream = "response_timeout = \"300ms\"";
    let gateway = Gateway::start(&OpenSite { upstream, ..OpenSite::default() }.text(&[backend.url()]));
    let mut client = Connection::open(gateway.plain());
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n").unwrap();
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(60));
        client.send("x").unwrap();
    }
    assert_eq!(client.answer_to("POST").unwrap().status, 200);
}
