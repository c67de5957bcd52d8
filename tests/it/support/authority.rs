//! A gateway with an authority of its own: a few applications, each with a route to one backend, API keys, and users made
//! through the API.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate::authority::ApiKey;

use super::backend::Backend;
use super::client::{Connection, exchange};
use super::gateway::{Gateway, configuration};
use super::http::Answer;
use super::issuer::MockIssuer;
use super::signer::Signer;

/// Where the API answers.
pub const HOST: &str = "auth.example.com";
/// `iss` of the authority's tokens.
pub const ISSUER: &str = "https://auth.example.com";
/// What every user's password is.
pub const PASSWORD: &str = "correct horse battery staple";
/// What `legacy` signs with.
pub const LEGACY_SECRET: &str = "a secret of the legacy application, 32 bytes or more";

/// Open to single sign-on, reusable refresh tokens, the roles `admin` and `user`.
pub const ORDERS: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae01";
/// Open, one-time refresh tokens.
pub const BILLING: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae02";
/// Entered from `orders` alone.
pub const VAULT: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae03";
/// Entered from nowhere.
pub const NOTES: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae04";
/// Signs with a shared secret.
pub const LEGACY: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae05";
/// Anyone may sign in, without an API key.
pub const KIOSK: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae06";

/// May do everything.
pub const ALL: &str = "key-that-may-do-everything-0123456789";
/// May do everything, and is shown refresh tokens.
pub const SHOWN: &str = "key-that-is-shown-values-0123456789abc";
/// May list refresh tokens.
pub const LISTS: &str = "key-that-may-list-refresh-tokens-0123";
/// May do nothing.
pub const NONE: &str = "key-that-may-do-nothing-0123456789abc";

const APPLICATIONS: [(&str, &str, &str); 6] = [
    ("orders", ORDERS, "roles = [{ name = \"admin\" }, { name = \"user\", default = true }]"),
    ("billing", BILLING, "refresh_token_usage = \"one-time\"\none_time_grace = \"60s\""),
    ("vault", VAULT, "single_sign_on = [\"orders\"]"),
    ("notes", NOTES, "single_sign_on = false"),
    ("legacy", LEGACY, "single_sign_on = false\nsigning_algorithm = \"HS256\"\nsigning_secret = \"LEGACY_SECRET\""),
    ("kiosk", KIOSK, "login_requires_api_key = false"),
];

/// The blocks of the authority with its store in `folder`, its applications, keys and routes.
pub fn authority_blocks(folder: &std::path::Path) -> String {
    let folder = folder.display();
    let mut text = format!(
        "[store]\nurl = \"sqlite://{folder}/store.db\"\nencryption_key_file = \"{folder}/store.key\"\n\n\
         [authority]\nissuer = \"{ISSUER}\"\nhost = \"{HOST}\"\n\n"
    );
    for (name, id, rest) in APPLICATIONS {
        let rest = rest.replace("LEGACY_SECRET", LEGACY_SECRET);
        write!(text, "[[application]]\nname = \"{name}\"\nid = \"{id}\"\n{rest}\n\n").unwrap();
        write!(text, "[[route]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"backend-0\"\napplication = \"{name}\"\n\n")
            .unwrap();
    }
    let permissions = [
        ("all", ALL, "permissions = \"all\""),
        ("shown", SHOWN, "permissions = \"all\"\nshow_refresh_tokens = true"),
        ("lists", LISTS, "permissions = { \"/api/jwt/refresh\" = [\"GET\"] }"),
        ("none", NONE, ""),
    ];
    for (name, key, rest) in permissions {
        let hash: String = ApiKey::digest(key.as_bytes()).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        write!(text, "[[api_key]]\nname = \"{name}\"\nsha256 = \"{hash}\"\n{rest}\n\n").unwrap();
    }
    text
}

/// A configuration for a process of its own: as [`authority_blocks`], with its routes leading nowhere. `log` holds lines
/// of `[log]`.
pub fn process_text(folder: &std::path::Path, log: &str) -> String {
    let head =
        "[[listener]]\nname = \"plain\"\naddress = \"127.0.0.1:0\"\n\n[admin]\naddress = \"off\"\n\n[runtime]\nworkers = 1\n\n";
    let upstream = "[[upstream]]\nname = \"backend-0\"\nservers = [\"http://127.0.0.1:9\"]\n\n";
    format!("{head}[log]\n{log}\n\n{upstream}{}", authority_blocks(folder))
}

/// What a sign-in, a refresh or an exchange gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    /// Of the refresh token.
    pub id: String,
}

