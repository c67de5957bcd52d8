//! What it costs to judge a target and find its route among 1,000. The ordinary ones are on the path of every request.

#![expect(clippy::expect_used, reason = "a benchmark of a bad input is no benchmark")]

use http::Method;
use tollgate::route::{Entry, HostPattern, PathPrefix, RouteTable};

fn main() {
    divan::main();
}

fn prefix(path: &str) -> PathPrefix {
    PathPrefix::parse(path).expect("a plain prefix")
}

/// 100 hosts with ten prefixes each.
fn many_hosts() -> RouteTable<usize> {
    let entry = |n: usize| -> Entry<usize> {
        let host = HostPattern::Exact(format!("h{}.example.com", n / 10).into());
        (host, prefix(&format!("/api/v1/service{}", n % 10)), None, false, n)
    };
    RouteTable::build((0..1000).map(entry).collect())
}

/// One host with 1,000 prefixes.
fn one_host() -> RouteTable<usize> {
    let entry = |n: usize| -> Entry<usize> { (HostPattern::Any, prefix(&format!("/team{}/app{n}", n % 30)), None, false, n) };
    RouteTable::build((0..1000).map(entry).collect())
}

#[divan::bench]
fn ordinary_target_among_many_hosts(bencher: divan::Bencher<'_, '_>) {
    let table = many_hosts();
    let target = "/api/v1/service7/orders/1234567/lines?page=2&sort=name";
    bencher.bench(|| table.resolve(divan::black_box("h42.example.com"), divan::black_box(target), &Method::GET).is_ok());
}

#[divan::bench]
fn ordinary_target_among_many_prefixes(bencher: divan::Bencher<'_, '_>) {
    let table = one_host();
    let target = "/team7/app37/orders/1234567/lines";
    bencher.bench(|| table.resolve(divan::black_box("a.example.com"), divan::black_box(target), &Method::GET).is_ok());
}

#[divan::bench]
fn target_with_upper_case(bencher: divan::Bencher<'_, '_>) {
    let table = many_hosts();
    let target = "/api/v1/service7/users/AbCdEf-123/Profile";
    bencher.bench(|| table.resolve(divan::black_box("h42.example.com"), divan::black_box(target), &Method::GET).is_ok());
}

#[divan::bench]
fn target_with_percent_encoding(bencher: divan::Bencher<'_, '_>) {
    let table = many_hosts();
    let target = "/api/v1/service7/files/My%20Report%20(1).pdf";
    bencher.bench(|| table.resolve(divan::black_box("h42.example.com"), divan::black_box(target), &Method::GET).is_ok());
}

#[divan::bench(args = ["%25", "/", ";", "%2561", "A"])]
fn hostile_target_of_8_kib(bencher: divan::Bencher<'_, '_>, piece: &str) {
    let table = one_host();
    let target = format!("/team7/app37/{}", piece.repeat(8192 / piece.len()));
    bencher.bench(|| table.resolve(divan::black_box("a.example.com"), divan::black_box(&target), &Method::GET).is_ok());
}
