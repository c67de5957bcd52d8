//! Changing the remote's settings while the gateway runs.

use std::time::Duration;

use super::RemoteSite;
use crate::support::authority::*;

#[test]
fn other_settings_are_in_force_and_embedded_and_remote_do_not_change_places() {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let tokens = site.sign_in("ann", ORDERS);
    assert_eq!(site.call("/billing", &tokens.access), 200);
    site.front.reload(&site.text.replacen("cookie_domain = \"example.com\"", "", 1)).unwrap();
    assert!(set_cookies(&site.login("ann", Some(ORDERS))).iter().all(|line| !line.contains("Domain=")));
    assert_eq!(site.call("/billing", &tokens.access), 200, "exchanged anew under the new settings");
    assert_eq!(site.calls("issue"), 2.0);
    site.front.reload(&site.text.replacen("ca_file = ", "timeout = \"2s\"\nca_file = ", 1)).unwrap();
    assert_eq!(site.call("/billing", &tokens.access), 200);
    let folder = site.folder().display();
    let store = format!("[store]\nurl = \"sqlite://{folder}/s.db\"\nencryption_key_file = \"{folder}/s.key\"\n\n[authority]\n");
    let from = site.text.find("remote_url").unwrap();
    let to = from + site.text[from..].find("\n\n").unwrap();
    let embedded = (site.text[..from].to_owned() + &site.text[to..]).replacen("[authority]\n", &store, 1);
    assert!(site.front.reload(&embedded).unwrap_err().contains("cannot change while the gateway runs"));
    assert_eq!(site.call("/billing", &tokens.access), 200);
}

#[test]
fn with_a_store_a_restart_needs_no_remote_for_its_keys() {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS]);
    let tokens = site.sign_in("ann", ORDERS);
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let text = format!("[store]\nurl = \"sqlite://{at}/s.db\"\nencryption_key_file = \"{at}/s.key\"\n\n{}", site.text);
    let ask = |gateway: &crate::support::Gateway| {
        let line = format!("GET /orders HTTP/1.1\r\nHost: shop.example.com\r\nAuthorization: Bearer {}\r\n\r\n", tokens.access);
        crate::support::exchange(gateway.plain(), line).status
    };
    let first = crate::support::Gateway::start(&text);
    assert_eq!(ask(&first), 200);
    first.stop();
    let RemoteSite { mut remote, backend, .. } = site;
    remote.gateway.halt();
    let second = crate::support::Gateway::start(&text);
    crate::support::until("saved keys", || ask(&second) == 200);
    assert!(!backend.received().is_empty());
    second.clock.advance(Duration::from_secs(1));
}
