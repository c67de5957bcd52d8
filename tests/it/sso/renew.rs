//! Sessions that go on by themselves: a browser's expired access token is renewed while its request waits.

use std::time::Duration;

use serde_json::json;

use super::{browser_of, claims, issued, told};
use crate::support::authority::*;
use crate::support::{Answer, AuthoritySite, Browser, Connection, exchange, exchange_at_once, until};

const SHOP: &str = "shop.example.com";
const HOUR: Duration = Duration::from_secs(3600);

fn with_domain() -> AuthoritySite {
    AuthoritySite::with("[authority]\n", "cookie_domain = \"example.com\"")
}

/// A site, and a browser signed in to `application` whose access token has expired.
fn expired(application: &str) -> (AuthoritySite, Browser) {
    let site = with_domain();
    site.user("ann", &[ORDERS, BILLING]);
    let browser = browser_of(&site, "ann", application);
    site.gateway.clock.advance(HOUR);
    (site, browser)
}

/// The names of the cookies that an answer sets, and of those that it clears.
fn cookies(answer: &Answer) -> (Vec<&str>, Vec<&str>) {
    let name = |line: &&str| line.split('=').next().map(str::to_owned);
    let (cleared, set): (Vec<&str>, Vec<&str>) = set_cookies(answer).into_iter().partition(|line| line.contains("Max-Age=0"));
    let names = |lines: Vec<&'_ str>| {
        let names: std::collections::BTreeSet<_> = lines.iter().filter_map(name).collect();
        ["access_token", "refresh_token"].into_iter().filter(|it| names.contains(*it)).collect()
    };
    (names(set), names(cleared))
}

const BOTH: [&str; 2] = ["access_token", "refresh_token"];

#[test]
fn expired_or_absent_access_cookie_is_renewed_and_the_new_cookies_go_out() {
    for application in [ORDERS, BILLING] {
        for is_absent in [false, true] {
            let (site, mut browser) = expired(application);
            let (former, refresh) = (browser.cookie("access_token"), browser.cookie("refresh_token"));
            if is_absent {
                browser.lose("access_token");
            }
            let answer = browser.get(SHOP, "/orders");
            assert_eq!((answer.status, cookies(&answer).0), (200, BOTH.to_vec()), "{application} {is_absent}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_ne!(browser.cookie("access_token"), former);
            assert_eq!(browser.cookie("refresh_token") == refresh, application == ORDERS, "only one-time ones are replaced");
            // The cookie keeps its application; the exchange is the backend's alone.
            assert_eq!(claims(&browser.cookie("access_token"))["aud"], application);
            assert_eq!(claims(&browser.cookie("access_token"))["sid"], claims(&former)["sid"]);
            assert_eq!(told(&site, "x-forwarded-groups").as_deref(), Some("user"));
            assert_eq!(told(&site, "cookie"), None);
            let answer = browser.get(SHOP, "/orders");
            assert_eq!((answer.status, cookies(&answer)), (200, (vec![], vec![])), "then nothing is to be renewed");
        }
    }
}

#[test]
fn sixty_four_requests_at_once_with_one_expired_cookie_are_one_refresh() {
    for (application, name) in [(ORDERS, "orders"), (BILLING, "billing")] {
        for is_absent in [false, true] {
            let (site, mut browser) = expired(application);
            if is_absent {
                browser.lose("access_token");
            }
            let asked = ["/orders", "/billing"].repeat(32).into_iter().map(|path| browser.request("GET", SHOP, path, ""));
            let answers = exchange_at_once(site.0, &asked.collect::<Vec<_>>());
            assert_eq!(issued(&site, name, "refresh"), 1.0, "{name}");
            for answer in &answers {
                assert_eq!((answer.status, cookies(answer).0), (200, BOTH.to_vec()), "{}", answer.text());
                assert_eq!(set_cookies(answer), set_cookies(&answers[0]), "all have the same new ones");
            }
            assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 0.0);
            browser.take(SHOP, "/orders", &answers[0]);
            assert_eq!(browser.get(SHOP, "/billing").status, 200);
            // One that comes late with the former cookies has them too, and no refresh of its own.
            assert_eq!(issued(&site, name, "refresh"), 1.0);
        }
    }
}

