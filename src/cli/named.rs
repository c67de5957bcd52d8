//! Users and applications as operators name them: by id, or by a name.

use std::sync::Arc;

use uuid::Uuid;

use crate::authority::{Application, Authority, AuthoritySettings, Denial};
use crate::store::{LoginName, User};

/// The application of this id or name.
///
/// # Errors
/// What to say where there is none.
pub(super) fn application<'a>(settings: &'a AuthoritySettings, name: &str) -> Result<&'a Arc<Application>, String> {
    let by_id = Uuid::parse_str(name).ok().and_then(|id| settings.application(id));
    let found = by_id.or_else(|| settings.application_named(name));
    found.ok_or_else(|| format!("there is no application {name:?}"))
}

/// The user of this id where it is one, else of this email address or username.
///
/// # Errors
/// [`Denial::Store`].
pub(super) async fn user(authority: &Authority, name: &str) -> Result<Option<User>, Denial> {
    if let Ok(id) = Uuid::parse_str(name)
        && let Some(user) = authority.user(id).await?
    {
        return Ok(Some(user));
    }
    authority.user_by_name(LoginName::Either(name)).await
}
