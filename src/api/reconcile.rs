//! `POST /api/jwt/reconcile` (jwt-api.md section 2.2): a third-party token becomes a session here.

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::fields::Fields;
use super::login::{device, signed_in_answer};
use super::refusal::Refusal;
use crate::authority::{Device, Reconcile};

/// The token is the credential; an API key that is sent is let be.
pub(super) async fn reconcile(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let mut fields = call.json_alone().await?;
    let application = required_id(&mut fields, "applicationId");
    let provider = required_id(&mut fields, "identityProviderId");
    let token = fields.text("data.token").or_else(|| fields.text("encodedJWT"));
    if token.as_deref().is_none_or(str::is_empty) {
        fields.refuse("missing", "data.token", "It is required.");
    }
    let no_tokens = fields.flag("noJWT").unwrap_or(false);
    let no_link = fields.flag("noLink").unwrap_or(false);
    let device = device(&mut fields, &call);
    fields.check()?;
    // Nobody vouches for the address in the body: it is written down, and nothing is decided by it.
    let device = Device { address: device.address.or(Some(call.address())), ..device };
    let request = Reconcile {
        application: application.unwrap_or_default(),
        provider: provider.unwrap_or_default(),
        token: token.as_deref().unwrap_or_default(),
        device,
        no_tokens,
        in_place: None,
        no_link,
    };
    let signed_in = api.authority.reconcile(request).await?;
    Ok(signed_in_answer(api, &call, &signed_in))
}

fn required_id(fields: &mut Fields, name: &str) -> Option<uuid::Uuid> {
    let found = fields.id(name);
    fields.required(name, found)
}