impl Tokens {
    /// Of a LoginResponse, or of what else has `token` and perhaps `refreshToken`.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { access: text("token"), refresh: text("refreshToken"), id: text("refreshTokenId") }
    }
}

/// A client of the API at an address, whoever listens there.
#[derive(Clone, Copy, Debug)]
pub struct ApiClient(pub SocketAddr);

impl ApiClient {
    /// The text of a request to the API.
    pub fn request(line: &str, headers: &[(&str, &str)], body: Option<&Value>) -> String {
        let body = body.map(Value::to_string);
        let mut head = format!("{line} HTTP/1.1\r\nHost: {HOST}\r\n");
        headers.iter().for_each(|(name, value)| write!(head, "{name}: {value}\r\n").unwrap());
        if let Some(body) = &body {
            let is_typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            head += if is_typed { "" } else { "Content-Type: application/json\r\n" };
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head + "\r\n" + &body.unwrap_or_default()
    }

    /// Asks the API; `line` is method and target.
    #[track_caller]
    pub fn ask(&self, line: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        exchange(self.0, Self::request(line, headers, body))
    }

    /// Asks as a program with the key that may do everything.
    #[track_caller]
    pub fn manage(&self, line: &str, body: Option<&Value>) -> Answer {
        self.ask(line, &[("Authorization", ALL)], body)
    }

    /// Asks as the user of `token`.
    #[track_caller]
    pub fn ask_as(&self, token: &str, line: &str, body: Option<&Value>) -> Answer {
        self.ask(line, &[("Authorization", &format!("Bearer {token}"))], body)
    }

    /// Makes a user who is registered with these applications; gives the id.
    #[track_caller]
    pub fn user(&self, name: &str, applications: &[&str]) -> String {
        let body = json!({ "user": { "email": format!("{name}@example.com"), "password": PASSWORD } });
        let answer = self.manage("POST /api/user", Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.json()["user"]["id"].as_str().unwrap().to_owned();
        applications.iter().for_each(|application| self.register(&id, application, None));
        id
    }

    /// Registers a user, with these roles or the default ones.
    #[track_caller]
    pub fn register(&self, user: &str, application: &str, roles: Option<&[&str]>) {
        let mut registration = json!({ "applicationId": application });
        if let Some(roles) = roles {
            registration["roles"] = json!(roles);
        }
        let body = json!({ "registration": registration });
        let answer = self.manage(&format!("POST /api/user/registration/{user}"), Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Signs `name` in; the answer may be any.
    #[track_caller]
    pub fn login(&self, name: &str, application: Option<&str>) -> Answer {
        self.manage("POST /api/login", Some(&login_body(name, application, PASSWORD)))
    }

    /// Signs `name` in to an application.
    #[track_caller]
    pub fn sign_in(&self, name: &str, application: &str) -> Tokens {
        Tokens::of(&self.login(name, Some(application)))
    }

    /// Uses a refresh token.
    #[track_caller]
    pub fn refresh(&self, value: &str) -> Answer {
        self.ask("POST /api/jwt/refresh", &[], Some(&json!({ "refreshToken": value })))
    }

    /// Exchanges an access token.
    #[track_caller]
    pub fn issue(&self, token: &str, application: &str, refresh_token: Option<&str>) -> Answer {
        let more = refresh_token.map(|value| format!("&refreshToken={value}")).unwrap_or_default();
        self.ask_as(token, &format!("GET /api/jwt/issue?applicationId={application}{more}"), None)
    }

    /// Revokes what the query names.
    #[track_caller]
    pub fn revoke(&self, query: &str) {
        let answer = self.manage(&format!("DELETE /api/jwt/refresh?{query}"), None);
        assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{query}");
    }

    /// The status of `GET /api/jwt/validate`.
    #[track_caller]
    pub fn validate(&self, token: &str) -> u16 {
        self.ask_as(token, "GET /api/jwt/validate", None).status
    }

    /// The status of a route that is called with `token`.
    #[track_caller]
    pub fn visit(&self, path: &str, token: &str) -> u16 {
        exchange(self.0, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")).status
    }
}

/// The body of a sign-in.
pub fn login_body(name: &str, application: Option<&str>, password: &str) -> Value {
    let mut body = json!({ "loginId": format!("{name}@example.com"), "password": password });
    if let Some(application) = application {
        body["applicationId"] = json!(application);
    }
    body
}

/// The `Set-Cookie` values of an answer.
pub fn set_cookies(answer: &Answer) -> Vec<&str> {
    let cookies = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    cookies.map(|(_, value)| value.as_str()).collect()
}

/// A gateway with an authority, a backend behind it, and another party whose tokens the route `/corp` takes.
pub struct AuthoritySite {
    pub gateway: Gateway,
    client: ApiClient,
    pub backend: Backend,
    pub corp: MockIssuer,
    pub corp_key: Signer,
    /// Holds store and encryption key; outlives the gateway.
    pub folder: TempDir,
    text: String,
}

impl std::ops::Deref for AuthoritySite {
    type Target = ApiClient;

    fn deref(&self) -> &ApiClient {
        &self.client
    }
}

impl AuthoritySite {
    #[track_caller]
    pub fn start() -> Self {
        Self::edited(|text| text)
    }

    /// With the text of the configuration changed by `edit`.
    #[track_caller]
    pub fn edited(edit: impl FnOnce(String) -> String) -> Self {
        let (backend, corp_key, folder) = (Backend::start(), Signer::new("k1"), TempDir::new().unwrap());
        let corp = MockIssuer::start("corp", &[&corp_key]);
        let routes = "[[route]]\nname = \"corp\"\npath = \"/corp\"\nupstream = \"backend-0\"\nissuers = [\"corp\"]\n\n\
             [[route]]\nname = \"vended\"\npath = \"/vended\"\nupstream = \"backend-0\"\nissuers = [\"vend\"]\n\n";
        let text = edit(configuration(&[&corp], &[&backend], &(authority_blocks(folder.path()) + routes)));
        let gateway = Gateway::start(&text);
        let client = ApiClient(gateway.plain());
        Self { gateway, client, backend, corp, corp_key, folder, text }
    }

    /// With these lines more after the line `block`.
    #[track_caller]
    pub fn with(block: &str, lines: &str) -> Self {
        Self::edited(|text| {
            assert!(text.contains(block), "{block}");
            text.replacen(block, &format!("{block}{lines}\n"), 1)
        })
    }

    /// Puts the text that it started with, changed by `edit`, in force.
    #[track_caller]
    pub fn reload(&self, edit: impl FnOnce(&str) -> String) {
        let text = edit(&self.text);
        assert_ne!(text, self.text);
        self.gateway.reload(&text).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops the gateway, lets `between` do something, and starts it again on the same store at the same instant.
    #[track_caller]
    pub fn restarted(mut self, between: impl FnOnce(&Self)) -> Self {
        self.restart(between).unwrap_or_else(|error| panic!("{error}"));
        super::until("readiness", || self.gateway.admin("/readyz").status == 200);
        self
    }

    /// As [`Self::restarted`], where the gateway may refuse to start: why.
    pub fn restart(&mut self, between: impl FnOnce(&Self)) -> Result<(), String> {
        self.gateway.halt();
        between(self);
        self.gateway = Gateway::try_start(&self.text, self.gateway.clock.now())?;
        self.client = ApiClient(self.gateway.plain());
        Ok(())
    }

    /// Puts the configuration that it was started with in force, changed by `edit`.
    #[track_caller]
    pub fn reload_edited(&self, edit: impl FnOnce(String) -> String) {
        self.gateway.reload(&edit(self.text.clone())).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// The file of its encryption key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("store.key")
    }

    /// Fails where a token does anything anywhere in the API.
    #[track_caller]
    pub fn is_dead(&self, token: &str, about: &str) {
        assert_eq!(self.validate(token), 401, "{about}: validate");
        self.is_no_credential(token, about);
    }

    /// Fails where a token is a credential of the API.
    #[track_caller]
    pub fn is_no_credential(&self, token: &str, about: &str) {
        assert_eq!(self.issue(token, BILLING, None).status, 401, "{about}: issue");
        assert_eq!(self.ask_as(token, "GET /api/jwt/refresh", None).status, 401, "{about}: own list");
        assert_eq!(self.ask_as(token, "DELETE /api/jwt/refresh?token=x", None).status, 401, "{about}: revoke");
        assert_eq!(self.ask_as(token, "GET /oauth2/userinfo", None).status, 401, "{about}: userinfo");
        assert_eq!(self.ask_as(token, "PUT /api/login", None).status, 401, "{about}: ping");
        assert!(!self.is_active(token), "{about}: introspect");
    }

    /// What introspection says of a token.
    #[track_caller]
    pub fn is_active(&self, token: &str) -> bool {
        let body = format!("token={token}");
        let head =
            format!("POST /oauth2/introspect HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let answer = exchange(self.0, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert!(body["active"] == true || body == json!({ "active": false }), "{body}");
        body["active"] == true
    }

    /// A connection from another address of the loopback network.
    pub fn connection_from(&self, last: u8) -> Connection {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into()).unwrap();
        socket.connect(&self.0.into()).unwrap();
        Connection::over(socket.into())
    }
}
