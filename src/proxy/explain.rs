//! What the pipeline would do with a request, stage by stage, and why: for the `explain` command.
//!
//! The stages are the pipeline's own functions in the pipeline's order ([`super::pipeline`]); only forwarding is left out, so
//! nothing is sent anywhere. What it shows is the operator's to see, never a client's.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};

use super::assertion::{Signer, X_TOLLGATE_ASSERTION};
use super::authenticate::{Asking, Caller, authenticate, present};
use super::authorize::authorize;
use super::authorized_request::AuthorizedRequest;
use super::cookies::SetCookies;
use super::exchange::OTHER_APPLICATION;
use super::foreseen;
use super::forwarded::{ClientView, PeerView};
use super::matching::find_route;
use super::plan::{Destination, RoutePlan};
use super::rejection::{Reason, Rejection};
use super::sanitize::{Sanitized, sanitize};
use super::snapshot::Snapshot;
use crate::identity::credential::{Presented, Source, TokenFrom};
use crate::issuer::Outcome;
use crate::peer::Peer;
use crate::policy;
use crate::route::{Access, Authorization, Match, request_host};
use crate::telemetry::RequestId;

/// How a request would be answered, and what each stage found on the way there.
#[derive(Debug)]
pub struct Explanation {
    /// The stages that it went through; the last one decided.
    pub stages: Vec<Stage>,
    /// How it ends.
    pub answer: Answer,
}

/// One stage of the pipeline.
#[derive(Debug)]
pub struct Stage {
    /// The stage's name.
    pub name: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What it found, in lines.
    pub findings: Vec<String>,
}

/// How a request ends.
#[derive(Debug)]
pub enum Answer {
    /// It is sent to the backend, with these identity headers.
    Forwarded {
        /// The route.
        route: Arc<str>,
        /// Its upstream.
        upstream: Arc<str>,
        /// What the backend is told about the caller.
        identity_headers: Vec<(HeaderName, HeaderValue)>,
    },
    /// It is the CORS preflight of a listed origin, which the gateway answers.
    Preflight,
    /// It is for the gateway's own API.
    Own,
    /// It is refused.
    Refused {
        /// The status of the answer; 303 where a browser is sent to sign in.
        status: StatusCode,
        /// The reason.
        reason: Reason,
        /// The finer word.
        detail: Option<&'static str>,
    },
    /// It cannot be said without what the gateway has when it runs.
    Undecided(Missing),
    /// The token is for another application, and the remote authority here is asked to exchange it when the gateway runs.
    Exchanged(Box<str>),
}

/// What is not there while a request is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The keys of the token's issuer, which is asked when the gateway runs.
    Keys,
    /// The store, which the authority exchanges, reconciles and renews by.
    Store,
}

impl From<Rejection> for Answer {
    fn from(rejection: Rejection) -> Self {
        Self::Refused { status: rejection.status(), reason: rejection.reason, detail: rejection.detail }
    }
}

impl Snapshot {
    /// Follows a request with this head from `peer` as far as it comes.
    pub async fn explain(self: &Arc<Self>, peer: &Peer, head: Parts) -> Explanation {
        let mut notes = Notes { stages: Vec::new() };
        let answer = follow(self, peer, head, &mut notes).await.unwrap_or_else(|answer| answer);
        let outcome = match answer {
            Answer::Forwarded { .. } | Answer::Preflight | Answer::Own => Outcome::Good,
            Answer::Refused { .. } => Outcome::Refused,
            Answer::Undecided(_) | Answer::Exchanged(_) => Outcome::Unknown,
        };
        if let Some(last) = notes.stages.last_mut() {
            last.outcome = outcome;
        }
        Explanation { stages: notes.stages, answer }
    }
}

