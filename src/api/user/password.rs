//! `POST /api/user/change-password`.

use http::Method;

use super::{MOST_ROUNDS, is_conflict};
use crate::api::Shared;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::credentials::Caller;
use crate::api::operations::done;
use crate::api::refusal::Refusal;
use crate::authority::Login;
use crate::store::StoreError;

/// Changes the password of whoever knows the present one. Ends the user's sessions, but for the one of a JWT that it is
/// asked with.
pub(in crate::api) async fn change_password(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let caller = api.caller(&call, "/api/user/change-password", &Method::POST).await?;
    let mut fields = call.json().await?;
    let names = ["loginId", "currentPassword", "password"];
    let [name, current, password] = names.map(|field| {
        let value = fields.text(field).filter(|value| !value.is_empty());
        if value.is_none() {
            fields.refuse("blank", field, "It is required.");
        }
        value.unwrap_or_default()
    });
    fields.check()?;
    for _ in 0..MOST_ROUNDS {
        let login = Login { name: &name, password: &current, address: call.address() };
        let former = api.authority.authenticate(&login).await?;
        let spared = match &caller {
            Caller::User(token) if token.user != former.id => return Err(Refusal::NotFound),
            Caller::User(token) => Some(token.session),
            Caller::Key(_) => None,
        };
        let mut user = former.clone();
        api.authority.set_password(&mut user, &password, "password").await?;
        user.password_change_required = false;
        match api.authority.replace_user(&former, user, spared).await {
            Err(refused) if is_conflict(&refused) => {}
            replaced => return replaced.map(|_| done()).map_err(Into::into),
        }
    }
    Err(StoreError::Conflict.into())
}
