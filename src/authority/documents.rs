//! Records as the API and events show them: users in the secure view of seed 2's table, never a password or its hash;
//! refresh tokens without their values, unless these are given.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::store::{RefreshToken, Registration, User};

/// A user; members without a value are left out.
pub fn user_document(user: &User) -> Value {
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

/// A registration of a user.
pub fn registration_document(registration: &Registration) -> Value {
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

/// A refresh token, with its value where one is given.
pub fn refresh_token_document(token: &RefreshToken, value: Option<&str>) -> Value {
    let mut document = Map::new();
    document.insert("applicationId".into(), json!(token.application));
    if let Some(device) = &token.device {
        document.insert("device".into(), json!(device));
    }
    document.insert("id".into(), json!(token.id));
    document.insert("insertInstant".into(), json!(token.inserted.millis()));
    document.insert("metaData".into(), Value::Object(token.meta_data.clone()));
    document.insert("startInstant".into(), json!(token.start.millis()));
    if let Some(value) = value {
        document.insert("token".into(), json!(value));
    }
    document.insert("userId".into(), json!(token.user));
    Value::Object(document)
}
