//! The process is killed at random moments under load, again and again: whatever was acknowledged is there afterwards, and
//! nothing is half made.
//!
//! `TOLLGATE_KILLS` says how often (200); it ends in any case after a while, and fails where that was not enough for half.

mod state;
mod work;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

pub(super) use self::state::check_store;
use self::work::{Children, Owners, Reusable, Rotating, Users, Work};
use crate::support::authority::{ApiClient, process_text};
use crate::support::{Process, Starting};

const KILLS: usize = 200;
/// Stores at the same time.
const LANES: usize = 2;
/// Both lanes end at this time, for a kill on an average machine takes a third of a second.
const AT_MOST: Duration = Duration::from_secs(240);

/// Pseudo-random numbers: which moments are tried need not be guarded, only told.
struct Moments(u64);

impl Moments {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_acknowledged_and_nothing_half_made() {
    let kills = std::env::var("TOLLGATE_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let end = Instant::now() + AT_MOST * u32::try_from(kills.div_ceil(KILLS)).unwrap();
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let done: usize = std::thread::scope(|scope| {
        let lane = |at: usize| scope.spawn(move || run_lane(u64::from(seed) * 2 + at as u64 + 1, kills.div_ceil(LANES), end));
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    println!("{done} kills");
    assert!(done * 2 >= kills, "only {done} kills in the time there was");
}

/// Kills until `kills` are done or it is time to end; how many were done.
fn run_lane(seed: u64, kills: usize, end: Instant) -> usize {
    let folder = TempDir::new().unwrap();
    let text = process_text(folder.path(), "access = false");
    let mut moments = Moments(seed);
    let mut process = Process::start(folder.path(), &text);
    let mut all = begin(&ApiClient(process.address));
    let mut done = 0;
    while done < kills && Instant::now() < end {
        let load = Duration::from_micros(moments.below(120_000));
        under_load(process.address, &mut all, || {
            std::thread::sleep(load);
            process.kill();
        });
        done += 1;
        if moments.below(8) == 0 {
            Starting::new(folder.path(), &text, &[]).kill_after(Duration::from_micros(moments.below(150_000)));
            done += 1;
        }
        process = Process::start(folder.path(), &text);
        all.iter_mut().for_each(|work| work.check(&ApiClient(process.address)));
        check(folder.path());
    }
    let changes: usize = all.iter().map(|work| work.acknowledged()).sum();
    println!("{done} kills, {changes} acknowledged changes");
    assert!(changes > kills, "hardly any load: {changes} changes");
    done
}

fn begin(api: &ApiClient) -> Vec<Box<dyn Work>> {
    vec![
        Box::new(Rotating::begin(api, "one")),
        Box::new(Rotating::begin(api, "two")),
        Box::new(Reusable::begin(api)),
        Box::new(Children::begin(api)),
        Box::new(Owners::begin()),
        Box::new(Users::begin(api)),
    ]
}

/// Runs all work, each in a thread of its own, until `end` has ended the gateway.
fn under_load(address: std::net::SocketAddr, all: &mut [Box<dyn Work>], end: impl FnOnce()) {
    std::thread::scope(|scope| {
        for work in all {
            // Until the connection breaks.
            scope.spawn(move || while work.once(address).is_ok() {});
        }
        end();
    });
}

fn check(folder: &Path) {
    check_store(&folder.join("store.db"));
}
