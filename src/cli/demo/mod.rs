//! `tollgate demo`: a gateway with its token authority, and a backend, on loopback, with commands to paste.
//!
//! The gateway is the one that `run` serves, from a configuration and a store in a temporary folder; certificate, keys,
//! user and password are made anew each time.

mod certificate;
mod folder;
mod sample;
mod servers;
mod text;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use self::certificate::Certificate;
use self::folder::Folder;
use self::sample::Sample;
use self::text::Facts;
use super::signals::Signals;
use super::{Outcome, Streams, opened_store};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::gateway::{Gateway, Options, StartError};
use crate::telemetry::{self, LogSink};

/// A gateway with its token authority and a backend on loopback, with commands to paste.
///
/// Needs no file and leaves none behind; certificate, keys, user and password are made anew each time. Ports 8443 and 9464 are
/// used if they are free, else others. SIGINT or SIGTERM ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tollgate demo")]
pub(super) struct Demo {
    /// Write the gateway's log, one line for each request, to standard error.
    #[arg(long, short)]
    verbose: bool,
}

const CONFIGURATION: &str = include_str!("tollgate.toml");

/// The ports of gateway and admin listener.
type Ports = [u16; 2];
const MEMORABLE: Ports = [8443, 9464];
/// Whatever the system gives.
const ANY: Ports = [0, 0];

impl Demo {
    /// Serves until told to stop.
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        // Before there is a folder to leave behind.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = runtime.block_on(async { Signals::listen() })?;
        let (log, _written_at_the_end) = LogSink::start(io::stderr())?;
        let folder = Folder::create()?;
        let (gateway, text) = self.start(&folder, log)?;
        write!(streams.out, "{text}")?;
        streams.out.flush()?;
        // A terminal that hangs up ends it too.
        runtime.block_on(signals.next());
        gateway.shutdown();
        folder.remove()?;
        Ok(Outcome::Good)
    }

    /// Starts everything; returns the gateway and what is to be said about it.
    fn start(&self, folder: &Folder, log: LogSink) -> io::Result<(Gateway, String)> {
        let clock = Clock::system();
        let now = clock.now();
        write_certificate(folder, &Certificate::make(now)?)?;
        let (backend_socket, backend) = servers::bind()?;
        let backend = format!("http://{backend}");
        let sample = Sample::make(now)?;
        opened_store::block_on(sample.fill(&self.settings(folder, &sample, &backend, ANY)?, &clock))??;

        let options = Options { take_over: false, clock, log, log_level: None };
        let gateway = start(options, |ports| self.settings(folder, &sample, &backend, ports))?;
        gateway.on_control(servers::show_requests(backend_socket));

        let text = text::text(&Facts {
            program: &std::env::current_exe()?,
            folder: folder.path(),
            gateway: gateway.address("public").ok_or_else(nowhere)?,
            admin: gateway.admin_address().ok_or_else(nowhere)?,
            backend: &backend,
            sample: &sample,
        });
        Ok((gateway, text))
    }

    /// From the embedded file by the way of every configuration. The environment has no part in it.
    fn settings(&self, folder: &Folder, sample: &Sample, backend: &str, ports: Ports) -> io::Result<Settings> {
        let [gateway_port, admin_port] = ports.map(|port| port.to_string());
        let (orders, billing) = (sample.orders.to_string(), sample.billing.to_string());
        let (level, access) = if self.verbose { ("info", "true") } else { ("warn", "false") };
        let values = [
            ("@GATEWAY_PORT@", gateway_port.as_str()),
            ("@ADMIN_PORT@", &admin_port),
            ("@LEVEL@", level),
            ("@ACCESS@", access),
            ("@ORDERS@", &orders),
            ("@BILLING@", &billing),
            ("@BACKEND@", backend),
        ];
        let text = values.iter().fold(CONFIGURATION.to_owned(), |text, (name, value)| text.replace(name, value));
        let file = folder.write("tollgate.toml", &text)?;
        config::load(&file, []).map_err(|problems| io::Error::other(problems.to_string()))
    }
}

/// Starts a gateway on the memorable ports if they are free. Another demo may take them meanwhile: then on any. Of two
/// that start at the same moment the admin address lets in one, because its socket is shared with nobody.
fn start(options: Options, settings: impl Fn(Ports) -> io::Result<Settings>) -> io::Result<Gateway> {
    let options = Options { log_level: Some(telemetry::install(&settings(ANY)?.log, &options.log)), ..options };
    if MEMORABLE.into_iter().all(is_free) {
        match Gateway::start(settings(MEMORABLE)?, options.clone()) {
            Err(StartError::Bind { .. }) => {}
            started => return started.map_err(io::Error::other),
        }
    }
    Gateway::start(settings(ANY)?, options).map_err(io::Error::other)
}

fn write_certificate(folder: &Folder, made: &Certificate) -> io::Result<()> {
    folder.write("ca.crt", &made.authority)?;
    folder.write("tls.crt", &made.certificate)?;
    folder.write("tls.key", &made.private_key)?;
    Ok(())
}

/// Whether nobody listens there, at either address that `localhost` may be.
fn is_free(port: u16) -> bool {
    let busy = |address: SocketAddr| TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    !busy((Ipv4Addr::LOCALHOST, port).into()) && !busy((Ipv6Addr::LOCALHOST, port).into())
}

fn nowhere() -> io::Error {
    io::Error::other("a listener is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_configuration_is_good_and_every_place_in_it_is_filled() {
        let folder = Folder::create().unwrap();
        write_certificate(&folder, &Certificate::make(Clock::system().now()).unwrap()).unwrap();
        let sample = Sample::make(Clock::system().now()).unwrap();
        for verbose in [false, true] {
            let settings = Demo { verbose }.settings(&folder, &sample, "http://127.0.0.1:2", ANY).unwrap();
            assert_eq!(settings.warnings, []);
            assert!(settings.listeners.iter().all(|listener| listener.address.ip().is_loopback()));
            assert!(!std::fs::read_to_string(folder.path().join("tollgate.toml")).unwrap().contains('@'));
        }
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let (socket, address) = servers::bind().unwrap();
        assert!(!is_free(address.port()));
        drop(socket);
    }
}
