//! TLS, end to end and across reloads: which certificate, which clients, which sessions, and no handshake lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use crate::support::{Authority, Backend, Gateway, MockIssuer, Signer, TlsClient, configuration, until};

/// A backend, an issuer and a folder with certificates of `authority`.
struct Scene {
    authority: Authority,
    key: Signer,
    issuer: MockIssuer,
    backend: Backend,
}

impl Scene {
    fn new() -> Self {
        let key = Signer::new("k1");
        let issuer = MockIssuer::start("corp", &[&key]);
        Self { authority: Authority::new(), key, issuer, backend: Backend::start() }
    }

    /// A configuration with these TLS listeners beside `plain`.
    fn text(&self, listeners: &str) -> String {
        let route = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\n";
        configuration(&[&self.issuer], &[&self.backend], &format!("{listeners}\n{route}"))
    }

    fn token(&self) -> String {
        self.key.token(&Signer::claims(&self.issuer.issuer(), "alice"))
    }
}

fn listener(name: &str, tls: &str) -> String {
    format!("[[listener]]\nname = \"{name}\"\naddress = \"127.0.0.1:0\"\ntls = {{ {tls} }}\n")
}

const SERVER: &str = "certificate = \"server.crt\", private_key = \"server.key\"";

fn asking(how: &str) -> String {
    listener("tls", &format!("{SERVER}, client_auth = \"{how}\", client_ca = \"clients.crt\""))
}

#[test]
fn each_name_has_its_certificate_exact_before_wildcard_before_the_first() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let first = scene.authority.issue(&["default.test", "127.0.0.1"]);
    let exact = scene.authority.issue(&["a.example.test"]);
    let wildcard = scene.authority.issue(&["*.example.test"]);
    first.write(folder.path(), "server");
    exact.write(folder.path(), "exact");
    wildcard.write(folder.path(), "wildcard");
    let more = |name: &str| format!("[[listener.certificate]]\ncertificate = \"{name}.crt\"\nprivate_key = \"{name}.key\"\n");
    let text = scene.text(&format!("{}{}{}", listener("tls", SERVER), more("exact"), more("wildcard")));
    let gateway = Gateway::start_in(folder, &text);
    let (address, token) = (gateway.listener("tls"), scene.token());
    let cases = [
        ("default.test", &first),
        ("127.0.0.1", &first),
        ("a.example.test", &exact),
        ("A.EXAMPLE.test", &exact),
        ("b.example.test", &wildcard),
        ("B.Example.Test", &wildcard),
    ];
    for (name, expected) in cases {
        let mut connection = scene.authority.client().connect(address, name).unwrap();
        assert_eq!(connection.shown(), expected.certificate, "{name}");
        assert_eq!(connection.get(name, "/", &token).unwrap().status, 200, "{name}");
    }
    assert!(scene.authority.client().connect(address, "nobody.test").is_err(), "gets the first, which is not its name's");
}

#[test]
fn tls_1_2_and_1_3_and_http_1_and_2_are_served_on_one_listener() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    scene.authority.issue(&["a.test"]).write(folder.path(), "server");
    let gateway = Gateway::start_in(folder, &scene.text(&listener("tls", SERVER)));
    until("readiness", || gateway.admin("/readyz").status == 200);
    let (address, token) = (gateway.listener("tls"), scene.token());
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        for offered in [&["http/1.1"][..], &[]] {
            let client = scene.authority.client().only(version).offering(offered);
            let mut connection = client.connect(address, "a.test").unwrap();
            assert_eq!((connection.version(), connection.protocol()), (expected, offered.concat()));
            assert_eq!(connection.get("a.test", "/", &token).unwrap().status, 200);
        }
        let client = scene.authority.client().only(version).offering(&["h2", "http/1.1"]);
        let mut connection = client.connect(address, "a.test").unwrap();
        assert_eq!(connection.protocol(), "h2");
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        assert_eq!(connection.read(9).unwrap()[3], 4, "a SETTINGS frame");
        assert!(scene.authority.client().only(version).offering(&["h3"]).connect(address, "a.test").is_err());
    }
    assert!(gateway.metric("tollgate_tls_handshakes_total", &["result=\"ok\""]) >= 6.0);
    until("the refused ones", || gateway.metric("tollgate_tls_handshakes_total", &["result=\"failed\""]) == 2.0);
}

