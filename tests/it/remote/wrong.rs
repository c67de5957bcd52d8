//! Something in the remote's place that answers as it is told.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::front_text;
use crate::support::authority::*;
use crate::support::{Backend, Gateway, NOW, Received, Reply, Signer, until};

/// The user of every token.
pub const ANN: &str = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea";
/// Their session.
pub const SESSION: &str = "0c5ecd6e-a55f-4d3c-8236-f26a966392eb";

type Script = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

/// It publishes a key, and answers everything else by a script.
pub struct Pretender {
    pub server: Backend,
    pub backend: Backend,
    pub key: Arc<Signer>,
    script: Arc<Mutex<Arc<Script>>>,
}

impl Pretender {
    pub fn start() -> Self {
        let key = Arc::new(Signer::new("k1"));
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(Box::new(|_: &Received| status(500)))));
        let (keys, told) = (json!({ "keys": [key.jwk()] }), Arc::clone(&script));
        let server = Backend::scripted(move |request| match request.target() {
            "/.well-known/jwks.json" => answer(200, &keys),
            target if target.starts_with("/api/jwt/public-key") => status(404),
            _ => {
                let script = Arc::clone(&told.lock().unwrap());
                script(request)
            }
        });
        Self { server, backend: Backend::start(), key, script }
    }

    /// From now on it answers so.
    pub fn answers(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(Box::new(script));
    }

    /// A gateway in front of it, with a short deadline.
    #[track_caller]
    pub fn front(&self) -> Gateway {
        let front = Gateway::start(&front_text(&self.server.url(), "timeout = \"400ms\"", &self.backend));
        until("the keys", || front.admin("/readyz/authority").status == 200);
        self.server.forget();
        front
    }

    /// A token of the remote for an application.
    pub fn token(&self, application: &str, changes: &Value) -> String {
        signed(&self.key, application, changes)
    }

    /// An exchange and a refresh that go well.
    pub fn behave(&self) {
        let key = Arc::clone(&self.key);
        self.answers(move |request| {
            let of = |id| signed(&key, id, &json!({ "exp": NOW.seconds() + 3600 }));
            match request.target().split('?').next() {
                Some("/api/jwt/issue") => answer(200, &json!({ "token": of(BILLING) })),
                Some("/api/jwt/refresh") => answer(200, &json!({ "token": of(ORDERS), "refreshToken": "fresh" })),
                Some("/api/jwt/validate") => answer(200, &json!({ "jwt": {} })),
                _ => status(404),
            }
        });
    }
}

/// A token of `key` for an application, an hour long.
pub fn signed(key: &Signer, application: &str, changes: &Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": application, "applicationId": application, "sub": ANN, "sid": SESSION, "roles": ["user"],
        "jti": uuid::Uuid::from_u128(1), "iat": NOW.seconds(), "exp": NOW.seconds() + 3600, "authenticationType": "PASSWORD",
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    key.token(&claims)
}

pub fn status(status: u16) -> Reply {
    Reply::Raw(format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n").into_bytes())
}

pub fn answer(status: u16, body: &Value) -> Reply {
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    Reply::Raw((head + &body).into_bytes())
}
