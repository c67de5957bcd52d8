//! `tollgate check`: reads a configuration exactly as `run` does, and says what is wrong or what it means.

mod authority;

use std::fmt::{Display, Write as _};
use std::io;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::authority::AUTHORITY_ISSUER;
use crate::cli::{Outcome, Streams, write_json};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::events::{EventsSettings, Place, Signers};
use crate::gateway::{self, Options};
use crate::issuer::{IssuerSettings, KeySource};
use crate::listener::{ClientAuth, ListenerSettings};
use crate::policy::Rule;
use crate::proxy::{Managed, ManagedHeaders};
use crate::route::{Access, HostPattern, RouteSettings};

/// Read a configuration as the gateway would, and report what is wrong with it.
///
/// One run reports every unknown key, every broken reference and the first type error of each block.
/// Every file it names and every TOLLGATE_ variable is read too; nothing is fetched and nothing listens. Exit code 0:
/// good (warnings go to standard error); 2: refused.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate check /etc/tollgate/tollgate.toml")]
pub(super) struct Check {
    /// The configuration.
    file: PathBuf,
    /// Print problems or the summary as JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        match config::load(&self.file, std::env::vars_os()) {
            // What only building shows, such as a machine without certificate authorities.
            Ok(settings) => match gateway::rehearse(&settings, &Options::rehearsal(&Clock::system())?) {
                Ok(_) => self.good(&settings, streams),
                Err(error) => self.refused(&json!([{ "severity": "error", "message": error.to_string() }]), &error, streams),
            },
            Err(problems) => self.refused(&json!(problems), &problems, streams),
        }
    }

    fn good(&self, settings: &Settings, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        if self.json {
            write_json(streams.out, &summary_document(settings))?;
        } else {
            for warning in &settings.warnings {
                writeln!(streams.err, "{warning}\n")?;
            }
            writeln!(streams.out, "{}: good\n\n{}", self.file.display(), summary(settings))?;
        }
        Ok(Outcome::Good)
    }

    fn refused(&self, document: &Value, problems: &impl Display, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        if self.json {
            write_json(streams.out, &json!({ "good": false, "problems": document }))?;
        } else {
            writeln!(streams.err, "{problems}\n\n{}: refused", self.file.display())?;
        }
        Ok(Outcome::Refused)
    }
}

fn summary_document(settings: &Settings) -> Value {
    json!({
        "good": true,
        "problems": settings.warnings,
        "listeners": settings.listeners.iter().map(|it| json!({ "name": &*it.name, "is": listener(it) })).collect::<Vec<_>>(),
        "admin": settings.admin.map(|address| address.to_string()),
        "workers": settings.workers,
        "issuers": settings.issuers.iter().map(|it| json!({ "name": &*it.name, "is": issuer(it) })).collect::<Vec<_>>(),
        "events": settings.events.iter().map(|it| json!({ "name": &*it.name, "is": events(it) })).collect::<Vec<_>>(),
        "authority": settings
            .authority
            .as_ref()
            .map(authority::document)
            .or_else(|| settings.remote.as_ref().map(authority::remote_document)),
        "store": settings.store.as_ref().map(authority::location),
        "upstreams": settings.upstreams.iter().map(|it| json!({ "name": &*it.name, "is": servers(it) })).collect::<Vec<_>>(),
        "routes": settings.routes.iter().map(|it| json!({ "name": &*it.name, "is": route(it, settings) })).collect::<Vec<_>>(),
        "managed_headers": managed_headers(settings, |_| true),
        "files": settings.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
    })
}

/// One line for each part, then the names that only the gateway sets.
fn summary(settings: &Settings) -> String {
    let mut text = String::new();
    let admin = settings.admin.map_or_else(|| "off".to_owned(), |address| address.to_string());
    let lines = settings.listeners.iter().map(|it| ("listener", &it.name, listener(it)));
    let lines = lines.chain(settings.issuers.iter().map(|it| ("issuer", &it.name, issuer(it))));
    let lines = lines.chain(settings.events.iter().map(|it| ("events", &it.name, events(it))));
    let lines = lines.chain(settings.authority.iter().flat_map(authority::lines));
    let lines = lines.chain(settings.remote.iter().flat_map(authority::remote_lines));
    let lines = lines.chain(settings.upstreams.iter().map(|it| ("upstream", &it.name, servers(it))));
    let lines: Vec<_> = lines.chain(settings.routes.iter().map(|it| ("route", &it.name, route(it, settings)))).collect();
    let width = lines.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or(0);
    let parts = lines.iter().map(|(part, _, _)| part.len()).max().unwrap_or(0).max("upstream ".len());
    for (part, name, is) in lines {
        // Writing to a string does not fail.
        writeln!(text, "{part:<parts$} {name:<width$}  {is}").ok();
    }
    writeln!(text, "{:<parts$} {admin}\n{:<parts$} {}", "admin", "workers", settings.workers).ok();
    if let Some(store) = &settings.store {
        writeln!(text, "{:<parts$} {}", "store", authority::location(store)).ok();
    }
    let identity = managed_headers(settings, |kind| kind == Managed::Identity).join("\n  ");
    let others = managed_headers(settings, |kind| kind != Managed::Identity).join("\n  ");
    writeln!(text, "\nIdentity headers, removed from every request in any spelling, set by the gateway only:\n  {identity}\n")
        .ok();
    write!(text, "Removed and made anew, or refused:\n  {others}").ok();
    text
}

