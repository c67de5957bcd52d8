//! One party's place: proves that the party signed the body, then has the [`Inbox`] obey it.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode};
use tokio::runtime::Handle;

use super::answer::{Refusal, empty};
use super::inbox::Inbox;
use super::metrics::{EventMeters, Outcome};
use super::settings::{EventsSettings, Signers};
use crate::clock::Clock;
use crate::issuer::{Archive, IssuerMetrics, Keys, Registry, RegistryProblem, Signatory};
use crate::media_type;
use crate::proxy::{Answering, Endpoints, OwnBody, OwnRequest};
use crate::revocation::{Event, Reach};
use crate::token::BodySignature;

const SIGNATURE: HeaderName = HeaderName::from_static("x-fusionauth-signature-jwt");
/// Many times the largest event: a user's `data` is the largest thing in any.
const MOST_BODY: usize = 256 * 1024;

/// Where one party's events are taken. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Receiver(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: EventsSettings,
    reach: Reach,
    /// What signs the events.
    keys: Arc<Keys>,
    /// What signs the tokens, to be fetched anew when the party says so.
    token_keys: Option<Arc<Keys>>,
    /// The events' own keys, where they have some.
    signatory: Option<Signatory>,
    inbox: Arc<Inbox>,
    meters: EventMeters,
}

/// Why events of a party cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiverError {
    /// Their keys cannot be read.
    #[error("events of \"{0}\": {1}")]
    Keys(Arc<str>, RegistryProblem),
    /// There is no such issuer; the configuration compiler makes no such settings.
    #[error("events of \"{0}\": there is no issuer with its `iss`")]
    NoIssuer(Arc<str>),
}

impl Receiver {
    /// The place of `settings`, for tokens of one of `issuers`. Keys of its own are those of `previous` where nothing about
    /// them has changed. Fetches nothing.
    ///
    /// # Errors
    /// [`ReceiverError`].
    pub fn build(
        settings: &EventsSettings,
        previous: Option<&Self>,
        issuers: &Registry,
        inbox: &Arc<Inbox>,
        clock: &Clock,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Self, ReceiverError> {
        let token_keys = issuers.find(&settings.issuer).map(|issuer| Arc::clone(issuer.keys()));
        let signatory = match &settings.signers {
            Signers::Issuer => None,
            Signers::Own(own) => {
                let former = previous.and_then(|previous| previous.0.signatory.as_ref());
                let built = Signatory::build((**own).clone(), former, clock, metrics);
                Some(built.map_err(|problem| ReceiverError::Keys(Arc::clone(&settings.name), problem))?)
            }
        };
        let keys = signatory.as_ref().map(Signatory::keys).or(token_keys.as_ref()).map(Arc::clone);
        Ok(Self(Arc::new(Shared {
            settings: settings.clone(),
            reach: settings.reach(),
            keys: keys.ok_or_else(|| ReceiverError::NoIssuer(Arc::clone(&settings.name)))?,
            token_keys,
            signatory,
            inbox: Arc::clone(inbox),
            meters: inbox.meters(&settings.name),
        })))
    }

    /// Begins to fetch the events' own keys on `runtime`, and saves them in `archive`.
    pub fn start(&self, runtime: &Handle, archive: Option<&Archive>) {
        self.0.signatory.iter().for_each(|signatory| signatory.start(runtime, archive));
    }

    /// What the operator decided.
    pub fn settings(&self) -> &EventsSettings {
        &self.0.settings
    }
}

impl Endpoints for Receiver {
    fn answer(&self, request: OwnRequest) -> Answering {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.answer(request).await })
    }
}

impl Shared {
    async fn answer(&self, OwnRequest { head, body, .. }: OwnRequest) -> Response<Bytes> {
        let issuer = &*self.settings.name;
        match self.receive(&head, body).await {
            Ok(outcome) => {
                tracing::debug!(issuer, result = outcome.word(), "an event was received");
                self.meters.received(outcome);
                empty(StatusCode::OK)
            }
            Err(refusal) => {
                // Anyone can cause this line.
                tracing::debug!(issuer, reason = refusal.reason(), "an event was refused");
                self.meters.received(refusal.outcome());
                refusal.into_response()
            }
        }
    }

    async fn receive(&self, head: &Parts, body: OwnBody) -> Result<Outcome, Refusal> {
        self.check_head(head)?;
        let signature = BodySignature::parse(signature_of(&head.headers)?)?;
        let body = body.read(MOST_BODY).await?;
        let (key_id, algorithm) = (signature.header().key_id.as_deref(), signature.header().algorithm);
        let key = self.keys.signer_for(key_id, algorithm, self.inbox.now()).await?;
        signature.verify(&key, &body)?;
        let event = Event::parse(&body)?;
        let refresh = |now| self.token_keys.iter().for_each(|keys| keys.refresh_once(now));
        Ok(self.inbox.take(event, &body, &self.reach, refresh).await?)
    }

    fn check_head(&self, head: &Parts) -> Result<(), Refusal> {
        if head.uri.path() != self.settings.path.as_str() {
            return Err(Refusal::NotFound);
        }
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        if media_type::is_json(&head.headers) { Ok(()) } else { Err(Refusal::MediaType) }
    }
}

/// The one signature.
fn signature_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut found = headers.get_all(SIGNATURE).iter();
    let first = found.next().ok_or(Refusal::Unproved("no_signature"))?;
    if found.next().is_some() {
        return Err(Refusal::Signatures);
    }
    first.to_str().map_err(|_| Refusal::Unproved("bad_encoding"))
}
