//! The gateway in front, and the one that is its remote authority.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::authority::*;
use crate::support::{Answer, Authority, AuthoritySite, Backend, Browser, Gateway, Signer, configuration};

/// A host of the applications, in the domain of the cookies.
pub const SHOP: &str = "shop.example.com";

/// The text of a gateway in front of `remote_url`: the applications of [`authority_blocks`], each with a route, and with the
/// token that its backend may see at `/given`. `settings` are more lines of `[authority]`.
pub fn front_text(remote_url: &str, settings: &str, backend: &Backend) -> String {
    let mut text = format!(
        "[authority]\nissuer = \"{ISSUER}\"\nhost = \"{HOST}\"\ncookie_domain = \"example.com\"\nremote_url = \"{remote_url}\"\n{settings}\n\n"
    );
    for (name, id) in [("orders", ORDERS), ("billing", BILLING), ("vault", VAULT), ("notes", NOTES), ("kiosk", KIOSK)] {
        write!(text, "[[application]]\nname = \"{name}\"\nid = \"{id}\"\n\n").unwrap();
        write!(text, "[[route]]\nname = \"{name}\"\npath = \"/{name}\"\nupstream = \"backend-0\"\napplication = \"{name}\"\n")
            .unwrap();
        write!(text, "host = \"*.example.com\"\n\n").unwrap();
    }
    text += "[[route]]\nname = \"given\"\nhost = \"*.example.com\"\npath = \"/given\"\nupstream = \"backend-0\"\napplication = \"billing\"\n\
             authorization = \"exchanged\"\n\n";
    for (host, application) in [("a", "orders"), ("b", "billing"), ("c", "kiosk")] {
        write!(text, "[[route]]\nname = \"{host}\"\nhost = \"{host}.example.com\"\npath = \"/\"\nupstream = \"backend-0\"\n")
            .unwrap();
        write!(text, "application = \"{application}\"\n\n").unwrap();
    }
    configuration(&[], &[backend], &text)
}

/// A gateway in front of another one.
pub struct RemoteSite {
    pub front: Gateway,
    pub remote: AuthoritySite,
    pub backend: Backend,
    /// Signs the events of the remote.
    pub hooks: Signer,
    client: ApiClient,
    folder: TempDir,
    pub text: String,
}

impl std::ops::Deref for RemoteSite {
    type Target = ApiClient;

    /// The API as it is reached through the gateway in front.
    fn deref(&self) -> &ApiClient {
        &self.client
    }
}

impl RemoteSite {
    #[track_caller]
    pub fn start() -> Self {
        Self::edited(|text| text)
    }

    /// One whose remote tells the gateway in front of what it revokes.
    #[track_caller]
    pub fn telling() -> Self {
        let webhook = |url: &str| format!("[[webhook]]\nurl = \"{url}\"\nevents = [\"jwt.refresh-token.revoke\"]\n\n");
        // From the start there is a webhook, and so its key.
        let site = Self::with_events(
            |text| text + &webhook("http://127.0.0.1:9/nobody"),
            |url, at| format!("jwks_url = \"{url}/.well-known/tollgate-webhook.json\", ca_file = \"{at}/ca.crt\""),
        );
        let front = format!("http://{}/events/authority", site.front.admin_address());
        site.remote.reload_edited(|text| text.replace("http://127.0.0.1:9/nobody", &front));
        site
    }

    /// With the text of the remote changed by `edit`.
    #[track_caller]
    pub fn edited(edit: impl FnOnce(String) -> String) -> Self {
        Self::with_events(edit, |_, at| format!("public_key_files = {{ hooks = \"{at}/hooks.pem\" }}"))
    }

