//! The API's paths take nothing else of their host away.

use crate::support::authority::*;
use crate::support::{AuthoritySite, exchange};

#[test]
fn routes_of_any_host_are_on_the_authoritys_host_too() {
    let site = AuthoritySite::start();
    site.user("ann", &[ORDERS]);
    let token = site.sign_in("ann", ORDERS).access;
    let visit = |host: &str| {
        let request = format!("GET /orders HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        exchange(site.gateway.plain(), request).status
    };
    assert_eq!((visit(HOST), visit("elsewhere.example")), (200, 200));
    // And the API is on its host alone.
    let validate = |host: &str| {
        let request = format!("GET /api/jwt/validate HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        exchange(site.gateway.plain(), request).status
    };
    assert_eq!((validate(HOST), validate("elsewhere.example")), (200, 404));
}

#[test]
fn what_can_be_read_as_the_api_is_no_route_and_what_can_be_read_as_a_route_is_no_api() {
    let site = AuthoritySite::start();
    let status = |target: &str| exchange(site.gateway.plain(), format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).status;
    for target in
        ["/API/jwt/issue", "/%61pi/jwt/issue", "/api/jwt/..%2f..%2forders", "/orders/../api/jwt/issue", "//api/jwt/issue"]
    {
        assert_eq!(status(target), 400, "{target}");
    }
}
