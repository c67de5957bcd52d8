//! Faults under load: no request that was accepted is lost or sent twice beyond those that the fault itself cut, no
//! answer reaches another request, and nothing is left open afterwards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::Request;
use serde_json::Value;

use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, block, frame, pseudo};
use crate::support::{
    Backend, Connection, Gateway, Http2, Load, OpenSite, Puppet, Received, Reply, Told, arrivals, established, full_queue, get,
    until,
};

const CLIENTS: usize = 6;
/// Each of the two workers may have served all of them at once.
const KEPT: usize = 2 * CLIENTS;

/// A backend whose answer is the target of its request.
fn echo() -> Backend {
    Backend::scripted(|request: &Received| Reply::Text(request.target().to_owned()))
}

fn two_workers(text: &str) -> String {
    text.replace("workers = 1", "workers = 2")
}

/// Nobody was told another's answer; nothing came twice; what was answered with 200 came.
#[track_caller]
fn consistent(told: &[Told], arrived: &BTreeMap<String, usize>) {
    let doubled: Vec<_> = arrived.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "sent twice: {doubled:?}");
    for told in told {
        if let Ok(answer) = &told.answer
            && answer.status == 200
        {
            assert_eq!(answer.text(), told.id, "another's answer");
            assert!(arrived.contains_key(&told.id), "{} was answered and never came", told.id);
        }
    }
}

fn with_status(told: &[Told], status: u16) -> usize {
    told.iter().filter(|told| told.status() == Some(status)).count()
}

/// All gauges are back to rest: no client, nothing in flight, no tunnel, and no more connections than are kept.
#[track_caller]
fn at_rest(gateway: &Gateway) {
    until("clients to be gone", || gateway.metric("tollgate_connections", &["listener=\"plain\""]) == 0.0);
    until("requests to end", || gateway.metric("tollgate_upstream_connections", &["state=\"active\""]) == 0.0);
    assert_eq!(gateway.metric("tollgate_tunnels", &[]), 0.0);
    let status: Value = gateway.admin("/status").json();
    for server in status["upstreams"].as_array().unwrap().iter().flat_map(|upstream| upstream["servers"].as_array().unwrap()) {
        assert_eq!(server["in_flight"], 0, "{server}");
        assert!(server["connections"].as_u64().unwrap() as usize <= KEPT, "{server}");
    }
}

#[test]
fn connections_that_servers_cut_cost_only_the_requests_on_them() {
    let backends = [echo(), echo()];
    let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[backends[0].url(), backends[1].url()])));
    let load = Load::start(gateway.plain(), "cut", CLIENTS);
    let mut cuts = 0;
    for round in 0..20 {
        load.run(30);
        backends[round % 2].cut();
        cuts += 1;
    }
    let told = load.finish();
    let answered = with_status(&told, 200);
    let cut = with_status(&told, 502) + told.iter().filter(|told| told.answer.is_err()).count();
    assert_eq!(answered + cut, told.len(), "{:?}", told.iter().find(|told| !matches!(told.status(), Some(200 | 502) | None)));
    assert!(cut <= cuts * CLIENTS, "{cut} requests failed in {cuts} cuts");
    consistent(&told, &arrivals(&[&backends[0], &backends[1]]));
    at_rest(&gateway);
}

#[test]
fn server_that_dies_costs_only_the_requests_on_it() {
    let (alive, dying) = (echo(), echo());
    let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[alive.url(), dying.url()])));
    let load = Load::start(gateway.plain(), "die", CLIENTS);
    load.run(200);
    let before = arrivals(&[&dying]);
    drop(dying);
    load.run(400);
    let told = load.finish();
    let failed = told.iter().filter(|told| told.status() != Some(200)).count();
    assert!(failed <= CLIENTS, "{failed} of {} failed", told.len());
    assert!(!before.is_empty() && !arrivals(&[&alive]).is_empty());
    let doubled: Vec<_> = arrivals(&[&alive]).into_keys().filter(|id| before.contains_key(id)).collect();
    assert!(doubled.is_empty(), "sent to both: {doubled:?}");
    at_rest(&gateway);
}