#[test]
fn token_in_a_header_is_never_renewed() {
    let (site, browser) = expired(ORDERS);
    let (access, refresh) = (browser.cookie("access_token"), browser.cookie("refresh_token"));
    for token in [&*access, "garbage"] {
        let lines = format!("Authorization: Bearer {token}\r\nCookie: refresh_token={refresh}\r\n");
        let answer = exchange(site.0, format!("GET /orders HTTP/1.1\r\nHost: {SHOP}\r\n{lines}\r\n"));
        assert_eq!((answer.status, answer.reason().as_str()), (401, "invalid_token"));
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
        assert_eq!(cookies(&answer), (vec![], vec![]));
    }
    assert_eq!(issued(&site, "orders", "refresh"), 0.0);
}

#[test]
fn badly_signed_or_revoked_access_cookie_renews_nothing_and_is_cleared() {
    let (site, browser) = expired(ORDERS);
    let access = browser.cookie("access_token");
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    for bad in [&*forged, "garbage", "a.b.c"] {
        let mut browser = browser.clone();
        browser.lose("access_token");
        browser.plant(SHOP, "access_token", bad);
        let answer = browser.get(SHOP, "/orders");
        assert_eq!((answer.status, cookies(&answer)), (401, (vec![], vec!["access_token"])), "{bad}");
        assert_eq!(issued(&site, "orders", "refresh"), 0.0);
    }
    // The next request finds the refresh token alone, which decides.
    let mut junk = browser;
    junk.lose("access_token");
    junk.plant(SHOP, "access_token", "garbage");
    assert_eq!((junk.get(SHOP, "/orders").status, junk.get(SHOP, "/orders").status), (401, 200));
    let mut live = browser_of(&site, "ann", ORDERS);
    site.revoke(&format!("token={}", live.cookie("refresh_token")));
    assert_eq!((live.get(SHOP, "/orders").status, live.get(SHOP, "/orders").status), (401, 401));
    assert_eq!((live.cookie("access_token"), live.cookie("refresh_token")), (String::new(), String::new()));
}

#[test]
fn lost_role_is_one_refusal_and_then_the_session_goes_on_without_it() {
    let site = with_domain();
    let id = site.user("ann", &[]);
    site.register(&id, ORDERS, Some(&["admin", "user"]));
    let mut browser = browser_of(&site, "ann", ORDERS);
    assert_eq!((browser.get(SHOP, "/orders").status, told(&site, "x-forwarded-groups").as_deref()), (200, Some("admin,user")));
    let change = json!({ "registration": { "applicationId": ORDERS, "roles": ["user"] } });
    assert_eq!(site.manage(&format!("PUT /api/user/registration/{id}"), Some(&change)).status, 200);
    assert_eq!(browser.get(SHOP, "/orders").status, 401);
    assert_eq!((browser.get(SHOP, "/orders").status, told(&site, "x-forwarded-groups").as_deref()), (200, Some("user")));
}

#[test]
fn refused_refresh_clears_both_cookies_wherever_the_authority_sets_them() {
    let (site, mut browser) = expired(ORDERS);
    site.revoke(&format!("token={}", browser.cookie("refresh_token")));
    for cleared in [vec!["access_token"], BOTH.to_vec()] {
        let answer = browser.get(SHOP, "/orders");
        assert_eq!((answer.status, answer.reason().as_str()), (401, "invalid_token"));
        assert_eq!(cookies(&answer), (vec![], cleared));
    }
    assert_eq!((browser.cookie("access_token"), browser.cookie("refresh_token")), (String::new(), String::new()));
    assert_eq!(browser.get(SHOP, "/orders").reason(), "credential_missing");
    // A refresh token that never was one too.
    browser.plant(SHOP, "refresh_token", "planted");
    let answer = browser.get(SHOP, "/orders");
    assert_eq!((answer.status, cookies(&answer)), (401, (vec![], BOTH.to_vec())));
}

