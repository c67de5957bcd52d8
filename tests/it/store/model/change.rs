//! Changes, done the plainest way.

use std::cmp::max;
use std::collections::BTreeMap;

use tollgate::clock::Timestamp;
use tollgate::store::{
    Basis, Change, Committed, Ended, Entries, Expired, KeyState, Logged, RefreshToken, Registration, Revocation, Scope, Session,
    SigningKeyRecord, StoreError, Unique, User,
};
use uuid::Uuid;

use super::{Records, Token, folded};

pub(super) type Done = Result<(), StoreError>;

const CONFLICT: Done = Err(StoreError::Conflict);
const ID_TAKEN: Done = Err(StoreError::Taken(Unique::Id));

impl Records {
    pub(super) fn apply(&mut self, change: &Change, committed: &mut Committed) -> Done {
        match change.clone() {
            Change::AddUser(user) => self.add_user(user),
            Change::ReplaceUser(user) => self.replace_user(user),
            Change::UserIsStill(user, version) => match self.users.get(&user) {
                Some(found) if found.version == version => Ok(()),
                _ => CONFLICT,
            },
            Change::RemoveUser(user) => self.remove_user(user, committed),
            Change::AddRegistration(user, registration) => self.register(user, registration).and_then(|()| self.raise(user)),
            Change::ReplaceRegistration(user, registration) => {
                self.replace_registration(user, registration).and_then(|()| self.raise(user))
            }
            Change::RemoveRegistration(user, application) => self.deregister(user, application).and_then(|()| self.raise(user)),
            Change::NoteSignIn(user, application, at) => self.note_sign_in(user, application, at),
            Change::AddLink(link) => {
                let key = (link.provider, link.subject.clone());
                let (taken, user) = (self.links.contains_key(&key), link.user);
                self.links.insert(key, link);
                self.added(taken, self.users.contains_key(&user))
            }
            Change::AddSession(session) => {
                let user = session.user;
                let taken = self.sessions.insert(session.id, session).is_some();
                self.added(taken, self.users.contains_key(&user))
            }
            Change::AddRefreshToken(token) => self.add_token(token),
            Change::UseRefreshToken(token) => self.replace_token(token, None),
            Change::RotateRefreshToken(token, at) => self.replace_token(token, Some(at)),
            Change::End(ended) => {
                self.end(&ended, committed);
                Ok(())
            }
            Change::EndEach(ended, entries) => self.end_each(&ended, &entries, committed),
            Change::EndsOnly(ended, known) => self.ends_only(&ended, &known),
            Change::Revoke(revocation) => self.revoke(revocation, committed),
            Change::RevokeForeign(revocation) => self.log(revocation, committed),
            Change::AddSigningKey(key) => {
                self.key_generation += 1;
                let taken = self.keys.insert(key.id.clone(), key).is_some();
                self.added(taken, true)
            }
            Change::ReplaceSigningKey(key) => self.replace_key(key),
            Change::RemoveSigningKey(id) => {
                self.key_generation += 1;
                self.keys.remove(&id).map(drop).ok_or(StoreError::Conflict)
            }
            Change::SaveKeyDocument(document) => {
                self.documents.insert(document.issuer.clone(), document);
                Ok(())
            }
            Change::SetKeyCheck(check) => match self.key_check.replace(check) {
                None => Ok(()),
                Some(_) => CONFLICT,
            },
            Change::AddEvent(event, room) => self.add_event(event, room, committed),
            Change::DeferEvent { number, version, attempts, due } => self.defer_event(number, version, attempts, due),
            Change::RemoveEvent(number) => {
                self.events.retain(|it| it.number != number);
                Ok(())
            }
            Change::Sweep(expired) => self.sweep(&expired, committed),
        }
    }

    /// A refused change leaves nothing, so that what was overwritten is of no account.
    fn added(&self, taken: bool, has_owner: bool) -> Done {
        match (taken, has_owner) {
            (true, _) => ID_TAKEN,
            (false, false) => CONFLICT,
            (false, true) => Ok(()),
        }
    }

