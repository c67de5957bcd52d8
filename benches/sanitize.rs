//! What it costs to clean the head of a request. `ordinary_request` is on the path of every request.

#![expect(clippy::expect_used, reason = "a benchmark of a bad input is no benchmark")]

use http::request::Parts;
use http::{HeaderName, Request};
use tollgate::peer::RequestLimits;
use tollgate::proxy::{ManagedHeaders, sanitize};

fn main() {
    divan::main();
}

const LIMITS: RequestLimits = RequestLimits { header_count: 100, header_bytes: 65_536, target_bytes: 8192 };

const ORDINARY: [(&str, &str); 10] = [
    ("host", "orders.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "application/json"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("authorization", "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.c2lnbmF0dXJl"),
    ("referer", "https://app.example.com/orders"),
    ("sec-fetch-site", "same-origin"),
    ("x-requested-with", "XMLHttpRequest"),
    ("cookie", "theme=dark; session=abcdef"),
];

fn head(more: &[(&str, &str)]) -> Parts {
    let lines = ORDINARY.iter().chain(more);
    let request = lines.fold(Request::get("/orders/1"), |builder, (name, value)| builder.header(*name, *value));
    request.body(()).expect("a good request").into_parts().0
}

fn managed() -> ManagedHeaders {
    ManagedHeaders::new(&["x-user-id", "x-user-email", "x-user-roles"].map(HeaderName::from_static))
}

fn clean(bencher: divan::Bencher<'_, '_>, more: &[(&str, &str)]) {
    let managed = managed();
    let sanitize = |mut head: Parts| sanitize(&mut head, &managed, &LIMITS).map(|sanitized| (head, sanitized));
    bencher.with_inputs(|| head(more)).bench_values(sanitize);
}

#[divan::bench]
fn ordinary_request(bencher: divan::Bencher<'_, '_>) {
    clean(bencher, &[]);
}

#[divan::bench]
fn request_with_connection_keep_alive(bencher: divan::Bencher<'_, '_>) {
    clean(bencher, &[("connection", "keep-alive")]);
}

#[divan::bench]
fn request_behind_a_load_balancer(bencher: divan::Bencher<'_, '_>) {
    let forwarding =
        [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "orders.example.com")];
    clean(bencher, &forwarding);
}

#[divan::bench]
fn request_with_forged_identity(bencher: divan::Bencher<'_, '_>) {
    clean(bencher, &[("x_user_id", "root"), ("X.User.Email", "root@example.com"), ("x-user-roles", "admin")]);
}