/// Whoever can set cookies for the domain plants one that nobody but the browser sees, at a path of its own.
#[test]
fn planted_refresh_cookie_is_cleared_at_its_path_and_signs_nobody_in_as_the_planter() {
    let (site, mut browser) = expired(ORDERS);
    site.user("mallory", &[ORDERS]);
    let planted = site.sign_in("mallory", ORDERS).refresh;
    let lines = [
        format!("refresh_token={planted}; Path=/orders; Domain=example.com"),
        format!("refresh_token={planted}; Path=/orders/deep"),
        format!("refresh_token={planted}; Path=/; Domain={SHOP}"),
    ];
    lines.iter().for_each(|line| browser.keep(SHOP, "/", line));
    let answer = browser.get(SHOP, "/orders/deep/x");
    assert_eq!((answer.status, answer.reason().as_str()), (401, "conflicting_cookies"));
    for path in ["/orders/deep/x", "/orders"] {
        let answer = browser.get(SHOP, path);
        assert_eq!((answer.status, answer.reason().as_str()), (401, "credential_missing"), "{path}");
    }
    assert_eq!(issued(&site, "orders", "refresh"), 0.0);
}

#[test]
fn more_refresh_cookies_than_anyone_has_are_cleared() {
    let (site, mut browser) = expired(ORDERS);
    for (number, path) in ["/orders", "/orders/", "/orders/a", "/orders/a/"].iter().enumerate() {
        browser.keep(SHOP, "/", &format!("refresh_token=x{number}; Path={path}"));
    }
    assert_eq!(browser.get(SHOP, "/orders/a/b").status, 401);
    let mut again = browser_of(&site, "ann", ORDERS);
    site.gateway.clock.advance(HOUR);
    assert_eq!(again.get(SHOP, "/orders/a/b").status, 200);
    assert_eq!(browser.cookie("refresh_token"), "", "the planted ones are gone");
}

/// Planted long before, it would win at the moment in which the other expires.
#[test]
fn valid_access_cookie_beside_an_expired_one_of_another_user_is_a_conflict() {
    let (site, mut browser) = expired(ORDERS);
    site.user("mallory", &[ORDERS]);
    browser.plant(SHOP, "access_token", &site.sign_in("mallory", ORDERS).access);
    let answer = browser.get(SHOP, "/orders");
    assert_eq!((answer.status, answer.reason().as_str()), (401, "conflicting_cookies"));
    assert_eq!(browser.get(SHOP, "/orders").status, 200, "and the session goes on");
    assert_eq!(told(&site, "x-forwarded-email").as_deref(), Some("ann@example.com"));
}

#[test]
fn refresh_token_of_another_session_than_the_expired_access_token_renews_nothing() {
    let (site, mut browser) = expired(ORDERS);
    site.user("mallory", &[ORDERS]);
    let planted = site.sign_in("mallory", ORDERS).refresh;
    browser.lose("refresh_token");
    browser.plant(SHOP, "refresh_token", &planted);
    let answer = browser.get(SHOP, "/orders");
    assert_eq!((answer.status, answer.reason().as_str()), (401, "conflicting_cookies"));
    assert_eq!(cookies(&answer).1, BOTH.to_vec());
    assert_eq!(issued(&site, "orders", "refresh"), 0.0);
    // Beside the real one neither counts: nobody can say which is real.
    let mut browser = browser_of(&site, "ann", ORDERS);
    site.gateway.clock.advance(HOUR);
    browser.plant(SHOP, "refresh_token", &planted);
    assert_eq!(browser.get(SHOP, "/orders").status, 401);
    assert_eq!(site.refresh(&planted).status, 200, "and the other session is not touched");
}

#[test]
fn garbage_beside_the_good_cookies_is_ignored() {
    let (_site, mut browser) = expired(ORDERS);
    browser.plant(SHOP, "refresh_token", "planted");
    browser.plant(SHOP, "access_token", "planted.planted.planted");
    assert_eq!(browser.get(SHOP, "/orders").status, 200);
}