    fn name_is_free(&self, user: &User) -> Done {
        let same = |own: &Option<String>, other: &Option<String>| {
            own.is_some() && own.as_deref().map(folded) == other.as_deref().map(folded)
        };
        for other in self.users.values().filter(|other| other.id != user.id) {
            if same(&user.email, &other.email) {
                return Err(StoreError::Taken(Unique::Email));
            }
            if same(&user.username, &other.username) {
                return Err(StoreError::Taken(Unique::Username));
            }
        }
        Ok(())
    }

    fn add_user(&mut self, mut user: User) -> Done {
        if self.users.contains_key(&user.id) {
            return ID_TAKEN;
        }
        self.name_is_free(&user)?;
        let (id, registrations) = (user.id, std::mem::take(&mut user.registrations));
        self.users.insert(id, user);
        registrations.into_iter().try_for_each(|registration| self.register(id, registration))
    }

    fn replace_user(&mut self, user: User) -> Done {
        let Some(former) = self.users.get(&user.id).filter(|former| former.version == user.version).cloned() else {
            return CONFLICT;
        };
        self.name_is_free(&user)?;
        let (registrations, last_login) = (former.registrations, former.last_login);
        self.users.insert(user.id, User { registrations, last_login, version: user.version + 1, ..user });
        Ok(())
    }

    fn remove_user(&mut self, user: Uuid, committed: &mut Committed) -> Done {
        self.end(&Ended::SessionsOf(user), committed);
        self.links.retain(|_, link| link.user != user);
        self.users.remove(&user).map(drop).ok_or(StoreError::Conflict)
    }

    fn registration_is_taken(&self, user: Uuid, registration: &Registration) -> bool {
        let all = self.users.iter().flat_map(|(owner, user)| user.registrations.iter().map(move |it| (*owner, it)));
        let mut others = all.filter(|(_, other)| !std::ptr::eq(*other, registration));
        others
            .any(|(owner, other)| other.id == registration.id || (owner == user && other.application == registration.application))
    }

    fn register(&mut self, user: Uuid, registration: Registration) -> Done {
        if self.registration_is_taken(user, &registration) {
            return ID_TAKEN;
        }
        let owner = self.users.get_mut(&user).ok_or(StoreError::Conflict)?;
        owner.registrations.push(registration);
        Ok(())
    }

    fn replace_registration(&mut self, user: Uuid, registration: Registration) -> Done {
        let owner = self.users.get_mut(&user).ok_or(StoreError::Conflict)?;
        let is_it = |it: &Registration| it.id == registration.id && it.version == registration.version;
        let index = owner.registrations.iter().position(is_it).ok_or(StoreError::Conflict)?;
        let former = owner.registrations.remove(index);
        let version = registration.version + 1;
        self.register(user, Registration { last_login: former.last_login, version, ..registration })
    }

    fn deregister(&mut self, user: Uuid, application: Uuid) -> Done {
        let owner = self.users.get_mut(&user).ok_or(StoreError::Conflict)?;
        let before = owner.registrations.len();
        owner.registrations.retain(|registration| registration.application != application);
        if owner.registrations.len() < before { Ok(()) } else { CONFLICT }
    }

    fn raise(&mut self, user: Uuid) -> Done {
        self.users.get_mut(&user).ok_or(StoreError::Conflict)?.version += 1;
        Ok(())
    }

    fn note_sign_in(&mut self, user: Uuid, application: Option<Uuid>, at: Timestamp) -> Done {
        let user = self.users.get_mut(&user).ok_or(StoreError::Conflict)?;
        user.last_login = max(user.last_login, Some(at));
        for registration in user.registrations.iter_mut().filter(|it| Some(it.application) == application) {
            registration.last_login = max(registration.last_login, Some(at));
        }
        Ok(())
    }

    fn add_token(&mut self, record: RefreshToken) -> Done {
        let taken = self.tokens.values().any(|it| it.record.id == record.id || it.record.digest == record.digest);
        let has_session = self.sessions.contains_key(&record.session);
        self.tokens.insert(record.id, Token { record, previous: None });
        self.added(taken, has_session)
    }

