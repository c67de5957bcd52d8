//! Whom a client connection of ours believes, and the store that rustls checks against.

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

/// Certificate authorities that a client connection of ours believes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum TrustRoots {
    /// The operating system's.
    #[default]
    System,
    /// Exactly these.
    Given(Vec<CertificateDer<'static>>),
}

/// Why there are no certificate authorities to believe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// The operating system has none.
    #[error("the operating system has no certificate authorities; name a file of them")]
    NoneFound,
    /// A given one is not a certificate.
    #[error("a certificate authority cannot be used: {0}")]
    Unusable(String),
}

impl TrustRoots {
    /// The authorities, ready for use. Of the system's, those that rustls cannot read are left out: one odd certificate
    /// must not disable the others.
    pub(super) fn store(&self) -> Result<RootCertStore, RootsError> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
            Self::Given(given) => given.iter().try_for_each(|certificate| add(&mut store, certificate))?,
        }
        if store.is_empty() { Err(RootsError::NoneFound) } else { Ok(store) }
    }
}

fn add(store: &mut RootCertStore, certificate: &CertificateDer<'static>) -> Result<(), RootsError> {
    store.add(certificate.clone()).map_err(|error| RootsError::Unusable(error.to_string()))
}
