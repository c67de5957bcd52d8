//! A store that is as simple as can be, held to the contract itself, to compare others with.

mod change;
mod compare;
mod outbox;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tollgate::clock::Timestamp;
use tollgate::store::{
    Ancestor, Change, Committed, Digest, Ended, Ending, FoundRefreshToken, KeyDocument, Link, Logged, LoginName, Match, Pending,
    QueuedEvent, RefreshToken, Session, SessionsOf, SigningKeyRecord, Standing, Store, StoreError, StoreIdentity, User,
};
use uuid::Uuid;

/// The store in memory.
#[derive(Debug, Default)]
pub struct Model(Mutex<Records>);

/// Everything, as it was committed.
#[derive(Clone, Debug, Default)]
struct Records {
    users: BTreeMap<Uuid, User>,
    links: BTreeMap<(Uuid, String), Link>,
    sessions: BTreeMap<Uuid, Session>,
    tokens: BTreeMap<Uuid, Token>,
    /// Replaced values, whose they were and when they were replaced.
    replaced: BTreeMap<[u8; 32], (Uuid, Timestamp)>,
    /// By user and application; `None` is all.
    closings: BTreeMap<(Option<Uuid>, Option<Uuid>), Timestamp>,
    log: Vec<Logged>,
    last_number: u64,
    keys: BTreeMap<String, SigningKeyRecord>,
    key_generation: u64,
    key_check: Option<Vec<u8>>,
    documents: BTreeMap<String, KeyDocument>,
    events: Vec<QueuedEvent>,
    last_event: u64,
}

#[derive(Clone, Debug)]
struct Token {
    record: RefreshToken,
    /// The value before the current one, which has not been used.
    previous: Option<Digest>,
}

fn empty() -> (Arc<dyn Store>, ()) {
    (Arc::new(Model::default()), ())
}

super::contract::contract!(crate::store::model::empty);

/// Names are compared without case; a character outside ASCII is none within.
fn folded(name: &str) -> String {
    let one = |character: char| match character.to_lowercase().any(|lower| lower.is_ascii()) {
        true => character.to_ascii_lowercase().to_string(),
        false => character.to_lowercase().to_string(),
    };
    name.chars().map(one).collect()
}

impl Records {
    fn user(&self, id: Uuid) -> Option<User> {
        let mut user = self.users.get(&id)?.clone();
        user.registrations.sort_by_key(|registration| registration.application);
        user.closed = self.closings.get(&(Some(id), None)).copied();
        Some(user)
    }

    fn named(&self, name: &str, of: impl Fn(&User) -> &Option<String>) -> Option<User> {
        let has_name = |user: &&User| of(user).as_deref().map(folded) == Some(folded(name));
        self.users.values().find(has_name).and_then(|user| self.user(user.id))
    }

    fn user_by_name(&self, name: LoginName<'_>) -> Option<User> {
        let by_email = |email| self.named(email, |user| &user.email);
        let by_username = |username| self.named(username, |user| &user.username);
        match name {
            LoginName::Email(email) => by_email(email),
            LoginName::Username(username) => by_username(username),
            LoginName::Either(name) => by_email(name).or_else(|| by_username(name)),
        }
    }

    fn standing(&self, user: Uuid, application: Uuid) -> Standing {
        let found = self.user(user).map(|mut user| {
            user.registrations.retain(|registration| registration.application == application);
            user
        });
        Standing {
            user: found,
            application_closed: self.closings.get(&(None, Some(application))).copied(),
            registration_closed: self.closings.get(&(Some(user), Some(application))).copied(),
        }
    }

    fn found(&self, token: &Token, matched: Match) -> Option<FoundRefreshToken> {
        let session = self.sessions.get(&token.record.session)?.clone();
        let ancestors = self.line(token.record.parent);
        Some(FoundRefreshToken { token: token.record.clone(), session, matched, ancestors })
    }

    /// The token of this id and those that it was made from. Random records may be each other's parents.
    fn line(&self, first: Option<Uuid>) -> Vec<Ancestor> {
        let record = |id: Option<Uuid>| Some(&self.tokens.get(&id?)?.record);
        let line = std::iter::successors(record(first), |token| record(token.parent)).take(64);
        line.map(|token| Ancestor { id: token.id, application: token.application }).collect()
    }

    fn by_value(&self, value: Digest) -> Option<FoundRefreshToken> {
        if let Some(token) = self.tokens.values().find(|token| token.record.digest == value) {
            return self.found(token, Match::Current);
        }
        let (id, replaced) = *self.replaced.get(&value.0)?;
        let token = self.tokens.get(&id)?;
        let is_previous = token.previous == Some(value);
        self.found(token, if is_previous { Match::Previous { replaced } } else { Match::Spent { replaced } })
    }