    fn replace_token(&mut self, token: RefreshToken, rotated: Option<Timestamp>) -> Done {
        let Some(former) = self.tokens.get(&token.id).filter(|it| it.record.version == token.version).cloned() else {
            return CONFLICT;
        };
        let record = RefreshToken { version: token.version + 1, ..token };
        let (record, previous, mut taken) = match rotated {
            None => (RefreshToken { digest: former.record.digest, sealed: former.record.sealed, ..record }, None, false),
            Some(at) => {
                let replaced = self.replaced.insert(former.record.digest.0, (record.id, at));
                (record, Some(former.record.digest), replaced.is_some())
            }
        };
        taken |= self.tokens.values().any(|it| it.record.id != record.id && it.record.digest == record.digest);
        let has_session = self.sessions.contains_key(&record.session);
        self.tokens.insert(record.id, Token { record, previous });
        self.added(taken, has_session)
    }

    fn end(&mut self, ended: &Ended, committed: &mut Committed) -> (Vec<Session>, Vec<RefreshToken>) {
        let (sessions, tokens) = self.ends(ended);
        let ended_sessions = self.sessions.values().filter(|it| sessions.contains(&it.id)).cloned().collect();
        let ended_tokens = self.tokens.values().map(|it| &it.record).filter(|it| tokens.contains(&it.id)).cloned().collect();
        self.remove_tokens(committed, |it| tokens.contains(&it.id));
        self.end_sessions(committed, |it| sessions.contains(&it.id));
        (ended_sessions, ended_tokens)
    }

    /// The sessions and refresh tokens that it ends.
    pub(super) fn ends(&self, ended: &Ended) -> (Vec<Uuid>, Vec<Uuid>) {
        let mut ending: Vec<&Session> = self.sessions.values().filter(|it| ends_session(ended, it)).collect();
        if let Ended::OldestSessionsOf(user, kept) = ended {
            ending = self.sessions.values().filter(|it| it.user == *user).collect();
            let is_renewable = |session: Uuid| self.tokens.values().any(|it| it.record.session == session);
            ending.sort_by_key(|it| (is_renewable(it.id), it.signed_in, it.id));
            ending.truncate(ending.len().saturating_sub(*kept));
        }
        let sessions: Vec<Uuid> = ending.iter().map(|it| it.id).collect();
        let records = self.tokens.values().map(|it| &it.record);
        let mut tokens: Vec<Uuid> =
            records.filter(|it| sessions.contains(&it.session) || ends_token(ended, it)).map(|it| it.id).collect();
        if let Ended::OldestExchangedOf(user, kept) = ended {
            let mut exchanged: Vec<RefreshToken> = self.tokens_of(*user, usize::MAX);
            exchanged.retain(|it| it.parent.is_some());
            tokens.extend(exchanged.iter().skip(*kept).map(|it| it.id));
        }
        (sessions, self.tokens_with_descendants(&tokens))
    }

    fn tokens_with_descendants(&self, tokens: &[Uuid]) -> Vec<Uuid> {
        let mut all = tokens.to_vec();
        while let Some(child) = self.child_of(&all) {
            all.push(child);
        }
        all
    }

    fn end_each(&mut self, ended: &Ended, entries: &Entries, committed: &mut Committed) -> Done {
        let signed_in: BTreeMap<Uuid, Timestamp> = self.sessions.values().map(|it| (it.id, it.signed_in)).collect();
        let (sessions, tokens) = self.end(ended, committed);
        for session in &sessions {
            let scope = Scope::Session(session.id.to_string());
            self.log(entries.entry(scope, session.user, session.signed_in), committed)?;
        }
        for token in tokens.iter().filter(|token| sessions.iter().all(|session| session.id != token.session)) {
            let scope = Scope::Token(token.id.to_string());
            self.log(entries.entry(scope, token.user, signed_in[&token.session]), committed)?;
        }
        Ok(())
    }

    /// A token that was made from one of these and is none of them.
    fn child_of(&self, tokens: &[Uuid]) -> Option<Uuid> {
        let mut records = self.tokens.values().map(|it| &it.record);
        let is_child = |it: &&RefreshToken| it.parent.is_some_and(|parent| tokens.contains(&parent)) && !tokens.contains(&it.id);
        records.find(is_child).map(|it| it.id)
    }

    fn remove_tokens(&mut self, committed: &mut Committed, ends: impl Fn(&RefreshToken) -> bool) {
        let before = self.tokens.len();
        self.tokens.retain(|_, token| !ends(&token.record));
        let tokens = &self.tokens;
        self.replaced.retain(|_, (token, _)| tokens.contains_key(token));
        committed.refresh_tokens_ended += (before - self.tokens.len()) as u64;
    }