/// Whether a request on a new connection of `client` is served.
fn is_served(client: &TlsClient, gateway: &Gateway, token: &str) -> bool {
    let connection = client.connect(gateway.listener("tls"), "a.test");
    connection.and_then(|mut connection| connection.get("a.test", "/", token)).is_ok_and(|answer| answer.status == 200)
}

#[test]
fn client_certificates_are_not_asked_for_or_may_or_must_be_shown_as_each_reload_says() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let (clients, strangers) = (Authority::new(), Authority::new());
    scene.authority.issue(&["a.test"]).write(folder.path(), "server");
    clients.write(folder.path(), "clients");
    let gateway = Gateway::start_in(folder, &scene.text(&listener("tls", SERVER)));
    until("readiness", || gateway.admin("/readyz").status == 200);
    let token = scene.token();
    // Asked for nothing, required, optional: without a certificate, with a good one, with a stranger's.
    let cases = [
        (listener("tls", SERVER), [true, true, true]),
        (asking("required"), [false, true, false]),
        (asking("optional"), [true, true, false]),
        (listener("tls", SERVER), [true, true, true]),
    ];
    for (listeners, expected) in cases {
        gateway.reload(&scene.text(&listeners)).unwrap();
        for version in [&TLS12, &TLS13] {
            let client = || scene.authority.client().only(version);
            let all = [client(), client().showing(&clients.issue(&["me"])), client().showing(&strangers.issue(&["me"]))];
            assert_eq!(all.map(|client| is_served(&client, &gateway, &token)), expected, "{version:?} {listeners}");
        }
    }
}

#[test]
fn traefik_cve_2026_53622_a_connection_with_client_certificates_serves_the_host_it_was_made_for_alone() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let clients = Authority::new();
    scene.authority.issue(&["a.test", "b.test", "*.c.test", "127.0.0.1"]).write(folder.path(), "server");
    clients.write(folder.path(), "clients");
    let gateway = Gateway::start_in(folder, &scene.text(&asking("required")));
    until("readiness", || gateway.admin("/readyz").status == 200);
    let client = scene.authority.client().showing(&clients.issue(&["me"]));
    let cases = [
        ("a.test", "a.test", 200),
        ("a.test", "A.TEST", 200),
        ("A.Test", "a.test:8443", 200),
        ("a.test", "b.test", 421),
        ("b.test", "a.test", 421),
        ("x.c.test", "y.c.test", 421),
        ("x.c.test", "x.c.test", 200),
        ("a.test", "a.test.evil", 421),
    ];
    for (name, host, expected) in cases {
        let mut connection = client.connect(gateway.listener("tls"), name).unwrap();
        assert_eq!(connection.get(host, "/", &scene.token()).unwrap().status, expected, "SNI {name}, Host {host}");
    }
    // Without client certificates nothing depends on the name.
    gateway.reload(&scene.text(&listener("tls", SERVER))).unwrap();
    let mut connection = scene.authority.client().connect(gateway.listener("tls"), "a.test").unwrap();
    assert_eq!(connection.get("b.test", "/", &scene.token()).unwrap().status, 200);
}

#[test]
fn sessions_resume_until_the_client_authorities_change_and_on_no_other_listener() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let (clients, others) = (Authority::new(), Authority::new());
    scene.authority.issue(&["a.test"]).write(folder.path(), "server");
    clients.write(folder.path(), "clients");
    let listeners = format!("{}{}", asking("required"), asking("required").replace("\"tls\"", "\"other\""));
    let gateway = Gateway::start_in(folder, &scene.text(&listeners));
    until("readiness", || gateway.admin("/readyz").status == 200);
    let token = scene.token();
    for version in [&TLS12, &TLS13] {
        clients.write(gateway.folder(), "clients");
        gateway.reload(&scene.text(&listeners)).unwrap();
        let client = scene.authority.client().only(version).showing(&clients.issue(&["me"])).resuming();
        let visit = |listener: &str| {
            let mut connection = client.connect(gateway.listener(listener), "a.test")?;
            connection.get("a.test", "/", &token).map(|answer| (answer.status, connection.was_resumed()))
        };
        assert_eq!(visit("tls").unwrap(), (200, false));
        assert_eq!(visit("tls").unwrap(), (200, true));
        assert_eq!(visit("other").unwrap(), (200, false), "its tickets are nothing to the other");
        assert_eq!(visit("other").unwrap(), (200, true));
        gateway.reload(&format!("{}origins = [\"https://app.test\"]\n", scene.text(&listeners))).unwrap();
        assert_eq!(visit("other").unwrap(), (200, true), "a reload of something else costs nobody a handshake");
        others.write(gateway.folder(), "clients");
        gateway.reload(&scene.text(&listeners)).unwrap();
        assert!(visit("other").is_err(), "the ticket stood for an authority that is no longer believed");
    }
}