/// One upstream's only server takes no connection: its requests end at the deadline, another upstream's do not wait.
#[test]
fn server_with_a_full_queue_holds_up_nobody_else() {
    let (good, (full, _filling)) = (echo(), full_queue());
    let rest = format!(
        "[[upstream]]\nname = \"full\"\nservers = [\"http://{full}\"]\nconnect_timeout = \"300ms\"\nmax_connections = 3\n\n\
         [[route]]\nname = \"full\"\npath = \"/full-0\"\nupstream = \"full\"\nanonymous = true\n"
    );
    let gateway = Gateway::start(&two_workers(&OpenSite { rest: &rest, ..OpenSite::default() }.text(&[good.url()])));
    let good_load = Load::start(gateway.plain(), "good", 3);
    let started = Instant::now();
    let waiting: Vec<_> = (0..6)
        .map(|_| {
            let address = gateway.plain();
            std::thread::spawn(move || get(address, "/full-0", &[]).status)
        })
        .collect();
    let mut statuses: Vec<u16> = waiting.into_iter().map(|waiting| waiting.join().unwrap()).collect();
    statuses.sort_unstable();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(statuses.iter().all(|status| matches!(status, 503 | 504)), "{statuses:?}");
    assert!(statuses.contains(&504), "{statuses:?}");
    let told = good_load.finish();
    assert!(told.len() > 50 && with_status(&told, 200) == told.len(), "{} of {}", with_status(&told, 200), told.len());
    at_rest(&gateway);
}

/// Beside one that works, a server that takes no connection costs time and no request.
#[test]
fn full_queue_of_one_server_is_the_others_work() {
    let (good, (full, _filling)) = (echo(), full_queue());
    let upstream = "connect_timeout = \"100ms\"";
    let servers = [good.url(), format!("http://{full}")];
    let gateway = Gateway::start(&two_workers(&OpenSite { upstream, ..OpenSite::default() }.text(&servers)));
    let load = Load::start(gateway.plain(), "queue", CLIENTS);
    load.run(300);
    let told = load.finish();
    assert_eq!(with_status(&told, 200), told.len());
    consistent(&told, &arrivals(&[&good]));
    at_rest(&gateway);
}

/// Every third answer ends early, at each byte in turn: its client sees no end, all others their own answer.
#[test]
fn answers_that_are_cut_at_any_byte_spoil_no_other() {
    let answer = |id: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{id}", id.len());
    let backend = Backend::scripted(move |request: &Received| {
        let (id, whole) = (request.target(), answer(request.target()));
        let number: usize = id.rsplit('-').next().unwrap().parse().unwrap();
        match number % 3 {
            0 => Reply::RawAndClose(whole.as_bytes()[..(number / 3) % whole.len()].to_vec()),
            _ => Reply::Raw(whole.into_bytes()),
        }
    });
    let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[backend.url()])));
    let load = Load::start(gateway.plain(), "bytes", CLIENTS);
    load.run(1500);
    let told = load.finish();
    consistent(&told, &arrivals(&[&backend]));
    for told in &told {
        let number: usize = told.id.rsplit('-').next().unwrap().parse().unwrap();
        let is_cut = told.answer.is_err() || told.status() == Some(502);
        assert_eq!(is_cut, number.is_multiple_of(3), "{told:?}");
    }
    at_rest(&gateway);
}