#[test]
fn new_cookies_go_out_with_every_answer_whatever_it_is() {
    let routes = "[[route]]\nname = \"down\"\npath = \"/down\"\nupstream = \"down\"\napplication = \"orders\"\n\n\
                  [[upstream]]\nname = \"down\"\nservers = [\"http://127.0.0.1:9\"]\n\n\
                  [[route]]\nname = \"admins\"\npath = \"/admins\"\nupstream = \"backend-0\"\napplication = \"orders\"\n\
                  require = { roles = [\"admin\"] }\n\n";
    let site = AuthoritySite::edited(|text| {
        text.replacen("[authority]\n", "[authority]\ncookie_domain = \"example.com\"\n", 1) + routes
    });
    site.user("ann", &[ORDERS]);
    for (path, status) in [("/down", 502), ("/admins", 403), ("/orders", 200)] {
        let mut browser = browser_of(&site, "ann", ORDERS);
        site.gateway.clock.advance(HOUR);
        let answer = browser.get(SHOP, path);
        assert_eq!((answer.status, cookies(&answer).0), (status, BOTH.to_vec()), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let answer = browser.get(SHOP, path);
        assert_eq!((answer.status, cookies(&answer).0), (status, vec![]), "{path}");
    }
}

#[test]
fn another_sites_request_renews_nothing_where_its_cookies_do_not_count() {
    let (site, browser) = expired(ORDERS);
    let absent = {
        let mut browser = browser.clone();
        browser.lose("access_token");
        browser
    };
    for browser in [&browser, &absent] {
        let request = browser.request("POST", SHOP, "/orders", "Content-Length: 0\r\n").replace("same-origin", "cross-site");
        let answer = exchange(site.0, request);
        assert_eq!((answer.status, cookies(&answer)), (401, (vec![], vec![])));
        assert_eq!(issued(&site, "orders", "refresh"), 0.0);
    }
    let request = browser.request("POST", SHOP, "/orders", "Content-Length: 0\r\n");
    assert_eq!(exchange(site.0, request).status, 200, "its own page's does");
}

#[test]
fn route_that_takes_no_cookies_or_anyone_renews_nothing() {
    let routes = "[[route]]\nname = \"programs\"\npath = \"/programs\"\nupstream = \"backend-0\"\napplication = \"orders\"\n\
                  token_from = [\"header\"]\n\n\
                  [[route]]\nname = \"open\"\npath = \"/open\"\nupstream = \"backend-0\"\nanonymous = true\n\n\
                  [[route]]\nname = \"both\"\npath = \"/both\"\nupstream = \"backend-0\"\napplication = \"orders\"\n\
                  anonymous = \"optional\"\n\n";
    let site = AuthoritySite::edited(|text| text + routes);
    site.user("ann", &[ORDERS]);
    let browser = browser_of(&site, "ann", ORDERS);
    site.gateway.clock.advance(HOUR);
    for (path, status) in [("/programs", 401), ("/open", 200)] {
        let answer = browser.clone().get(HOST, path);
        assert_eq!((answer.status, cookies(&answer)), (status, (vec![], vec![])), "{path}");
    }
    assert_eq!(issued(&site, "orders", "refresh"), 0.0);
    let mut known = browser.clone();
    assert_eq!((known.get(HOST, "/both").status, told(&site, "x-forwarded-groups").as_deref()), (200, Some("user")));
    site.revoke(&format!("token={}", browser.cookie("refresh_token")));
    site.gateway.clock.advance(HOUR);
    for cleared in [vec!["access_token"], BOTH.to_vec()] {
        let answer = known.get(HOST, "/both");
        assert_eq!((answer.status, cookies(&answer).1, told(&site, "x-forwarded-user")), (200, cleared, None));
    }
}

#[test]
fn client_that_leaves_before_its_answer_keeps_its_session() {
    let (site, mut browser) = expired(BILLING);
    // The answer with the newer ones never reaches it.
    let mut connection = Connection::open(site.0);
    connection.send(browser.request("GET", SHOP, "/billing", "")).unwrap();
    until("the refresh", || issued(&site, "billing", "refresh") > 0.0);
    drop(connection);
    site.gateway.clock.advance(Duration::from_secs(59));
    assert_eq!(browser.get(SHOP, "/billing").status, 200);
    site.gateway.clock.advance(HOUR);
    assert_eq!(browser.get(SHOP, "/billing").status, 200, "and goes on");
    assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 0.0);
}

