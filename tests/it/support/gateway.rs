//! A gateway in this process, from the text of a configuration file, in a folder and with a clock of its own.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use tollgate::clock::{Clock, Timestamp};
use tollgate::config::{self, Settings};
use tollgate::gateway::{self, Options};
use tollgate::telemetry::{LogSink, LogWriter};

use super::backend::Backend;
use super::client::get;
use super::http::Answer;
use super::issuer::MockIssuer;
use super::until;

/// Where the clock of every test begins.
pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A configuration with a plain listener `plain`, an admin listener, these issuers, and each backend as the upstream
/// `backend-N` (from 0); `rest` holds the routes.
pub fn configuration(issuers: &[&MockIssuer], backends: &[&Backend], rest: &str) -> String {
    let mut text = String::from(
        "[[listener]]\nname = \"plain\"\naddress = \"127.0.0.1:0\"\nhttp2 = true\n\n[admin]\naddress = \"127.0.0.1:0\"\n\n\
         [runtime]\nworkers = 2\n\n",
    );
    issuers.iter().for_each(|issuer| text += &format!("{}\n", issuer.block()));
    for (index, backend) in backends.iter().enumerate() {
        text += &format!("[[upstream]]\nname = \"backend-{index}\"\nservers = [\"{}\"]\n\n", backend.url());
    }
    text + rest
}

/// A running gateway; it is cut off when dropped, and finishes its requests when stopped.
pub struct Gateway {
    running: Option<gateway::Gateway>,
    pub clock: Clock,
    folder: TempDir,
    log: Log,
    _log_writer: LogWriter,
}

impl Gateway {
    /// Starts with this configuration and waits for every issuer's keys.
    #[track_caller]
    pub fn start(text: &str) -> Self {
        let gateway = Self::start_cold(text);
        until("readiness", || gateway.admin("/readyz").status == 200);
        gateway
    }

    /// Starts without waiting for anything.
    #[track_caller]
    pub fn start_cold(text: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), text)
    }

    /// Starts in a folder that holds the files the configuration names.
    #[track_caller]
    pub fn start_in(folder: TempDir, text: &str) -> Self {
        Self::start_at(folder, text, NOW)
    }

    /// As [`Self::start_in`], at another instant.
    #[track_caller]
    pub fn start_at(folder: TempDir, text: &str, now: Timestamp) -> Self {
        Self::start_or_say(folder, text, now).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Starts at `now` without waiting for anything, or says why not.
    pub fn try_start(text: &str, now: Timestamp) -> Result<Self, String> {
        Self::start_or_say(tempfile::tempdir().unwrap(), text, now)
    }

    fn start_or_say(folder: TempDir, text: &str, now: Timestamp) -> Result<Self, String> {
        let settings = load(folder.path(), text)?;
        let (clock, log) = (Clock::manual(now), Log::default());
        let (sink, log_writer) = LogSink::start(log.clone()).unwrap();
        let options = Options { take_over: false, clock: clock.clone(), log: sink, log_level: None };
        let running = gateway::Gateway::start(settings, options).map_err(|error| error.to_string())?;
        Ok(Self { running: Some(running), clock, folder, log, _log_writer: log_writer })
    }

    fn running(&self) -> &gateway::Gateway {
        self.running.as_ref().unwrap()
    }

    /// The folder of the configuration.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts another configuration in force.
    pub fn reload(&self, text: &str) -> Result<(), String> {
        let settings = load(self.folder(), text)?;
        self.running().reload(settings).map_err(|error| error.to_string())
    }

    /// The address of the listener `plain`.
    pub fn plain(&self) -> SocketAddr {
        self.listener("plain")
    }

    /// The address of a listener.
    #[track_caller]
    pub fn listener(&self, name: &str) -> SocketAddr {
        self.running().address(name).unwrap()
    }

    /// `GET path` with a bearer token from the listener `plain`.
    #[track_caller]
    pub fn get(&self, path: &str, token: &str) -> Answer {
        get(self.plain(), path, &[("Authorization", &format!("Bearer {token}"))])
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> SocketAddr {
        self.running().admin_address().unwrap()
    }

    /// `GET path` from the admin listener.
    #[track_caller]
    pub fn admin(&self, path: &str) -> Answer {
        get(self.running().admin_address().unwrap(), path, &[])
    }

    /// The sum of all samples of the scrape that begin with `name` and contain each of `labels`.
    #[track_caller]
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.admin("/metrics").text();
        let is_it = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && labels.iter().all(|label| line.contains(label))
        };
        text.lines().filter(is_it).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.0.lock().unwrap()).into_owned()
    }

    /// The access lines so far.
    pub fn access_lines(&self) -> Vec<Value> {
        self.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Shuts down as SIGTERM does; returns when everything has ended.
    pub fn stop(mut self) {
        self.halt();
    }

    /// As [`Self::stop`], where the rest of it is still of use.
    pub fn halt(&mut self) {
        self.running.take().unwrap().shutdown();
    }
}

fn load(folder: &Path, text: &str) -> Result<Settings, String> {
    let file = folder.join("tollgate.toml");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    config::load_at(&file, [], NOW).map_err(|problems| problems.to_string())
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
