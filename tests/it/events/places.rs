//! Where events come to: on one listener alone, beside routes and hidden by none.

use serde_json::json;

use super::sender::{counted, post_signed};
use super::{Sender, revocation};
use crate::support::{Gateway, Signer, get, route};

const INSIDE: &str = "[[listener]]\nname = \"inside\"\naddress = \"127.0.0.1:0\"\nhttp2 = true\n\n";

fn site(events: &str, more: &str) -> (Sender, Gateway) {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = Gateway::start(&format!("{INSIDE}{}", sender.configuration(events, more)));
    (sender, gateway)
}

#[test]
fn a_place_of_one_listener_is_on_no_other() {
    let (sender, gateway) = site("listener = \"inside\"", "");
    let body = revocation(json!({ "userId": "alice" }));
    let signature = sender.signature(&body);
    for elsewhere in [gateway.plain(), gateway.admin_address()] {
        assert_ne!(post_signed(elsewhere, "/events/corp", &signature, &body).status, 200);
    }
    assert_eq!(post_signed(gateway.plain(), "/events/corp", &signature, &body).status, 404);
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 200);
    assert_eq!(post_signed(gateway.listener("inside"), "/events/corp", &signature, &body).status, 200);
    assert_eq!(gateway.get("/corp", &sender.token(json!({}))).status, 401);
    assert_eq!(counted(&gateway, "applied"), 1.0);
    assert_eq!(gateway.metric("tollgate_http_requests_total", &["route=\"events-in\"", "code=\"200\""]), 1.0);
}

#[test]
fn on_other_listeners_a_route_answers_as_if_there_were_no_place() {
    let all = route("all", "/", "anonymous = true");
    let (sender, gateway) = site("listener = \"inside\"", &all);
    let body = revocation(json!({ "userId": "alice" }));
    let signature = sender.signature(&body);
    let answer = post_signed(gateway.plain(), "/events/corp", &signature, &body);
    assert_eq!((answer.status, counted(&gateway, "applied")), (200, 0.0), "the backend's");
    assert_eq!(get(gateway.listener("inside"), "/events/corp", &[]).status, 405, "no route's");
    assert_eq!(get(gateway.listener("inside"), "/events/corp/below", &[]).status, 404);
    assert_eq!(get(gateway.listener("inside"), "/else", &[]).status, 200);
    assert_eq!(post_signed(gateway.listener("inside"), "/events//corp", &signature, &body).status, 400, "by no other reading");
    assert_eq!(post_signed(gateway.listener("inside"), "/events/corp", &signature, &body).status, 200);
    assert_eq!(counted(&gateway, "applied"), 1.0);
}

#[test]
fn a_place_at_one_host_leaves_the_host_its_routes() {
    let (sender, gateway) = site("listener = \"inside\"\nhost = \"hooks.example\"", &route("all", "/", "anonymous = true"));
    let body = revocation(json!({ "userId": "alice" }));
    let inside = gateway.listener("inside");
    let at = |host: &str, line: &str| {
        let (signature, length) = (sender.signature(&body), body.len());
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
        crate::support::exchange(inside, format!("{head}X-FusionAuth-Signature-JWT: {signature}\r\n\r\n{body}")).status
    };
    assert_eq!((at("localhost", "POST /events/corp"), counted(&gateway, "applied")), (200, 0.0), "the backend's");
    assert_eq!((at("hooks.example", "POST /else"), counted(&gateway, "applied")), (200, 0.0), "the backend's");
    assert_eq!((at("hooks.example", "POST /events/corp"), counted(&gateway, "applied")), (200, 1.0));
}

#[test]
fn the_admin_listener_keeps_its_own_paths() {
    let sender = Sender::start(Signer::new("k1"));
    let gateway = sender.gateway();
    for (path, taken) in [("/metrics", "/metrics"), ("/livez", "/livez"), ("/readyz", "/readyz"), ("/status", "/status")] {
        assert_eq!(gateway.admin(path).status, 200, "{path}");
        let text = sender.configuration("", "").replace("/events/corp", path);
        let refused = gateway.reload(&text).unwrap_err();
        assert!(refused.contains(&format!("which the admin listener answers itself ({taken})")), "{refused}");
    }
    let body = revocation(json!({ "userId": "alice" }));
    assert_eq!(post_signed(gateway.admin_address(), "/metrics", &sender.signature(&body), &body).status, 405);
}