/// Clients that leave at each byte of a request in turn.
#[test]
fn clients_that_leave_at_any_byte_leave_nothing_behind() {
    let backend = echo();
    let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[backend.url()])));
    let load = Load::start(gateway.plain(), "stay", 2);
    let request = "POST /leave HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for length in 0..=request.len() {
        let mut client = Connection::open(gateway.plain());
        client.send(&request[..length]).unwrap();
    }
    let told = load.finish();
    assert_eq!(with_status(&told, 200), told.len());
    let mut arrived = arrivals(&[&backend]);
    let whole = arrived.remove("/leave").unwrap_or_default();
    assert!(whole <= 1, "only the last was whole, {whole} came");
    consistent(&told, &arrived);
    at_rest(&gateway);
}

#[test]
fn fifty_reloads_lose_and_double_nothing_and_keep_unchanged_pools() {
    let backend = echo();
    let text = two_workers(&OpenSite::default().text(&[backend.url()]));
    let other = format!("{text}[[route]]\nname = \"more\"\npath = \"/more\"\nupstream = \"site\"\nanonymous = true\n");
    let gateway = Gateway::start(&text);
    let load = Load::start(gateway.plain(), "reload", CLIENTS);
    for round in 0..50 {
        load.run(10);
        gateway.reload(if round % 2 == 0 { &other } else { &text }).unwrap();
    }
    let told = load.finish();
    assert_eq!(with_status(&told, 200), told.len());
    assert_eq!(arrivals(&[&backend]).len(), told.len());
    consistent(&told, &arrivals(&[&backend]));
    assert!(backend.connections() <= CLIENTS, "{} connections: pools were not kept", backend.connections());
    at_rest(&gateway);
}

#[test]
fn fifty_reloads_that_change_the_upstream_close_every_former_connection() {
    let backend = echo();
    let text = |round: usize| {
        let upstream = format!("max_idle = {}", 100 + round);
        two_workers(&OpenSite { upstream: &upstream, ..OpenSite::default() }.text(&[backend.url()]))
    };
    let gateway = Gateway::start(&text(0));
    let load = Load::start(gateway.plain(), "change", CLIENTS);
    for round in 1..=50 {
        load.run(10);
        gateway.reload(&text(round)).unwrap();
    }
    let told = load.finish();
    assert_eq!(with_status(&told, 200), told.len());
    consistent(&told, &arrivals(&[&backend]));
    assert!(backend.connections() > CLIENTS, "every change makes new connections");
    at_rest(&gateway);
    until("former connections to be closed", || established(backend.address.port()) <= KEPT);
}

/// What a backend saw was answered in full; what was not answered was never seen.
#[track_caller]
fn all_or_nothing(told: &[Told], arrived: &BTreeMap<String, usize>) {
    consistent(told, arrived);
    for told in told {
        assert!(matches!(told.status(), Some(200) | None), "{told:?}");
        assert_eq!(told.status().is_some(), arrived.contains_key(&told.id), "{told:?}");
    }
}

#[test]
fn shutdown_under_load_answers_whatever_was_accepted() {
    for _ in 0..5 {
        let backend = Backend::scripted(|request: &Received| Reply::After(Duration::from_millis(3), request.target().to_owned()));
        let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[backend.url()])));
        let load = Load::start(gateway.plain(), "stop", CLIENTS);
        load.run(100);
        let started = Instant::now();
        gateway.stop();
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        let told = load.finish();
        assert!(told.len() >= 100);
        all_or_nothing(&told, &arrivals(&[&backend]));
        until("every connection to be closed", || established(backend.address.port()) == 0);
    }
}

#[test]
fn reload_that_removes_a_listener_answers_whatever_it_accepted() {
    let backend = echo();
    let text = two_workers(&OpenSite::default().text(&[backend.url()]));
    let more = "[[listener]]\nname = \"more\"\naddress = \"127.0.0.1:0\"\n";
    let gateway = Gateway::start(&format!("{text}{more}"));
    let address = gateway.listener("more");
    let removed = Load::start(address, "removed", CLIENTS);
    let kept = Load::start(gateway.plain(), "kept", 2);
    removed.run(100);
    gateway.reload(&text).unwrap();
    let told = removed.finish();
    kept.run(20);
    let kept = kept.finish();
    assert_eq!(with_status(&kept, 200), kept.len());
    let arrived = arrivals(&[&backend]);
    all_or_nothing(&told, &arrived);
    consistent(&kept, &arrived);
    until("its clients to be gone", || established(address.port()) == 0);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens there any more");
    at_rest(&gateway);
}

