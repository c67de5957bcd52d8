//! Authorities, server and client certificates made for each test, and TLS clients that trust them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SignatureAlgorithm};
use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::support::Server;
use crate::listener::{CertificateSettings, ClientAuth, TlsSettings};
use crate::secret::Secret;

/// A certificate authority.
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate for `names` with its key.
    pub(super) fn issue(&self, names: &[&str], algorithm: &'static SignatureAlgorithm) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.der().clone(), key }
    }

    /// Server settings for a certificate on `names`, found by its subject alternative names.
    pub(super) fn server(&self, names: &[&str]) -> CertificateSettings {
        self.issue(names, &rcgen::PKCS_ECDSA_P256_SHA256).settings()
    }

    /// A client that trusts this authority and shows no certificate.
    pub(super) fn client(&self) -> Client {
        Client { config: self.builder().with_no_client_auth() }
    }

    /// A client that trusts this authority and shows `certificate`.
    pub(super) fn client_with(&self, certificate: Issued) -> Client {
        let key = PrivateKeyDer::try_from(certificate.key.serialize_der()).unwrap();
        Client { config: self.builder().with_client_auth_cert(vec![certificate.certificate], key).unwrap() }
    }

    /// A client that offers only `versions`.
    pub(super) fn client_with_versions(&self, versions: &[&'static SupportedProtocolVersion]) -> Client {
        Client { config: self.build(aws_lc_rs::default_provider(), versions).with_no_client_auth() }
    }

    /// A client with cryptography of its own.
    pub(super) fn client_with_provider(&self, provider: CryptoProvider) -> Client {
        Client { config: self.build(provider, rustls::DEFAULT_VERSIONS).with_no_client_auth() }
    }

    fn builder(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        self.build(aws_lc_rs::default_provider(), rustls::DEFAULT_VERSIONS)
    }

    fn build(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
    }
}

/// A certificate with its key.
pub(super) struct Issued {
    pub(super) certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Issued {
    pub(super) fn settings(&self) -> CertificateSettings {
        CertificateSettings {
            names: Vec::new(),
            chain: vec![self.certificate.clone()],
            private_key: Secret::new(self.key.serialize_pem().into_bytes()),
            source: "test.crt".to_owned(),
        }
    }
}

/// TLS settings without client certificates.
pub(super) fn tls(certificates: Vec<CertificateSettings>) -> TlsSettings {
    TlsSettings { certificates, client_auth: ClientAuth::None }
}

/// A TLS client; clones share its sessions.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) config: ClientConfig,
}

impl Client {
    pub(super) fn with_alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    pub(super) async fn connect(&self, server: &Server, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(self.config.clone())).connect(name, server.connect().await).await
    }
}

/// The certificate that the server showed.
pub(super) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}
