//! Passwords: Argon2id, a bounded number at once, and the same work whether or not there is such a user.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::PasswordSettings;

/// Longer passwords are nobody's. Hashing one costs its length once, before the nineteen megabytes, so this bounds no work;
/// it keeps a request's megabytes from being copied to a queue.
pub(super) const MAX_PASSWORD_BYTES: usize = 256;

/// What OWASP asks at least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What a stored hash may ask for at most: a record that was tampered with must not take the machine's memory or an hour.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 8;
const MOST_LANES: u32 = 4;
/// Shorter results can be met by chance.
const LEAST_OUTPUT: usize = 16;

/// Verified where there is no hash; nothing is accepted by it, whatever the result. Its parameters are those of new hashes, so a user
/// whose hash is older (see [`Passwords::needs_rehash`]) may be told from nobody by time until their next sign-in.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// As many are waiting as may; ask again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unhashed {
    /// Too many at once, or the machine has no memory or randomness to give.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Longer than [`MAX_PASSWORD_BYTES`]: it would never be accepted.
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
}

/// Hashes and verifies passwords, on threads of their own. Cloning shares the bounds.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// A permit to each that runs or waits.
    admitted: Arc<Semaphore>,
    /// A permit to each that runs.
    running: Arc<Semaphore>,
}

impl Passwords {
    /// With these bounds on what runs and waits.
    pub fn new(settings: &PasswordSettings) -> Self {
        let concurrent = settings.concurrent.clamp(1, Semaphore::MAX_PERMITS / 2);
        let admitted = concurrent.saturating_add(settings.queue).min(Semaphore::MAX_PERMITS);
        Self { admitted: Arc::new(Semaphore::new(admitted)), running: Arc::new(Semaphore::new(concurrent)) }
    }

    /// A new hash of `password`, as a PHC string.
    ///
    /// # Errors
    /// [`Unhashed::TooLong`], or [`Unhashed::Busy`] where the queue is full.
    pub async fn hash(&self, password: &str) -> Result<String, Unhashed> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Unhashed::TooLong);
        }
        let password = Zeroizing::new(password.to_owned());
        Ok(self.run(move || hash(&password)).await?.ok_or(Busy)?)
    }

    /// Whether `password` is that of `stored`, a PHC string. Without one (an unknown user, or one without a password) it
    /// is not, after the same work.
    ///
    /// # Errors
    /// Where the queue is full. Nothing was verified.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Busy> {
        // One that is too long is wrong, after the same work on none.
        let fits = password.len() <= MAX_PASSWORD_BYTES;
        let password = Zeroizing::new(if fits { password.to_owned() } else { String::new() });
        let stored = stored.map(|stored| Zeroizing::new(stored.to_owned()));
        self.run(move || verify(&password, stored.as_ref().map(|stored| stored.as_str())))
            .await?
            .map(|matches| matches && fits)
            .ok_or(Busy)
    }

    /// Whether a hash that verified should be made anew, its parameters not being those of new hashes.
    pub fn needs_rehash(&self, stored: &str) -> bool {
        let Some(hash) = bounded(stored) else { return true };
        Params::try_from(&hash)
            .map_or(true, |params| (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES))
    }

    /// Runs `work` when its turn comes. The permits go with the work, not with who asked: clients that hang up halfway cannot
    /// have more of it done at once.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((running, admitted));
            done
        });
        task.await.map_err(|_| Busy)
    }
}

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Option<String> {
    let mut salt = [0_u8; argon2::RECOMMENDED_SALT_LEN];
    aws_lc_rs::rand::fill(&mut salt).ok()?;
    match argon2()?.hash_password_with_salt(password.as_bytes(), &salt) {
        Ok(hash) => Some(hash.to_string()),
        Err(error) => {
            tracing::error!(%error, "a password could not be hashed");
            None
        }
    }
}

/// `None`: it could not be done.
fn verify(password: &str, stored: Option<&str>) -> Option<bool> {
    let hash = stored.and_then(bounded);
    if stored.is_some() && hash.is_none() {
        tracing::error!("a stored password hash is not one that this program makes; nothing matches it");
    }
    let somebody = hash.is_some();
    let hash = hash.or_else(|| bounded(NOBODY))?;
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Some(somebody),
        Err(argon2::password_hash::Error::PasswordInvalid) => Some(false),
        Err(error) => {
            tracing::error!(%error, "a password could not be verified");
            None
        }
    }
}

/// The parsed hash, where it is Argon2id, whole, and asks for no more than is allowed.
fn bounded(stored: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let current = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
    let whole = hash.salt.as_ref().is_some_and(|salt| salt.len() >= argon2::MIN_SALT_LEN)
        && hash.hash.as_ref().is_some_and(|output| output.len() >= LEAST_OUTPUT);
    let modest = params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_LANES;
    (current && whole && modest).then_some(hash)
}

#[cfg(test)]
mod tests;