/// The names that the pipeline takes from every request, sorted; those that end in `*` stand for all that begin so.
fn managed_headers(settings: &Settings, wanted: impl Fn(Managed) -> bool) -> Vec<String> {
    let configured = settings.routes.iter().flat_map(|route| &route.identity_headers).map(|(name, _)| name);
    let managed = ManagedHeaders::new(configured);
    let mut names: Vec<String> = managed.list().filter(|(_, kind)| wanted(*kind)).map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}

fn listener(settings: &ListenerSettings) -> String {
    let transport = match &settings.tls {
        None => "plain HTTP".to_owned(),
        Some(tls) => {
            let clients = match tls.client_auth {
                ClientAuth::None => "",
                ClientAuth::Optional(_) => ", client certificates optional",
                ClientAuth::Required(_) => ", client certificates required",
            };
            format!("TLS with {}{clients}", counted(tls.certificates.len(), "certificate"))
        }
    };
    let http2 = if settings.http2 { ", HTTP/2" } else { "" };
    let proxies = match settings.trusted_proxies.len() {
        0 => String::new(),
        count => format!(", believes {}", counted(count, "proxy network")),
    };
    format!("{} ({transport}{http2}{proxies})", settings.address)
}

fn issuer(settings: &IssuerSettings) -> String {
    let algorithms: Vec<_> = settings.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let keys = keys(&settings.source);
    format!("{} for {} ({}; keys {keys})", settings.issuer, settings.audiences.join(", "), algorithms.join(" "))
}

/// Where keys come from.
fn keys(source: &KeySource) -> String {
    match source {
        KeySource::Discovery(remote) => format!("discovered from {}", remote.url),
        KeySource::JwksUrl(remote) => format!("from {}", remote.url),
        KeySource::JwksFile(file) => format!("in {}", file.path.display()),
        KeySource::PublicKeyFiles(files) => format!("in {}", counted(files.len(), "file")),
        KeySource::FusionAuth(remote, _) => format!("from FusionAuth at {}", remote.url),
        KeySource::Secret(_) => "a shared secret".to_owned(),
        KeySource::Own(_) => "of the authority".to_owned(),
    }
}

fn events(settings: &EventsSettings) -> String {
    let place = match &settings.place {
        Place::Admin => "the admin listener".to_owned(),
        Place::Listener(name, host) => format!("listener {name}, host {host}"),
    };
    let signers = match &settings.signers {
        Signers::Issuer => "with the issuer's keys".to_owned(),
        Signers::Own(own) => format!("with keys of their own, {}", keys(&own.source)),
    };
    format!("at {} on {place} (signed {signers})", settings.path)
}

fn servers(settings: &crate::upstream::UpstreamSettings) -> String {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let servers: Vec<_> = settings.servers.iter().map(|server| format!("{scheme}://{server}")).collect();
    servers.join(", ")
}

fn route(settings: &RouteSettings, whole: &Settings) -> String {
    let methods = settings.methods.as_ref().map_or_else(String::new, |methods| {
        let names: Vec<_> = methods.iter().map(http::Method::as_str).collect();
        format!("{} ", names.join(","))
    });
    let host = match &settings.host {
        HostPattern::Any => "*".to_owned(),
        HostPattern::Below(base) => format!("*.{base}"),
        HostPattern::Exact(host) => host.to_string(),
    };
    let callers = match &settings.access {
        Access::Anonymous => "anyone".to_owned(),
        Access::Optional(rule) => format!("anyone, or {}", token_holders(settings, rule, whole)),
        Access::Required(rule) => token_holders(settings, rule, whole),
    };
    format!("{methods}{host}{} -> {} ({callers})", settings.path, settings.upstream)
}