    /// `keys` says how the events' signatures are checked, by the remote's address and the folder of the certificates.
    #[track_caller]
    fn with_events(edit: impl FnOnce(String) -> String, keys: impl FnOnce(&str, &str) -> String) -> Self {
        let (folder, hooks, backend) = (TempDir::new().unwrap(), Signer::new("hooks"), Backend::start());
        let remote = AuthoritySite::edited(|text| edit(over_tls(&text, folder.path())));
        fs::write(folder.path().join("hooks.pem"), hooks.public_pem()).unwrap();
        let (url, at) = (format!("https://localhost:{}", remote.gateway.listener("tls").port()), folder.path().display());
        let keys = keys(&url, &at.to_string());
        let settings = format!("ca_file = \"{at}/ca.crt\"\nevents = {{ path = \"/events/authority\", {keys} }}");
        let text = front_text(&url, &settings, &backend);
        let front = Gateway::start(&text);
        let client = ApiClient(front.plain());
        Self { front, remote, backend, hooks, client, folder, text }
    }

    /// Both clocks go on.
    pub fn advance(&self, by: Duration) {
        self.front.clock.advance(by);
        self.remote.gateway.clock.advance(by);
    }

    /// A browser that signed in to `application` through the gateway in front.
    #[track_caller]
    pub fn browser(&self, name: &str, application: &str) -> Browser {
        let mut browser = Browser::new(self.front.plain());
        let answer = self.login(name, Some(application));
        assert_eq!(answer.status, 200, "{}", answer.text());
        browser.take(HOST, "/api/login", &answer);
        browser
    }

    /// The status of a route of the shop that is called with `token`.
    #[track_caller]
    pub fn call(&self, path: &str, token: &str) -> u16 {
        self.get(path, token).status
    }

    #[track_caller]
    pub fn get(&self, path: &str, token: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {SHOP}\r\nAuthorization: Bearer {token}\r\n\r\n");
        crate::support::exchange(self.front.plain(), request)
    }

    /// Calls to the remote of this kind that had an answer.
    #[track_caller]
    pub fn calls(&self, operation: &str) -> f64 {
        let labels = [format!("operation=\"{operation}\""), "result=\"answered\"".to_owned()];
        self.front.metric("tollgate_remote_authority_calls_total", &[&labels[0], &labels[1]])
    }

    /// Tokens that the remote issued for `application` in this way.
    #[track_caller]
    pub fn issued(&self, application: &str, kind: &str) -> f64 {
        let labels = [format!("application=\"{application}\""), format!("kind=\"{kind}\"")];
        self.remote.gateway.metric("tollgate_tokens_issued_total", &[&labels[0], &labels[1]])
    }

    /// The folder with the certificates.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The remote's text with a TLS listener at the name that the gateway in front calls it by, and with that gateway as a proxy
/// whose word counts.
fn over_tls(text: &str, folder: &Path) -> String {
    let authority = Authority::new();
    authority.write(folder, "ca");
    authority.issue(&["localhost"]).write(folder, "remote");
    let at = folder.display();
    let listener = format!(
        "[[listener]]\nname = \"tls\"\naddress = \"127.0.0.1:0\"\ntls = {{ certificate = \"{at}/remote.crt\", private_key = \"{at}/remote.key\" }}\n\
         trusted_proxies = [\"127.0.0.1/32\"]\n\n"
    );
    let host = format!("host = \"{HOST}\"\n");
    assert!(text.contains(&host));
    listener + &text.replacen(&host, "host = \"localhost\"\n", 1)
}

/// The names of the cookies that an answer sets, and of those that it clears.
pub fn cookies(answer: &Answer) -> (Vec<String>, Vec<String>) {
    let (cleared, set): (Vec<&str>, Vec<&str>) = set_cookies(answer).into_iter().partition(|line| line.contains("Max-Age=0"));
    let names = |lines: Vec<&str>| {
        let names: std::collections::BTreeSet<_> = lines.iter().filter_map(|line| line.split('=').next()).collect();
        names.into_iter().map(str::to_owned).collect()
    };
    (names(set), names(cleared))
}
