//! Reload and shutdown of a running gateway: what changes at once, what is kept, what is refused, what ends when.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::{Backend, Connection, Gateway, MockIssuer, Reply, Signer, TokenLoad, configuration, get, until};

const ROUTE: &str = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\n";
const OPEN: &str = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\nanonymous = true\n";

fn get_of(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

#[test]
fn a_request_under_way_keeps_the_configuration_it_began_with() {
    let slow = Backend::scripted(|_| Reply::After(Duration::from_millis(400), "old".to_owned()));
    let text = configuration(&[], &[&slow], OPEN);
    let gateway = Gateway::start(&text);
    let (mut client, mut idle) = (Connection::open(gateway.plain()), Connection::open(gateway.plain()));
    client.send(get_of("/")).unwrap();
    until("the request", || slow.received().len() == 1);
    let new = Backend::scripted(|_| Reply::Text("new".to_owned()));
    gateway.reload(&text.replace(&slow.url(), &new.url())).unwrap();
    assert_eq!(idle.exchange(get_of("/")).text(), "new", "an open connection is served by the new one");
    assert_eq!(client.answer_to("GET").unwrap().text(), "old");
    assert_eq!(client.exchange(get_of("/")).text(), "new", "and so is the next request of the other");
}

#[test]
fn a_hundred_reloads_under_load_cost_no_request() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let text = configuration(&[&issuer], &[&backend], ROUTE);
    let gateway = Gateway::start(&text);
    let claims = Signer::claims(&issuer.issuer(), "alice");
    let load = TokenLoad::start(3, gateway.plain(), move || key.token(&claims));
    for round in 0..100 {
        // Another upstream setting, another route, an issuer whose rules change: all parts are made anew now and then.
        let idle = format!("max_idle = {}\n\n[[route]]", 1 + round % 7);
        let changed =
            text.replacen("[[route]]", &idle, 1).replace("roles_claim = ", &format!("leeway = \"{round}s\"\nroles_claim = "));
        gateway.reload(&if round < 60 { changed } else { text.clone() }).unwrap();
        load.goes_on_for(4);
    }
    let seen = load.finish();
    seen.assert_all(200);
    assert_eq!(issuer.fetches(), 1, "the keys are the same throughout");
    println!("100 reloads under {} requests, none failed, p99 {:?}", seen.count(), seen.quantile(0.99));
}

#[test]
fn connections_to_unchanged_upstreams_are_kept_and_to_removed_ones_closed() {
    let (kept, removed) = (Backend::start(), Backend::start());
    let more = "[[route]]\nname = \"more\"\npath = \"/more\"\nupstream = \"backend-1\"\nanonymous = true\n";
    let gateway =
        Gateway::start(&configuration(&[], &[&kept, &removed], &format!("{OPEN}{more}")).replace("workers = 2", "workers = 1"));
    let ask = |path: &str| assert_eq!(get(gateway.plain(), path, &[]).status, 200);
    ask("/");
    ask("/more");
    gateway.reload(&configuration(&[], &[&kept], OPEN).replace("workers = 2", "workers = 1")).unwrap();
    ask("/");
    ask("/more");
    assert_eq!((kept.connections(), removed.connections()), (1, 1));
    until("the removed upstream's metrics to go down", || {
        gateway.metric("tollgate_upstream_connections", &["upstream=\"backend-1\""]) == 0.0
    });
}

#[test]
fn a_configuration_that_is_refused_changes_nothing_and_says_where_and_why() {
    let backend = Backend::start();
    let text = configuration(&[], &[&backend], OPEN);
    let gateway = Gateway::start(&text);
    let bad = text.replace("upstream = \"backend-0\"", "upstream = \"backend-O\"").replace("path = \"/\"", "pth = \"/\"");
    let refusal = gateway.reload(&bad).unwrap_err();
    for part in ["tollgate.toml:", "route.all.upstream", "backend-0", "unknown key; did you mean `path`?"] {
        assert!(refusal.contains(part), "{refusal}");
    }
    assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
    gateway.reload(&text).unwrap();
}

