//! `[[upstream]]` blocks to [`UpstreamSettings`].

use std::time::Duration;

use http::HeaderValue;

use crate::config::compile::address::{Address, host_and_port, is_host_name};
use crate::config::compile::certificate::{self, Named};
use crate::config::compile::{Context, all};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{UpstreamFile, UpstreamTlsFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::upstream::{ServerAddress, UpstreamHost, UpstreamSettings, UpstreamTls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// Below the 5 s after which Node and uvicorn close an unused connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_CONNECTIONS: usize = 1024;
const MAX_IDLE: usize = 128;

pub(super) fn compile(block: &Block<UpstreamFile>, context: &mut Context<'_>) -> Option<UpstreamSettings> {
    let Block { path, value: file } = block;
    let servers = servers(&file.servers, &path.key("servers"), context.problems);
    let secure = servers.as_ref().is_some_and(|servers| servers.iter().any(|server| server.secure));
    let tls = tls(file.tls.as_ref(), secure || servers.is_none(), &path.key("tls"), context);
    let host = host(file.host.as_deref().unwrap_or("client"), &path.key("host"), context.problems);
    let max_connections = file.max_connections.map_or(MAX_CONNECTIONS, |count| count.to_usize());
    Some(UpstreamSettings {
        name: file.name.as_str().into(),
        servers: servers?
            .iter()
            .map(|server| ServerAddress { host: server.host.clone(), port: server.port_or_default() })
            .collect(),
        tls: tls?.filter(|_| secure),
        connect_timeout: file.connect_timeout.map_or(CONNECT_TIMEOUT, |span| span.0),
        response_timeout: file.response_timeout.map_or(RESPONSE_TIMEOUT, |span| span.0),
        idle_timeout: file.idle_timeout.map_or(IDLE_TIMEOUT, |span| span.0),
        max_connections,
        max_idle: file.max_idle.map_or(MAX_IDLE, |count| count.to_usize()).min(max_connections),
        host: host?,
        title_case_headers: file.title_case_headers,
    })
}

fn servers(texts: &[String], path: &KeyPath, problems: &mut Problems) -> Option<Vec<Address>> {
    if texts.is_empty() {
        problems.refuse(path, "no server", r#"at least one, such as "http://127.0.0.1:9001""#);
        return None;
    }
    let mut seen = Vec::new();
    let mut first = None;
    all(texts, path, |text, path| {
        let Some(address) = Address::parse(text).filter(Address::is_bare) else {
            let allowed = r#"scheme, host and port without a path, such as "http://127.0.0.1:9001" or "https://orders.internal""#;
            problems.refuse(path, quoted(text), allowed);
            return None;
        };
        let key = (address.host.to_ascii_lowercase(), address.port_or_default());
        if seen.contains(&key) {
            problems.refuse(path, format_args!("{} a second time", quoted(text)), "each server once");
        }
        if address.secure != *first.get_or_insert(address.secure) {
            problems.refuse(path, quoted(text), "one scheme for all servers of an upstream");
        }
        seen.push(key);
        Some(address)
    })
}

/// The outer `None`: refused; the inner: plain HTTP.
#[expect(clippy::option_option, reason = "refused, absent and present are three things")]
fn tls(file: Option<&UpstreamTlsFile>, secure: bool, path: &KeyPath, context: &mut Context<'_>) -> Option<Option<UpstreamTls>> {
    if !secure {
        if file.is_some() {
            context.problems.error(path, "found TLS settings for servers without TLS; allowed: only beside https:// servers");
        }
        return Some(None);
    }
    let none = UpstreamTlsFile::default();
    let file = file.unwrap_or(&none);
    let roots = certificate::roots(file.ca_file.as_deref(), path.key("ca_file"), context);
    if let Some(name) = file.server_name.as_deref().filter(|name| !is_server_name(name)) {
        context.problems.refuse(&path.key("server_name"), quoted(name), "a DNS name or an IP address");
    }
    let client_certificate = match (&file.certificate, &file.private_key) {
        (None, None) => None,
        (Some(chain), Some(key)) => {
            let chain = Named { file: chain, path: path.key("certificate") };
            let pair = certificate::pair(&chain, &Named { file: key, path: path.key("private_key") }, context)?;
            Some((pair.chain, pair.private_key))
        }
        (chain, _) => {
            let missing = if chain.is_none() { "certificate" } else { "private_key" };
            context.problems.error(&path.key(missing), "found nothing; `certificate` and `private_key` go together");
            return None;
        }
    };
    Some(Some(UpstreamTls { roots: roots?, server_name: file.server_name.clone(), client_certificate }))
}

fn is_server_name(name: &str) -> bool {
    is_host_name(name) || name.parse::<std::net::IpAddr>().is_ok()
}

fn host(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<UpstreamHost> {
    match text {
        "client" => return Some(UpstreamHost::Client),
        "server" => return Some(UpstreamHost::Server),
        _ => {}
    }
    let fixed = host_and_port(text).and_then(|_| HeaderValue::from_str(text).ok());
    if fixed.is_none() {
        problems.refuse(path, quoted(text), r#""client" (what the client sent), "server" (the server's own), or a host name"#);
    }
    fixed.map(UpstreamHost::Fixed)
}
