//! The load: each kind of change, with what was acknowledged of it and what may or may not have been done.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::authority::*;
use crate::support::{Answer, Connection};

/// How many of those acknowledged between two kills are looked at.
const LOOKED_AT: usize = 6;

/// One kind of change, made again and again.
pub(super) trait Work: Send {
    /// Makes a change; an error is the end of the gateway.
    fn once(&mut self, address: SocketAddr) -> io::Result<()>;
    /// Fails where what was acknowledged is not there, or what was not is half there.
    fn check(&mut self, api: &ApiClient);
    /// How many changes were acknowledged in all.
    fn acknowledged(&self) -> usize;
}

/// Asks over a connection of its own.
fn ask(address: SocketAddr, line: &str, key: &str, body: Option<&Value>) -> io::Result<Answer> {
    let mut connection = Connection::over(std::net::TcpStream::connect(address)?);
    send(&mut connection, line, key, body)?;
    receive(&mut connection)
}

fn send(connection: &mut Connection, line: &str, key: &str, body: Option<&Value>) -> io::Result<()> {
    connection.send(ApiClient::request(line, &[("Authorization", key)], body))
}

fn receive(connection: &mut Connection) -> io::Result<Answer> {
    let answer = connection.answer_to("POST")?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(answer)
}

/// A new user, registered and signed in, in one change; no password, for hashing one takes longer than all the rest.
fn new_owner(name: &str, application: &str) -> Value {
    json!({
        "user": { "username": name }, "registration": { "applicationId": application }, "sendSetPasswordEmail": true,
    })
}

#[track_caller]
fn owner(api: &ApiClient, name: &str, application: &str) -> (String, Tokens) {
    let answer = api.manage("POST /api/user/registration", Some(&new_owner(name, application)));
    (answer.json()["user"]["id"].as_str().unwrap().to_owned(), Tokens::of(&answer))
}

/// A one-time refresh token, used twice at a time.
pub(super) struct Rotating {
    /// The last of which it was acknowledged that it is the current one.
    last: Tokens,
    count: usize,
}

impl Rotating {
    pub(super) fn begin(api: &ApiClient, name: &str) -> Self {
        Self { last: owner(api, name, BILLING).1, count: 0 }
    }
}

impl Work for Rotating {
    fn once(&mut self, address: SocketAddr) -> io::Result<()> {
        let body = json!({ "refreshToken": self.last.refresh });
        let mut both =
            [Connection::over(std::net::TcpStream::connect(address)?), Connection::over(std::net::TcpStream::connect(address)?)];
        for connection in &mut both {
            send(connection, "POST /api/jwt/refresh", "", Some(&body))?;
        }
        let mut answers = both.iter_mut().map(|connection| receive(connection).map(|answer| Tokens::of(&answer)));
        let (one, other) = (answers.next().unwrap(), answers.next().unwrap());
        if let (Ok(one), Ok(other)) = (&one, &other) {
            assert_eq!(one.refresh, other.refresh, "two rotations");
        }
        let renewed = one.or(other)?;
        assert!(renewed.id == self.last.id && renewed.refresh != self.last.refresh);
        self.last = renewed;
        self.count += 1;
        Ok(())
    }

    fn check(&mut self, api: &ApiClient) {
        assert_eq!(api.validate(&self.last.access), 200);
        // The current value, or the one before it where a rotation was not acknowledged.
        let renewed = Tokens::of(&api.refresh(&self.last.refresh));
        assert_eq!(renewed.id, self.last.id);
        self.last = renewed;
    }

    fn acknowledged(&self) -> usize {
        self.count
    }
}

/// A refresh token that each use leaves as it is.
pub(super) struct Reusable {
    tokens: Tokens,
    count: usize,
}

impl Reusable {
    pub(super) fn begin(api: &ApiClient) -> Self {
        Self { tokens: owner(api, "reusable", ORDERS).1, count: 0 }
    }
}

impl Work for Reusable {
    fn once(&mut self, address: SocketAddr) -> io::Result<()> {
        ask(address, "POST /api/jwt/refresh", "", Some(&json!({ "refreshToken": self.tokens.refresh })))?;
        self.count += 1;
        Ok(())
    }

    fn check(&mut self, api: &ApiClient) {
        let renewed = Tokens::of(&api.refresh(&self.tokens.refresh));
        assert_eq!((renewed.refresh, renewed.id), (self.tokens.refresh.clone(), self.tokens.id.clone()));
    }

    fn acknowledged(&self) -> usize {
        self.count
    }
}

/// Refresh tokens made at an exchange, every other of them revoked by itself.
pub(super) struct Children {
    parent: Tokens,
    made: Vec<Tokens>,
    revoked: Vec<Tokens>,
    count: usize,
}

