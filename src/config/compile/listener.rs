//! `[[listener]]` blocks to [`ListenerSettings`].

use std::net::SocketAddr;

use ipnet::IpNet;

use crate::config::compile::certificate::{self, Named, Pair};
use crate::config::compile::{Context, all, host, names, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{CertificateFile, DeadlinesFile, LimitsFile, ListenerFile, ListenerTlsFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::listener::{CertificateSettings, ClientAuth, Deadlines, Limits, ListenerSettings, TlsSettings};

pub(super) fn compile(block: &Block<ListenerFile>, has_authority: bool, context: &mut Context<'_>) -> Option<ListenerSettings> {
    let Block { path, value: file } = block;
    let address = address(&file.address, &path.key("address"), context.problems);
    let secure = file.tls.is_some() || !file.certificate.is_empty();
    if has_authority && !secure {
        check_plain(address, file.insecure_plain_http, path, context.problems);
    }
    let tls = secure.then(|| tls(file, path, context));
    let trusted_proxies =
        all(&file.trusted_proxies, &path.key("trusted_proxies"), |text, path| network(text, path, context.problems));
    Some(ListenerSettings {
        name: file.name.as_str().into(),
        address: address?,
        tls: if let Some(tls) = tls { Some(tls?) } else { None },
        http2: file.http2.unwrap_or(secure),
        trusted_proxies: trusted_proxies?,
        limits: limits(&file.limits),
        deadlines: deadlines(&file.deadlines),
    })
}

/// Passwords and tokens that pass over plain HTTP are whoever's who sits on the way.
fn check_plain(address: Option<SocketAddr>, accepted: bool, path: &KeyPath, problems: &mut Problems) {
    let Some(address) = address.filter(|address| !address.ip().to_canonical().is_loopback()) else { return };
    if accepted {
        let message = format!("passwords and tokens pass {address} in the clear; let only a proxy that ends TLS reach it");
        problems.warn(&path.key("insecure_plain_http"), message);
        return;
    }
    let allowed = "`tls`, or a loopback address (or `insecure_plain_http = true` behind a proxy that ends TLS)";
    problems.refuse(&path.key("address"), format_args!("{address} without TLS beside an `[authority]`"), allowed);
}

/// The socket address `text`; host names are refused, since what they mean changes.
pub(super) fn address(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        problems.refuse(path, quoted(text), r#"an IP address with a port, such as "0.0.0.0:8443" or "[::]:8443""#);
    }
    address
}

/// A network, or one address. Nobody's proxies are everywhere: `/0` would believe every client.
fn network(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| ip.to_canonical().into()));
    let mapped = |network: &IpNet| matches!(network, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some());
    match network {
        Some(network) if network.prefix_len() == 0 => {
            problems.refuse(path, format_args!("{}, which is everybody", quoted(text)), "the networks of your own proxies");
            None
        }
        Some(network) if network.trunc() != network => {
            problems.refuse(path, quoted(text), format_args!("\"{}\", the network it lies in", network.trunc()));
            None
        }
        Some(network) if !mapped(&network) => Some(network),
        _ => {
            problems.refuse(path, quoted(text), r#"a network such as "10.0.0.0/8" or "2001:db8::/32", or one address"#);
            None
        }
    }
}

fn tls(file: &ListenerFile, path: &KeyPath, context: &mut Context<'_>) -> Option<TlsSettings> {
    let tls_path = path.key("tls");
    let none = ListenerTlsFile { certificate: None, private_key: None, client_auth: None, client_ca: None };
    let tls = file.tls.as_ref().unwrap_or(&none);
    let first = first_certificate(tls, file.certificate.is_empty(), &tls_path, context);
    let others = file.certificate.iter().enumerate();
    let others: Vec<_> =
        others.map(|(index, other)| named_certificate(other, &path.key("certificate").item(index), context)).collect();
    let client_auth = client_auth(tls, &tls_path, context);
    check_names(file, path, context.problems);
    let mut certificates = first?;
    certificates.extend(others.into_iter().collect::<Option<Vec<_>>>()?);
    Some(TlsSettings { certificates, client_auth: client_auth? })
}

/// The certificate of `tls = { ... }`; none where the listener's others are enough.
fn first_certificate(
    tls: &ListenerTlsFile,
    needed: bool,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<Vec<CertificateSettings>> {
    match (&tls.certificate, &tls.private_key) {
        (Some(chain), Some(key)) => {
            let chain = Named { file: chain, path: path.key("certificate") };
            let key = Named { file: key, path: path.key("private_key") };
            certificate::pair(&chain, &key, context).map(|pair| vec![settings(pair, Vec::new())])
        }
        (None, None) if !needed => Some(Vec::new()),
        (chain, _) => {
            let missing = if chain.is_none() { "certificate" } else { "private_key" };
            context.problems.error(&path.key(missing), "found nothing; `certificate` and `private_key` go together");
            None
        }
    }
}

fn named_certificate(file: &CertificateFile, path: &KeyPath, context: &mut Context<'_>) -> Option<CertificateSettings> {
    let chain = Named { file: &file.certificate, path: path.key("certificate") };
    let key = Named { file: &file.private_key, path: path.key("private_key") };
    let pair = certificate::pair(&chain, &key, context);
    let names = all(&file.names, &path.key("names"), |name, path| host::certificate_name(name, path, context.problems));
    Some(settings(pair?, names?))
}

fn settings(pair: Pair, names: Vec<String>) -> CertificateSettings {
    CertificateSettings { names, chain: pair.chain, private_key: pair.private_key, source: pair.source }
}

/// A name that two certificates claim would be served by whichever comes first.
fn check_names(file: &ListenerFile, path: &KeyPath, problems: &mut Problems) {
    let mut seen = Vec::new();
    for (index, certificate) in file.certificate.iter().enumerate() {
        for (number, name) in certificate.names.iter().enumerate() {
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                let path = path.key("certificate").item(index).key("names").item(number);
                problems.refuse(&path, format_args!("{} a second time", quoted(&name)), "each name once in a listener");
            }
            seen.push(name);
        }
    }
}

#[derive(Clone, Copy)]
enum Asked {
    No,
    May,
    Must,
}

fn client_auth(tls: &ListenerTlsFile, path: &KeyPath, context: &mut Context<'_>) -> Option<ClientAuth> {
    const WORDS: [(&str, Asked); 3] = [("none", Asked::No), ("optional", Asked::May), ("required", Asked::Must)];
    let text = tls.client_auth.as_deref().unwrap_or("none");
    let asked = word(text, &WORDS, &path.key("client_auth"), context.problems)?;
    let authorities = tls.client_ca.as_deref().map(|file| Named { file, path: path.key("client_ca") });
    match (asked, authorities) {
        (Asked::No, None) => Some(ClientAuth::None),
        (Asked::No, Some(_)) => {
            let message = r#"found authorities for clients that nobody asks; set `client_auth` to "optional" or "required""#;
            context.problems.error(&path.key("client_ca"), message);
            None
        }
        (_, None) => {
            let message = "found nothing; `client_auth` needs the file of the authorities that clients' certificates come from";
            context.problems.error(&path.key("client_ca"), message);
            None
        }
        (Asked::May, Some(named)) => certificate::authorities(&named, context).map(ClientAuth::Optional),
        (Asked::Must, Some(named)) => certificate::authorities(&named, context).map(ClientAuth::Required),
    }
}

fn limits(file: &LimitsFile) -> Limits {
    let default = Limits::default();
    Limits {
        connections: file.connections.map_or(default.connections, |count| count.to_usize()),
        handshakes: file.handshakes.map_or(default.handshakes, |count| count.to_usize()),
        header_count: file.header_count.map_or(default.header_count, |count| count.to_usize()),
        header_bytes: file.header_bytes.map_or(default.header_bytes, |size| size.to_usize()),
        target_bytes: file.target_bytes.map_or(default.target_bytes, |size| size.to_usize()),
        http2_streams: file.http2_streams.map_or(default.http2_streams, |count| count.get()),
    }
}

fn deadlines(file: &DeadlinesFile) -> Deadlines {
    let default = Deadlines::default();
    Deadlines {
        handshake: file.handshake.map_or(default.handshake, |span| span.0),
        headers: file.headers.map_or(default.headers, |span| span.0),
        idle: file.idle.map_or(default.idle, |span| span.0),
        drain: file.drain.map_or(default.drain, |span| span.0),
    }
}

/// Listeners are there, and no two at one address; port 0 is another one each time.
pub(super) fn check_addresses(source: &Source, listeners: &[Block<ListenerSettings>], problems: &mut Problems) {
    if names(source, "listener").next().is_none() && source.document.get("listener").is_none() {
        problems.error(&KeyPath::of("listener"), "found nothing; a gateway has at least one `[[listener]]`");
    }
    for (index, listener) in listeners.iter().enumerate() {
        let address = listener.value.address;
        let twin = listeners.iter().take(index).find(|other| other.value.address == address && address.port() != 0);
        if let Some(twin) = twin {
            let found = format!("{address}, which is the address of listener {} too", quoted(&twin.value.name));
            problems.refuse(&listener.path.key("address"), found, "an address of its own");
        }
    }
}
