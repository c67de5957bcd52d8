//! After a backend's 101 bytes go both ways until both sides have ended, one fails, nothing moves for too long, the token
//! that opened the tunnel holds no more, or the gateway shuts down.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::support::{Backend, Caller, Connection, Gateway, MockIssuer, OpenSite, Puppet, Reply, Signer, configuration, until};

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

/// A tunnel that a token of the issuer `corp` opened.
struct Authenticated {
    issuer: MockIssuer,
    gateway: Gateway,
    text: String,
    client: Connection,
    caller: Caller,
    _backend: Puppet,
}

impl Authenticated {
    /// Opens it with a token of `key`, which expires in an hour.
    #[track_caller]
    fn open(key: &Signer) -> Self {
        Self::open_on("end_streams_at_expiry = true", key)
    }

    /// As [`Self::open`], on a route with these settings more.
    #[track_caller]
    fn open_on(route: &str, key: &Signer) -> Self {
        let (backend, issuer) = (Puppet::start(), MockIssuer::start("corp", &[key]));
        let site = format!(
            "[[upstream]]\nname = \"site\"\nservers = [\"{}\"]\n\n[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"site\"\n{route}\n",
            backend.url()
        );
        let text = configuration(&[&issuer], &[], &site);
        let gateway = Gateway::start(&text);
        let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));
        let mut client = Connection::open(gateway.plain());
        client.send(UPGRADE.replace("\r\n\r\n", &format!("\r\nAuthorization: Bearer {token}\r\n\r\n"))).unwrap();
        let mut caller = backend.accept();
        caller.head();
        caller.send(SWITCH);
        assert_eq!(client.answer_to("GET").unwrap().status, 101);
        Self { issuer, gateway, text, client, caller, _backend: backend }
    }

    #[track_caller]
    fn goes_on(&mut self) {
        std::thread::sleep(Duration::from_millis(2500));
        self.client.send("ping").unwrap();
        assert_eq!(self.caller.read(4), b"ping");
        self.caller.send("pong");
        assert_eq!(self.client.read(4).unwrap(), b"pong");
    }

    /// Both sides see its end, long before the idle deadline.
    #[track_caller]
    fn assert_cut(mut self) {
        let started = Instant::now();
        assert!(self.caller.is_ended());
        assert!(self.client.rest().unwrap_or_default().is_empty());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        until("the tunnel to end", || tunnels(&self.gateway) == 0.0);
    }
}

#[test]
fn tunnel_does_not_outlive_the_expiry_of_the_token_that_opened_it() {
    let mut tunnel = Authenticated::open(&Signer::new("k1"));
    tunnel.gateway.clock.advance(Duration::from_secs(3599));
    tunnel.goes_on();
    tunnel.gateway.clock.advance(Duration::from_secs(1));
    tunnel.assert_cut();
}

#[test]
fn tunnel_outlives_the_expiry_of_its_token_unless_the_route_says_otherwise() {
    let tunnel = Authenticated::open(&Signer::new("k1"));
    tunnel.gateway.clock.advance(Duration::from_secs(3600));
    tunnel.assert_cut();
    let mut tunnel = Authenticated::open_on("", &Signer::new("k1"));
    tunnel.gateway.clock.advance(Duration::from_secs(7200));
    tunnel.goes_on();
}

#[test]
fn tunnel_that_never_rests_does_not_outlive_its_token_either() {
    let tunnel = Authenticated::open(&Signer::new("k1"));
    let Authenticated { gateway, client, mut caller, .. } = tunnel;
    let mut sending = client.stream().try_clone().unwrap();
    let flood = std::thread::spawn(move || while std::io::Write::write_all(&mut sending, &[7; 1 << 16]).is_ok() {});
    assert_eq!(caller.read(1 << 20).len(), 1 << 20);
    gateway.clock.advance(Duration::from_secs(3600));
    let started = Instant::now();
    caller.rest();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    flood.join().unwrap();
    until("the tunnel to end", || tunnels(&gateway) == 0.0);
}

#[test]
fn tunnel_does_not_outlive_the_key_that_proved_its_token() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let mut tunnel = Authenticated::open(&old);
    tunnel.issuer.publish(&[&old, &new]);
    tunnel.gateway.clock.advance(Duration::from_secs(11));
    let newer = new.token(&Signer::claims(&tunnel.issuer.issuer(), "bob"));
    drop(asked(&tunnel, &newer));
    until("the new key", || tunnel.gateway.metric("tollgate_keys", &[]) == 2.0);
    tunnel.goes_on();

    tunnel.issuer.publish(&[&new]);
    tunnel.gateway.clock.advance(Duration::from_secs(11));
    drop(asked(&tunnel, &Signer::new("x").token(&Signer::claims(&tunnel.issuer.issuer(), "mallory"))));
    until("the old key's end", || tunnel.gateway.metric("tollgate_keys", &[]) == 1.0);
    tunnel.assert_cut();
}

/// A request with `token` whose answer nobody waits for.
#[track_caller]
fn asked(tunnel: &Authenticated, token: &str) -> Connection {
    let mut client = Connection::open(tunnel.gateway.plain());
    client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")).unwrap();
    // Long enough for the lookup to begin; its outcome is looked for in the metrics.
    std::thread::sleep(Duration::from_millis(300));
    client
}

#[test]
fn tunnel_does_not_outlive_the_settings_of_its_issuer_but_outlives_other_reloads() {
    let mut tunnel = Authenticated::open(&Signer::new("k1"));
    let more = "\n[[route]]\nname = \"more\"\npath = \"/more\"\nupstream = \"site\"\n";
    tunnel.gateway.reload(&format!("{}{more}", tunnel.text)).unwrap();
    tunnel.goes_on();
    tunnel.gateway.reload(&tunnel.text.replace("[\"gateway\"]", "[\"elsewhere\"]")).unwrap();
    tunnel.assert_cut();
}
