//! The members of a user and of a registration in a request, checked and taken over.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::api::Shared;
use crate::api::fields::Fields;
use crate::api::refusal::Refusal;
use crate::clock::Timestamp;
use crate::store::{Registration, User, folded};

/// How much of a record a request replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it: what is not there is gone.
    Whole,
    /// What is there; `null` removes (RFC 7396).
    Merge,
}

/// Documented members that are kept as they are.
const TEXTS: [&str; 8] = ["birthDate", "firstName", "fullName", "imageUrl", "lastName", "middleName", "mobilePhone", "timezone"];

/// The longest email address or username, in bytes (RFC 5321 section 4.5.3.1.3).
const MOST_NAME: usize = 254;

/// The user that a request makes.
pub(super) async fn new_user(api: &Shared, fields: &mut Fields, id: Option<Uuid>) -> Result<User, Refusal> {
    let mut user = api.authority.new_user(id)?;
    let is_password_set_later = fields.flag("sendSetPasswordEmail").unwrap_or(false);
    if !is_password_set_later && fields.text("user.password").is_none_or(|password| password.is_empty()) {
        fields.refuse("blank", "user.password", "It is required.");
    }
    read(api, fields, &mut user, Extent::Whole).await?;
    Ok(user)
}

/// Takes over the members of `user`.
pub(super) async fn read(api: &Shared, fields: &mut Fields, user: &mut User, extent: Extent) -> Result<(), Refusal> {
    let is_given = |fields: &Fields, name: &str| extent == Extent::Whole || fields.mentions(&format!("user.{name}"));
    let former_email = user.email.clone();
    if is_given(fields, "email") {
        user.email = fields.text("user.email").map(|email| folded(email.trim())).filter(|email| !email.is_empty());
        if user.email.as_deref().is_some_and(|email| !is_email(email)) {
            fields.refuse("invalid", "user.email", "It is no email address.");
        }
    }
    if is_given(fields, "username") {
        user.username = fields.text("user.username").filter(|name| !name.is_empty());
        if user.username.as_deref().is_some_and(|name| name.len() > MOST_NAME || name.chars().any(char::is_control)) {
            fields.refuse("invalid", "user.username", "It is too long or has control characters.");
        }
    }
    if user.email.is_none() && user.username.is_none() {
        fields.refuse("blank", "user.email", "An email address or a username is required.");
    }
    if is_given(fields, "expiry") {
        user.expiry = instant(fields, "user.expiry");
    }
    // What was verified is the former address.
    user.verified = fields.flag("user.verified").unwrap_or(user.verified && user.email == former_email);
    user.password_change_required = fields.flag("user.passwordChangeRequired").unwrap_or(user.password_change_required);
    let password = fields.text("user.password").filter(|password| !password.is_empty());
    user.profile = profile(fields, "user", std::mem::take(&mut user.profile), extent);
    fields.check()?;
    if let Some(password) = password {
        api.authority.set_password(user, &password, "user.password").await?;
    }
    Ok(())
}

/// Takes over the members of `registration` but its application.
pub(super) fn read_registration(fields: &mut Fields, registration: &mut Registration, extent: Extent) {
    let is_given = |fields: &Fields, name: &str| extent == Extent::Whole || fields.mentions(&format!("registration.{name}"));
    if is_given(fields, "roles") {
        let mut roles = fields.texts("registration.roles").unwrap_or_default();
        roles.sort();
        roles.dedup();
        registration.roles = roles;
    }
    if is_given(fields, "username") {
        registration.username = fields.text("registration.username").filter(|name| !name.is_empty());
    }
    registration.profile = profile(fields, "registration", std::mem::take(&mut registration.profile), extent);
}

/// The members that are kept as they are.
fn profile(fields: &mut Fields, of: &str, former: Map<String, Value>, extent: Extent) -> Map<String, Value> {
    let mut profile = if extent == Extent::Merge { former } else { Map::new() };
    for name in TEXTS {
        let path = format!("{of}.{name}");
        let value = fields.text(&path).map(Value::String);
        take_over(&mut profile, name, value, fields.mentions(&path));
    }
    let path = format!("{of}.preferredLanguages");
    let languages = fields.texts(&path).map(Value::from);
    take_over(&mut profile, "preferredLanguages", languages, fields.mentions(&path));
    let path = format!("{of}.data");
    match (fields.object(&path), profile.get_mut("data").and_then(Value::as_object_mut)) {
        (Some(patch), Some(data)) if extent == Extent::Merge => merge(data, patch),
        (data, _) => take_over(&mut profile, "data", data.map(Value::Object), fields.mentions(&path)),
    }
    profile
}

fn take_over(profile: &mut Map<String, Value>, name: &str, value: Option<Value>, is_mentioned: bool) {
    match value {
        Some(value) => drop(profile.insert(name.to_owned(), value)),
        None if is_mentioned => drop(profile.remove(name)),
        None => {}
    }
}

/// JSON merge patch (RFC 7396 section 2).
fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (value, target.get_mut(&name)) {
            (Value::Null, _) => drop(target.remove(&name)),
            (Value::Object(patch), Some(Value::Object(inner))) => merge(inner, patch),
            (Value::Object(patch), _) => {
                let mut fresh = Map::new();
                merge(&mut fresh, patch);
                target.insert(name, Value::Object(fresh));
            }
            (value, _) => drop(target.insert(name, value)),
        }
    }
}

fn instant(fields: &mut Fields, path: &str) -> Option<Timestamp> {
    let millis = fields.number(path)?;
    let instant = u64::try_from(millis).ok().map(Timestamp::from_millis);
    if instant.is_none() {
        fields.refuse("invalid", path, "An instant is milliseconds since 1970.");
    }
    instant
}

/// One `@` between two parts, no spaces or control characters: whether anybody reads it only a letter can tell.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
    parts.is_some() && text.len() <= MOST_NAME && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_replaces_adds_and_removes() {
        let cases = [
            (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
            (json!({"a": 1}), json!({"a": null}), json!({})),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": null}}), json!({"a": {"c": 2}})),
            (json!({"a": [1]}), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}})),
        ];
        for (target, patch, expected) in cases {
            let (Value::Object(mut target), Value::Object(patch)) = (target, patch) else { unreachable!() };
            merge(&mut target, patch);
            assert_eq!(Value::Object(target), expected);
        }
    }

    #[test]
    fn an_address_has_one_at_and_no_space() {
        assert!(is_email("a@b"));
        for text in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            assert!(!is_email(text), "{text:?}");
        }
    }
}
