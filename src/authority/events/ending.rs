//! Which refresh tokens a list of changes ends, and the events that tell of it.
//!
//! They are read before the commit, and named in it: where more would end than was read, the commit is a conflict, and
//! it is read again. So nothing ends without an event, and nothing is told that did not end.

use uuid::Uuid;

use super::{EventKind, Revoked};
use crate::authority::{Authority, Denial};
use crate::clock::Timestamp;
use crate::store::{Change, Committed, Ended, Ending, Known, RefreshToken, StoreError, User};

/// Tokens that one change is told to end one by one. What ends beyond is told by application, which is said of more
/// tokens than ended: whoever hears it has users refresh once more.
const MOST_SINGLE: usize = 200;
/// How often it is read again because more would end.
const MOST_ROUNDS: usize = 8;

/// What one change ends: known before, to be told after.
#[derive(Debug, PartialEq)]
struct Told {
    ended: Ended,
    known: Known,
    revoked: Vec<Revoked>,
}

impl Authority {
    /// Makes `changes` with the events that tell which refresh tokens they end.
    pub(in crate::authority) async fn commit_ending(&self, changes: Vec<Change>) -> Result<Committed, Denial> {
        let ends: Vec<Ended> = changes.iter().filter_map(what_ends).collect();
        if ends.is_empty() || !self.tells_of(EventKind::Revoke) {
            return Ok(self.commit_telling(changes).await?);
        }
        let mut former: Option<Vec<Told>> = None;
        for _ in 0..MOST_ROUNDS {
            let told = self.told(&ends).await?;
            let telling = self.telling(&told, changes.clone()).await?;
            match self.commit_telling(telling).await {
                // Where nothing more would end than before, something else of the changes is no longer so.
                Err(StoreError::Conflict) if former.as_ref() != Some(&told) => former = Some(told),
                done => return Ok(done?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn told(&self, ends: &[Ended]) -> Result<Vec<Told>, Denial> {
        let mut all = Vec::new();
        for ended in ends {
            let ending = self.store().ending(ended.clone(), covered(ended), singles_of(ended)).await?;
            all.push(told(ended.clone(), ending));
        }
        Ok(all)
    }

    /// What is known comes before the changes, which end it.
    async fn telling(&self, told: &[Told], changes: Vec<Change>) -> Result<Vec<Change>, Denial> {
        let at = self.instant_of(&changes);
        let mut telling: Vec<Change> = told.iter().map(|it| Change::EndsOnly(it.ended.clone(), it.known.clone())).collect();
        let mut events = Vec::new();
        for it in told.iter().filter(|it| !it.revoked.is_empty()) {
            let user = self.user_of(it, &changes).await?;
            for revoked in &it.revoked {
                events.extend(self.revoke_events(revoked, user.as_ref(), at)?);
            }
        }
        telling.extend(changes);
        telling.extend(events);
        Ok(telling)
    }

    /// That of the revocation, so that who compares instants compares with the same.
    fn instant_of(&self, changes: &[Change]) -> Timestamp {
        let revocations = changes.iter().filter_map(|it| if let Change::Revoke(entry) = it { Some(entry.instant) } else { None });
        revocations.max().unwrap_or_else(|| self.parts.clock.now())
    }

    /// Whose they were, as the changes leave them.
    async fn user_of(&self, told: &Told, changes: &[Change]) -> Result<Option<User>, Denial> {
        let Some(id) = told.user() else { return Ok(None) };
        let replaced = changes.iter().find_map(|it| match it {
            Change::ReplaceUser(user) if user.id == id => Some(user.clone()),
            _ => None,
        });
        match replaced {
            Some(user) => Ok(Some(user)),
            None => Ok(self.store().user(id).await?),
        }
    }
}

impl Told {
    fn user(&self) -> Option<Uuid> {
        match (&self.ended, self.revoked.first()) {
            (Ended::SessionsOfApplication(_), _) => None,
            (_, Some(Revoked::Token(token))) => Some(token.user),
            (_, Some(Revoked::OfUserInApplication(user, _))) => Some(*user),
            (ended, _) => ended.user(),
        }
    }
}

fn what_ends(change: &Change) -> Option<Ended> {
    match change {
        Change::End(ended) | Change::EndEach(ended, _) => Some(ended.clone()),
        Change::RemoveUser(user) => Some(Ended::SessionsOf(*user)),
        _ => None,
    }
}

/// The application whose tokens are told of as a whole.
fn covered(ended: &Ended) -> Option<Uuid> {
    match ended {
        Ended::SessionsOfApplication(application) | Ended::SessionsOfUserInApplication(_, application) => Some(*application),
        _ => None,
    }
}

/// One more than are told one by one, so that it is seen where there are more.
fn singles_of(ended: &Ended) -> usize {
    if matches!(ended, Ended::SessionsOf(_)) { 0 } else { MOST_SINGLE + 1 }
}

fn told(ended: Ended, ending: Ending) -> Told {
    let Ending { applications, mut tokens } = ending;
    // That of the sign-in is what a receiver knows a session by.
    tokens.sort_by_key(|token| token.parent.is_some());
    if applications.is_empty() {
        return Told { ended, known: Known::default(), revoked: Vec::new() };
    }
    if let Ended::SessionsOf(user) = ended {
        let known = Known { applications: applications.clone(), tokens: Vec::new() };
        return Told { ended, known, revoked: vec![Revoked::OfUser(user, applications)] };
    }
    let covered = covered(&ended).filter(|application| applications.contains(application));
    let whole = covered.map(|application| whole(&ended, application, &tokens));
    if tokens.len() > MOST_SINGLE {
        let revoked = applications.iter().map(|application| self::whole(&ended, *application, &tokens)).collect();
        return Told { ended, known: Known { applications, tokens: Vec::new() }, revoked };
    }
    let known = Known { applications: covered.into_iter().collect(), tokens: tokens.iter().map(|it| it.id).collect() };
    let singles = tokens.into_iter().map(|token| Revoked::Token(Box::new(token)));
    Told { ended, known, revoked: whole.into_iter().chain(singles).collect() }
}

/// All of an application that can have ended: of every user, or of the one whose they were.
fn whole(ended: &Ended, application: Uuid, tokens: &[RefreshToken]) -> Revoked {
    let user = match ended {
        Ended::SessionsOfApplication(_) => None,
        one => one.user().or_else(|| tokens.first().map(|token| token.user)),
    };
    user.map_or(Revoked::OfApplication(application), |user| Revoked::OfUserInApplication(user, application))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::store::Digest;

    const ORDERS: Uuid = Uuid::from_u128(0xa0);
    const BILLING: Uuid = Uuid::from_u128(0xa1);
    const USER: Uuid = Uuid::from_u128(1);

    fn token(number: u128, application: Uuid) -> RefreshToken {
        RefreshToken {
            id: Uuid::from_u128(number),
            session: Uuid::from_u128(7),
            user: USER,
            application,
            parent: None,
            digest: Digest::of("value"),
            sealed: Vec::new(),
            start: Timestamp::from_seconds(1),
            inserted: Timestamp::from_seconds(1),
            device: None,
            meta_data: Map::new(),
            version: 0,
        }
    }

    fn ending(tokens: impl IntoIterator<Item = RefreshToken>) -> Ending {
        Ending { applications: vec![ORDERS, BILLING], tokens: tokens.into_iter().collect() }
    }

    #[test]
    fn nothing_that_ends_is_told_of_nobody_and_may_not_grow() {
        let told = told(Ended::SessionsOf(USER), Ending::default());
        assert_eq!((told.known, told.revoked), (Known::default(), Vec::new()));
    }

    #[test]
    fn all_of_a_user_is_one_event_whatever_it_is_for() {
        let told = told(Ended::SessionsOf(USER), ending([]));
        assert_eq!(told.revoked, [Revoked::OfUser(USER, vec![ORDERS, BILLING])]);
        assert_eq!(told.known, Known { applications: vec![ORDERS, BILLING], tokens: Vec::new() });
    }

    #[test]
    fn what_ends_along_with_an_application_is_told_one_by_one() {
        let along = token(5, BILLING);
        for (ended, whole) in [
            (Ended::SessionsOfApplication(ORDERS), Revoked::OfApplication(ORDERS)),
            (Ended::SessionsOfUserInApplication(USER, ORDERS), Revoked::OfUserInApplication(USER, ORDERS)),
        ] {
            let told = told(ended, ending([along.clone()]));
            assert_eq!(told.revoked, [whole, Revoked::Token(Box::new(along.clone()))]);
            assert_eq!(told.known, Known { applications: vec![ORDERS], tokens: vec![along.id] });
        }
    }

    #[test]
    fn the_sign_in_s_token_is_told_of_before_those_made_from_it() {
        let child = RefreshToken { parent: Some(Uuid::from_u128(6)), ..token(5, BILLING) };
        let told = told(Ended::Session(Uuid::from_u128(7)), ending([child.clone(), token(6, ORDERS)]));
        assert_eq!(told.revoked, [token(6, ORDERS), child].map(|it| Revoked::Token(Box::new(it))));
    }

    /// Whoever exchanges for ever must not make one revocation a flood of events, nor have some left out.
    #[test]
    fn too_many_to_be_told_one_by_one_are_told_by_application() {
        let many = || (0..=MOST_SINGLE as u128).map(|number| token(number, BILLING));
        let of_user = [ORDERS, BILLING].map(|application| Revoked::OfUserInApplication(USER, application));
        let of_all = [ORDERS, BILLING].map(Revoked::OfApplication);
        for (ended, expected) in [
            (Ended::Session(Uuid::from_u128(7)), &of_user),
            (Ended::RefreshToken(Uuid::from_u128(7)), &of_user),
            (Ended::OtherSessionsOf(USER, Uuid::from_u128(7)), &of_user),
            (Ended::SessionsOfApplication(ORDERS), &of_all),
        ] {
            let told = told(ended, ending(many()));
            assert_eq!(told.revoked, expected.as_slice());
            assert_eq!(told.known.applications, [ORDERS, BILLING]);
            assert_eq!(told.user(), matches!(told.revoked[0], Revoked::OfUserInApplication(..)).then_some(USER));
        }
    }
}
