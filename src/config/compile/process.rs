//! `[admin]`, `[runtime]`, `[token_cache]` and `[log]` to their settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;

use crate::config::compile::listener::address;
use crate::config::compile::{Context, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{AdminFile, LogFile, RuntimeFile, TokenCacheFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::issuer::CacheSettings;
use crate::listener::ListenerSettings;
use crate::telemetry::{LogFormat, LogSettings};

const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
const DEFAULT_CAPACITY: usize = 100_000;
const DEFAULT_BYTES: u64 = 64 << 20;

/// The outer `None`: refused; the inner: off.
#[expect(clippy::option_option, reason = "refused, on and off are three things")]
pub(super) fn admin(
    source: &Source,
    listeners: &[Block<ListenerSettings>],
    problems: &mut Problems,
) -> Option<Option<SocketAddr>> {
    let Block { path, value: file } = source.section::<AdminFile>("admin", problems)?;
    let path = path.key("address");
    let address = match file.address.as_deref() {
        Some("off") => return Some(None),
        Some(text) => address(text, &path, problems)?,
        None => DEFAULT_ADMIN,
    };
    if let Some(Block { value: listener, .. }) = listeners.iter().find(|listener| overlap(listener.value.address, address)) {
        let name = quoted(&listener.name);
        let found = match listener.address {
            same if same == address => format!("{address}, which is the address of listener {name} too"),
            other => format!("{address}, which overlaps the address {other} of listener {name}"),
        };
        problems.refuse(&path, found, "an address of its own (metrics and status are never public), or \"off\"");
        return None;
    }
    if address.ip().to_canonical().is_unspecified() {
        let message = "can be reached on every address of this machine, and asks for no credential; keep others away from it";
        problems.warn(&path, format!("{address} {message}"));
    }
    Some(Some(address))
}

/// Whether one socket would take what is meant for the other: everywhere includes each address, and `[::]` those of IPv4.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let covers = |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    one.port() == other.port() && one.port() != 0 && (ip == other_ip || covers(ip, other_ip) || covers(other_ip, ip))
}

/// The number of workers; 0 in the file is one for each core.
pub(super) fn workers(source: &Source, problems: &mut Problems) -> Option<usize> {
    let Block { value: file, .. } = source.section::<RuntimeFile>("runtime", problems)?;
    let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Some(file.workers.map(|count| count.to_usize()).filter(|workers| *workers != 0).unwrap_or_else(cores))
}

pub(super) fn token_cache(source: &Source, problems: &mut Problems) -> Option<CacheSettings> {
    let Block { value: file, .. } = source.section::<TokenCacheFile>("token_cache", problems)?;
    Some(CacheSettings {
        capacity: file.capacity.map_or(DEFAULT_CAPACITY, |count| count.to_usize()),
        bytes: file.bytes.map_or(DEFAULT_BYTES, |size| size.0),
    })
}

pub(super) fn log(source: &Source, context: &mut Context<'_>) -> Option<LogSettings> {
    let Block { path, value: file } = source.section::<LogFile>("log", context.problems)?;
    const FORMATS: [(&str, LogFormat); 2] = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let format = word(file.format.as_deref().unwrap_or("json"), &FORMATS, &path.key("format"), context.problems);
    let level = level(file.level.unwrap_or_else(|| "info".to_owned()), &path.key("level"), context.problems);
    let key_path = path.key("subject_key_file");
    let subject_key = file.subject_key_file.map(|name| context.files.secret(&name, &key_path, context.problems));
    let subject_key = if let Some(key) = subject_key { Some(key?) } else { None };
    Some(LogSettings { format: format?, level: level?, access: file.access.unwrap_or(true), subject_key })
}

/// Stricter than `tracing`, which takes a misspelt level for the name of a module.
fn level(text: String, path: &KeyPath, problems: &mut Problems) -> Option<String> {
    if text.split(',').all(is_directive) {
        return Some(text);
    }
    let allowed = r#""error", "warn", "info", "debug", "trace" or "off", and for a module "info,tollgate::issuer=debug""#;
    problems.refuse(path, quoted(&text), allowed);
    None
}

fn is_directive(text: &str) -> bool {
    let module = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    let level = |word: &str| matches!(word, "error" | "warn" | "info" | "debug" | "trace" | "off");
    text.split_once('=').map_or_else(|| level(text), |(name, word)| module(name) && level(word))
}