#[test]
fn listeners_come_and_go_with_reloads() {
    let backend = Backend::start();
    let text = configuration(&[], &[&backend], OPEN);
    let gateway = Gateway::start(&text);
    let more = format!("[[listener]]\nname = \"more\"\naddress = \"127.0.0.1:0\"\n{text}");
    gateway.reload(&more).unwrap();
    let address = gateway.listener("more");
    let mut open = Connection::open(address);
    assert_eq!(open.exchange(get_of("/")).status, 200);
    gateway.reload(&text).unwrap();
    until("the address to be free", || TcpStream::connect(address).is_err());
    assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
}

#[test]
fn an_address_in_use_refuses_the_whole_reload() {
    let backend = Backend::start();
    let text = configuration(&[], &[&backend], OPEN);
    let gateway = Gateway::start(&text);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let changed =
        format!("[[listener]]\nname = \"more\"\naddress = \"{taken}\"\n{}", text.replace("path = \"/\"", "path = \"/new\""));
    let refusal = gateway.reload(&changed).unwrap_err();
    assert!(refusal.starts_with(&taken.to_string()), "{refusal}");
    assert_eq!((get(gateway.plain(), "/", &[]).status, get(gateway.plain(), "/new", &[]).status), (200, 200));
    assert_eq!(gateway.metric("tollgate_config_reload_success", &[]), 0.0);
    gateway.reload(&text).unwrap();
    assert_eq!(gateway.metric("tollgate_config_reload_success", &[]), 1.0);
}

#[test]
fn what_only_a_restart_can_change_refuses_the_reload_by_name() {
    let backend = Backend::start();
    let text = configuration(&[], &[&backend], OPEN);
    let gateway = Gateway::start(&text);
    let cases = [
        (text.replace("workers = 2", "workers = 3"), "runtime.workers"),
        (text.replace("[admin]\naddress = \"127.0.0.1:0\"", "[admin]\naddress = \"off\""), "admin.address"),
        (format!("{text}\n[token_cache]\ncapacity = 5\n"), "token_cache"),
        (format!("{text}\n[log]\nformat = \"text\"\n"), "log.format"),
    ];
    for (changed, setting) in cases {
        let refusal = gateway.reload(&changed).unwrap_err();
        assert!(refusal.starts_with(setting) && refusal.contains("restart"), "{refusal}");
    }
    assert_eq!(get(gateway.plain(), "/", &[]).status, 200);
}

#[test]
fn the_time_of_a_reload_is_shown() {
    let backend = Backend::start();
    let text = configuration(&[], &[&backend], OPEN);
    let gateway = Gateway::start(&text);
    let at = || gateway.metric("tollgate_config_reload_timestamp_seconds", &[]);
    let began = at();
    gateway.clock.advance(Duration::from_secs(60));
    assert_eq!(at(), began);
    gateway.reload(&text).unwrap();
    assert_eq!(at(), began + 60.0);
}

#[test]
fn at_the_end_requests_finish_connections_are_told_and_nobody_new_is_let_in() {
    let slow = Backend::scripted(|_| Reply::After(Duration::from_millis(600), "done".to_owned()));
    let gateway = Gateway::start(&configuration(&[], &[&slow], OPEN));
    let address = gateway.plain();
    let mut idle = Connection::open(address);
    assert_eq!(idle.exchange(get_of("/")).status, 200);
    let mut busy = Connection::open(address);
    busy.send(get_of("/")).unwrap();
    until("the request", || slow.received().len() == 2);
    let ending = std::thread::spawn(move || gateway.stop());
    until("the address to be closed", || TcpStream::connect(address).is_err());
    let answer = busy.answer_to("GET").unwrap();
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("done", Some("close")));
    assert_eq!((busy.rest().unwrap(), idle.rest().unwrap()), (vec![], vec![]));
    ending.join().unwrap();
}

#[test]
fn a_request_that_does_not_finish_ends_at_the_drain_deadline() {
    let stuck = Backend::scripted(|_| Reply::Hang);
    let text = configuration(&[], &[&stuck], OPEN).replace("http2 = true", "http2 = true\ndeadlines = { drain = \"500ms\" }");
    let gateway = Gateway::start(&text);
    let mut client = Connection::open(gateway.plain());
    client.send(get_of("/")).unwrap();
    until("the request", || stuck.received().len() == 1);
    let began = Instant::now();
    gateway.stop();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(5), "{took:?}");
    assert!(client.answer_to("GET").is_err(), "cut off");
}
