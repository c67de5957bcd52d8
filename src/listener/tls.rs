//! The TLS side of one generation of a listener: versions, certificates, client authentication, tickets.
//!
//! TLS 1.2 and 1.3 by rustls on aws-lc. Sessions are resumed by stateless tickets only, whose keys live and die with this
//! configuration: a ticket stands for a verified client certificate, so it must not outlive the authorities that
//! verified it. No 0-RTT (RFC 8470: replay). Groups are the library's, in the client's order: post-quantum key
//! exchange for those who prefer it, no extra round trip for those who do not know it. Suites are in ours.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use tokio_rustls::TlsAcceptor;

use super::certificates::{CertificateStatus, Certificates};
use super::settings::{ClientAuth, TlsSettings};

/// Why TLS settings cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate at all.
    #[error("there is no certificate")]
    NoCertificate,
    /// A certificate that does not parse.
    #[error("certificate {source_name}: {reason}")]
    Certificate {
        /// Where it was read.
        source_name: String,
        /// What is wrong.
        reason: String,
    },
    /// A certificate that no client could ever get: it has no DNS name and is not the first.
    #[error("certificate {source_name} has no DNS name and none is configured")]
    NoName {
        /// Where it was read.
        source_name: String,
    },
    /// A private key that does not parse or belongs to another certificate.
    #[error("private key of certificate {source_name}: {reason}")]
    Key {
        /// Where its certificate was read.
        source_name: String,
        /// What is wrong.
        reason: String,
    },
    /// Client authorities that cannot be used.
    #[error("client certificate authorities: {0}")]
    ClientAuthorities(String),
    /// The cryptographic library refused the combination.
    #[error("TLS configuration: {0}")]
    Library(#[from] rustls::Error),
}

/// TLS as one generation of a listener offers it.
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificates: Arc<Certificates>,
    settings: TlsSettings,
    http2: bool,
}

impl Tls {
    /// Builds TLS that offers `h2` where `http2`.
    pub(super) fn build(settings: &TlsSettings, http2: bool) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let certificates = Arc::new(Certificates::load(&settings.certificates, &provider)?);
        let config = server_config(settings, http2, &provider, Arc::clone(&certificates))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificates, settings: settings.clone(), http2 })
    }

    /// Whether this is what `settings` and `http2` ask for, so that it can be kept with its ticket keys: a reload of
    /// something else must not cost every client a full handshake.
    pub(super) fn is_for(&self, settings: &TlsSettings, http2: bool) -> bool {
        self.settings == *settings && self.http2 == http2
    }

    /// Takes clients through the handshake.
    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Whether and by whom clients must be certified.
    pub(super) fn client_auth(&self) -> &ClientAuth {
        &self.settings.client_auth
    }

    /// Whether clients are asked for certificates.
    pub(super) fn asks_for_certificates(&self) -> bool {
        self.settings.client_auth != ClientAuth::None
    }

    /// What people see of the certificates.
    pub(super) fn certificates(&self) -> &[CertificateStatus] {
        self.certificates.statuses()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("settings", &self.settings).field("http2", &self.http2).finish_non_exhaustive()
    }
}

/// The library's suites, those with SHA-384 last: processors hash SHA-256 in hardware, and a new connection hashes more
/// than anything else (a seventh of its cost, where many clients would choose SHA-384). Both are strong beyond doubt.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite().as_str().is_some_and(|name| name.ends_with("SHA384")));
    provider
}

fn server_config(
    settings: &TlsSettings,
    http2: bool,
    provider: &Arc<CryptoProvider>,
    certificates: Arc<Certificates>,
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(client_verifier(&settings.client_auth, provider)?)
        .with_cert_resolver(certificates);
    config.alpn_protocols = if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    // One ticket: each costs an encryption in every new connection, and few clients use a second.
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    Ok(config)
}

fn client_verifier(client_auth: &ClientAuth, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let (roots, optional) = match client_auth {
        ClientAuth::None => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientAuth::Optional(roots) => (roots, true),
        ClientAuth::Required(roots) => (roots, false),
    };
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(root_store(roots)?), Arc::clone(provider));
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| TlsError::ClientAuthorities(error.to_string()))
}

/// All of them or none: an authority left out silently would refuse its clients.
fn root_store(roots: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).map_err(|error| TlsError::ClientAuthorities(error.to_string()))?;
    }
    Ok(store)
}
