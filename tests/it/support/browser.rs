//! A client with cookies, as a browser keeps them: by name, domain and path; sent where they match.

use std::net::SocketAddr;

use super::client::exchange;
use super::http::Answer;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    /// The host that set it, or the domain that it said.
    domain: String,
    is_for_subdomains: bool,
    path: String,
}

/// A browser whose every request goes to one gateway, whatever the host is called.
#[derive(Clone, Debug)]
pub struct Browser {
    address: SocketAddr,
    cookies: Vec<Cookie>,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookies: Vec::new() }
    }

    /// Navigates; cookies of the answer are kept.
    #[track_caller]
    pub fn get(&mut self, host: &str, path: &str) -> Answer {
        self.send(host, path, &self.request("GET", host, path, ""))
    }

    /// A request of a page of `host` itself, with more header lines.
    pub fn request(&self, method: &str, host: &str, path: &str, lines: &str) -> String {
        let cookies = self.cookie_line(host, path);
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n{cookies}{lines}\r\n")
    }

    /// Sends a request as it is; cookies of the answer are kept.
    #[track_caller]
    pub fn send(&mut self, host: &str, path: &str, request: &str) -> Answer {
        let answer = exchange(self.address, request);
        self.take(host, path, &answer);
        answer
    }

    /// Keeps the cookies of an answer from `host`.
    pub fn take(&mut self, host: &str, path: &str, answer: &Answer) {
        let lines = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        for (_, line) in lines {
            self.keep(host, path, line);
        }
    }

    /// Keeps one `Set-Cookie` of an answer from `host`, or of whoever can set cookies there.
    pub fn keep(&mut self, host: &str, path: &str, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<(String, &str)> =
            parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(|(name, v)| (name.to_lowercase(), v)).collect();
        let of = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let domain = of("domain");
        if domain.is_some_and(|domain| host != domain && !host.ends_with(&format!(".{domain}"))) {
            return;
        }
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let cookie = Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: domain.unwrap_or(host).to_owned(),
            is_for_subdomains: domain.is_some(),
            path: of("path").unwrap_or(folder).to_owned(),
        };
        self.cookies.retain(|other| (&other.name, &other.domain, &other.path) != (&cookie.name, &cookie.domain, &cookie.path));
        if of("max-age") != Some("0") {
            self.cookies.push(cookie);
        }
    }

    fn cookie_line(&self, host: &str, path: &str) -> String {
        let goes = |cookie: &&Cookie| {
            let host_fits = host == cookie.domain || cookie.is_for_subdomains && host.ends_with(&format!(".{}", cookie.domain));
            host_fits && path.starts_with(&cookie.path)
        };
        let pairs: Vec<_> = self.cookies.iter().filter(goes).map(|it| format!("{}={}", it.name, it.value)).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) }
    }

    /// The value of the only cookie called `name`; empty where there is none.
    #[track_caller]
    pub fn cookie(&self, name: &str) -> String {
        let found: Vec<_> = self.cookies.iter().filter(|cookie| cookie.name == name).collect();
        assert!(found.len() < 2, "{found:?}");
        found.first().map(|cookie| cookie.value.clone()).unwrap_or_default()
    }

    /// Sets a cookie of `host` alone, as a page there could.
    pub fn plant(&mut self, host: &str, name: &str, value: &str) {
        self.keep(host, "/", &format!("{name}={value}; Path=/"));
    }

    /// Loses a cookie.
    pub fn lose(&mut self, name: &str) {
        self.cookies.retain(|cookie| cookie.name != name);
    }
}