impl Children {
    pub(super) fn begin(api: &ApiClient) -> Self {
        let (user, parent) = owner(api, "parent", ORDERS);
        api.register(&user, BILLING, None);
        Self { parent, made: Vec::new(), revoked: Vec::new(), count: 0 }
    }
}

impl Work for Children {
    fn once(&mut self, address: SocketAddr) -> io::Result<()> {
        let line = format!("GET /api/jwt/issue?applicationId={BILLING}&refreshToken={}", self.parent.refresh);
        let child = Tokens::of(&ask(address, &line, &format!("Bearer {}", self.parent.access), None)?);
        assert_ne!(child.refresh, "");
        self.count += 1;
        if self.count.is_multiple_of(2) {
            self.made.push(child);
            return Ok(());
        }
        // What is not acknowledged may or may not be done: it is in neither list.
        ask(address, &format!("DELETE /api/jwt/refresh?token={}", child.refresh), ALL, None)?;
        self.revoked.push(child);
        Ok(())
    }

    fn check(&mut self, api: &ApiClient) {
        for child in self.made.drain(..).rev().take(LOOKED_AT) {
            assert_eq!(api.refresh(&child.refresh).status, 200, "a refresh token that was given out");
        }
        for child in self.revoked.drain(..).rev().take(LOOKED_AT) {
            assert_eq!(api.refresh(&child.refresh).status, 401, "a refresh token that was revoked");
        }
    }

    fn acknowledged(&self) -> usize {
        self.count
    }
}

/// Users made with a session, most of them ended again: by refresh token, by user, with the user.
pub(super) struct Owners {
    made: Vec<(String, Tokens)>,
    ended: Vec<(String, Tokens)>,
    count: usize,
    names: usize,
}

impl Owners {
    pub(super) fn begin() -> Self {
        Self { made: Vec::new(), ended: Vec::new(), count: 0, names: 0 }
    }
}

impl Work for Owners {
    fn once(&mut self, address: SocketAddr) -> io::Result<()> {
        self.names += 1;
        let body = new_owner(&format!("owner-{}", self.names), ORDERS);
        let answer = ask(address, "POST /api/user/registration", ALL, Some(&body))?;
        let (user, tokens) = (answer.json()["user"]["id"].as_str().unwrap().to_owned(), Tokens::of(&answer));
        self.count += 1;
        let line = match self.count % 4 {
            0 => {
                self.made.push((user, tokens));
                return Ok(());
            }
            1 => format!("DELETE /api/jwt/refresh?token={}", tokens.refresh),
            2 => format!("DELETE /api/jwt/refresh?userId={user}"),
            _ => format!("DELETE /api/user/{user}?hardDelete=true"),
        };
        ask(address, &line, ALL, None)?;
        self.ended.push((user, tokens));
        Ok(())
    }

    fn check(&mut self, api: &ApiClient) {
        for (user, tokens) in self.made.drain(..).rev().take(LOOKED_AT) {
            assert_eq!(api.manage(&format!("GET /api/user/{user}"), None).status, 200);
            assert_eq!(
                (api.validate(&tokens.access), api.refresh(&tokens.refresh).status),
                (200, 200),
                "a session that was begun"
            );
        }
        for (_, tokens) in self.ended.drain(..).rev().take(LOOKED_AT) {
            assert_eq!(
                (api.validate(&tokens.access), api.refresh(&tokens.refresh).status),
                (401, 401),
                "a session that was ended"
            );
            assert_eq!(api.visit("/orders", &tokens.access), 401);
        }
    }

    fn acknowledged(&self) -> usize {
        self.count
    }
}

/// A user who is changed again and again.
pub(super) struct Users {
    id: String,
    sent: u64,
    acknowledged: u64,
}

impl Users {
    pub(super) fn begin(api: &ApiClient) -> Self {
        Self { id: owner(api, "changed", ORDERS).0, sent: 0, acknowledged: 0 }
    }
}

impl Work for Users {
    fn once(&mut self, address: SocketAddr) -> io::Result<()> {
        self.sent += 1;
        let body = json!({ "user": { "firstName": format!("number {}", self.sent), "data": { "number": self.sent } } });
        ask(address, &format!("PATCH /api/user/{}", self.id), ALL, Some(&body))?;
        self.acknowledged = self.sent;
        Ok(())
    }

    fn check(&mut self, api: &ApiClient) {
        let user = api.manage(&format!("GET /api/user/{}", self.id), None).json();
        let found = user["user"]["data"]["number"].as_u64().unwrap_or(0);
        assert!((self.acknowledged..=self.sent).contains(&found), "{found} of {}..{}", self.acknowledged, self.sent);
        let name = user["user"]["firstName"].as_str().unwrap_or("number 0");
        assert_eq!(name, format!("number {found}"), "half of a change");
        (self.sent, self.acknowledged) = (found, found);
    }

    fn acknowledged(&self) -> usize {
        usize::try_from(self.acknowledged).unwrap()
    }
}
