//! From an address to a connected stream: name lookup, every address in turn, TLS for `https`.

use std::future::Future;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{FetchError, Reach, RootsError, TrustRoots};
use crate::peer::canonical_ip;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// A connected byte stream, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream, and where what it sends may lead.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) onward: Reach,
}

/// The TLS side of a fetcher that believes `roots`.
pub(super) fn connector(roots: &TrustRoots) -> Result<TlsConnector, RootsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RootsError::Unusable(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots.store()?).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Connects to the host of `url`, trying its addresses in turn, each with its share of `timeout`.
pub(super) async fn open(
    url: &Uri,
    tls: Result<&TlsConnector, &RootsError>,
    reach: Reach,
    timeout: Duration,
) -> Result<Connection, FetchError> {
    let secure = match url.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(FetchError::Address),
    };
    let host = url.host().ok_or(FetchError::Address)?.trim_start_matches('[').trim_end_matches(']');
    let addresses = resolve(host, url.port_u16().unwrap_or(if secure { 443 } else { 80 }), reach).await?;
    let tcp = connect_to_one(&addresses, timeout).await?;
    let onward = onward(&tcp, reach);
    let stream: Box<dyn Stream> = if secure { handshake(tls.map_err(Clone::clone)?, host, tcp).await? } else { Box::new(tcp) };
    Ok(Connection { stream, onward })
}

async fn resolve(host: &str, port: u16, reach: Reach) -> Result<Vec<SocketAddr>, FetchError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| FetchError::Resolve(error.kind()))?;
    let found: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    if found.is_empty() {
        return Err(FetchError::Resolve(ErrorKind::NotFound));
    }
    // One local address among others spoils the name: a rebinding name server answers with both.
    if reach == Reach::NotLocal && found.iter().any(|address| is_local(address.ip())) {
        return Err(FetchError::Forbidden);
    }
    Ok(found)
}

async fn connect_to_one(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, FetchError> {
    let share = timeout / u32::try_from(addresses.len()).unwrap_or(1).max(1);
    let mut last = ErrorKind::NotFound;
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.kind(),
            Err(_) => last = ErrorKind::TimedOut,
        }
    }
    Err(FetchError::Connect(last))
}

fn onward(tcp: &TcpStream, reach: Reach) -> Reach {
    match tcp.peer_addr() {
        Ok(peer) if is_local(peer.ip()) => reach,
        _ => Reach::NotLocal,
    }
}

type Handshake<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, FetchError>> + Send + 'a>>;

fn handshake<'a>(tls: &'a TlsConnector, host: &str, tcp: TcpStream) -> Handshake<'a> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::Address);
    Box::pin(async move {
        let stream = tls.connect(name?, tcp).await.map_err(|error| tls_failure(&error))?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    })
}

/// Says what to do about a certificate that nobody believed vouches for.
fn tls_failure(error: &std::io::Error) -> FetchError {
    let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let is_unknown = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) == Some(&unknown);
    let hint = if is_unknown { "; `ca_file` names the authorities to believe" } else { "" };
    FetchError::Tls(format!("{error}{hint}"))
}

/// Whether only this machine or its link can mean this address (169.254.169.254 answers with cloud credentials).
fn is_local(ip: IpAddr) -> bool {
    match canonical_ip(ip) {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_known_in_every_spelling() {
        for local in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1", "::ffff:127.0.0.1"] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for other in ["10.0.0.1", "192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1"] {
            assert!(!is_local(other.parse().unwrap()), "{other}");
        }
    }

    #[tokio::test]
    async fn istio_cve_2026_41413_a_public_origin_never_leads_to_loopback() {
        assert_eq!(resolve("127.0.0.1", 80, Reach::NotLocal).await, Err(FetchError::Forbidden));
        assert_eq!(resolve("169.254.169.254", 80, Reach::NotLocal).await, Err(FetchError::Forbidden));
        assert!(resolve("127.0.0.1", 80, Reach::Anywhere).await.is_ok());
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let addresses = [closed, listener.local_addr().unwrap()];
        assert!(connect_to_one(&addresses, Duration::from_secs(2)).await.is_ok());
        assert_eq!(
            connect_to_one(&addresses[..1], Duration::from_secs(2)).await.err(),
            Some(FetchError::Connect(ErrorKind::ConnectionRefused))
        );
    }
}
