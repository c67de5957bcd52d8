//! What the admin listener shows of a running gateway.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::running::{Running, Shared};
use crate::admin::{Readiness, Source};
use crate::clock::Timestamp;
use crate::issuer::IssuerStatus;
use crate::proxy::Endpoints;
use crate::route::{Access, RouteSettings};
use crate::token::SkippedKey;
use crate::upstream::{ServerStatus, Upstream};

impl Source for Shared {
    fn metrics(&self) -> String {
        let dropped = i64::try_from(self.options.log.dropped()).unwrap_or(i64::MAX);
        self.metrics.log_lines_dropped.set(dropped);
        self.metrics.text()
    }

    fn readiness(&self) -> Readiness {
        let issuers = self.lock().issuers.status(self.options.clock.now());
        Readiness {
            draining: self.draining.load(Ordering::Acquire),
            issuers: issuers.iter().map(|issuer| (issuer.name.to_string(), issuer.keys.state.word())).collect(),
        }
    }

    fn endpoints(&self, path: &str) -> Option<Arc<dyn Endpoints>> {
        self.receiver_at(path)
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
            "issuers": issuers(&running, now),
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

fn issuers(running: &Running, now: Timestamp) -> Vec<Value> {
    let show = |issuer: &IssuerStatus| {
        let keys = &issuer.keys;
        let skipped = |key: &SkippedKey| json!({ "key_id": key.key_id, "why": key.why.to_string() });
        json!({
            "name": &*issuer.name,
            "issuer": &*issuer.issuer,
            "source": keys.from.word(),
            "state": keys.state.word(),
            "keys": keys.count,
            "key_ids": keys.key_ids,
            "skipped_keys": keys.skipped.iter().map(skipped).collect::<Vec<_>>(),
            "age_seconds": keys.age.map(|age| age.as_secs()),
            "last_error": keys.last_error,
            "next_fetch_in_seconds": keys.next_fetch.map(|next| next.since(now).as_secs()),
        })
    };
    running.issuers.status(now).iter().map(show).collect()
}

fn upstreams(running: &Running) -> Vec<Value> {
    let show = |upstream: &Arc<Upstream>| {
        let server = |server: ServerStatus<'_>| {
            json!({
                "server": server.server,
                "in_flight": server.in_flight,
                "connections": server.open,
                "cooling_down": server.cooling_down,
            })
        };
        json!({ "name": &*upstream.settings().name, "servers": upstream.servers().map(server).collect::<Vec<_>>() })
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
