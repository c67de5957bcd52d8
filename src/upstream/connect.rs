//! Opening a connection to a server: TCP, and TLS verified against the configured roots.
//!
//! One of the three homes of rustls. It refuses a server whose certificate does not verify; there is no setting that
//! turns this off.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::settings::{ServerAddress, TrustRoots, UpstreamTls};
use crate::gather;

/// A dead server that sends no FIN is noticed after this much silence and three probes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The TLS side of an upstream could not be built.
#[derive(Debug, thiserror::Error)]
pub enum TlsSettingsError {
    /// The operating system's certificate store gave nothing.
    #[error("the system has no certificate authorities; install them (`ca-certificates`) or name a `ca_file`")]
    NoSystemRoots,
    /// A certificate, key or name that rustls refuses.
    #[error("{0}")]
    Refused(String),
}

/// Opens connections to one server.
#[derive(Debug)]
pub(super) struct Connector {
    server: ServerAddress,
    tls: Option<(TlsConfig, ServerName<'static>)>,
}

#[derive(Clone)]
pub(super) struct TlsConfig(Arc<ClientConfig>);

impl std::fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConfig")
    }
}

impl Connector {
    pub(super) fn build(server: ServerAddress, tls: Option<(&TlsConfig, &UpstreamTls)>) -> Result<Self, TlsSettingsError> {
        let tls = tls.map(|(config, settings)| {
            let name = settings.server_name.as_ref().unwrap_or(&server.host).clone();
            let name = ServerName::try_from(name.clone())
                .map_err(|_| TlsSettingsError::Refused(format!("`{name}` is not a name a certificate can have")))?;
            Ok((config.clone(), name))
        });
        Ok(Self { server, tls: tls.transpose()? })
    }

    /// Connects to the first of the server's addresses that answers.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        let tcp = TcpStream::connect((self.server.host.as_str(), self.server.port)).await?;
        tcp.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4).with_retries(3);
        SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(&config.0));
                Ok(Stream::Tls(Box::new(connector.connect(name.clone(), tcp).await?)))
            }
        }
    }
}

impl TlsConfig {
    /// A configuration for TLS 1.2 and 1.3 that offers HTTP/1.1.
    pub(super) fn build(settings: &UpstreamTls) -> Result<Self, TlsSettingsError> {
        let refused = |error: rustls::Error| TlsSettingsError::Refused(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(root_store(&settings.roots)?);
        let mut config = match &settings.client_certificate {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.expose())
                    .map_err(|error| TlsSettingsError::Refused(format!("client key: {error}")))?;
                builder.with_client_auth_cert(chain.clone(), key).map_err(refused)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// The certificate store of `roots`.
///
/// # Errors
/// When there is no usable certificate in it.
pub fn root_store(roots: &TrustRoots) -> Result<RootCertStore, TlsSettingsError> {
    let mut store = RootCertStore::empty();
    match roots {
        TrustRoots::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(TlsSettingsError::NoSystemRoots);
            }
        }
        TrustRoots::Given(certificates) => {
            for certificate in certificates {
                let added = store.add(certificate.clone());
                added.map_err(|error| TlsSettingsError::Refused(format!("certificate authority: {error}")))?;
            }
        }
    }
    Ok(store)
}

/// An open connection to a server.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => gather::poll_write(stream, cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
