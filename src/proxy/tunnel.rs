//! Upgraded connections (RFC 9110 section 7.8): after both sides switched, bytes are copied until both have ended,
//! one fails, neither says anything for too long, or the caller's proof holds no more.
//!
//! Nothing that the client sends reaches the backend before its 101: the client's side is handed over only with our
//! own 101 (Pingora CVE-2026-2833, Envoy CVE-2025-64763).

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::respond::Content;
use super::silence::Silence;
use super::standing::{Court, Watch};
use crate::upstream::{ResponseBody, Stream, Tunnel};

/// An upgrade that a client asked for and the route allows.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// The protocol, lower case.
    pub(super) protocol: HeaderValue,
    pub(super) client: OnUpgrade,
}

impl Upgrade {
    /// The upgrade that a request asks for, if the route passes that protocol through. `h2c` never: it would be a
    /// second way into the backend (carapaceproxy#484).
    pub(super) fn wanted(asked: Option<HeaderValue>, head: &mut Parts, plan: &RoutePlan) -> Option<Self> {
        let protocol = asked?.to_str().ok()?.to_ascii_lowercase();
        let allowed = plan.settings.upgrades.contains(&protocol);
        let client = head.extensions.remove::<OnUpgrade>().filter(|_| allowed)?;
        Some(Self { protocol: HeaderValue::try_from(protocol).ok()?, client })
    }
}

/// How long a tunnel lasts: while something moves at least this often, and while its caller is believed.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) idle: Duration,
    pub(super) watch: Watch,
    pub(super) court: Court,
    /// The request's id, for the log.
    pub(super) request: Option<HeaderValue>,
}

/// Joins client and backend after the backend's 101.
///
/// # Errors
/// When no upgrade was asked for, or the backend switched to another protocol than the one asked for.
pub(super) fn open(
    upgrade: Option<Upgrade>,
    switched: Option<&HeaderValue>,
    response: Response<ResponseBody>,
    bounds: Bounds,
    open: &IntGauge,
) -> Result<Response<Content>, Rejection> {
    let switched = switched.map(|protocol| protocol.as_bytes().to_ascii_lowercase());
    let Some(upgrade) = upgrade.filter(|upgrade| switched.as_deref() == Some(upgrade.protocol.as_bytes())) else {
        return Err(Rejection::detailed(Reason::UpstreamNoResponse, "unexpected_upgrade"));
    };
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, upgrade.protocol);
    tokio::spawn(copy(upgrade.client, body, bounds, OpenTunnel::count(open)));
    Ok(Response::from_parts(parts, Content::Empty))
}

async fn copy(client: OnUpgrade, server: ResponseBody, bounds: Bounds, _open: OpenTunnel) {
    let (Ok(client), Some(server)) = (client.await, server.into_tunnel().await) else { return };
    if let Err(error) = join(TokioIo::new(client), server, bounds).await {
        tracing::debug!(%error, "an upgraded connection ended with an error");
    }
}

async fn join(mut client: impl AsyncRead + AsyncWrite + Unpin, mut server: Tunnel, bounds: Bounds) -> io::Result<()> {
    let moved = AtomicBool::new(false);
    let mut copying = pin!(async {
        client.write_all(&server.already_read).await?;
        let mut server = Heard { stream: &mut server.stream, moved: &moved };
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    let Bounds { idle, mut watch, court, request } = bounds;
    let mut silence = Silence::at_most(idle);
    std::future::poll_fn(|cx| {
        watch.begin(cx);
        if let Poll::Ready(ended) = watch.poll_ended(cx, || court.clone()) {
            // The access line was written when it opened.
            let request_id = request.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
            tracing::info!(request_id, detail = ended.word(), "an upgraded connection was ended");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::PermissionDenied, ended)));
        }
        if let Poll::Ready(copied) = copying.as_mut().poll(cx) {
            return Poll::Ready(copied.map(drop));
        }
        if moved.swap(false, Ordering::Relaxed) {
            silence.broken();
        }
        silence.poll_too_long(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    })
    .await
}

/// The server's stream, which every byte of either direction passes: notes that one did.
struct Heard<'a> {
    stream: &'a mut Stream,
    moved: &'a AtomicBool,
}

impl Heard<'_> {
    fn note<T>(&self, polled: Poll<T>) -> Poll<T> {
        self.moved.fetch_or(polled.is_ready(), Ordering::Relaxed);
        polled
    }
}

impl AsyncRead for Heard<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut *self.stream).poll_read(cx, buffer);
        self.note(polled)
    }
}

impl AsyncWrite for Heard<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut *self.stream).poll_write(cx, bytes);
        self.note(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}

/// One open tunnel in the gauge.
struct OpenTunnel(IntGauge);

impl OpenTunnel {
    fn count(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.0.dec();
    }
}
