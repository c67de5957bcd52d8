//! A certificate for loopback, of an authority that signs this one and is forgotten.

use std::io;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::clock::Timestamp;

/// A demo that runs longer is restarted; nobody should trust its authority for longer.
const LIFETIME: Duration = Duration::from_secs(7 * 86_400);
/// For clients whose clock is behind.
const EARLIER: u64 = 3600;

/// PEM texts.
pub(super) struct Certificate {
    /// The authority's certificate, which a client is told to trust.
    pub(super) authority: String,
    pub(super) certificate: String,
    pub(super) private_key: String,
}

impl Certificate {
    /// A new authority, a new key, and a certificate for the names of loopback.
    pub(super) fn make(now: Timestamp) -> io::Result<Self> {
        make(now).map_err(io::Error::other)
    }
}

fn make(now: Timestamp) -> Result<Certificate, rcgen::Error> {
    let mut authority = params(&[], "Tollgate demo authority", now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_text = authority.self_signed(&authority_key)?.pem();

    let mut server = params(&["localhost", "127.0.0.1"], "localhost", now)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok(Certificate { authority: authority_text, certificate: certificate.pem(), private_key: key.serialize_pem() })
}

fn params(names: &[&str], common_name: &str, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now.seconds().saturating_sub(EARLIER));
    params.not_after = epoch + Duration::from_secs(now.seconds()) + LIFETIME;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}