/// Connections one after the other until told to stop: how many there were, how many failed.
fn visitors(
    scene: &Scene,
    gateway: &Gateway,
    stop: &Arc<AtomicBool>,
    made: &Arc<AtomicUsize>,
) -> Vec<std::thread::JoinHandle<usize>> {
    let visitor = |_| {
        let (client, address, token) = (scene.authority.client(), gateway.listener("tls"), scene.token());
        let (stop, made) = (Arc::clone(stop), Arc::clone(made));
        std::thread::spawn(move || {
            let mut failed = 0;
            while !stop.load(Ordering::Relaxed) {
                let visit = client.connect(address, "a.test").and_then(|mut connection| connection.get("a.test", "/", &token));
                failed += usize::from(!visit.is_ok_and(|answer| answer.status == 200));
                made.fetch_add(1, Ordering::Relaxed);
            }
            failed
        })
    };
    (0..3).map(visitor).collect()
}

#[test]
fn certificates_are_renewed_under_load_without_a_failed_handshake() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    scene.authority.issue(&["a.test"]).write(folder.path(), "server");
    let text = scene.text(&listener("tls", SERVER));
    let gateway = Gateway::start_in(folder, &text);
    until("readiness", || gateway.admin("/readyz").status == 200);
    let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let visitors = visitors(&scene, &gateway, &stop, &made);
    let mut open = scene.authority.client().connect(gateway.listener("tls"), "a.test").unwrap();
    for _ in 0..10 {
        let renewed = scene.authority.issue(&["a.test"]);
        renewed.write(gateway.folder(), "server");
        gateway.reload(&text).unwrap();
        let shown = scene.authority.client().connect(gateway.listener("tls"), "a.test").unwrap().shown();
        assert_eq!(shown, renewed.certificate, "the next handshake has the new one");
        assert_eq!(open.get("a.test", "/", &scene.token()).unwrap().status, 200, "an open connection stays");
        let goal = made.load(Ordering::Relaxed) + 10;
        until("more handshakes", || made.load(Ordering::Relaxed) >= goal);
    }
    stop.store(true, Ordering::Relaxed);
    let failed: usize = visitors.into_iter().map(|visitor| visitor.join().unwrap()).sum();
    assert_eq!(failed, 0);
    assert_eq!(gateway.metric("tollgate_tls_handshakes_total", &["result=\"failed\""]), 0.0);
    println!("10 renewals under {} handshakes, none failed", made.load(Ordering::Relaxed));
}

/// What a renewal can bring that cannot be served.
fn spoil(folder: &TempDir, how: &str, authority: &Authority) {
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    match how {
        "a certificate of another key" => write("server.crt", &authority.issue(&["a.test"]).pem),
        "half a file" => {
            let text = authority.issue(&["a.test"]).pem;
            write("server.crt", &text[..text.len() / 2]);
        }
        "no certificate" => write("server.crt", "\n"),
        "no file" => std::fs::remove_file(folder.path().join("server.crt")).unwrap(),
        _ => write("server.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    }
}

#[test]
fn a_bad_new_certificate_keeps_the_old_one_and_says_so() {
    let scene = Scene::new();
    for how in ["a certificate of another key", "half a file", "no certificate", "no file", "a bad key"] {
        let (folder, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let good = scene.authority.issue(&["a.test"]);
        good.write(folder.path(), "server");
        let at = |file: &str| format!("{}/server.{file}", folder.path().display());
        let tls = format!("certificate = \"{}\", private_key = \"{}\"", at("crt"), at("key"));
        let text = scene.text(&listener("tls", &tls));
        let gateway = Gateway::start_in(place, &text);
        until("readiness", || gateway.admin("/readyz").status == 200);
        spoil(&folder, how, &scene.authority);
        let refusal = gateway.reload(&text).unwrap_err();
        assert!(refusal.contains("listener.tls.tls.") && refusal.contains("tollgate.toml:"), "{how}: {refusal}");
        let mut connection = scene.authority.client().connect(gateway.listener("tls"), "a.test").unwrap();
        assert_eq!(connection.shown(), good.certificate, "{how}");
        assert_eq!(connection.get("a.test", "/", &scene.token()).unwrap().status, 200, "{how}");
        good.write(folder.path(), "server");
        gateway.reload(&text).unwrap();
    }
}
