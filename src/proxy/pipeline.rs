//! One request, from first stage to last.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;

use super::arriving::Arriving;
use super::assertion::Signer;
use super::authenticate::{Asking, authenticate};
use super::authorize::authorize;
use super::authorized_request::AuthorizedRequest;
use super::cookies::SetCookies;
use super::cross_site;
use super::forward::forward;
use super::forwarded::PeerView;
use super::matching::find_route;
use super::plan::Destination;
use super::record::Record;
use super::rejection::{Manner, Rejection};
use super::respond::{Body, Content, preflight, respond};
use super::sanitize::sanitize;
use super::snapshot::Snapshot;
use super::tunnel::Upgrade;
use crate::authority::Issuing;
use crate::peer::Peer;

/// Serves requests by the configuration in force. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Pipeline {
    current: Arc<ArcSwap<Snapshot>>,
}

impl Pipeline {
    /// A pipeline that serves by `snapshot`.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { current: Arc::new(ArcSwap::new(snapshot)) }
    }

    /// Serves every request from now on by `snapshot`; those under way keep theirs.
    pub fn replace(&self, snapshot: Arc<Snapshot>) {
        self.current.store(snapshot);
    }

    /// Looks through the calling worker's unused upstream connections.
    pub fn sweep(&self) {
        self.current.load().sweep();
    }

    /// Whether upgraded connections are open.
    pub fn has_tunnels(&self) -> bool {
        self.current.load().metrics.tunnels.get() > 0
    }

    /// Answers one request.
    pub fn serve(&self, peer: Arc<Peer>, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + use<> {
        let snapshot = self.current.load_full();
        async move {
            let (head, body) = request.into_parts();
            let body = Arriving::new(body, head.version);
            let mut record = Record::begin(&snapshot, &peer, &head);
            let manner = Manner::of(&head, snapshot.is_for_itself(&head, &peer.listener));
            let mut set_cookies = SetCookies::default();
            let answer = run(&snapshot, &peer, &mut record, &mut set_cookies, head, body).await;
            let mut answer = answer.unwrap_or_else(|rejection| {
                record.refused(&rejection);
                rejection.render(&manner, &record.id)
            });
            set_cookies.put_on(&mut answer);
            record.answered(&mut answer);
            answer.map(|content| Body::new(content, record))
        }
    }
}

/// The stages.
async fn run(
    snapshot: &Arc<Snapshot>,
    peer: &Peer,
    record: &mut Record,
    set_cookies: &mut SetCookies,
    mut head: Parts,
    body: Arriving,
) -> Result<Response<Content>, Rejection> {
    let view = PeerView::of(peer);
    let heard = view.hear(&head.headers);
    let clean = sanitize(&mut head, &snapshot.managed, &peer.limits).map_err(|fault| snapshot.ambiguous(fault.kind(), fault))?;
    snapshot.count_stripped(clean.identity_headers);

    let found = find_route(snapshot, peer, &head)?;
    let client = view.client(heard.as_ref(), &found.host, found.port);
    let plan = match record.matched(found.destination()?, client.ip) {
        Destination::Route(plan) => plan,
        Destination::Own(plan) => {
            let client = client.into_owned();
            drop(found);
            // Boxed: requests for backends must not carry its state about.
            return Ok(Box::pin(plan.answer(head, body, client)).await);
        }
    };
    if let Some(answer) = found.preflight {
        return Ok(preflight(answer));
    }
    let origin = cross_site::listed_origin(&head.headers, &plan.settings.origins);
    let readable = |rejection: Rejection| rejection.for_origin(origin.as_ref());
    let asking = |rejection: Rejection| readable(rejection.in_realm(&client.host));

    let upgrading = clean.upgrade.is_some();
    let caller = authenticate(Asking { snapshot, plan: &plan, head: &head, client: &client, upgrading }, set_cookies);
    let caller = caller.await.map_err(asking)?;
    record.authenticated(caller.known());
    let authorized = authorize(&plan, caller).map_err(asking)?;

    snapshot.remove_api_key(&mut head.headers);
    view.tell(heard.as_ref(), &head.uri, &mut head.headers);
    let upgrade = Upgrade::wanted(clean.upgrade, &mut head, &plan);
    let signer = Signer::Authority(snapshot.authority.as_ref().and_then(Issuing::embedded).map(|authority| &**authority));
    let request = AuthorizedRequest::inject(&authorized, head, &plan, &record.id, signer).map_err(readable)?;
    let answer = forward(snapshot, request, body, &plan, peer, upgrade).await.map_err(readable)?;
    Ok(respond(answer, &plan, origin.as_ref()))
}
