//! What routes have the remote do while a request waits: exchanging, asking about what was exchanged, renewing.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::json;
use uuid::Uuid;

use super::answer::{self, Issued, Refreshed};
use super::metrics::Operation;
use super::{RemoteAuthority, RemoteFault};
use crate::authority::{Denial, InPlace, Renewed};

/// Bytes of an answer at most: two tokens and their ids.
const MOST_ANSWER: usize = 64 * 1024;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const TENANT: HeaderName = HeaderName::from_static("x-fusionauth-tenantid");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl From<RemoteFault> for Denial {
    fn from(_: RemoteFault) -> Self {
        Self::Remote
    }
}

impl RemoteAuthority {
    /// Exchanges `token` of a caller at `address` (`GET /api/jwt/issue`). What comes is not proved yet.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] where the application may not be entered with it; [`Denial::Remote`].
    pub async fn exchange_in_place(&self, token: &str, application: Uuid, address: IpAddr) -> Result<InPlace, Denial> {
        let target = format!("/api/jwt/issue?applicationId={application}");
        let request = self.get(&target, token, address)?;
        let answer = self.call(request, MOST_ANSWER).await.and_then(|answer| answer::issued(&answer));
        match self.note(Operation::Issue, answer)? {
            Issued::Token(token) => Ok(InPlace { token, user_version: 0 }),
            Issued::Refused => Err(Denial::Unauthorized),
            Issued::Unknown => {
                tracing::warn!(%application, "the remote authority takes no exchange for this application; does it have it?");
                Err(Denial::Unauthorized)
            }
        }
    }

    /// Whether `token`, which came of an exchange, is good still (`GET /api/jwt/validate`).
    ///
    /// # Errors
    /// [`Denial::Remote`].
    pub async fn is_good(&self, token: &str, address: IpAddr) -> Result<bool, Denial> {
        let request = self.get("/api/jwt/validate", token, address)?;
        let answer = self.call(request, MOST_ANSWER).await.and_then(|answer| answer::validated(&answer));
        Ok(self.note(Operation::Validate, answer)?)
    }

    /// Renews the session of the refresh token with this value, whose access token was `former`. What comes is not proved yet.
    ///
    /// # Errors
    /// [`Denial::RefreshToken`] where it is none that is good; [`Denial::Remote`].
    pub async fn refresh(&self, value: &str, former: Option<&str>, address: IpAddr) -> Result<Renewed, Denial> {
        let mut body = json!({ "refreshToken": value });
        if let Some(former) = former {
            body["token"] = former.into();
        }
        let request = self.request(Method::POST, "/api/jwt/refresh", address).map(|mut request| {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
            request.map(|_| Bytes::from(body.to_string()))
        });
        let answer = self.call(request?, MOST_ANSWER).await.and_then(|answer| answer::refreshed(&answer));
        match self.note(Operation::Refresh, answer)? {
            Refreshed::Refused => Err(Denial::RefreshToken),
            // Older servers do not repeat what is to be used on.
            Refreshed::Tokens(access_token, renewed) => Ok(Renewed {
                access_token,
                refresh_token: renewed.unwrap_or_else(|| value.to_owned()),
                lifetime: self.settings.refresh_token_lifetime,
            }),
        }
    }

    fn get(&self, target: &str, token: &str, address: IpAddr) -> Result<Request<Bytes>, Denial> {
        let mut request = self.request(Method::GET, target, address)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Denial::Unauthorized)?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        Ok(request)
    }

    /// Nothing of the client but its address.
    fn request(&self, method: Method, target: &str, address: IpAddr) -> Result<Request<Bytes>, Denial> {
        let mut builder = Request::builder().method(method).uri(target).header(ACCEPT, JSON);
        builder = builder.header(X_FORWARDED_FOR, address.to_string());
        if let Some(tenant) = self.settings.tenant_id {
            builder = builder.header(TENANT, tenant.to_string());
        }
        builder.body(Bytes::new()).map_err(|_| Denial::Defect("a request to the remote authority could not be made"))
    }
}
