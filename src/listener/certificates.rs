//! The certificates of one listener and which of them a client gets.
//!
//! Exact name first, then the wildcard of one label, then the first certificate that the client can verify: a client
//! without SNI, or with a name nobody serves, is answered all the same, and routing decides what it may see.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::settings::CertificateSettings;
use super::tls::TlsError;
use crate::clock::Timestamp;

/// A certificate as `/status` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// The names it serves.
    pub names: Vec<String>,
    /// When it ceases to be valid.
    pub not_after: Timestamp,
    /// Where it was read.
    pub source: String,
}

/// Certificates by name.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// In the configured order.
    all: Vec<Arc<CertifiedKey>>,
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    statuses: Vec<CertificateStatus>,
}

impl Certificates {
    /// Loads `settings`; keys must fit their certificates.
    pub(super) fn load(settings: &[CertificateSettings], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut certificates = Self::default();
        for one in settings {
            certificates.add(one, provider)?;
        }
        if certificates.all.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        Ok(certificates)
    }

    /// What people see of them, in the configured order.
    pub(super) fn statuses(&self) -> &[CertificateStatus] {
        &self.statuses
    }

    fn add(&mut self, settings: &CertificateSettings, provider: &CryptoProvider) -> Result<(), TlsError> {
        let status = describe(settings)?;
        // The first needs no name: it serves whoever sends none.
        if status.names.is_empty() && !self.all.is_empty() {
            return Err(TlsError::NoName { source_name: settings.source.clone() });
        }
        let key = certified_key(settings, provider)?;
        for name in &status.names {
            let (names, name) = match name.strip_prefix("*.") {
                Some(parent) => (&mut self.wildcard, parent),
                None => (&mut self.exact, name.as_str()),
            };
            prefer(names.entry(name.to_owned()).or_default(), &key);
        }
        self.all.push(key);
        self.statuses.push(status);
        Ok(())
    }

    fn candidates(&self, server_name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let Some(name) = server_name.map(str::to_ascii_lowercase) else { return &self.all };
        let by_wildcard = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        self.exact.get(&name).or_else(by_wildcard).unwrap_or(&self.all)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = hello.signature_schemes();
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(offered).is_some();
        self.candidates(hello.server_name()).iter().find(fits).cloned()
    }
}

/// Puts `key` among the keys of one name: RSA last, since its signature costs many times that of ECDSA.
fn prefer(keys: &mut Vec<Arc<CertifiedKey>>, key: &Arc<CertifiedKey>) {
    keys.push(Arc::clone(key));
    keys.sort_by_key(|key| key.key.algorithm() == SignatureAlgorithm::RSA);
}

fn certified_key(settings: &CertificateSettings, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(settings.private_key.expose())
        .map_err(|error| TlsError::Key { source_name: settings.source.clone(), reason: error.to_string() })?;
    let certified = CertifiedKey::from_der(settings.chain.clone(), key, provider)
        .map_err(|error| TlsError::Key { source_name: settings.source.clone(), reason: error.to_string() })?;
    Ok(Arc::new(certified))
}

fn describe(settings: &CertificateSettings) -> Result<CertificateStatus, TlsError> {
    let unreadable = |reason: String| TlsError::Certificate { source_name: settings.source.clone(), reason };
    let leaf = settings.chain.first().ok_or_else(|| unreadable("the chain is empty".to_owned()))?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| unreadable(error.to_string()))?;
    let names = if settings.names.is_empty() { subject_names(&leaf) } else { settings.names.clone() };
    let seconds = u64::try_from(leaf.validity().not_after.timestamp()).unwrap_or(0);
    Ok(CertificateStatus {
        names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        not_after: Timestamp::from_seconds(seconds),
        source: settings.source.clone(),
    })
}

/// The DNS names of the subject; the common name has not counted since RFC 6125.
fn subject_names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect()
}
