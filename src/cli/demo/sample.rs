//! What the demo's authority knows: two applications, and a user who is registered with both.

use std::io;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::authority::{Authority, Denial};
use crate::clock::{Clock, Timestamp};
use crate::config::Settings;
use crate::gateway::OpenedStore;
use crate::store::Registration;

/// How the user signs in.
pub(super) const EMAIL: &str = "alice@example.com";
pub(super) const ROLE_IN_ORDERS: &str = "customer";
pub(super) const ROLE_IN_BILLING: &str = "accountant";

/// Ids and a password that no other demo has.
pub(super) struct Sample {
    pub(super) orders: Uuid,
    pub(super) billing: Uuid,
    pub(super) password: String,
}

impl Sample {
    pub(super) fn make(now: Timestamp) -> io::Result<Self> {
        let password = URL_SAFE_NO_PAD.encode(random::<12>()?);
        Ok(Self { orders: id(now)?, billing: id(now)?, password })
    }

    /// Adds the user to a store that is made for it.
    pub(super) async fn fill(&self, settings: &Settings, clock: &Clock) -> io::Result<()> {
        let (Some(store), Some(authority)) = (&settings.store, settings.authority.clone()) else {
            return Err(io::Error::other("the demo has no authority"));
        };
        let opened = OpenedStore::open_or_make(store, clock).await.map_err(io::Error::other)?;
        let authority = opened.authority(authority, clock).await.map_err(io::Error::other)?;
        self.add(&authority).await.map_err(io::Error::other)
    }

    async fn add(&self, authority: &Authority) -> Result<(), Denial> {
        let mut user = authority.new_user(None)?;
        user.email = Some(EMAIL.to_owned());
        user.verified = true;
        authority.set_password(&mut user, &self.password, "password").await?;
        let registration = |application, role: &str| {
            let new = authority.new_registration(None, application)?;
            Ok::<_, Denial>(Registration { roles: vec![role.to_owned()], ..new })
        };
        user.registrations = vec![registration(self.orders, ROLE_IN_ORDERS)?, registration(self.billing, ROLE_IN_BILLING)?];
        authority.add_user(user).await
    }
}

fn id(now: Timestamp) -> io::Result<Uuid> {
    Ok(uuid::Builder::from_unix_timestamp_millis(now.millis(), &random()?).into_uuid())
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes)
}
