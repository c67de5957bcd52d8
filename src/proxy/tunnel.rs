//! Upgraded connections (RFC 9110 section 7.8): after both sides switched, bytes are copied until one of them ends.
//!
//! Nothing that the client sends reaches the backend before its 101: the client's side is handed over only with our
//! own 101 (Pingora CVE-2026-2833, Envoy CVE-2025-64763).

use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use prometheus::IntGauge;
use tokio::io::AsyncWriteExt;

use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use super::respond::Content;
use crate::upstream::ResponseBody;

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

/// Joins client and backend after the backend's 101.
///
/// # Errors
/// When no upgrade was asked for, or the backend switched to another protocol than the one asked for.
pub(super) fn open(
    upgrade: Option<Upgrade>,
    switched: Option<&HeaderValue>,
    response: Response<ResponseBody>,
    open: &IntGauge,
) -> Result<Response<Content>, Rejection> {
    let switched = switched.map(|protocol| protocol.as_bytes().to_ascii_lowercase());
    let Some(upgrade) = upgrade.filter(|upgrade| switched.as_deref() == Some(upgrade.protocol.as_bytes())) else {
        return Err(Rejection::detailed(Reason::UpstreamNoResponse, "unexpected_upgrade"));
    };
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, upgrade.protocol);
    tokio::spawn(copy(upgrade.client, body, OpenTunnel::count(open)));
    Ok(Response::from_parts(parts, Content::Empty))
}

async fn copy(client: OnUpgrade, server: ResponseBody, _open: OpenTunnel) {
    let (Ok(client), Some(mut server)) = (client.await, server.into_tunnel().await) else { return };
    let mut client = TokioIo::new(client);
    let result = async {
        client.write_all(&server.already_read).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server.stream).await
    };
    if let Err(error) = result.await {
        tracing::debug!(%error, "an upgraded connection ended with an error");
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
