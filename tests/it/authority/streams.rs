//! An open stream ends within a second when the token that let it in is revoked, however it is revoked and whatever the
//! stream is doing, and nobody else's stream does.

use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use serde_json::{Value, json};
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{Basis, Change, Revocation, Scope, Store};

use crate::support::authority::*;
use crate::support::{AuthoritySite, Caller, Connection, Http2, Puppet, until};

const STREAMING: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// An authority's gateway before a backend that the test plays.
struct Stage {
    site: AuthoritySite,
    backend: Puppet,
}

impl Stage {
    /// With these settings more on the route of `orders`.
    fn with(route: &str) -> Self {
        let backend = Puppet::start();
        let site = AuthoritySite::edited(|text| {
            let (before, after) = text.split_once("name = \"backend-0\"\nservers = [\"").unwrap();
            let (_, after) = after.split_once('"').unwrap();
            let text = format!("{before}name = \"backend-0\"\nservers = [\"{}\"{after}", backend.url());
            text.replacen("application = \"orders\"\n", &format!("application = \"orders\"\n{route}\n"), 1)
        });
        Self { site, backend }
    }

    fn new() -> Self {
        Self::with("")
    }

    /// A new user who is signed in to `orders`.
    fn user(&self, name: &str) -> (String, Tokens) {
        let id = self.site.user(name, &[ORDERS]);
        (id, self.site.sign_in(name, ORDERS))
    }

    /// An answer whose end does not come, read as far as it has come.
    #[track_caller]
    fn answer(&self, token: &str) -> (Connection, Caller) {
        let (mut client, mut caller) = self.asked(token, "");
        caller.send(STREAMING);
        read_to(&mut client, "hello\r\n");
        (client, caller)
    }

    /// An open WebSocket.
    #[track_caller]
    fn socket(&self, token: &str) -> (Connection, Caller) {
        let (mut client, mut caller) = self.asked(token, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
        caller.send(SWITCH);
        assert_eq!(client.answer_to("GET").unwrap().status, 101);
        (client, caller)
    }

    #[track_caller]
    fn asked(&self, token: &str, headers: &str) -> (Connection, Caller) {
        let mut client = Connection::open(self.site.gateway.plain());
        let head = format!("GET /orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
        client.send(head).unwrap();
        let mut caller = self.backend.accept();
        caller.head();
        (client, caller)
    }

    fn ended(&self, reason: &str) -> f64 {
        self.site.gateway.metric("tollgate_streams_ended_total", &[&format!("reason=\"{reason}\"")])
    }
}

#[track_caller]
fn read_to(client: &mut Connection, end: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        seen.extend(client.read(1).unwrap());
    }
}

/// Both sides see the end, in a second or a little more, and no end of the answer.
#[track_caller]
fn is_cut((mut client, mut caller): (Connection, Caller)) {
    let started = Instant::now();
    let rest = client.rest().unwrap_or_default();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert!(caller.is_ended());
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
}

#[track_caller]
fn goes_on((client, caller): &mut (Connection, Caller)) {
    caller.send("3\r\nyes\r\n");
    read_to(client, "yes\r\n");
}

fn claim(token: &str, name: &str) -> String {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()[name].as_str().unwrap().to_owned()
}

#[test]
fn every_scope_ends_the_streams_it_is_about_and_no_other() {
    let stage = Stage::new();
    let (_, bob) = stage.user("bob");
    let (mut another, mut other_socket) = (stage.answer(&bob.access), stage.socket(&bob.access));
    let (ann_id, _) = stage.user("ann");
    let query = [
        Box::new(|tokens: &Tokens| format!("token={}", tokens.refresh)) as Box<dyn Fn(&Tokens) -> String>,
        Box::new(|_| format!("userId={ann_id}")),
        Box::new(|_| format!("userId={ann_id}&applicationId={ORDERS}")),
    ];
    for query in query {
        let tokens = stage.site.sign_in("ann", ORDERS);
        let (answer, socket) = (stage.answer(&tokens.access), stage.socket(&tokens.access));
        stage.site.revoke(&query(&tokens));
        is_cut(answer);
        is_cut(socket);
        goes_on(&mut another);
        // The next sign-in must be later than this revocation.
        stage.site.gateway.clock.advance(Duration::from_millis(5));
    }
    assert_eq!(stage.ended("revoked"), 6.0);
    other_socket.1.send("ping");
    assert_eq!(other_socket.0.read(4).unwrap(), b"ping");
    stage.site.revoke(&format!("applicationId={ORDERS}"));
    is_cut(another);
    is_cut(other_socket);
}

#[test]
fn the_access_line_says_why_an_answer_was_cut() {
    let stage = Stage::new();
    let (_, ann) = stage.user("ann");
    let answer = stage.answer(&ann.access);
    stage.site.revoke(&format!("token={}", ann.refresh));
    is_cut(answer);
    let of_orders = || stage.site.gateway.access_lines().into_iter().find(|line| line["route"] == "orders");
    until("the access line", || of_orders().is_some());
    let line = of_orders().unwrap();
    let seen = [&line["status"], &line["complete"], &line["reason"], &line["detail"], &line["sent_bytes"]];
    assert_eq!(seen, [&json!(200), &json!(false), &Value::Null, &json!("revoked"), &json!(5)]);
}

#[test]
fn a_stream_of_http2_is_reset_and_its_connection_goes_on() {
    let stage = Stage::new();
    let ((_, ann), (_, bob)) = (stage.user("ann"), stage.user("bob"));
    let mut client = Http2::connect(stage.site.gateway.plain());
    let streaming = std::thread::scope(|scope| {
        let sent = scope.spawn(|| client.send(request(&stage, &ann.access), &[], None).unwrap());
        let mut caller = stage.backend.accept();
        caller.head();
        caller.send(STREAMING);
        (sent.join().unwrap(), caller)
    });
    stage.site.revoke(&format!("token={}", ann.refresh));
    let (answer, mut caller) = streaming;
    let started = Instant::now();
    let error = client.collect(answer).unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    assert!(!error.is_incomplete_message() && !error.is_closed(), "{error:?}");
    // No more than the end of the request's empty body was on its way there.
    assert!(caller.rest().len() <= 5 && started.elapsed() < Duration::from_millis(1500));
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| client.send(request(&stage, &bob.access), &[], None).unwrap());
        let mut caller = stage.backend.accept();
        caller.head();
        caller.answer("still here");
        assert_eq!(sent.join().unwrap().status(), 200);
    });
}

