//! Certificates of authorities that tests make.

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::tls_client::TlsClient;

const PATIENCE: Duration = Duration::from_secs(10);

/// A certificate authority.
pub struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Issued {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    key: KeyPair,
}

impl Issued {
    /// Writes `NAME.crt` and `NAME.key`, the key for its owner only.
    pub fn write(&self, folder: &Path, name: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(folder.join(format!("{name}.crt")), &self.pem).unwrap();
        let key = folder.join(format!("{name}.key"));
        std::fs::write(&key, self.key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Its key in DER (PKCS#8).
    pub fn key_der(&self) -> Vec<u8> {
        self.key.serialize_der()
    }

    /// A TLS server's side of `stream` with this certificate.
    pub fn accept(&self, stream: TcpStream) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], PrivateKeyDer::try_from(self.key_der()).unwrap())
            .unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// Writes `NAME.crt`.
    pub fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.crt")), &self.pem).unwrap();
    }

    /// A certificate for `names`.
    pub fn issue(&self, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }

    /// A client that believes this authority.
    pub fn client(&self) -> TlsClient {
        TlsClient::of(self.certificate.clone())
    }
}
