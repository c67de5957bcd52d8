//! The token API over loopback: operations a second and processor time for each, beside the parts that each consists of,
//! measured in the same run. `cargo bench --bench authority`; seconds a measurement in `TOLLGATE_BENCH_SECONDS`.
//!
//! The gateway is the binary, a process of its own, whose time is read from the system; the load comes from here.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark reports and fails by panicking"
)]

#[path = "authority/gateway.rs"]
mod gateway;
#[path = "authority/load.rs"]
mod load;
#[path = "authority/parts.rs"]
mod parts;

use std::time::Duration;

use gateway::Process;
use load::{Request, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clients at once.
const CLIENTS: usize = 64;

/// Operations a second, and microseconds of the gateway's processors for each.
struct Figure {
    name: &'static str,
    rate: f64,
    cost: f64,
}

fn main() {
    let seconds = std::env::var("TOLLGATE_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let span = Duration::from_secs(seconds);
    let gateway = Process::start();
    let sessions = gateway.sign_in_all(CLIENTS);
    let measure = |name: &'static str, request: &dyn Fn(usize) -> Request| {
        let before = gateway.processor_time();
        let done = run(gateway.address, CLIENTS, span, request);
        let used = gateway.processor_time() - before;
        let done = f64::from(u32::try_from(done).unwrap());
        Figure { name, rate: done / span.as_secs_f64(), cost: used.as_secs_f64() * 1e6 / done }
    };
    let bare = measure("bare exchange", &|_| Request::get("/api/jwt/public-key?kid=none", "").answered(404));
    let issue = measure("issue", &|client| sessions[client].issue());
    let refresh = measure("refresh, durable", &|client| sessions[client].refresh());
    let validate = measure("validate", &|client| sessions[client].validate());
    let introspect = measure("introspect", &|client| sessions[client].introspect());
    let parts = parts::measure(CLIENTS, span);

    println!("{:<20}{:>12}{:>12}{:>16}{:>10}", "operation", "per second", "µs each", "sum of parts", "ratio");
    // What each consists of; a remembered token's verification is a part of the bare exchange's size and left out.
    let sums = [
        (&bare, bare.cost),
        (&issue, bare.cost + parts.signature + parts.read),
        (&refresh, bare.cost + parts.signature + parts.read + parts.write),
        (&validate, bare.cost),
        (&introspect, bare.cost),
    ];
    for (figure, sum) in sums {
        println!("{:<20}{:>12.0}{:>12.1}{:>16.1}{:>10.2}", figure.name, figure.rate, figure.cost, sum, figure.cost / sum);
    }
    println!();
    for (name, cost) in [
        ("verification (ES256, not remembered)", parts.verification),
        ("signature (ES256)", parts.signature),
        ("read of all that a refresh decides on (SQLite, 64 callers)", parts.read),
        ("write (SQLite, group commit, 64 callers)", parts.write),
    ] {
        println!("{name:<60}{cost:>8.1} µs");
    }
    println!("{:<60}{:>8.0} per second", "durable writes, alone", parts.writes_per_second);
}