/// [`super::pipeline`] up to forwarding.
async fn follow(snapshot: &Arc<Snapshot>, peer: &Peer, mut head: Parts, notes: &mut Notes) -> Result<Answer, Answer> {
    let view = PeerView::of(peer);
    let heard = view.hear(&head.headers);
    let clean = notes.sanitize(snapshot, peer, &mut head)?;

    notes.begin("match");
    let found = find_route(snapshot, peer, &head);
    if found.as_ref().is_ok_and(|found| found.preflight.is_some()) {
        notes.say("it is a CORS preflight of an origin that the route lists");
    } else {
        notes.look_up(snapshot, peer, &head);
    }
    let found = found?;
    let client = view.client(heard.as_ref(), &found.host, found.port);
    let plan = match found.destination()? {
        Destination::Route(plan) => Arc::clone(plan),
        Destination::Own(_) => {
            notes.say("the gateway's own API answers here");
            return Ok(Answer::Own);
        }
    };
    notes.matched(&plan);
    if found.preflight.is_some() {
        return Ok(Answer::Preflight);
    }

    notes.credentials(snapshot, &plan, &head, &client, clean.upgrade.is_some()).await?;
    let upgrading = clean.upgrade.is_some();
    let asking = Asking { snapshot, plan: &plan, head: &head, client: &client, upgrading };
    let caller = authenticate(asking, &mut SetCookies::default()).await;
    let caller = caller.map_err(|rejection| notes.refused(snapshot, &plan, rejection))?;
    notes.decide(&plan, &caller);
    let authorized = authorize(&plan, caller)?;

    notes.begin("inject");
    view.tell(heard.as_ref(), &head.uri, &mut head.headers);
    let head = AuthorizedRequest::inject(&authorized, head, &plan, &RequestId::new(), Signer::Nobody)?.into_parts().0;
    if plan.settings.assertion && authorized.known().is_some() {
        notes.say(format!("{X_TOLLGATE_ASSERTION}: signed when the gateway runs"));
    }
    Ok(notes.injected(&plan, &head))
}

/// The stages so far.
struct Notes {
    stages: Vec<Stage>,
}

impl Notes {
    fn begin(&mut self, name: &'static str) {
        self.stages.push(Stage { name, outcome: Outcome::Good, findings: Vec::new() });
    }

    fn say(&mut self, finding: impl Into<String>) {
        if let Some(stage) = self.stages.last_mut() {
            stage.findings.push(finding.into());
        }
    }

