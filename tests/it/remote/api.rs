//! The remote's API, reached through the gateway in front with the caller's own credential.

use serde_json::json;

use super::{RemoteSite, cookies};
use crate::support::authority::*;
use crate::support::exchange;

#[test]
fn sign_in_exchange_refresh_validate_and_logout_with_the_cookies_made_anew() {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let answer = site.login("ann", Some(ORDERS));
    let lines = set_cookies(&answer);
    assert_eq!(cookies(&answer), (vec!["access_token".to_owned(), "refresh_token".to_owned()], vec![]));
    assert!(lines.iter().all(|line| line.contains("; Domain=example.com; Path=/; HttpOnly; SameSite=Lax")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("refresh_token=") && line.contains("Max-Age=2592000")), "{lines:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = Tokens::of(&answer);
    assert_eq!(site.validate(&tokens.access), 200);
    let exchanged = Tokens::of(&site.issue(&tokens.access, BILLING, Some(&tokens.refresh)));
    assert!(!exchanged.refresh.is_empty());
    let refreshed = site.refresh(&tokens.refresh);
    assert_eq!((refreshed.status, cookies(&refreshed).0.len()), (200, 2), "{}", refreshed.text());
    let body = json!({ "refreshToken": tokens.refresh, "global": true });
    let headers = [("Cookie", &*format!("access_token={}; refresh_token={}", tokens.access, tokens.refresh))];
    let answer = site.ask("POST /api/logout", &headers, Some(&body));
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(cookies(&answer), (vec![], vec!["access_token".to_owned(), "refresh_token".to_owned()]));
    assert_eq!(site.validate(&tokens.access), 401);
    assert_eq!(site.refresh(&tokens.refresh).status, 401);
    assert_eq!(site.calls("api"), site.front.metric("tollgate_http_requests_total", &["route=\"authority\""]));
}

#[test]
fn the_callers_own_credential_decides_and_there_is_no_other() {
    let site = RemoteSite::start();
    let id = site.user("ann", &[ORDERS]);
    let (list, none) = (format!("GET /api/jwt/refresh?userId={id}"), [("Authorization", NONE)]);
    assert_eq!(site.ask(&list, &[], None).status, 401);
    assert_eq!(site.ask(&list, &none, None).status, 401);
    assert_eq!(site.ask(&list, &[("Authorization", LISTS)], None).status, 200);
    assert_eq!(site.ask(&format!("GET /api/user/{id}"), &[("Authorization", LISTS)], None).status, 401);
    assert_eq!(site.manage(&format!("GET /api/user/{id}"), None).json()["user"]["id"], id);
    assert_eq!(site.manage(&format!("DELETE /api/user/{id}?hardDelete=true"), None).status, 200);
    assert_eq!(site.manage(&format!("GET /api/user/{id}"), None).status, 404);
    let keys = site.ask("GET /.well-known/jwks.json", &[], None);
    assert!(!keys.json()["keys"].as_array().unwrap().is_empty());
    let head = site.ask("GET /api/jwt/public-key", &[("Authorization", "anything")], None);
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
}

#[test]
fn what_is_not_of_the_api_is_not_passed_on() {
    let site = RemoteSite::start();
    let before = site.calls("api");
    let places = [
        "GET /api/user/search",
        "POST /api/user/import",
        "GET /api/user/3c219e58",
        "POST /api/jwt/other",
        "GET /api/jwt/issue/",
        "DELETE /api/jwt/refresh/x",
        "PUT /api/login/x",
        "GET /api/user/change-password/x",
        "GET /api/tenant",
        "GET /oauth2/token",
        "GET /oauth2/authorize",
        "GET /.well-known/tollgate-webhook.json",
        "GET /admin",
    ];
    for place in places {
        let answer = site.manage(place, None);
        assert_eq!(answer.status, 404, "{place}");
    }
    for place in ["PATCH /api/jwt/issue", "GET /api/jwt/vend", "DELETE /api/login"] {
        let answer = site.manage(place, None);
        assert_eq!(answer.status, 405, "{place}");
    }
    assert_eq!(site.calls("api"), before);
    let long = json!({ "loginId": "x".repeat(300_000) });
    assert_eq!(site.manage("POST /api/login", Some(&long)).status, 413);
    assert_eq!(site.calls("api"), before);
}

#[test]
fn a_page_of_another_site_signs_nobody_in_or_out_and_uses_no_cookie() {
    let site = RemoteSite::start();
    site.user("ann", &[ORDERS, BILLING]);
    let browser = site.browser("ann", ORDERS);
    let cookie = format!("access_token={}; refresh_token={}", browser.cookie("access_token"), browser.cookie("refresh_token"));
    let from = [("Cookie", &*cookie), ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")];
    assert_eq!(site.ask("POST /api/jwt/refresh", &from, Some(&json!({}))).status, 400, "no refresh token came");
    let answer = site.ask("POST /api/logout", &from, Some(&json!({})));
    assert_eq!((answer.status, set_cookies(&answer).len()), (200, 0));
    assert_eq!(site.validate(&browser.cookie("access_token")), 200);
    let issue = format!("GET /api/jwt/issue?applicationId={BILLING}");
    assert_eq!(site.ask(&issue, &from, None).json().get("refreshToken"), None, "nothing is written by another site's GET");
    assert!(site.ask(&issue, &from[..1], None).json()["refreshToken"].is_string());
    let login = login_body("ann", Some(KIOSK), PASSWORD);
    let answer = site.ask("POST /api/login", &[("Content-Type", "text/plain"), ("Authorization", ALL)], Some(&login));
    assert_eq!(answer.status, 415);
    let answer = site.ask("POST /api/login", &[from[1], from[2], ("Authorization", ALL)], Some(&login));
    assert_eq!((answer.status, set_cookies(&answer).len()), (202, 0), "{}", answer.text());
}

#[test]
fn the_remote_sees_the_callers_address_and_no_other_word_of_it() {
    let site = RemoteSite::start();
    let id = site.user("ann", &[ORDERS]);
    let body = login_body("ann", Some(ORDERS), PASSWORD).to_string();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 77], 0)).into()).unwrap();
    socket.connect(&site.front.plain().into()).unwrap();
    let lines =
        "X-Forwarded-For: 192.0.2.9\r\nX-Real-IP: 192.0.2.9\r\nForwarded: for=192.0.2.9\r\nContent-Type: application/json\r\n";
    let head = format!(
        "POST /api/login HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {ALL}\r\n{lines}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = crate::support::Connection::over(socket.into()).exchange(head + &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let listed = site.manage(&format!("GET /api/jwt/refresh?userId={id}"), None);
    let device = &listed.json()["refreshTokens"][0]["metaData"]["device"];
    assert_eq!(device["lastAccessedAddress"], "127.0.0.77", "{listed:?}");
}

#[test]
fn an_api_of_another_host_is_nobodys() {
    let site = RemoteSite::start();
    let answer = exchange(site.front.plain(), "GET /api/status HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n");
    assert_eq!(answer.status, 404);
    assert_eq!(site.ask("GET /api/status", &[("Authorization", ALL)], None).status, 200);
}
