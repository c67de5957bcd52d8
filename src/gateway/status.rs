//! What the admin listener shows of a running gateway.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::control::{Running, Shared};
use crate::admin::{Readiness, Source};
use crate::route::{Access, RouteSettings};

impl Source for Shared {
    fn metrics(&self) -> String {
        let dropped = i64::try_from(self.options.log.dropped()).unwrap_or(i64::MAX);
        self.metrics.log_lines_dropped.set(dropped);
        self.metrics.text()
    }

    fn readiness(&self) -> Readiness {
        let issuers = self.lock().issuers.status();
        Readiness {
            draining: self.draining.load(Ordering::Acquire),
            issuers: issuers.iter().map(|issuer| (issuer.name.to_string(), issuer.state.word())).collect(),
        }
    }

    fn status(&self) -> Value {
        let running = self.lock();
        let now = self.options.clock.now();
        json!({
            "build": { "version": env!("CARGO_PKG_VERSION") },
            "uptime_seconds": now.since(self.started_at).as_secs(),
            "draining": self.draining.load(Ordering::Acquire),
            "workers": running.settings.workers,
            "listeners": listeners(&running),
            "issuers": issuers(&running),
            "upstreams": upstreams(&running),
            "routes": running.settings.routes.iter().map(route).collect::<Vec<_>>(),
        })
    }
}

fn listeners(running: &Running) -> Vec<Value> {
    let show = |active: &super::listeners::Active| {
        let status = active.listener.status();
        json!({
            "name": &*active.settings.name,
            "address": active.address.to_string(),
            "tls": active.settings.tls.is_some(),
            "connections": status.connections,
        })
    };
    running.listeners.iter().map(show).collect()
}

fn issuers(running: &Running) -> Vec<Value> {
    let statuses = running.issuers.status();
    statuses.into_iter().map(|status| status.to_json()).collect()
}

fn upstreams(running: &Running) -> Vec<Value> {
    let show = |upstream: &std::sync::Arc<crate::upstream::Upstream>| {
        json!({ "name": &*upstream.settings().name, "servers": upstream.server_status() })
    };
    running.upstreams.iter().map(show).collect()
}

fn route(route: &RouteSettings) -> Value {
    let access = match route.access {
        Access::Anonymous => "anonymous",
        Access::Optional(_) => "optional",
        Access::Required(_) => "required",
    };
    json!({
        "name": &*route.name,
        "host": route.host.to_string(),
        "path": route.path.to_string(),
        "upstream": &*route.upstream,
        "access": access,
        "issuers": route.issuers.iter().map(|issuer| issuer.to_string()).collect::<Vec<_>>(),
    })
}