    fn say_lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.say(line));
    }

    fn sanitize(&mut self, snapshot: &Snapshot, peer: &Peer, head: &mut Parts) -> Result<Sanitized, Rejection> {
        self.begin("sanitize");
        let names: Vec<HeaderName> = head.headers.keys().cloned().collect();
        let clean = sanitize(head, &snapshot.managed, &peer.limits).inspect_err(|fault| self.say(fault.to_string()))?;
        let removed: Vec<&str> = names.iter().filter(|name| !head.headers.contains_key(*name)).map(HeaderName::as_str).collect();
        if removed.is_empty() {
            self.say("no header is removed");
        } else {
            self.say(format!("removed: {}", removed.join(", ")));
        }
        Ok(clean)
    }

    /// Says how host and target are read; [`find_route`] decides about them.
    fn look_up(&mut self, snapshot: &Snapshot, peer: &Peer, head: &Parts) {
        let host = match request_host(&head.uri, &head.headers) {
            Ok((host, _)) => host,
            Err(fault) => return self.say(fault.to_string()),
        };
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let table = snapshot.routes_on(&peer.listener);
        match table.resolve(&host, target, &head.method) {
            Err(fault) => self.say(fault.to_string()),
            Ok(Match::MethodNotAllowed { allow }) => self.say(format!("the routes of this place take {allow}")),
            Ok(Match::Found(_)) => self.say(format!("host {host}; every reading of the path leads to the same route")),
            Ok(Match::NotFound) => {
                self.say(format!("host {host}; no route covers the path; the routes of this host are:"));
                let mut routes: Vec<String> = table.answering(&host).map(place_of_destination).collect();
                routes.sort_unstable();
                routes.dedup();
                routes.iter().for_each(|route| self.say(format!("  {route}")));
            }
        }
    }

    fn matched(&mut self, plan: &RoutePlan) {
        self.say(place(plan));
    }

    /// Says where the credential was and what its tokens are.
    async fn credentials(
        &mut self,
        snapshot: &Arc<Snapshot>,
        plan: &RoutePlan,
        head: &Parts,
        client: &ClientView<'_>,
        upgrading: bool,
    ) -> Result<(), Answer> {
        self.begin("authenticate");
        if matches!(plan.settings.access, Access::Anonymous) {
            self.say("the route is anonymous: no credential is used, and none of ours reaches the backend");
            return Ok(());
        }
        let optional = if matches!(plan.settings.access, Access::Optional(_)) { "; it can do without" } else { "" };
        let (places, issuers) = (places(&plan.settings.token_from), plan.settings.issuers.join(", "));
        self.say(format!("the route takes a token from {places}, of issuer {issuers}{optional}"));
        match present(plan, head, client, upgrading) {
            Ok(presented) => {
                self.examine(snapshot, plan, &presented)?;
                let foreseen = foreseen::of_tokens(snapshot, plan, head, &presented).await;
                self.foresee(plan, foreseen)
            }
            Err(absent) => {
                self.say(absent.reason.text());
                let foreseen = foreseen::of_none(plan, head).filter(|_| absent.reason == Reason::CredentialMissing);
                self.foresee(plan, foreseen)
            }
        }
    }

    /// Undecided where the store would be asked.
    fn foresee(&mut self, plan: &RoutePlan, foreseen: Option<&'static str>) -> Result<(), Answer> {
        match foreseen {
            None => Ok(()),
            Some(finding) => {
                self.say(finding);
                Err(self.undecided(plan, Missing::Store))
            }
        }
    }

    /// Undecided where a token's issuer would be asked: then nobody asks.
    fn examine(&mut self, snapshot: &Snapshot, plan: &RoutePlan, presented: &Presented<'_>) -> Result<(), Answer> {
        let mut undecided = false;
        for token in presented.tokens() {
            self.say(format!("a token is in {}:", place_of(presented.source)));
            for step in snapshot.verifier.examine(token) {
                undecided |= step.stage == "key" && step.outcome == Outcome::Unknown;
                self.say(format!("  {step}"));
            }
        }
        if undecided { Err(self.undecided(plan, Missing::Keys)) } else { Ok(()) }
    }

    /// Undecided where the remote authority would be asked for an exchange: then nobody asks.
    fn refused(&mut self, snapshot: &Snapshot, plan: &RoutePlan, rejection: Rejection) -> Answer {
        match &snapshot.remote {
            Some(remote) if rejection.detail == Some(OTHER_APPLICATION) && plan.settings.application.is_some() => {
                self.say(format!("the token is for another application; the remote authority at {remote} would exchange it"));
                self.undecided(plan, Missing::Store);
                Answer::Exchanged(remote.clone())
            }
            _ => rejection.into(),
        }
    }

    /// Says what rule would decide about whoever the token turned out to be.
    fn undecided(&mut self, plan: &RoutePlan, missing: Missing) -> Answer {
        if let Some(stage) = self.stages.last_mut() {
            stage.outcome = Outcome::Unknown;
        }
        self.begin("authorize");
        if let Access::Optional(rule) | Access::Required(rule) = &plan.settings.access {
            self.say_lines(&rule.to_string());
        }
        Answer::Undecided(missing)
    }

    fn decide(&mut self, plan: &RoutePlan, caller: &Caller) {
        self.begin("authorize");
        match (&plan.settings.access, caller) {
            (Access::Optional(rule) | Access::Required(rule), Caller::Known(known)) => {
                let identity = &known.verified.identity;
                let subject = identity.subject().map_or_else(|| "without subject".to_owned(), |subject| format!("{subject:?}"));
                let (roles, scopes) = (&identity.roles, &identity.scopes);
                self.say(format!("the caller is {subject} of {}, roles {roles:?}, scopes {scopes:?}", identity.issuer_name));
                self.say_lines(&policy::explain(rule, identity).to_string());
            }
            _ => self.say("the caller is nobody in particular, and the route allows it"),
        }
    }

    fn injected(&mut self, plan: &RoutePlan, head: &Parts) -> Answer {
        let wanted = plan.settings.identity_headers.iter().map(|(name, _)| name);
        let identity_headers: Vec<_> = wanted.filter_map(|name| Some((name.clone(), head.headers.get(name)?.clone()))).collect();
        if identity_headers.is_empty() {
            self.say("the backend gets no identity header");
        }
        for (name, value) in &identity_headers {
            self.say(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        }
        if plan.settings.authorization == Authorization::Presented && head.headers.contains_key(http::header::AUTHORIZATION) {
            self.say("authorization: Bearer and the presented token");
        }
        let settings = &plan.settings;
        Answer::Forwarded { route: Arc::clone(&settings.name), upstream: Arc::clone(&settings.upstream), identity_headers }
    }
}

fn place_of_destination(destination: &Destination) -> String {
    match destination {
        Destination::Route(plan) => place(plan),
        Destination::Own(plan) => format!("the gateway's own API: host {}", plan.host),
    }
}

/// What a route matches, in one line.
fn place(plan: &RoutePlan) -> String {
    let settings = &plan.settings;
    let methods = settings.methods.as_ref().map(|methods| {
        let names: Vec<_> = methods.iter().map(http::Method::as_str).collect();
        format!(", methods {}", names.join(", "))
    });
    format!("route {:?}: host {}, path {}{}", settings.name, settings.host, settings.path, methods.unwrap_or_default())
}

fn places(from: &TokenFrom) -> String {
    let all = [(from.header, Source::Header), (from.cookie, Source::Cookie), (from.query, Source::Query)];
    let places: Vec<_> = all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, source)| place_of(source)).collect();
    places.join(", ")
}

fn place_of(source: Source) -> &'static str {
    match source {
        Source::Header => "the Authorization header",
        Source::Cookie => "the access_token cookie",
        Source::Query => "the access_token query parameter",
    }
}