fn token_holders(settings: &RouteSettings, rule: &Rule, whole: &Settings) -> String {
    let rule = if *rule == Rule::All(Vec::new()) { String::new() } else { format!("; {}", rule.in_line()) };
    let named_here = |id| Some(&whole.authority.as_ref()?.application(id)?.name);
    let named_remote = |id| Some(&whole.remote.as_ref()?.application(id)?.name);
    let application = settings.application.and_then(|id| named_here(id).or_else(|| named_remote(id)));
    let named = |issuer: &str| match application {
        Some(application) if issuer == AUTHORITY_ISSUER => format!("{issuer} for {application}"),
        _ => issuer.to_owned(),
    };
    let issuers: Vec<_> = settings.issuers.iter().map(|issuer| named(issuer)).collect();
    format!("with a token of {}{rule}", issuers.join(", "))
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[listener]]
name = "public"
address = "127.0.0.1:8443"
[[upstream]]
name = "up"
servers = ["http://127.0.0.1:9001"]
[[route]]
name = "all"
path = "/"
upstream = "up"
anonymous = true
[runtime]
workers = 2
"#;

    /// Outcome, standard output and standard error of a check.
    fn check(text: &str, json: bool) -> (Outcome, String, String) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("t.toml");
        std::fs::write(&file, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = Check { file, json }.run(&mut Streams { out: &mut out, err: &mut err }).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", directory.path().display()), "");
        (outcome, text(out), text(err))
    }

    #[test]
    fn a_good_configuration_is_summed_up() {
        let expected = "t.toml: good

listener  public  127.0.0.1:8443 (plain HTTP)
upstream  up      http://127.0.0.1:9001
route     all     */ -> up (anyone)
admin     127.0.0.1:9464
workers   2

Identity headers, removed from every request in any spelling, set by the gateway only:
  remote-email
  remote-groups
  remote-name
  remote-user
  x-auth-request-*
  x-forwarded-email
  x-forwarded-groups
  x-forwarded-preferred-username
  x-forwarded-user
  x-tollgate-*

Removed and made anew, or refused:
  content-length
  forwarded
  transfer-encoding
  x-forwarded
  x-forwarded-*
  x-http-method
  x-http-method-override
  x-method-override
  x-original-*
  x-real-ip
  x-request-id
  x-rewrite-*
";
        assert_eq!(check(GOOD, false), (Outcome::Good, expected.to_owned(), String::new()));
    }

    #[test]
    fn a_summary_says_what_each_route_asks_of_a_caller() {
        const ISSUER: &str = r#"
[[issuer]]
name = "corp"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks_url = "http://127.0.0.1:9002/jwks"
"#;
        let cases = [
            ("", "(with a token of corp)"),
            ("require = { roles = [\"admin\"] }", "(with a token of corp; any of the roles admin)"),
            ("anonymous = \"optional\"", "(anyone, or with a token of corp)"),
            (
                "require = { scopes = [\"a\"], not = { roles = [\"b\"] } }",
                "(with a token of corp; any of the scopes a and not any of the roles b)",
            ),
        ];
        for (lines, expected) in cases {
            let (_, out, err) = check(&(GOOD.replace("anonymous = true", lines) + ISSUER), false);
            assert!(out.contains(&format!("*/ -> up {expected}\n")), "{out}{err}");
        }
    }

    #[test]
    fn an_authority_is_summed_up_with_its_parts() {
        let more = r#"
[authority]
issuer = "acme.com"
host = "auth.example.com"
signing_key_rotation = "never"
[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"
[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
name = "orders"
refresh_token_usage = "one-time"
[[identity_provider]]
id = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea"
name = "partner"
issuer = "https://partner.example"
audiences = ["tollgate"]
jwks_url = "https://partner.example/jwks"
applications = ["orders"]
[[api_key]]
name = "ops"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
permissions = { "/api/jwt/refresh" = ["GET", "DELETE"] }
"#;
        let text = GOOD.replace("anonymous = true", "application = \"orders\"") + more;
        let expected = "listener          public    127.0.0.1:8443 (plain HTTP)
authority         acme.com  on auth.example.com (ES256)
application       orders    3c219e58-ed0e-4b18-ad48-f4f92793ae32 (tokens for 1h, refresh tokens for 30d, one-time)
identity provider partner   https://partner.example for tollgate (signs in to orders)
API key           ops       GET,DELETE /api/jwt/refresh
upstream          up        http://127.0.0.1:9001
route             all       */ -> up (with a token of authority for orders; registered with the application)
admin             127.0.0.1:9464
workers           2
store             tollgate.db
";
        let (_, out, err) = check(&text, false);
        assert!(out.contains(expected), "{out}{err}");
        let (_, out, _) = check(&text, true);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["authority"]["applications"][0]["name"], json!("orders"));
    }

    #[test]
    fn a_bad_configuration_is_refused_with_its_problems() {
        let (outcome, out, err) = check(&GOOD.replace("upstream = \"up\"", "upstream = \"down\""), false);
        assert_eq!((outcome, out.as_str()), (Outcome::Refused, ""));
        assert!(err.starts_with("t.toml:11:12: route.all.upstream: found \"down\", which is no upstream; known: up\n"), "{err}");
        assert!(err.ends_with("t.toml: refused\n"), "{err}");
    }

    #[test]
    fn both_can_be_read_by_programs() {
        let (_, good, _) = check(GOOD, true);
        let good: Value = serde_json::from_str(&good).unwrap();
        assert_eq!((&good["good"], &good["managed_headers"][2]), (&json!(true), &json!("remote-email")));
        let (outcome, refused, err) = check("[[listener]]\nnam = 1", true);
        assert_eq!((outcome, err.as_str()), (Outcome::Refused, ""));
        let refused: Value = serde_json::from_str(&refused).unwrap();
        let problem = &refused["problems"][0];
        assert_eq!(
            (&problem["severity"], &problem["position"], &problem["key"]),
            (&json!("error"), &json!([1, 1]), &json!("listener[0].name"))
        );
    }
}
