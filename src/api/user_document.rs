//! A user as the API shows one: the secure view of seed 2's table, never a password or its hash.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::store::{Registration, User};

/// The document; members without a value are left out.
pub(super) fn user_document(user: &User) -> Value {
    let mut document = user.profile.clone();
    let instant = |instant: Timestamp| json!(instant.millis());
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            document.insert(name.to_owned(), value);
        }
    };
    put("active", Some(json!(user.active)));
    put("email", user.email.as_ref().map(|email| json!(email)));
    put("expiry", user.expiry.map(instant));
    put("id", Some(json!(user.id)));
    put("insertInstant", Some(instant(user.inserted)));
    put("lastLoginInstant", user.last_login.map(instant));
    put("lastUpdateInstant", Some(instant(user.updated)));
    put("passwordChangeRequired", Some(json!(user.password_change_required)));
    put("passwordLastUpdateInstant", user.password_last_update.map(instant));
    put("registrations", Some(user.registrations.iter().map(registration_document).collect()));
    put("twoFactorEnabled", Some(json!(false)));
    put("username", user.username.as_ref().map(|name| json!(name)));
    put("usernameStatus", user.username.as_ref().map(|_| json!("ACTIVE")));
    put("verified", Some(json!(user.verified)));
    Value::Object(document)
}

/// A registration as the API shows one.
pub(super) fn registration_document(registration: &Registration) -> Value {
    let mut document: Map<String, Value> = registration.profile.clone();
    document.insert("applicationId".into(), json!(registration.application));
    document.insert("id".into(), json!(registration.id));
    document.insert("insertInstant".into(), json!(registration.inserted.millis()));
    document.insert("lastUpdateInstant".into(), json!(registration.updated.millis()));
    document.insert("roles".into(), json!(registration.roles));
    if let Some(instant) = registration.last_login {
        document.insert("lastLoginInstant".into(), json!(instant.millis()));
    }
    if let Some(username) = &registration.username {
        document.insert("username".into(), json!(username));
        document.insert("usernameStatus".into(), json!("ACTIVE"));
    }
    Value::Object(document)
}
