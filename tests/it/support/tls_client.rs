//! A TLS client that does what it is told and keeps what it saw.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::http::{Answer, read_answer};
use super::tls::Issued;

/// A client waits this long for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a client connects. Connections of one client share its tickets.
pub struct TlsClient {
    authority: CertificateDer<'static>,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocols: Vec<&'static str>,
    shows: Option<(CertificateDer<'static>, Vec<u8>)>,
    config: Option<Arc<ClientConfig>>,
}

impl TlsClient {
    /// A client that believes this authority.
    pub fn of(authority: CertificateDer<'static>) -> Self {
        Self { authority, versions: vec![&TLS13, &TLS12], protocols: Vec::new(), shows: None, config: None }
    }

    /// Knows only this version of TLS.
    pub fn only(self, version: &'static SupportedProtocolVersion) -> Self {
        Self { versions: vec![version], ..self }
    }

    /// Offers these protocols by ALPN.
    pub fn offering(self, protocols: &[&'static str]) -> Self {
        Self { protocols: protocols.to_vec(), ..self }
    }

    /// Shows this certificate when asked for one.
    pub fn showing(self, certificate: &Issued) -> Self {
        Self { shows: Some((certificate.certificate.clone(), certificate.key_der())), ..self }
    }

    /// Keeps tickets from now on.
    pub fn resuming(self) -> Self {
        let mut config = self.config();
        config.resumption = Resumption::in_memory_sessions(8);
        self.with(Arc::new(config))
    }

    /// Goes by this configuration.
    pub fn with(self, config: Arc<ClientConfig>) -> Self {
        Self { config: Some(config), ..self }
    }

    /// What it goes by where it is given no other.
    pub fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).unwrap().with_root_certificates(roots);
        let mut config = match &self.shows {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::try_from(key.clone()).unwrap();
                builder.with_client_auth_cert(vec![certificate.clone()], key).unwrap()
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.resumption = Resumption::disabled();
        config
    }

    /// Connects and finishes the handshake with the server named `name`; an address sends no SNI.
    pub fn connect(&self, address: SocketAddr, name: &str) -> io::Result<TlsConnection> {
        let config = self.config.clone().unwrap_or_else(|| Arc::new(self.config()));
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut tcp = tcp;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(TlsConnection { reader: BufReader::new(StreamOwned::new(tls, tcp)) })
    }
}

/// One TLS connection to a gateway.
pub struct TlsConnection {
    reader: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl TlsConnection {
    fn tls(&self) -> &ClientConnection {
        &self.reader.get_ref().conn
    }

    /// The certificate that the server showed.
    pub fn shown(&self) -> CertificateDer<'static> {
        self.tls().peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// The protocol chosen by ALPN; empty where none was.
    pub fn protocol(&self) -> String {
        String::from_utf8_lossy(self.tls().alpn_protocol().unwrap_or_default()).into_owned()
    }

    pub fn version(&self) -> ProtocolVersion {
        self.tls().protocol_version().unwrap()
    }

    pub fn was_resumed(&self) -> bool {
        self.tls().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Sends a whole request and reads its answer. A client certificate that the server refuses shows only here: TLS 1.3
    /// clients are done with the handshake first.
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> io::Result<Answer> {
        let request = request.as_ref();
        self.reader.get_mut().write_all(request)?;
        let method = String::from_utf8_lossy(request).split(' ').next().unwrap_or_default().to_owned();
        read_answer(&mut self.reader, &method)
    }

    /// `GET path` for `host` with a bearer token.
    pub fn get(&mut self, host: &str, path: &str, token: &str) -> io::Result<Answer> {
        self.exchange(format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n"
        ))
    }

    /// Exactly `length` bytes.
    pub fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).map(|()| bytes)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }
}
