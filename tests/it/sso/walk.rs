//! A browser that walks from application to application on the hosts of one domain, and a machine that does so by header.

use std::time::Duration;

use super::{browser_of, issued};
use crate::support::authority::*;
use crate::support::{AuthoritySite, exchange_at_once};

/// Three applications, each on a host of its own.
const ROUTES: &str = "[[route]]\nname = \"a\"\nhost = \"a.example.com\"\npath = \"/\"\nupstream = \"backend-0\"\napplication = \"orders\"\n\n\
    [[route]]\nname = \"b\"\nhost = \"b.example.com\"\npath = \"/\"\nupstream = \"backend-0\"\napplication = \"billing\"\n\n\
    [[route]]\nname = \"c\"\nhost = \"c.example.com\"\npath = \"/\"\nupstream = \"backend-0\"\napplication = \"kiosk\"\n\n";
const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "c.example.com"];

fn site() -> AuthoritySite {
    AuthoritySite::edited(|text| {
        text.replacen("[authority]\n", "[authority]\ncookie_domain = \"example.com\"\naccess_token_lifetime = \"10m\"\n", 1)
            + ROUTES
    })
}

#[test]
fn one_sign_in_walks_three_applications_over_expiries_and_rotations_in_parallel_tabs() {
    for (application, name) in [(ORDERS, "orders"), (BILLING, "billing"), (KIOSK, "kiosk")] {
        let site = site();
        let id = site.user("ann", &[ORDERS, BILLING, KIOSK]);
        let mut browser = browser_of(&site, "ann", application);
        for round in 0..12 {
            // Each round is a moment of the browser: eight tabs load with the cookies that it has now.
            let hosts = HOSTS.into_iter().cycle().take(8);
            let tabs: Vec<String> = hosts.clone().map(|host| browser.request("GET", host, "/x", "")).collect();
            for (host, answer) in hosts.zip(exchange_at_once(site.0, &tabs)) {
                assert_eq!(answer.status, 200, "{name}, round {round}: {host}: {}", answer.text());
                assert!(answer.text().contains(&id), "the backend is told who it is");
                browser.take(host, "/x", &answer);
            }
            site.gateway.clock.advance(Duration::from_secs(240));
        }
        // Forty-eight minutes of tokens that live for ten.
        let refreshes = issued(&site, name, "refresh");
        assert!((3.0..=4.0).contains(&refreshes), "{name}: {refreshes}");
        assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 0.0);
    }
}

#[test]
fn one_sign_in_walks_three_applications_by_header() {
    let site = site();
    site.user("robot", &[ORDERS, BILLING, KIOSK]);
    let mut tokens = site.sign_in("robot", BILLING);
    for _ in 0..6 {
        for host in HOSTS {
            let request = format!("GET /x HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n", tokens.access);
            let answer = crate::support::exchange(site.0, request);
            assert_eq!((answer.status, set_cookies(&answer).len()), (200, 0), "{host}: {}", answer.text());
        }
        site.gateway.clock.advance(Duration::from_secs(600));
        let request = format!("GET /x HTTP/1.1\r\nHost: a.example.com\r\nAuthorization: Bearer {}\r\n\r\n", tokens.access);
        assert_eq!(crate::support::exchange(site.0, request).status, 401, "a machine refreshes for itself");
        tokens = Tokens::of(&site.refresh(&tokens.refresh));
    }
}