fn request(stage: &Stage, token: &str) -> Request<()> {
    let uri = format!("http://{}/orders", stage.site.gateway.plain());
    Request::get(uri).header("authorization", format!("Bearer {token}")).body(()).unwrap()
}

/// Sends chunks without a rest until the gateway takes no more.
fn flood(mut caller: Caller) -> JoinHandle<()> {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(1 << 16));
    std::thread::spawn(move || while caller.try_send(chunk.as_bytes(), Duration::from_secs(10)) {})
}

#[test]
fn an_answer_that_never_rests_ends_too() {
    let stage = Stage::new();
    let (_, ann) = stage.user("ann");
    let (mut client, caller) = stage.answer(&ann.access);
    let flooding = flood(caller);
    assert_eq!(client.read(1 << 20).unwrap().len(), 1 << 20);
    stage.site.revoke(&format!("token={}", ann.refresh));
    let started = Instant::now();
    let _ = client.rest();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    flooding.join().unwrap();
    assert_eq!(stage.ended("revoked"), 1.0);
}

#[test]
fn an_upload_ends_with_its_answer_and_before_it() {
    let stage = Stage::new();
    for answered in [true, false] {
        let (_, ann) = stage.user(&format!("ann-{answered}"));
        let mut client = Connection::open(stage.site.gateway.plain());
        let token = &ann.access;
        let head = format!(
            "POST /orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        client.send(head + "1\r\na\r\n").unwrap();
        let mut caller = stage.backend.accept();
        caller.head();
        assert_eq!(caller.read(6), b"1\r\na\r\n");
        if answered {
            caller.send(STREAMING);
            read_to(&mut client, "hello\r\n");
        }
        stage.site.revoke(&format!("token={}", ann.refresh));
        let started = Instant::now();
        assert!(caller.is_ended());
        assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
        match answered {
            true => assert!(client.rest().unwrap_or_default().is_empty()),
            false => assert_eq!(client.answer_to("POST").unwrap().status, 401),
        }
    }
}

#[test]
fn another_writer_of_the_store_is_obeyed_within_a_second() {
    let stage = Stage::new();
    let ((_, ann), (_, bob)) = (stage.user("ann"), stage.user("bob"));
    let (answer, socket, mut another) = (stage.answer(&ann.access), stage.socket(&ann.access), stage.answer(&bob.access));
    let clock = &stage.site.gateway.clock;
    let other = SqliteStore::open_existing(&stage.site.store(), clock).unwrap();
    let ends = clock.now().plus(Duration::from_secs(3600));
    let scope = Scope::Session(claim(&ann.access, "sid"));
    let revocation = Revocation { issuer: ISSUER.into(), scope, instant: clock.now(), basis: Basis::SignIn, ends, user: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(other.commit(vec![Change::Revoke(revocation)])).unwrap();
    is_cut(answer);
    is_cut(socket);
    goes_on(&mut another);
}

#[test]
fn expiry_ends_streams_where_the_route_says_so() {
    for (route, ends) in [("end_streams_at_expiry = true", true), ("", false)] {
        let stage = Stage::with(route);
        let (_, ann) = stage.user("ann");
        let (mut answer, mut socket) = (stage.answer(&ann.access), stage.socket(&ann.access));
        stage.site.gateway.clock.advance(Duration::from_secs(3601));
        if ends {
            is_cut(answer);
            is_cut(socket);
            assert_eq!(stage.ended("expired"), 2.0);
            continue;
        }
        std::thread::sleep(Duration::from_millis(1200));
        goes_on(&mut answer);
        socket.1.send("ping");
        assert_eq!(socket.0.read(4).unwrap(), b"ping");
        stage.site.revoke(&format!("token={}", ann.refresh));
        is_cut(answer);
        is_cut(socket);
    }
}

#[test]
fn a_client_that_takes_nothing_gets_nothing_of_what_comes_after() {
    let stage = Stage::new();
    let (_, ann) = stage.user("ann");
    let (client, caller) = stage.answer(&ann.access);
    let flooding = flood(caller);
    // Longer than it takes to fill what lies between.
    std::thread::sleep(Duration::from_millis(700));
    stage.site.revoke(&format!("token={}", ann.refresh));
    std::thread::sleep(Duration::from_millis(1200));
    let mut stream: &TcpStream = client.stream();
    let (started, mut taken) = (Instant::now(), 0);
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = std::io::Read::read(&mut stream, &mut piece) {
        taken += length;
    }
    assert!(started.elapsed() < Duration::from_secs(3) && taken < 64 << 20, "{taken} in {:?}", started.elapsed());
    flooding.join().unwrap();
}