#[test]
fn store_that_does_not_answer_is_503_and_clears_nothing() {
    let (mut site, mut browser) = expired(ORDERS);
    let lock = rusqlite::Connection::open(site.store()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE; UPDATE store SET id = id").unwrap();
    let answer = browser.clone().get(SHOP, "/orders");
    assert_eq!((answer.status, answer.reason().as_str()), (503, "authority_unavailable"), "{}", answer.text());
    assert_eq!((answer.header("retry-after"), cookies(&answer)), (Some("1"), (vec![], vec![])));
    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(browser.get(SHOP, "/orders").status, 200);
    site.gateway.halt();
}

#[test]
fn answer_with_new_cookies_says_nothing_that_a_browser_would_keep_it_by() {
    let head = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nExpires: Thu, 01 Dec 2044 16:00:00 GMT\r\nCache-Control: max-age=600\r\n\
                Set-Cookie: access_token=planted\r\nSet-Cookie: theirs=1\r\nContent-Length: 2\r\n\r\nhi";
    let backend = crate::support::Backend::scripted(move |_| crate::support::Reply::Raw(head.into()));
    let route = format!(
        "[[route]]\nname = \"cached\"\npath = \"/cached\"\nupstream = \"cached\"\napplication = \"orders\"\n\n\
         [[upstream]]\nname = \"cached\"\nservers = [\"{}\"]\n\n",
        backend.url()
    );
    let site = AuthoritySite::edited(|text| text + &route);
    site.user("ann", &[ORDERS]);
    let mut browser = browser_of(&site, "ann", ORDERS);
    let plain = browser.get(HOST, "/cached");
    assert_eq!((plain.header("etag"), plain.header("cache-control")), (Some("\"a\""), Some("max-age=600")));
    site.gateway.clock.advance(HOUR);
    let renewed = browser.get(HOST, "/cached");
    assert_eq!((renewed.header("etag"), renewed.header("expires")), (None, None));
    assert_eq!(renewed.header("cache-control"), Some("no-store"));
    let names: Vec<_> = set_cookies(&renewed).iter().map(|line| line.split('=').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["theirs", "access_token", "refresh_token"]);
    assert!(!renewed.headers.iter().any(|(_, value)| value.contains("planted")));
}

#[test]
fn upgrade_carries_the_new_cookies() {
    let backend = crate::support::Backend::scripted(|_| crate::support::Reply::Switch("websocket"));
    let route = format!(
        "[[route]]\nname = \"ws\"\npath = \"/ws\"\nupstream = \"ws\"\napplication = \"orders\"\n\n\
         [[upstream]]\nname = \"ws\"\nservers = [\"{}\"]\n\n",
        backend.url()
    );
    let site = AuthoritySite::edited(|text| text + &route);
    site.user("ann", &[ORDERS]);
    let browser = browser_of(&site, "ann", ORDERS);
    site.gateway.clock.advance(HOUR);
    let lines = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let mut connection = Connection::open(site.0);
    let answer = connection.exchange(browser.request("GET", HOST, "/ws", lines));
    assert_eq!((answer.status, cookies(&answer).0), (101, BOTH.to_vec()));
    connection.send("ping").unwrap();
    assert_eq!(connection.read(4).unwrap(), b"ping");
}

#[test]
fn remembered_refresh_does_not_outlive_its_session() {
    let (site, browser) = expired(ORDERS);
    let mut first = browser.clone();
    assert_eq!(first.get(SHOP, "/orders").status, 200);
    site.revoke(&format!("token={}", first.cookie("refresh_token")));
    // Within the seconds in which late requests with the former cookies are given what was made for the first.
    for mut late in [browser, first] {
        assert_eq!(late.get(SHOP, "/orders").status, 401);
    }
    let user = json!({ "loginId": "ann@example.com", "password": PASSWORD, "applicationId": ORDERS });
    assert_eq!(site.manage("POST /api/login", Some(&user)).status, 200);
}

/// Keys rotate while browsers sleep: nobody can say any more what the access cookie was.
#[test]
fn access_cookie_whose_key_is_gone_is_as_if_it_had_not_come() {
    use rusqlite::Connection as Database;
    let (site, browser) = expired(ORDERS);
    let access = browser.cookie("access_token");
    let site = site.restarted(|site| {
        let store = Database::open(site.store()).unwrap();
        let gone = store.execute("DELETE FROM signing_key WHERE purpose = 'access'", []).unwrap();
        assert!(gone > 0);
    });
    for at_once in [true, false] {
        let mut browser = Browser::new(site.0);
        browser.plant(SHOP, "access_token", &access);
        browser.plant(SHOP, "refresh_token", &refresh_of(&site));
        if !at_once {
            site.gateway.clock.advance(HOUR);
        }
        let answer = browser.get(SHOP, "/orders");
        assert_eq!((answer.status, cookies(&answer).0), (200, BOTH.to_vec()), "{}", answer.text());
        let mut stranger = Browser::new(site.0);
        stranger.plant(SHOP, "access_token", &access);
        stranger.plant(SHOP, "refresh_token", "garbage");
        assert_eq!(stranger.get(SHOP, "/orders").status, 401, "what it goes by must be good");
    }
}

/// The refresh token of a new sign-in.
fn refresh_of(site: &AuthoritySite) -> String {
    site.sign_in("ann", ORDERS).refresh
}

/// As where a cookie of before `cookie_domain` was set is sent before the domain's.
#[test]
fn spent_or_expired_refresh_cookie_beside_the_good_one_is_ignored() {
    let site = AuthoritySite::with("[authority]\n", "cookie_domain = \"example.com\"\nrefresh_token_lifetime = \"10h\"");
    site.user("ann", &[BILLING]);
    let old = site.sign_in("ann", BILLING).refresh;
    site.gateway.clock.advance(HOUR * 8);
    let first = site.sign_in("ann", BILLING);
    let second = Tokens::of(&site.refresh(&first.refresh));
    let third = Tokens::of(&site.refresh(&second.refresh));
    site.gateway.clock.advance(HOUR * 3);
    for stale in [&old, &first.refresh] {
        let cookies = |values: [&str; 2]| format!("Cookie: refresh_token={}; refresh_token={}\r\n", values[0], values[1]);
        for order in [[stale.as_str(), &third.refresh], [&third.refresh, stale]] {
            let request = format!("GET /billing HTTP/1.1\r\nHost: {SHOP}\r\n{}\r\n", cookies(order));
            let answer = exchange(site.0, request);
            assert_eq!((answer.status, self::cookies(&answer).0), (200, BOTH.to_vec()), "{}", answer.text());
        }
    }
    assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 0.0);
    // Alone it is what it is: somebody has a copy, and the session ends.
    assert_eq!(site.refresh(&first.refresh).status, 401);
    assert_eq!(site.gateway.metric("tollgate_refresh_reuse_detected_total", &[]), 1.0);
}

#[test]
fn of_two_sessions_of_one_user_the_one_of_the_expired_access_token_goes_on() {
    let site = with_domain();
    site.user("ann", &[ORDERS]);
    let (one, other) = (site.sign_in("ann", ORDERS), site.sign_in("ann", ORDERS));
    site.gateway.clock.advance(HOUR);
    for tokens in [&one, &other] {
        let cookies = format!("access_token={}; refresh_token={}; refresh_token={}", tokens.access, one.refresh, other.refresh);
        let answer = exchange(site.0, format!("GET /orders HTTP/1.1\r\nHost: {SHOP}\r\nCookie: {cookies}\r\n\r\n"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let access = set_cookies(&answer).into_iter().find_map(|line| line.strip_prefix("access_token=")).unwrap();
        assert_eq!(claims(access.split(';').next().unwrap())["sid"], claims(&tokens.access)["sid"]);
    }
}
