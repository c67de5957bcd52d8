//! The smoke run: every target for a few seconds on the stable compiler.
//!
//! `smoke [--seconds N] [--seed N] [TARGET...]`; `smoke TARGET FILE` repeats one input. An input that panics, or that
//! takes longer than a second, is written to `fuzz/artifacts/` and fails the run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use tollgate_fuzz::mutate::{Random, mutate};
use tollgate_fuzz::{TARGETS, Target};

/// An input that takes longer is a way to stall a gateway.
const SLOWEST: Duration = Duration::from_secs(1);

struct Options {
    time: Duration,
    seed: u64,
    names: Vec<String>,
}

fn main() -> ExitCode {
    let options = options();
    if let [name, file] = options.names.as_slice()
        && let (Some(target), Ok(input)) = (TARGETS.iter().find(|target| target.name == *name), fs::read(file))
    {
        (target.run)(&input);
        return ExitCode::SUCCESS;
    }
    let chosen = TARGETS.iter().filter(|target| options.names.is_empty() || options.names.iter().any(|name| name == target.name));
    let failed = chosen.filter(|target| !smoke(target, &options)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Options {
    let today = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let mut options = Options { time: Duration::from_secs(4), seed: today, names: Vec::new() };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).unwrap_or(4);
        match argument.as_str() {
            "--seconds" => options.time = Duration::from_secs(number()),
            "--seed" => options.seed = number(),
            _ => options.names.push(argument),
        }
    }
    options
}

/// Runs one target until its time is over; true where no input failed.
fn smoke(target: &Target, options: &Options) -> bool {
    let seeds = seeds(target);
    let mut random = Random::new(options.seed);
    let end = Instant::now() + options.time;
    let mut inputs = 0_u64;
    let mut fresh = seeds.iter().cloned();
    while Instant::now() < end {
        let input = fresh.next().unwrap_or_else(|| mutate(&mut random, &seeds, target.dictionary));
        if let Err(reason) = survives(target, &input) {
            println!("test {} ... FAILED: {reason}; repeat with: smoke {0} {}", target.name, keep(target, &input).display());
            println!("test result: FAILED. 0 passed; 1 failed");
            return false;
        }
        inputs += 1;
    }
    println!("test {} ... ok: {inputs} inputs (seed {})", target.name, options.seed);
    println!("test result: ok. 1 passed; 0 failed");
    true
}

fn survives(target: &Target, input: &[u8]) -> Result<(), &'static str> {
    let start = Instant::now();
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|_| "panicked")?;
    if start.elapsed() > SLOWEST { Err("took longer than a second") } else { Ok(()) }
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The target's own seeds and the files of `seeds/TARGET/`.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let files = fs::read_dir(home().join("seeds").join(target.name)).into_iter().flatten().flatten();
    let mut seeds: Vec<Vec<u8>> = files.filter_map(|entry| fs::read(entry.path()).ok()).collect();
    seeds.sort();
    seeds.extend(target.seeds.iter().map(|seed| seed.to_vec()));
    seeds
}

fn keep(target: &Target, input: &[u8]) -> PathBuf {
    let folder = home().join("artifacts").join(target.name);
    let path = folder.join(format!("smoke-{}", input.len()));
    if fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input)).is_err() {
        println!("the input could not be kept: {input:?}");
    }
    path
}