    fn sessions(&self, of: SessionsOf, most: usize) -> Vec<Session> {
        let is_in = |session: &Session, application: Uuid| {
            let mut tokens = self.tokens.values().map(|token| &token.record);
            session.application == Some(application)
                || tokens.any(|token| (token.session, token.application) == (session.id, application))
        };
        let is_meant = |session: &&Session| match of {
            SessionsOf::All => true,
            SessionsOf::User(user) => session.user == user,
            SessionsOf::Application(application) => is_in(session, application),
            SessionsOf::UserInApplication(user, application) => session.user == user && is_in(session, application),
        };
        let mut sessions: Vec<Session> = self.sessions.values().filter(is_meant).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.signed_in, session.id)));
        sessions.truncate(most);
        sessions
    }

    fn tokens_of(&self, user: Uuid, most: usize) -> Vec<RefreshToken> {
        let tokens = self.tokens.values().map(|token| &token.record);
        let mut tokens: Vec<RefreshToken> = tokens.filter(|token| token.user == user).cloned().collect();
        tokens.sort_by_key(|token| std::cmp::Reverse((token.inserted, token.id)));
        tokens.truncate(most);
        tokens
    }

    fn keys(&self) -> Vec<SigningKeyRecord> {
        let mut keys: Vec<SigningKeyRecord> = self.keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created);
        keys
    }

    fn revocations_after(&self, after: u64, now: Timestamp, most: usize) -> Vec<Logged> {
        let lives = |logged: &&Logged| logged.number > after && logged.revocation.ends > now;
        self.log.iter().filter(lives).take(most).cloned().collect()
    }
}

impl Model {
    fn read<T: Send + 'static>(&self, read: impl FnOnce(&Records) -> T) -> Pending<'_, T> {
        let found = read(&self.0.lock().unwrap());
        Box::pin(async { Ok(found) })
    }

    fn write(&self, changes: &[Change]) -> Result<Committed, StoreError> {
        let mut records = self.0.lock().unwrap();
        let (mut changed, mut committed) = (records.clone(), Committed::default());
        changes.iter().try_for_each(|change| changed.apply(change, &mut committed))?;
        *records = changed;
        Ok(committed)
    }
}

impl Store for Model {
    fn identity(&self) -> Pending<'_, StoreIdentity> {
        let id = Uuid::from_u128(1);
        self.read(|records| StoreIdentity { id, key_check: records.key_check.clone(), not_before: None })
    }

    fn check(&self) -> Pending<'_, ()> {
        self.read(|_| ())
    }

    fn user(&self, id: Uuid) -> Pending<'_, Option<User>> {
        self.read(|records| records.user(id))
    }

    fn user_by_name<'a>(&'a self, name: LoginName<'a>) -> Pending<'a, Option<User>> {
        self.read(|records| records.user_by_name(name))
    }

    fn linked_user<'a>(&'a self, provider: Uuid, subject: &'a str) -> Pending<'a, Option<User>> {
        let key = (provider, subject.to_owned());
        self.read(|records| records.links.get(&key).and_then(|link| records.user(link.user)))
    }

    fn standing(&self, user: Uuid, application: Uuid) -> Pending<'_, Standing> {
        self.read(|records| records.standing(user, application))
    }

    fn session(&self, id: Uuid) -> Pending<'_, Option<Session>> {
        self.read(|records| records.sessions.get(&id).cloned())
    }

    fn renewal(&self, value: Digest) -> Pending<'_, Option<(FoundRefreshToken, Standing)>> {
        self.read(|records| {
            let found = records.by_value(value)?;
            let standing = records.standing(found.token.user, found.token.application);
            Some((found, standing))
        })
    }

    fn standing_in(&self, session: Uuid, user: Uuid, application: Uuid) -> Pending<'_, (Option<Session>, Standing)> {
        self.read(|records| (records.sessions.get(&session).cloned(), records.standing(user, application)))
    }

    fn sessions(&self, of: SessionsOf, most: usize) -> Pending<'_, Vec<Session>> {
        self.read(|records| records.sessions(of, most))
    }

    fn refresh_token_by_value(&self, value: Digest) -> Pending<'_, Option<FoundRefreshToken>> {
        self.read(|records| records.by_value(value))
    }

    fn refresh_token(&self, id: Uuid) -> Pending<'_, Option<FoundRefreshToken>> {
        self.read(|records| records.tokens.get(&id).and_then(|token| records.found(token, Match::Current)))
    }

    fn refresh_tokens_of(&self, user: Uuid, most: usize) -> Pending<'_, Vec<RefreshToken>> {
        self.read(|records| records.tokens_of(user, most))
    }

    fn count_refresh_tokens(&self) -> Pending<'_, u64> {
        self.read(|records| records.tokens.len() as u64)
    }

    fn ending(&self, ended: Ended, but_for: Option<Uuid>, most: usize) -> Pending<'_, Ending> {
        self.read(|records| records.ending(&ended, but_for, most))
    }

    fn due_events<'a>(&'a self, webhook: &'a str, now: Timestamp, most: usize) -> Pending<'a, Vec<QueuedEvent>> {
        self.read(|records| records.due_events(webhook, now, most))
    }

    fn count_events<'a>(&'a self, webhook: &'a str) -> Pending<'a, u64> {
        self.read(|records| records.events.iter().filter(|it| it.event.webhook == webhook).count() as u64)
    }

    fn signing_keys(&self) -> Pending<'_, Vec<SigningKeyRecord>> {
        self.read(Records::keys)
    }

    fn signing_key_generation(&self) -> Pending<'_, u64> {
        self.read(|records| records.key_generation)
    }

    fn revocations_after(&self, after: u64, now: Timestamp, most: usize) -> Pending<'_, Vec<Logged>> {
        self.read(|records| records.revocations_after(after, now, most))
    }

    fn key_document<'a>(&'a self, issuer: &'a str) -> Pending<'a, Option<KeyDocument>> {
        self.read(|records| records.documents.get(issuer).cloned())
    }

    fn commit(&self, changes: Vec<Change>) -> Pending<'_, Committed> {
        Box::pin(async move { self.write(&changes) })
    }
}
