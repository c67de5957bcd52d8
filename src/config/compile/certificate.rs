//! Certificates and private keys: read, parsed and matched before anything listens.
//!
//! Refuses a chain and a key that do not belong together and authorities that cannot be one; a certificate that is not
//! valid now is only warned of, since clocks and renewals go wrong without the gateway having to stop.

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::clock::Timestamp;
use crate::config::compile::Context;
use crate::config::diagnostic::quoted;
use crate::config::files::{Audience, Content};
use crate::config::key_path::KeyPath;
use crate::secret::Secret;
use crate::upstream::TrustRoots;

/// A file's name as configured, with where it is configured.
pub(super) struct Named<'a> {
    pub(super) file: &'a str,
    pub(super) path: KeyPath,
}

/// A chain with its private key's PEM, and where the chain was read.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) private_key: Secret,
    pub(super) source: String,
}

/// The chain and key in two files.
pub(super) fn pair(certificate: &Named<'_>, private_key: &Named<'_>, context: &mut Context<'_>) -> Option<Pair> {
    let chain = chain(certificate, context);
    let key = context.files.read(private_key.file, Audience::OwnerOnly, &private_key.path, context.problems);
    let ((chain, source), key) = (chain?, key?);
    match belong_together(&chain, &key.bytes) {
        Ok(()) => Some(Pair { chain, private_key: Secret::new(key.bytes.to_vec()), source }),
        Err(reason) => {
            context.problems.error(&private_key.path, format!("file {} {reason}", shown(&key)));
            None
        }
    }
}

fn belong_together(chain: &[CertificateDer<'static>], key: &[u8]) -> Result<(), &'static str> {
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|_| "has no private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)")?;
    let key = any_supported_type(&key).map_err(|_| "has a private key that is neither RSA, ECDSA nor Ed25519")?;
    let mismatch = "has a private key that is not the certificate's";
    CertifiedKey::new(chain.to_vec(), key).keys_match().map_err(|_| mismatch)
}

/// The certificates in a file, the leaf first, and the file's name.
fn chain(named: &Named<'_>, context: &mut Context<'_>) -> Option<(Vec<CertificateDer<'static>>, String)> {
    let content = context.files.read(named.file, Audience::Anyone, &named.path, context.problems)?;
    let chain = certificates(&content, &named.path, context)?;
    if let Some(leaf) = chain.first() {
        warn_of_validity(leaf, &content, &named.path, context);
    }
    Some((chain, content.path.to_string_lossy().into_owned()))
}

fn certificates(content: &Content, path: &KeyPath, context: &mut Context<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content.bytes).collect();
    match parsed {
        Ok(chain) if !chain.is_empty() && chain.iter().all(|der| X509Certificate::from_der(der).is_ok()) => Some(chain),
        Ok(chain) => {
            let reason = if chain.is_empty() { "has no certificate in PEM" } else { "has a certificate that cannot be read" };
            context.problems.error(path, format!("file {} {reason}", shown(content)));
            None
        }
        Err(_) => {
            context.problems.error(path, format!("file {} is broken PEM", shown(content)));
            None
        }
    }
}

fn warn_of_validity(leaf: &CertificateDer<'_>, content: &Content, path: &KeyPath, context: &mut Context<'_>) {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return };
    let now = i64::try_from(context.now.seconds()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let date = |seconds: i64| Timestamp::from_seconds(u64::try_from(seconds).unwrap_or(0));
    let reason = if validity.not_after.timestamp() < now {
        format!("expired on {}", date(validity.not_after.timestamp()))
    } else if validity.not_before.timestamp() > now {
        format!("is not valid before {}", date(validity.not_before.timestamp()))
    } else {
        return;
    };
    context.problems.warn(path, format!("the certificate in {} {reason}", shown(content)));
}

/// The certificate authorities in a file; none is refused.
pub(super) fn authorities(named: &Named<'_>, context: &mut Context<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let content = context.files.read(named.file, Audience::Anyone, &named.path, context.problems)?;
    let authorities = certificates(&content, &named.path, context)?;
    let mut store = RootCertStore::empty();
    if authorities.iter().any(|der| store.add(der.clone()).is_err()) {
        context.problems.error(&named.path, format!("file {} has a certificate that cannot be an authority", shown(&content)));
        return None;
    }
    Some(authorities)
}

/// The authorities in `file`, or the system's where none is named.
pub(super) fn roots(file: Option<&str>, path: KeyPath, context: &mut Context<'_>) -> Option<TrustRoots> {
    match file {
        Some(file) => authorities(&Named { file, path }, context).map(TrustRoots::Given),
        None => Some(TrustRoots::System),
    }
}

fn shown(content: &Content) -> String {
    quoted(&content.path.to_string_lossy())
}
