//! Connections and the threads they belong to.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use prometheus::Registry;
use tokio::runtime::Runtime;

use crate::telemetry::shard;
use crate::upstream::{Metrics, RequestBody, ServerAddress, Upstream, UpstreamHost, UpstreamSettings};

/// A server that answers everything that comes in one read with 200.
fn server() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    port
}

fn upstream() -> Arc<Upstream> {
    let settings = UpstreamSettings {
        name: "test".into(),
        servers: vec![ServerAddress { host: "127.0.0.1".to_owned(), port: server() }],
        tls: None,
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(60),
        max_connections: 10,
        max_idle: 10,
        host: UpstreamHost::Server,
        title_case_headers: false,
    };
    Upstream::build(settings, &Metrics::register(&Registry::new()).unwrap()).unwrap()
}

/// One request on a thread of its own; its shard, and its runtime, which nobody drives any more.
fn ask_on_a_thread(upstream: &Arc<Upstream>) -> (usize, Runtime) {
    let upstream = Arc::clone(upstream);
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = Box::new(Request::get("/").body(RequestBody::Empty).unwrap());
            let answer = tokio::time::timeout(Duration::from_secs(5), upstream.send(request, None));
            let answer = answer.await.expect("a connection that nobody drives").unwrap();
            answer.into_body().collect().await.unwrap();
        });
        (shard(), runtime)
    });
    asking.join().unwrap()
}

#[test]
fn connection_of_one_thread_is_used_by_none_of_its_shard() {
    let upstream = upstream();
    let (first, _runtime) = ask_on_a_thread(&upstream);
    while ask_on_a_thread(&upstream).0 != first {}
}

#[test]
fn unused_connection_makes_room_under_the_bound_and_a_retired_server_keeps_none() {
    let upstream = upstream();
    let open = || upstream.servers().map(|server| server.open).sum::<usize>();
    for _ in 0..30 {
        ask_on_a_thread(&upstream);
        assert!(open() <= 10, "{}", open());
    }
    assert_eq!(open(), 10);
    upstream.retire();
    assert_eq!(open(), 0);
    ask_on_a_thread(&upstream);
    assert_eq!(open(), 0);
}