    fn end_sessions(&mut self, committed: &mut Committed, ends: impl Fn(&Session) -> bool) {
        let last = self.sessions.values().filter(|session| ends(session)).map(|session| session.signed_in).max();
        committed.last_sign_in_ended = committed.last_sign_in_ended.max(last);
        self.remove_sessions(committed, ends);
    }

    fn remove_sessions(&mut self, committed: &mut Committed, ends: impl Fn(&Session) -> bool) {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !ends(session));
        committed.sessions_ended += (before - self.sessions.len()) as u64;
    }

    fn revoke(&mut self, revocation: Revocation, committed: &mut Committed) -> Done {
        let revocation = revocation.reaching(committed.last_sign_in_ended);
        self.close(&revocation);
        self.log(revocation, committed)
    }

    fn close(&mut self, revocation: &Revocation) {
        let closes = revocation.scope.closes();
        if revocation.basis == Basis::SignIn && closes != (None, None) {
            let instant = self.closings.entry(closes).or_insert(revocation.instant);
            *instant = max(*instant, revocation.instant);
        }
    }

    fn log(&mut self, revocation: Revocation, committed: &mut Committed) -> Done {
        self.last_number += 1;
        let logged = Logged { number: self.last_number, revocation };
        committed.revocations.push(logged.clone());
        self.log.push(logged);
        Ok(())
    }

    fn replace_key(&mut self, key: SigningKeyRecord) -> Done {
        self.key_generation += 1;
        let former = self.keys.get_mut(&key.id).filter(|former| former.version == key.version);
        let former = former.ok_or(StoreError::Conflict)?;
        *former = SigningKeyRecord { version: key.version + 1, ..key };
        Ok(())
    }

    fn sweep(&mut self, expired: &Expired, committed: &mut Committed) -> Done {
        match expired {
            Expired::RefreshTokens(application, start, made) => self.remove_tokens(committed, |it| {
                it.application == *application && (it.start < *start || made.is_some_and(|made| it.inserted < made))
            }),
            Expired::RefreshTokensOfOthers(known) => self.remove_tokens(committed, |it| !known.contains(&it.application)),
            Expired::Sessions(before) => {
                let used: Vec<Uuid> = self.tokens.values().map(|it| it.record.session).collect();
                self.remove_sessions(committed, |it| it.signed_in < *before && !used.contains(&it.id));
            }
            Expired::Revocations(before) => self.log.retain(|it| it.revocation.ends >= *before),
            Expired::ReplacedValues(before) => self.replaced.retain(|_, (_, replaced)| *replaced >= *before),
            Expired::SigningKeys(before) => {
                let dead = |it: &SigningKeyRecord| matches!(it.state, KeyState::Retired | KeyState::Revoked);
                let count = self.keys.len();
                self.keys.retain(|_, it| !(dead(it) && it.ends.is_some_and(|ends| ends < *before)));
                self.key_generation += u64::from(self.keys.len() < count);
            }
            Expired::Events(webhook, before) => {
                self.sweep_events(committed, |it| it.event.webhook == *webhook && it.event.created < *before);
            }
            Expired::EventsOfOthers(known) => self.sweep_events(committed, |it| !known.contains(&it.event.webhook)),
        }
        Ok(())
    }
}

fn ends_session(ended: &Ended, session: &Session) -> bool {
    match ended {
        Ended::Session(id) => session.id == *id,
        Ended::SessionsOf(user) => session.user == *user,
        Ended::OtherSessionsOf(user, but) => session.user == *user && session.id != *but,
        Ended::SessionsOfApplication(application) => session.application == Some(*application),
        Ended::SessionsOfUserInApplication(user, application) => {
            session.user == *user && session.application == Some(*application)
        }
        Ended::OldestSessionsOf(..) | Ended::OldestExchangedOf(..) | Ended::RefreshToken(_) => false,
    }
}

/// Beyond those of the sessions that end.
fn ends_token(ended: &Ended, token: &RefreshToken) -> bool {
    match ended {
        Ended::SessionsOfApplication(application) => token.application == *application,
        Ended::SessionsOfUserInApplication(user, application) => token.user == *user && token.application == *application,
        Ended::RefreshToken(id) => token.id == *id,
        _ => false,
    }
}
