//! A server for tests, on a port of its own: it answers each path as told, well or badly, and counts what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Uri;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// 200 with this JSON.
    Json(String),
    /// 200 with this JSON and these header lines (each ended by CRLF).
    JsonWith(&'static str, String),
    /// This status, empty.
    Status(u16),
    /// 302 to this place.
    Redirect(String),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, then more of `0` for as long as somebody reads.
    Endless(&'static str),
    /// A good answer, one byte every so often.
    Drip(Duration, String),
    /// A good answer, after a while.
    After(Duration, String),
    /// Nothing, for ever.
    Hang,
}

type Script = Box<dyn Fn(&str) -> Reply + Send>;

/// The running server; it stops with the test's runtime.
pub(crate) struct Mock {
    base: String,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    asked: Mutex<Vec<String>>,
}

impl Mock {
    /// Starts a plain server that answers by `script`, given the path and query.
    pub(crate) async fn start(script: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        Self::listen("http", "127.0.0.1", None, script).await
    }

    /// Starts a TLS server for `localhost`, with the certificate a client must believe.
    pub(crate) async fn start_tls(script: impl Fn(&str) -> Reply + Send + 'static) -> (Self, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        (Self::listen("https", "localhost", Some(acceptor), script).await, certificate)
    }

    async fn listen(scheme: &str, host: &str, tls: Option<TlsAcceptor>, script: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("{scheme}://{host}:{}", listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared { script: Mutex::new(Box::new(script)), asked: Mutex::default() });
        tokio::spawn(accept(listener, tls, shared.clone()));
        Self { base, shared }
    }

    /// The scheme, host and port.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The address of `path` on this server.
    pub(crate) fn url(&self, path: &str) -> Uri {
        format!("{}{path}", self.base).parse().unwrap()
    }

    /// Answers by `script` from now on.
    pub(crate) fn now_does(&self, script: impl Fn(&str) -> Reply + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// How many requests came.
    pub(crate) fn count(&self) -> usize {
        self.shared.asked.lock().unwrap().len()
    }

    /// The heads of the requests that came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                Some(tls) => serve(tls.accept(tcp).await?, &shared).await,
                None => serve(tcp, &shared).await,
            }
        });
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    shared.asked.lock().unwrap().push(head);
    let reply = (shared.script.lock().unwrap())(&path);
    answer(&mut stream, reply).await?;
    stream.shutdown().await
}

async fn answer(stream: &mut (impl AsyncWrite + Unpin), reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Json(body) => stream.write_all(&ok("", &body)).await,
        Reply::JsonWith(lines, body) => stream.write_all(&ok(lines, &body)).await,
        Reply::Status(code) => stream.write_all(format!("HTTP/1.1 {code} x\r\ncontent-length: 0\r\n\r\n").as_bytes()).await,
        Reply::Redirect(to) => {
            stream.write_all(format!("HTTP/1.1 302 x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await
        }
        Reply::Raw(bytes) => stream.write_all(&bytes).await,
        Reply::Endless(start) => {
            stream.write_all(start.as_bytes()).await?;
            loop {
                stream.write_all(&[b'0'; 8192]).await?;
            }
        }
        Reply::Drip(pause, body) => {
            for byte in ok("", &body) {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
        Reply::After(wait, body) => {
            tokio::time::sleep(wait).await;
            stream.write_all(&ok("", &body)).await
        }
        Reply::Hang => std::future::pending().await,
    }
}

fn ok(lines: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}content-length: {length}\r\n\r\n{body}").into_bytes()
}