/// Requests whose bodies and answers are on their way when the shutdown comes.
#[test]
fn shutdown_waits_for_slow_bodies_in_both_directions() {
    let backend = Puppet::start();
    let gateway = Gateway::start(&OpenSite::default().text(&[backend.url()]));
    let mut upload = Connection::open(gateway.plain());
    upload.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello").unwrap();
    let mut uploading = backend.accept();
    uploading.head();
    let mut stream = Frames::open(gateway.plain());
    stream.send(frame(HEADERS, END_HEADERS, 1, &block(&pseudo("POST", "/")))).unwrap();
    let mut streaming = backend.accept();
    streaming.head();
    let mut download = Connection::open(gateway.plain());
    download.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut downloading = backend.accept();
    downloading.head();
    downloading.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");

    let stopping = std::thread::spawn(move || gateway.stop());
    std::thread::sleep(Duration::from_millis(100));
    upload.send("world").unwrap();
    assert_eq!(uploading.read(10), b"helloworld");
    uploading.answer("taken");
    assert_eq!(upload.answer_to("POST").unwrap().text(), "taken");
    stream.send(frame(DATA, END_STREAM, 1, b"hello")).unwrap();
    assert_eq!(streaming.read(15), b"5\r\nhello\r\n0\r\n\r\n");
    streaming.answer("taken");
    assert_eq!(stream.outcome(1), Outcome::Status(200));
    downloading.send("world");
    assert_eq!(download.answer_to("GET").unwrap().text(), "helloworld");
    drop(stream);
    stopping.join().unwrap();
}

#[test]
fn shutdown_under_http2_load_answers_whatever_was_accepted() {
    let backend = echo();
    let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[backend.url()])));
    let address = gateway.plain();
    let clients: Vec<_> = (0..4).map(|client| std::thread::spawn(move || http2_load(address, client))).collect();
    until("the load to run", || backend.received().len() > 200);
    gateway.stop();
    let arrived = arrivals(&[&backend]);
    for (id, is_answered) in clients.into_iter().flat_map(|client| client.join().unwrap()) {
        assert_eq!(is_answered, arrived.contains_key(&id), "{id}");
    }
}

/// Each request of one connection until it ends, and whether it was answered in full.
fn http2_load(address: std::net::SocketAddr, client: usize) -> Vec<(String, bool)> {
    let (mut http2, mut asked) = (Http2::connect(address), Vec::new());
    for number in 0..100_000 {
        let id = format!("/h2-{client}-{number}");
        let head = Request::get(format!("http://localhost{id}")).body(()).unwrap();
        let answer = http2.send(head, &[], None).and_then(|answer| http2.collect(answer));
        let is_answered = answer.as_ref().is_ok_and(|(body, _)| *body == id);
        asked.push((id, is_answered));
        if !is_answered {
            break;
        }
    }
    asked
}

/// The same faults again and again leave no more open than once.
#[test]
fn nothing_accumulates_over_repeated_faults() {
    let backend = echo();
    let gateway = Gateway::start(&two_workers(&OpenSite::default().text(&[backend.url()])));
    for round in 0..5 {
        let load = Load::start(gateway.plain(), &format!("again{round}"), CLIENTS);
        load.run(60);
        backend.cut();
        load.run(60);
        load.finish();
        at_rest(&gateway);
        until("its connections to be closed", || established(backend.address.port()) <= KEPT);
        until("its clients to be gone", || established(gateway.plain().port()) == 0);
    }
}
