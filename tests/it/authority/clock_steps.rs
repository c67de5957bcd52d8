//! Clocks that are set back, or differ between processes on one store.

use std::time::Duration;

use tollgate::authority::{Authority, Revoke};
use tollgate::clock::{Clock, Timestamp};
use tollgate::config;
use tollgate::gateway::OpenedStore;
use uuid::Uuid;

use crate::support::authority::*;
use crate::support::{AuthoritySite, NOW, until};

/// Has another process's authority, whose clock says `now` and which has signed nothing, do `work` on the site's store.
pub fn beside<T>(site: &AuthoritySite, now: Timestamp, work: impl AsyncFnOnce(&Authority) -> T) -> T {
    let settings = config::load_at(&site.gateway.folder().join("tollgate.toml"), [], NOW).unwrap();
    let clock = Clock::manual(now);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let opened = OpenedStore::open_existing(&settings.store.unwrap(), &clock).await.unwrap();
        work(&opened.authority(settings.authority.unwrap(), &clock).await.unwrap()).await
    })
}

const AHEAD: Duration = Duration::from_secs(300);

/// What a process whose clock is behind does to a user.
#[derive(Clone, Copy, Debug)]
enum Ending {
    User,
    UserInApplication,
    Application,
    Deactivation,
    Deletion,
    Deregistration,
}

impl Ending {
    async fn of(self, authority: &Authority, user: Uuid) {
        let orders = ORDERS.parse().unwrap();
        match self {
            Self::User => authority.revoke(Revoke::User(user), None).await.map(drop),
            Self::UserInApplication => authority.revoke(Revoke::UserInApplication(user, orders), None).await.map(drop),
            Self::Application => authority.revoke(Revoke::Application(orders), None).await.map(drop),
            Self::Deletion => authority.remove_user(user).await,
            Self::Deregistration => authority.unregister(user, orders).await,
            Self::Deactivation => {
                let former = authority.user(user).await.unwrap().unwrap();
                let mut user = former.clone();
                user.active = false;
                authority.replace_user(&former, user, None).await.map(drop)
            }
        }
        .unwrap();
    }
}

#[test]
fn revocation_by_a_clock_that_is_behind_ends_the_access_tokens_of_the_sessions_it_ends() {
    for ending in [
        Ending::User,
        Ending::UserInApplication,
        Ending::Application,
        Ending::Deactivation,
        Ending::Deletion,
        Ending::Deregistration,
    ] {
        let site = AuthoritySite::start();
        site.gateway.clock.advance(AHEAD);
        let ann: Uuid = site.user("ann", &[ORDERS, BILLING]).parse().unwrap();
        site.user("bob", &[BILLING]);
        let (tokens, of_bob) = (site.sign_in("ann", ORDERS), site.sign_in("bob", BILLING));
        let refreshed = Tokens::of(&site.refresh(&tokens.refresh));
        assert_eq!(site.visit("/orders", &refreshed.access), 200);
        beside(&site, NOW, async |authority| ending.of(authority, ann).await);
        until(&format!("{ending:?}"), || site.visit("/orders", &tokens.access) == 401);
        assert_eq!((site.visit("/orders", &refreshed.access), site.refresh(&tokens.refresh).status), (401, 401), "{ending:?}");
        assert_eq!((site.visit("/billing", &of_bob.access), site.refresh(&of_bob.refresh).status), (200, 200), "{ending:?}");
        if matches!(ending, Ending::User | Ending::UserInApplication | Ending::Application) {
            assert_eq!(site.visit("/orders", &site.sign_in("ann", ORDERS).access), 200, "{ending:?}: a new sign-in is newer");
        }
    }
}
